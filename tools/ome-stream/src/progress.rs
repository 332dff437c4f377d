//! How far a run is: a bar on a terminal, a line now and then elsewhere, nothing where nobody wants it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::numbers::{bytes, duration, rate};

/// Time between two updates of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows on standard error how far a run is.
pub struct Progress {
    view: View,
    start: Instant,
    shown: Instant,
    /// Bytes of a frame; `None` where bytes are counted, and not frames.
    frame_bytes: Option<u64>,
    total: Option<u64>,
    frames: u64,
}

enum View {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    /// `total` frames of `frame_bytes` bytes; `None` where nobody knows.
    pub fn new(quiet: bool, total: Option<u64>, frame_bytes: u64) -> Self {
        Self::of(quiet, total, Some(frame_bytes))
    }

    /// `total` bytes.
    pub fn of_bytes(quiet: bool, total: u64) -> Self {
        Self::of(quiet, Some(total), None)
    }

    fn of(quiet: bool, total: Option<u64>, frame_bytes: Option<u64>) -> Self {
        let view = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => View::Nothing,
            (false, true) => View::Bar(bar(total)),
            (false, false) => View::Lines,
        };
        let now = Instant::now();
        Self { view, start: now, shown: now, frame_bytes, total, frames: 0 }
    }

    /// So many are done.
    pub fn update(&mut self, frames: u64) {
        self.frames = frames;
        let interval = match self.view {
            View::Nothing => return,
            View::Bar(_) => BAR_INTERVAL,
            View::Lines => LINE_INTERVAL,
        };
        let now = Instant::now();
        if now.duration_since(self.shown) < interval {
            return;
        }
        self.shown = now;
        let text = describe(frames, self.total, self.frame_bytes, now.duration_since(self.start));
        match &self.view {
            View::Nothing => {}
            View::Bar(bar) => {
                bar.set_position(frames);
                bar.set_message(text);
            }
            // Nobody reads standard error any more: no reason to stop.
            View::Lines => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    /// Says that nothing is left but to finish the store.
    pub fn finishing(&self) {
        if let View::Bar(bar) = &self.view {
            bar.set_position(self.frames);
            bar.set_message("finishing the store");
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let template = if total.is_some() { "{bar:30} {percent:>3}%  {msg}" } else { "{spinner} {msg}" };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// `120 of 1000 frames, 240.0 MB, 812.0 MB/s, 1.1 s left`.
fn describe(frames: u64, total: Option<u64>, frame_bytes: Option<u64>, elapsed: Duration) -> String {
    let done = frames.saturating_mul(frame_bytes.unwrap_or(1));
    let count = match (total, frame_bytes) {
        (Some(total), Some(_)) => format!("{frames} of {total} frames, {}", bytes(done)),
        (None, Some(_)) => format!("{frames} frames, {}", bytes(done)),
        (Some(total), None) => format!("{} of {}", bytes(done), bytes(total)),
        (None, None) => bytes(done),
    };
    let left = total.filter(|_| frames > 0).map(|total| {
        let seconds = elapsed.as_secs_f64() / frames as f64 * total.saturating_sub(frames) as f64;
        format!(", {} left", duration(seconds))
    });
    format!("{count}, {}{}", rate(done, elapsed.as_secs_f64()), left.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_the_rate_so_far() {
        let text = describe(250, Some(1000), Some(8_000_000), Duration::from_secs(2));
        assert_eq!(text, "250 of 1000 frames, 2.0 GB, 1.0 GB/s, 6.0 s left");
    }

    #[test]
    fn without_a_total_there_is_no_time_left() {
        let text = describe(250, None, Some(8_000), Duration::from_secs(2));
        assert_eq!(text, "250 frames, 2.0 MB, 1.0 MB/s");
    }

    #[test]
    fn bytes_are_counted_where_there_are_no_frames() {
        let text = describe(250_000_000, Some(1_000_000_000), None, Duration::from_secs(2));
        assert_eq!(text, "250.0 MB of 1.0 GB, 125.0 MB/s, 6.0 s left");
    }

    #[test]
    fn before_the_first_frame_nothing_is_guessed() {
        let text = describe(0, Some(1000), Some(8_000), Duration::ZERO);
        assert_eq!(text, "0 of 1000 frames, 0 B, 0 B/s");
    }
}
