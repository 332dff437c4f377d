//! Times of append: a histogram of the whole run, and one line for each piece of a long one.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// Longest append that is told apart: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// An empty histogram of nanoseconds, good to a tenth of a percent.
fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LONGEST, 3)?)
}

/// Percentiles of durations, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// Longest.
    pub max_us: f64,
}

impl Percentiles {
    /// Those of a histogram of nanoseconds; `None` where nothing was measured.
    pub fn of(nanoseconds: &Histogram<u64>) -> Option<Self> {
        let at = |quantile: f64| nanoseconds.value_at_quantile(quantile) as f64 / 1e3;
        (!nanoseconds.is_empty()).then(|| Self {
            count: nanoseconds.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: nanoseconds.max() as f64 / 1e3,
        })
    }
}

/// A histogram of nanoseconds as what people read of it.
pub fn as_percentiles<S: Serializer>(nanoseconds: &Option<Histogram<u64>>, to: S) -> Result<S::Ok, S::Error> {
    nanoseconds.as_ref().and_then(Percentiles::of).serialize(to)
}

/// A piece of a long run.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Moment {
    /// End of the piece, in seconds since the first frame.
    pub seconds: f64,
    /// Frames accepted in it.
    pub frames: u64,
    /// Frames dropped in it.
    pub dropped: u64,
    /// Median of append in it, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of append in it.
    pub p99_us: f64,
    /// Longest append in it.
    pub max_us: f64,
    /// Highest resident memory seen in it, in bytes.
    pub resident: Option<u64>,
    /// Most bytes seen on their way to disk in it.
    pub in_flight: Option<u64>,
}

/// Takes the time of each append; made before the clock starts, so that recording allocates nothing.
#[derive(Debug)]
pub struct Recorder {
    all: Histogram<u64>,
    pieces: Option<Pieces>,
}

#[derive(Debug)]
struct Pieces {
    width: f64,
    current: Histogram<u64>,
    dropped: u64,
    done: Vec<Moment>,
}

impl Recorder {
    /// For a run that is cut into pieces of `width` seconds, or not at all.
    pub fn new(width: Option<f64>) -> Result<Self> {
        let current = histogram()?;
        let pieces =
            width.map(|width| Pieces { width: width.max(1e-3), current, dropped: 0, done: Vec::with_capacity(4096) });
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

    /// The histogram and the pieces, the last one closed. Nothing is known of memory in them.
    pub fn finish(mut self) -> (Histogram<u64>, Vec<Moment>) {
        if let Some(pieces) = &mut self.pieces {
            pieces.close();
        }
        (self.all, self.pieces.map_or_else(Vec::new, |pieces| pieces.done))
    }
}

impl Pieces {
    /// Where the piece that is open ends.
    fn end(&self) -> f64 {
        (self.done.len() + 1) as f64 * self.width
    }

    /// Closes the pieces that ended before `now`; those in which nothing happened too: they are where the camera
    /// waited.
    fn reach(&mut self, now: f64) {
        while now >= self.end() {
            self.close();
        }
    }

    fn close(&mut self) {
        let at = |quantile: f64| self.current.value_at_quantile(quantile) as f64 / 1e3;
        self.done.push(Moment {
            seconds: self.end(),
            frames: self.current.len(),
            dropped: std::mem::take(&mut self.dropped),
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: self.current.max() as f64 / 1e3,
            ..Moment::default()
        });
        self.current.reset();
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
        assert_eq!(windows.iter().map(|window| window.seconds).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
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
