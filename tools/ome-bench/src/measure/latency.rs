//! Times of append: a histogram of the whole run, and one line for each piece of a long one.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// Longest append that is told apart: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds, good to a tenth of a percent.
pub fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST, 3)?)
}

/// Takes the time of each append; made before the clock starts, so that recording allocates nothing.
#[derive(Debug)]
pub struct Recorder {
    all: Histogram<u64>,
    pieces: Option<Pieces>,
}

/// Appends of one piece of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// End, in seconds since the first frame.
    pub end: f64,
    /// Appends that ended in it.
    pub frames: u64,
    /// Frames dropped in it.
    pub dropped: u64,
    /// Median, 99th percentile and longest, in microseconds.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// Longest.
    pub max_us: f64,
}

#[derive(Debug)]
struct Pieces {
    width: f64,
    current: Histogram<u64>,
    dropped: u64,
    nth: u64,
    done: Vec<Window>,
}

impl Recorder {
    /// For a run that is cut into pieces of `width` seconds, or not at all.
    pub fn new(width: Option<f64>) -> Result<Self> {
        let pieces = match width {
            Some(width) => Some(Pieces {
                width: width.max(1e-3),
                current: histogram()?,
                dropped: 0,
                nth: 1,
                done: Vec::with_capacity(4096),
            }),
            None => None,
        };
        Ok(Self { all: histogram()?, pieces })
    }

    /// An append that ended `now` after the first frame and took `latency`.
    pub fn record(&mut self, now: Duration, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.all.saturating_record(nanoseconds);
        if let Some(pieces) = &mut self.pieces {
            pieces.reach(now.as_secs_f64());
            pieces.current.saturating_record(nanoseconds);
        }
    }

    /// A frame that was lost `now` after the first.
    pub fn drop_frame(&mut self, now: Duration) {
        if let Some(pieces) = &mut self.pieces {
            pieces.reach(now.as_secs_f64());
            pieces.dropped += 1;
        }
    }

    /// The histogram and the pieces, the last one closed.
    pub fn finish(mut self) -> (Histogram<u64>, Vec<Window>) {
        let windows = self.pieces.take().map_or_else(Vec::new, |mut pieces| {
            pieces.close();
            pieces.done
        });
        (self.all, windows)
    }
}

impl Pieces {
    /// Closes the pieces that ended before `now`; those in which nothing happened too: they are where the camera
    /// waited.
    fn reach(&mut self, now: f64) {
        while now >= self.nth as f64 * self.width {
            self.close();
        }
    }

    fn close(&mut self) {
        let at = |quantile: f64| self.current.value_at_quantile(quantile) as f64 / 1e3;
        self.done.push(Window {
            end: self.nth as f64 * self.width,
            frames: self.current.len(),
            dropped: self.dropped,
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: self.current.max() as f64 / 1e3,
        });
        self.current.reset();
        self.dropped = 0;
        self.nth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn appends_count_in_the_whole_and_in_their_piece() {
        let mut recorder = Recorder::new(Some(1.0)).unwrap();
        recorder.record(100 * MS, 2 * MS);
        recorder.record(900 * MS, 4 * MS);
        recorder.drop_frame(950 * MS);
        recorder.record(3500 * MS, MS);
        let (all, windows) = recorder.finish();
        assert_eq!(all.len(), 3);
        assert_eq!(windows.iter().map(|window| window.end).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(windows.iter().map(|window| window.frames).collect::<Vec<_>>(), [2, 0, 0, 1]);
        assert_eq!(windows.iter().map(|window| window.dropped).collect::<Vec<_>>(), [1, 0, 0, 0]);
        assert!((windows[0].max_us - 4000.0).abs() < 5.0, "{windows:?}");
        assert!((windows[3].p50_us - 1000.0).abs() < 2.0, "{windows:?}");
    }

    #[test]
    fn a_short_run_has_no_pieces() {
        let mut recorder = Recorder::new(None).unwrap();
        recorder.record(MS, MS);
        let (all, windows) = recorder.finish();
        assert_eq!((all.len(), windows.len()), (1, 0));
    }
}
