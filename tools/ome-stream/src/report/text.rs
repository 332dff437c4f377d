//! Text from files, made safe to show on a terminal.

/// Most characters of a foreign text that are shown.
const SHOWN: usize = 200;

/// A text that came out of a file: without control characters, which a terminal would obey, and not without end.
pub fn clean(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .flat_map(|each| {
            let hidden = each.is_control()
                || matches!(each, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let escaped = hidden.then(|| each.escape_default());
            escaped.into_iter().flatten().chain((!hidden).then_some(each))
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing_by_a_file() {
        assert_eq!(clean("Pos 1 µ"), "Pos 1 µ");
        assert_eq!(clean("\u{1b}[2J\nx\u{202e}"), "\\u{1b}[2J\\nx\\u{202e}");
        assert_eq!(clean(&"a".repeat(5000)).chars().count(), SHOWN + 3);
    }
}
