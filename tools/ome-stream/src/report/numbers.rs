//! Numbers with units.

/// Bytes in powers of 1000, as disks are sold: `215.6 kB`.
pub fn bytes(bytes: u64) -> String {
    scaled(bytes as f64, "B", bytes < 1000)
}

/// Bytes in a second: `812.0 MB/s`.
pub fn rate(bytes: u64, seconds: f64) -> String {
    let rate = if seconds > 0.0 { bytes as f64 / seconds } else { 0.0 };
    scaled(rate, "B/s", rate < 1000.0)
}

/// `0.02 s`, `6.0 s`, `2 min 05 s`, `3 h 20 min`.
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{seconds:.2} s");
    }
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    // Saturates for the absurd, which is fine for a time left.
    let whole = seconds.round() as u64;
    match whole / 3600 {
        0 => format!("{} min {:02} s", whole / 60, whole % 60),
        hours => format!("{hours} h {:02} min", whole / 60 % 60),
    }
}

fn scaled(value: f64, unit: &str, whole: bool) -> String {
    if whole {
        return format!("{value:.0} {unit}");
    }
    let mut value = value;
    let mut prefix = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        // What would be shown as 1000.0 belongs to the next prefix.
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        prefix = next;
    }
    format!("{value:.1} {prefix}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_prefix_from_a_thousand_on() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (215_574, "215.6 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1 << 30, "1.1 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn rates_are_bytes_over_seconds() {
        assert_eq!(rate(2_000_000, 2.0), "1.0 MB/s");
        assert_eq!(rate(10, 0.0), "0 B/s");
    }

    #[test]
    fn durations_have_no_more_digits_than_help() {
        for (seconds, text) in
            [(0.021, "0.02 s"), (6.04, "6.0 s"), (59.96, "1 min 00 s"), (125.0, "2 min 05 s"), (12_000.0, "3 h 20 min")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
