//! The time from one time point to the next, of frames whose times are known: the step of a time axis whose settings
//! give none.
//!
//! Followed are the frames of one place in all but time (a position's channel and plane), from one time point to the
//! next that has one. The step is the median of all such times, so that a pause, or a host's clock that begins anew,
//! changes nothing. A source keeps no more than a few places and a few thousand times, whatever comes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::PlannedSource;
use crate::router::{Location, StorageIndex};

/// Places that are followed: the first that come. Those of one image's planes tell as much as all.
const MAX_PLACES: usize = 64;

/// Times that are kept. Where there are more, every second one goes, and from then on every second one is kept.
const MAX_TIMES: usize = 4096;

/// What is known of a source's time axis.
#[derive(Debug)]
pub(super) struct Intervals {
    /// The axis among the index dimensions; `None` where nothing is asked of it.
    axis: Option<usize>,
    /// By the host's own times.
    told: Steps,
    /// By the times at which frames were accepted, where those are kept of every frame.
    accepted: Option<Steps>,
}

impl Intervals {
    /// Of a source's frames; where the settings have the times of `all_frames` kept, these tell too.
    pub(super) fn new(source: &PlannedSource, all_frames: bool) -> Self {
        Self {
            axis: source.open_time().map(|time| time.axis),
            told: Steps::default(),
            accepted: all_frames.then(Steps::default),
        }
    }

    /// A frame that comes: its place, the time that the host tells of it, and the time since the run began.
    pub(super) fn note(&mut self, location: &Location, delta_t: Option<f64>, since: Duration) {
        let Some(axis) = self.axis else { return };
        if let Some(seconds) = delta_t {
            self.told.note(location, axis, seconds);
        }
        if let Some(accepted) = &mut self.accepted {
            accepted.note(location, axis, since.as_secs_f64());
        }
    }

    /// Seconds from one time point to the next: as the host tells, else as frames came.
    pub(super) fn found(&self) -> Option<f64> {
        self.told.median().or_else(|| self.accepted.as_ref()?.median())
    }
}

/// Times from one frame of a place to its next.
#[derive(Debug, Default)]
struct Steps {
    /// Place without its time: time point and time of its last frame.
    last: BTreeMap<(u32, StorageIndex), (u64, f64)>,
    kept: Vec<f64>,
    /// One time in 2^thinned is kept.
    thinned: u32,
    /// Times since the last that was kept.
    passed: u64,
}

impl Steps {
    fn note(&mut self, location: &Location, axis: usize, seconds: f64) {
        let mut place = (location.position, location.index);
        let Some(point) = place.1.get_mut(axis).map(std::mem::take) else { return };
        if let Some(last) = self.last.get_mut(&place) {
            let (from, before) = std::mem::replace(last, (point, seconds));
            if let Some(points) = point.checked_sub(from).filter(|points| *points > 0) {
                self.keep((seconds - before) / points as f64);
            }
        } else if self.last.len() < MAX_PLACES {
            self.last.insert(place, (point, seconds));
        }
    }

    fn keep(&mut self, step: f64) {
        self.passed += 1;
        if self.passed < 1 << self.thinned {
            return;
        }
        self.passed = 0;
        if self.kept.len() >= MAX_TIMES {
            let mut nth = 0;
            self.kept.retain(|_| {
                nth += 1;
                nth % 2 == 0
            });
            self.thinned += 1;
        }
        self.kept.push(step);
    }

    /// The median, to ten digits: sums of floating point have no more that mean anything. `None` where it is no step
    /// forward.
    fn median(&self) -> Option<f64> {
        let mut sorted = self.kept.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
        let median = low + (high - low) / 2.0;
        let rounded = format!("{median:.9e}").parse().unwrap_or(median);
        (rounded.is_normal() && rounded > 0.0).then_some(rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(frames: impl IntoIterator<Item = (u32, StorageIndex, f64)>) -> Steps {
        let mut steps = Steps::default();
        for (position, index, seconds) in frames {
            steps.note(&Location { position, index }, 0, seconds);
        }
        steps
    }

    fn median(frames: impl IntoIterator<Item = (u32, StorageIndex, f64)>) -> Option<f64> {
        of(frames).median()
    }

    #[test]
    fn a_step_is_from_one_time_point_to_the_next() {
        // Channels 0.1 s apart, time points 2 s.
        let frames = (0..5).flat_map(|t| (0..3).map(move |c| (0, [t, c, 0], t as f64 * 2.0 + c as f64 * 0.1)));
        assert_eq!(median(frames), Some(2.0));
        // Positions in turn, each with all its times.
        let frames = (0..4).flat_map(|p| (0..3).map(move |t| (p, [t, 0, 0], 100.0 * f64::from(p) + t as f64 * 0.1)));
        assert_eq!(median(frames), Some(0.1));
    }

    #[test]
    fn missing_frames_pauses_and_new_clocks_do_not_count() {
        assert_eq!(median([(0, [0, 0, 0], 1.0), (0, [4, 0, 0], 2.0)]), Some(0.25));
        let paused = |t: u64| if t < 5 { t as f64 } else { 5000.0 + t as f64 };
        assert_eq!(median((0..10).map(|t| (0, [t, 0, 0], paused(t)))), Some(1.0));
        assert_eq!(median((0..10).map(|t| (0, [t, 0, 0], (t % 5) as f64))), Some(1.0));
    }

    #[test]
    fn what_is_no_step_forward_is_unknown() {
        assert_eq!(median([]), None);
        assert_eq!(median([(0, [0, 0, 0], 1.0)]), None);
        assert_eq!(median([(0, [0, 0, 0], 1.0), (0, [0, 1, 0], 2.0)]), None, "another channel");
        assert_eq!(median((0..9).map(|t| (0, [t, 0, 0], 7.0))), None);
        assert_eq!(median((0..9).map(|t| (0, [t, 0, 0], -(t as f64)))), None);
        assert_eq!(median([(0, [0, 0, 0], -f64::MAX), (0, [1, 0, 0], f64::MAX)]), None);
        assert_eq!(median([(0, [0, 0, 0], 0.0), (0, [1, 0, 0], f64::MIN_POSITIVE / 4.0)]), None);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let steps = of((0..100_000).flat_map(|t| (0..2).map(move |z| (0, [t, 0, z], t as f64 * 0.03))));
        assert_eq!(steps.median(), Some(0.03));
        assert!(steps.kept.len() <= MAX_TIMES && steps.kept.len() > MAX_TIMES / 4, "{}", steps.kept.len());
        let steps = of((0..1000).map(|z| (0, [0, 0, z], 1.0)));
        assert_eq!(steps.last.len(), MAX_PLACES);
    }
}
