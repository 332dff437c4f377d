//! Text of others in our messages: on one line, visible, and no longer than a person reads.

use std::fmt::{Debug, Display, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::names::is_invisible;

/// Most characters of a name, a key or a value.
pub const MAX_VALUE: usize = 80;

/// Most characters of what an error names as field and value: a path of keys, or several values.
const MAX_FIELD: usize = 200;

/// Most characters of a path: more than most systems give one.
const MAX_PATH: usize = 512;

/// Most characters of a sentence that may hold text of others.
const MAX_SENTENCE: usize = 1000;

/// What stands for characters that were left out.
const LEFT_OUT: &str = "...";

/// A name, key or value.
#[must_use]
pub fn value(text: &str) -> String {
    escape(&begin(text, MAX_VALUE))
}

/// A string as JSON shows it.
#[must_use]
pub fn quoted(text: &str) -> String {
    // Of a longer text no more is looked at than could be shown.
    let kept: String = text.chars().take(MAX_VALUE + 1).collect();
    value(&serde_json::Value::from(kept).to_string())
}

/// A field's path, or a value made up of several.
pub(crate) fn field(text: &str) -> String {
    escape(&begin(text, MAX_FIELD))
}

/// A path: of a long one begin and end.
#[must_use]
pub fn path(path: &Path) -> String {
    let text = path.to_string_lossy();
    let count = text.chars().count();
    if count <= MAX_PATH {
        return escape(&text);
    }
    let (head, tail) = (MAX_PATH / 4, MAX_PATH - MAX_PATH / 4);
    let kept: String = text.chars().take(head).chain(LEFT_OUT.chars()).chain(text.chars().skip(count - tail)).collect();
    escape(&kept)
}

/// A time of day in UTC, from seconds since 1970, as RFC 3339 writes it: `2026-11-30T16:05:00Z`.
#[must_use]
pub fn utc(seconds: u64) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let time = seconds % DAY;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    // Days since 0000-03-01 by the calendar of today: the leap day is the last of a year, of a century, of 400 years.
    let days = seconds / DAY + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 31, 30, 31, 30, 31 days, and again.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// As [`utc`], from the time since 1970, to the microsecond: `2026-11-30T16:05:00.123456Z`.
#[must_use]
pub fn utc_micros(time: Duration) -> String {
    let mut text = utc(time.as_secs());
    text.pop();
    // Writing to a String cannot fail.
    let _ = write!(text, ".{:06}Z", time.subsec_micros());
    text
}

/// A sentence in which others may have their say: of an engine, of the operating system.
#[must_use]
pub fn sentence(text: impl Display) -> String {
    escape(&begin(&text.to_string(), MAX_SENTENCE))
}

/// A list of numbers.
pub(crate) fn list(numbers: impl Debug) -> String {
    escape(&begin(&format!("{numbers:?}"), MAX_FIELD))
}

/// The first characters.
fn begin(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        // What was shortened already stays as it is.
        Some((at, _)) if text.get(at..) != Some(LEFT_OUT) => format!("{}{LEFT_OUT}", text.get(..at).unwrap_or(text)),
        _ => text.to_owned(),
    }
}

/// With what cannot be seen, or would begin another line, written out.
fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for each in text.chars() {
        if each.is_control() || is_invisible(each) {
            shown.extend(each.escape_default());
        } else {
            shown.push(each);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        // `date -u -d @SECONDS +%FT%TZ`
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (u32::MAX.into(), "2106-02-07T06:28:15Z"),
        ] {
            assert_eq!(utc(seconds), expected);
        }
        let time = Duration::new(951_782_400, 7_999);
        assert_eq!(utc_micros(time), "2000-02-29T00:00:00.000007Z");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(value("a\nb\r\u{1b}[0m"), "a\\nb\\r\\u{1b}[0m");
        assert_eq!(value("a\u{202e}b\u{85}\u{2028}"), "a\\u{202e}b\\u{85}\\u{2028}");
        assert_eq!(value("\u{fc}ber \\ \u{65e5}"), "\u{fc}ber \\ \u{65e5}");
        assert_eq!(quoted("a\n\"b\u{200b}"), "\"a\\n\\\"b\\u{200b}\"");
        assert_eq!(path(Path::new("/data/a\nb")), "/data/a\\nb");
    }

    #[test]
    fn what_is_long_is_shortened_once() {
        let long = "n".repeat(2000);
        assert_eq!(value(&long), format!("{}...", "n".repeat(MAX_VALUE)));
        assert_eq!(quoted(&long), format!("\"{}...", "n".repeat(MAX_VALUE - 1)));
        assert_eq!(value(&value(&long)), value(&long));
        assert_eq!(quoted(&"n".repeat(78)), format!("\"{}\"", "n".repeat(78)));
        assert!(sentence(&long).len() < 1100);
        let deep = format!("/begin/{long}/end");
        let shown = path(Path::new(&deep));
        assert!(shown.starts_with("/begin/n") && shown.ends_with("n/end") && shown.len() < 600, "{shown}");
        assert!(list(vec![7; 5000]).len() < 300);
    }
}
