//! A long run as a few lines.

use crate::measure::{Moment, gigabytes_per_second};
use crate::text::{mebibytes, table};

/// Most lines of a table.
const LINES: usize = 16;

/// The run over time, in at most a few lines.
pub fn render(moments: &[Moment], frame_bytes: u64) -> String {
    let each = moments.len().div_ceil(LINES).max(1);
    let mut start = 0.0;
    let rows: Vec<Vec<String>> = moments
        .chunks(each)
        .map(|part| {
            let end = part.last().map_or(start, |moment| moment.seconds);
            let frames: u64 = part.iter().map(|moment| moment.frames).sum();
            let most = |value: fn(&Moment) -> f64| part.iter().map(value).fold(0.0, f64::max);
            let known = |value: fn(&Moment) -> Option<u64>| {
                part.iter().filter_map(value).max().map_or_else(|| "-".into(), mebibytes)
            };
            let row = vec![
                format!("{end:.1}"),
                frames.to_string(),
                format!("{:.2}", gigabytes_per_second(frames * frame_bytes, end - start)),
                format!("{:.0}", most(|moment| moment.p50_us)),
                format!("{:.0}", most(|moment| moment.p99_us)),
                format!("{:.0}", most(|moment| moment.max_us)),
                known(|moment| moment.resident),
                known(|moment| moment.in_flight),
                part.iter().map(|moment| moment.dropped).sum::<u64>().to_string(),
            ];
            start = end;
            row
        })
        .collect();
    let header =
        ["until s", "frames", "GB/s", "p50 us", "p99 us", "max us", "resident MiB", "in flight MiB", "dropped"];
    table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_folded_into_few_lines_that_keep_its_worst() {
        let moments: Vec<Moment> = (1..=40)
            .map(|nth| Moment {
                seconds: f64::from(nth) * 0.5,
                frames: 10,
                dropped: u64::from(nth == 7),
                p50_us: 100.0,
                p99_us: f64::from(nth),
                max_us: 1000.0,
                resident: Some(u64::try_from(nth).unwrap() << 20),
                in_flight: None,
            })
            .collect();
        let text = render(&moments, 8_000_000);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 14, "{text}");
        assert_eq!(
            lines[4].split('|').map(str::trim).collect::<Vec<_>>(),
            ["", "4.5", "30", "0.16", "100", "9", "1000", "9", "-", "1", ""]
        );
    }
}
