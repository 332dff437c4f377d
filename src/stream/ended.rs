//! How a run ended, for whoever opens the store a year later: `ome_stream.run` of the root group (docs/FORMAT.md).

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use super::Stream;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::shown::{sentence, utc};
use crate::store::missing;

/// When a run began, on the calendar and on a clock that nobody sets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began(SystemTime, Instant);

impl Began {
    pub(super) fn now() -> Self {
        Self(SystemTime::now(), Instant::now())
    }

    /// The time since then, by the clock that nobody sets.
    pub(super) fn elapsed(&self) -> Duration {
        self.1.elapsed()
    }

    /// The time of day, as the time since 1970, so long after it began: it never goes back.
    pub(super) fn since_1970(&self, elapsed: Duration) -> Duration {
        self.0.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(elapsed)
    }
}

/// Whether all came that was declared.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// All of it, and all is stored; of an unbounded run whatever came.
    Complete,
    /// Less came, or something failed, or the host gave it up.
    Aborted,
}

#[derive(Serialize)]
struct Ended {
    state: State,
    /// What the host calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    started: String,
    ended: String,
    seconds: Seconds,
    frames: Frames,
    /// The host gave it up: frames that were not written by then are lost.
    #[serde(skip_serializing_if = "is_false")]
    given_up: bool,
    /// The first thing that went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Wells of a plate that no frame came to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wells_not_reached: Vec<String>,
}

/// Where the time went; what several threads spent is added up.
#[derive(Serialize)]
struct Seconds {
    total: f64,
    copying: f64,
    waiting: f64,
    encoding: f64,
    writing: f64,
    syncing: f64,
}

/// Frames of all sources, those of earlier runs that this one went on with among them.
#[derive(Serialize)]
struct Frames {
    /// `null` where the first dimension is unbounded.
    declared: Option<u64>,
    /// Given by the host.
    received: u64,
    /// Of these, in the store; after a failure at least so many.
    written: u64,
    skipped: u64,
    dropped: u64,
    /// Lost in an interruption, or given up.
    #[serde(skip_serializing_if = "is_zero")]
    lost: u64,
}

fn is_false(given_up: &bool) -> bool {
    !given_up
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Stream {
    /// How this run has ended, after `come` frames of each source, `given_up` by the host or not.
    ///
    /// # Errors
    /// Of the list of missing frames, which tells of earlier runs.
    pub(super) fn how_it_ended(&self, come: &[u64], given_up: bool) -> Result<Value> {
        let shared = &self.shared;
        let declared: Option<u64> = shared.plan.sources().iter().map(|source| source.router().total()).sum();
        let all: u64 = come.iter().sum();
        let failure = shared.failure.get().map(|error| error.to_string()).or_else(|| shared.housekeeping.told());
        let [skipped, dropped, lost] = self.missing()?;
        let received = all.saturating_sub(skipped);
        // After a failure all that is known is up to where nothing is missing.
        let stored = if shared.failure.is_set() { shared.progress.counts().0.min(all) } else { all };
        // Some behind these may be there; which of them, the list of missing frames tells.
        let reached = if given_up { shared.progress.counts().0.min(all) } else { stored };
        let spent = shared.sink.time_spent();
        let seconds = |time: Duration| (time.as_secs_f64() * 1e3).round() / 1e3;
        let ended = Ended {
            state: match failure.is_some() || given_up || declared.is_some_and(|declared| all < declared) {
                true => State::Aborted,
                false => State::Complete,
            },
            program: shared.plan.settings().program.clone(),
            started: utc(self.began.since_1970(Duration::ZERO).as_secs()),
            ended: utc(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()),
            seconds: Seconds {
                total: seconds(self.began.elapsed()),
                copying: seconds(shared.counts.copy.total()),
                waiting: seconds(shared.counts.wait.total()),
                encoding: seconds(spent.encode),
                writing: seconds(spent.write),
                syncing: seconds(shared.counts.sync.total()),
            },
            frames: Frames {
                declared,
                received,
                written: stored.saturating_sub(skipped).saturating_sub(dropped).saturating_sub(lost),
                skipped,
                dropped,
                lost,
            },
            given_up,
            failure: failure.map(sentence),
            wells_not_reached: wells_not_reached(&shared.plan, come, reached),
        };
        // Numbers, texts and lists of them: JSON has them all.
        serde_json::to_value(ended)
            .map_err(|cause| Error::Internal { place: "how the run ended", message: cause.to_string() })
    }

    /// Frames that were skipped, dropped and lost, by this run and those before it, and that nobody put there later.
    fn missing(&self) -> Result<[u64; 3]> {
        let shared: &Shared = &self.shared;
        let (reads, root) = (shared.store.disk().source(), shared.plan.root());
        let mut all = [0_u64; 3];
        for source in shared.plan.sources() {
            let listed = missing::read_from(&*reads, root, source.id(), 0, missing::MAX_LISTED)?.unwrap_or_default();
            let of_source = [listed.skipped, listed.dropped, listed.lost];
            all.iter_mut().zip(of_source).for_each(|(all, one)| *all = all.saturating_add(one));
        }
        Ok(all)
    }
}

/// Wells to none of whose fields the first `stored` of the frames that came reach, in the order of the plate.
fn wells_not_reached(plan: &Plan, come: &[u64], stored: u64) -> Vec<String> {
    let Some(plate) = plan.plate() else { return Vec::new() };
    let mut reached = HashSet::new();
    for (image, position) in plan.positions().iter().enumerate() {
        let source = plan.source(position.source);
        let frames = come.get(position.source.index()).copied().unwrap_or(0).min(stored);
        // A frame's number grows with each of its coordinates, so this is the first of the field.
        let first = source.frame_number(image, Default::default());
        if first.is_some_and(|first| first < frames) {
            reached.extend(position.path.rsplit_once('/').map(|(well, _)| well));
        }
    }
    plate.wells.iter().map(|well| plate.path_of(well)).filter(|well| !reached.contains(well.as_str())).collect()
}
