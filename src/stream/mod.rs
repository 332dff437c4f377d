//! append / skip / finish: a run from the first frame to the last.
//!
//! `append` copies a frame into the buffer of its group and returns. When a group is complete it goes to named worker
//! threads, which hand it to the engine. One more thread lets readers see what was written and appends frame metadata.
//! Memory is bounded by the budget: when it is used up, `append` waits, says so, or drops, as `when_full` says.

mod append;
mod ending;
mod failure;
mod frame_metadata;
mod front;
mod groups;
mod housekeeping;
mod levels;
mod lines;
mod live;
mod progress;
mod replace;
mod resume;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod shared;
mod status;
mod storing;
mod threads;
#[cfg(all(test, not(feature = "shuttle")))]
mod together_tests;
mod workers;

pub use append::MAX_SKIP;
pub use resume::array_difference;
pub use status::{Latencies, Phases, Report, SourceStatus, Status};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::unbounded;
use serde_json::Value;

use self::append::NoRoom;
use self::front::Front;
use self::groups::Groups;
use self::levels::{LevelGroups, Levels};
use self::resume::{Found, Left};
use self::shared::{Counts, Shared, file_sync};
use crate::backend::{Backend, Sink};
use crate::buffer::{Budget, Open};
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::journal::record::{self, Come};
use crate::ngff::check_namespace;
use crate::ngff::frame_metadata::FrameMetadata;
use crate::plan::{Capabilities, Plan, SourceId};
use crate::platform::{self, Disk, SyncPoint};
use crate::settings::Settings;
use crate::store::missing::Missing;
use crate::store::room::Room;
use crate::store::{self, Root};

/// What a host is told where the file system has no locks.
const NO_LOCKS: &str = "the file system has no locks: programs on other machines cannot tell that this run is at work on \
     the store";

/// A run: frames in, OME-Zarr out.
///
/// Every call takes `&self` and may come from any thread; frames of a source are numbered in the order in which their `append`
/// calls take its lock. Dropping an unfinished stream finishes it.
pub struct Stream {
    shared: Arc<Shared>,
    /// One for each source.
    fronts: Vec<Front>,
    threads: threads::Threads,
    /// Frames of all sources that were there before this run.
    resumed: u64,
    ending: Mutex<Ending>,
}

/// What is needed to end a run, and its outcome once it has ended.
struct Ending {
    sync_point: Option<Box<dyn SyncPoint>>,
    outcome: Option<Result<Report>>,
}

/// The store of a run that begins or goes on, and what is known of it.
struct Made {
    root: Root,
    sink: Box<dyn Sink>,
    log: Arc<Log>,
    groups: Groups,
    sync_point: Box<dyn SyncPoint>,
    room: Room,
    /// True where it was there before.
    continued: bool,
    /// For each source the frames that are there.
    come: Vec<Come>,
    notes: Vec<String>,
}

impl Made {
    /// Makes the store of a plan, or opens the one that is to be continued. What was made is removed again where that fails.
    fn new(plan: &Arc<Plan>, capabilities: &Capabilities, backend: &dyn Backend, disk: &Arc<dyn Disk>) -> Result<Self> {
        let sync = file_sync(plan.settings().durability);
        crate::settings::check_folders_to_make(plan.root())?;
        let continued = plan.settings().resume && store::is_continuable(plan.root());
        let root = match continued {
            true => Root::existing(plan.root(), &**disk, sync)?,
            false => Root::prepare(plan, &**disk, sync)?,
        };
        let found = match continued {
            true => resume::find(plan, backend, &**disk)?,
            false => Found::nothing(plan),
        };
        if continued {
            resume::trim(plan, &**disk, sync, &found.come)?;
        }
        let log = Arc::new(Log::create(plan, &**disk, capabilities.unit)?);
        let sync_point = disk.sync_point(plan.root()).map_err(|source| Error::io("open", plan.root(), source))?;
        let (groups, sink) = match continued {
            true => (Groups::existing(found.metadata), backend.resume(plan, disk, &log, &resume::done(&found.come))?),
            false => (Groups::create(plan, &**disk, sync)?, backend.create(plan, disk, &log)?),
        };
        let Found { come, notes, .. } = found;
        let room = Room::keep(plan, disk)?;
        record::write(plan, &**disk, sync, &come)?;
        Ok(Self { root, sink, log, groups, sync_point, room, continued, come, notes })
    }

    /// The groups that an earlier run left incomplete.
    fn left(&self, plan: &Plan, budget: &Budget) -> Result<Left> {
        match self.continued {
            true => resume::open_groups(plan, &*self.sink, budget, &self.come),
            false => Ok(Left::nothing(plan)),
        }
    }
}

/// What a run is put together of.
struct Parts {
    plan: Arc<Plan>,
    capabilities: Capabilities,
    disk: Arc<dyn Disk>,
    budget: Budget,
    store: Made,
    left: Left,
}

impl Stream {
    /// Starts a run with `backend`: checks everything, then makes the store, valid and empty.
    ///
    /// # Errors
    /// What [`Plan::new`] and the backend's `check` refuse, before anything is touched;
    /// [`Error::AlreadyExists`] or [`Error::NotAStore`] for what is in the way; [`Error::Io`] if the store cannot be
    /// made, after which nothing of it is left behind.
    pub fn create(settings: &Settings, backend: &dyn Backend) -> Result<Self> {
        Self::create_on(settings, backend, platform::native())
    }

    /// As [`Stream::create`], on a disk of the caller's: for tests that make it slow, failing or recorded.
    ///
    /// # Errors
    /// As [`Stream::create`].
    pub fn create_on(settings: &Settings, backend: &dyn Backend, disk: Arc<dyn Disk>) -> Result<Self> {
        let capabilities = backend.capabilities();
        let plan = Plan::new(settings, &capabilities)?;
        Self::create_planned(plan, capabilities, backend, disk)
    }

    /// As [`Stream::create_on`], of a plan with several sources or levels that was made for the capabilities of `backend`.
    ///
    /// # Errors
    /// As [`Stream::create`].
    pub fn of_plan(plan: Plan, backend: &dyn Backend, disk: Arc<dyn Disk>) -> Result<Self> {
        let capabilities = backend.capabilities();
        let fits = plan.forms().iter().all(|form| form.layout().unit() == capabilities.unit);
        if !fits || (capabilities.in_order && plan.memory().threads > 1) {
            let reason = "the plan was made for what another engine takes".to_owned();
            return Err(Error::Unsupported { backend: backend.name().to_owned(), reason });
        }
        Self::create_planned(plan, capabilities, backend, disk)
    }

    fn create_planned(
        plan: Plan,
        capabilities: Capabilities,
        backend: &dyn Backend,
        disk: Arc<dyn Disk>,
    ) -> Result<Self> {
        backend
            .check(&plan)
            .map_err(|reason| Error::Unsupported { backend: backend.name().to_owned(), reason: reason.to_string() })?;
        let plan = Arc::new(plan);
        let budget = Budget::new(plan.forms(), plan.memory());
        let store = Made::new(&plan, &capabilities, backend, &disk)?;
        let left = store.left(&plan, &budget)?;
        Self::start(Parts { plan, capabilities, disk, budget, store, left })
    }

    /// Puts the parts of a run together and starts its threads.
    fn start(parts: Parts) -> Result<Self> {
        let Parts { plan, capabilities, disk, budget, store, left } = parts;
        let frames: Vec<u64> = store.come.iter().map(|come| come.frames).collect();
        let (queue, jobs) = unbounded();
        let missing = |source: &crate::plan::PlannedSource| Missing::new(plan.root(), source.id(), source.router());
        let shared = Arc::new(Shared {
            progress: progress::Progress::new(&plan, &frames),
            budget,
            missing: plan.sources().iter().map(missing).collect(),
            sink: store.sink,
            capabilities,
            disk,
            failure: failure::Failure::new(store.room),
            metadata_lines: frame_metadata::MetadataLines::default(),
            log: store.log,
            lock: Mutex::default(),
            notes: Mutex::new(store.notes),
            housekeeping: housekeeping::Housekeeping::default(),
            groups: store.groups,
            counts: Counts::default(),
            open: crate::sync::Mutex::default(),
            storing: storing::Storing::default(),
            levels: Levels::default(),
            latencies: Mutex::new(status::histogram()?),
            plan,
        });
        let Left { full, levels, behind } = left;
        for group in full.iter().flat_map(|open| open.values()).chain(levels.values()).filter(|open| open.has_buffer())
        {
            shared.show_open(group);
        }
        // Before any frame: what the record calls there is there.
        for (key, slots) in behind {
            let mut open = shared.new_group(key, false)?;
            resume::make_anew(&shared.plan, &*shared.sink, &shared.budget, &mut open, &slots)?;
            workers::store_all(&shared, shared.seal(Some(open)).into_iter().collect());
            shared.failure.check()?;
        }
        let feeds = |source: SourceId, open: &Open| shared.plan.source_of(open.key().array).id() == source;
        let fronts = shared.plan.sources().iter().zip(&frames).zip(full).map(|((source, next), open)| {
            let fed = LevelGroups::of(levels.values().filter(|group| feeds(source.id(), group)));
            Front::new(source.id(), queue.clone(), *next, open, fed)
        });
        let fronts = fronts.collect();
        shared.levels.start_with(levels);
        drop(queue);
        shared.note_memory();
        shared.budget.make_first();
        let threads = threads::Threads::new(&shared, jobs, shared.plan.memory().threads);
        threads.start_idle()?;
        if let Some(lock) = store.root.keep() {
            if !lock.is_locked() {
                shared.note(NO_LOCKS.to_owned());
            }
            *shared.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        let ending = Mutex::new(Ending { sync_point: Some(store.sync_point), outcome: None });
        Ok(Self { shared, fronts, threads, resumed: frames.iter().sum(), ending })
    }

    /// The plan of this run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// Takes a frame and returns its number: rows of pixels in native byte order, [`crate::plan::Geometry::frame_bytes`]
    /// bytes. The camera's memory is free again when this returns.
    ///
    /// Where there is no room within the memory limit this does what `when_full` says: waits, or returns
    /// [`Error::Full`], or drops the frame and counts it (its place then reads as fill value).
    ///
    /// # Errors
    /// A refused frame changes nothing and uses no number: [`Error::Failed`] for an earlier write that failed,
    /// [`Error::FrameSize`], [`Error::TooManyFrames`], [`Error::Full`], [`Error::Finished`]; [`Error::OutOfMemory`] where
    /// the system has no memory for the frame and none is coming back, [`Error::Io`] where it has no thread to store it.
    pub fn append(&self, pixels: &[u8]) -> Result<u64> {
        self.append_as(SourceId(0), pixels, None, self.when_full())
    }

    /// As [`Stream::append`], with metadata of this frame: a JSON object (time stamps, exposure, stage).
    ///
    /// # Errors
    /// As [`Stream::append`]; [`Error::InvalidMetadata`] for text that is not a JSON object.
    pub fn append_with(&self, pixels: &[u8], metadata_json: &str) -> Result<u64> {
        let metadata = FrameMetadata::from_json(metadata_json)?;
        self.append_as(SourceId(0), pixels, Some(&metadata), self.when_full())
    }

    /// As [`Stream::append_with`] (or [`Stream::append`] without metadata), but never waits for the disk: [`Error::Full`]
    /// where there is no room within the memory limit. It may wait for another thread that is copying its frame.
    ///
    /// # Errors
    /// As [`Stream::append_with`].
    pub fn try_append(&self, pixels: &[u8], metadata_json: Option<&str>) -> Result<u64> {
        let metadata = metadata_json.map(FrameMetadata::from_json).transpose()?;
        self.append_as(SourceId(0), pixels, metadata.as_ref(), NoRoom::Refuse)
    }

    /// As [`Stream::append_with`] (or [`Stream::append`] without metadata), of a frame of a source. Returns its number among the
    /// frames of that source.
    ///
    /// # Errors
    /// As [`Stream::append_with`]; [`Error::InvalidSettings`] for a source that the plan has not.
    pub fn append_from(&self, source: SourceId, pixels: &[u8], metadata_json: Option<&str>) -> Result<u64> {
        let metadata = metadata_json.map(FrameMetadata::from_json).transpose()?;
        self.append_as(source, pixels, metadata.as_ref(), self.when_full())
    }

    /// How a source stands; may be asked at any time from any thread.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] for a source that the plan has not.
    pub fn status_of(&self, source: SourceId) -> Result<SourceStatus> {
        let front = self.front(source)?;
        let (written, durable) = self.shared.progress.by_source()[source.index()];
        // As in `status`.
        Ok(SourceStatus { accepted: front.next().max(written), written, durable })
    }

    /// Stores metadata of the whole run under `namespace` in the root group's attributes, at once and atomically;
    /// asked again for the same namespace it replaces what was there.
    ///
    /// # Errors
    /// [`Error::InvalidMetadata`] for reserved names and for text that is not a JSON object; [`Error::Finished`];
    /// [`Error::Io`].
    pub fn set_metadata(&self, namespace: &str, json: &str) -> Result<()> {
        let value: Value = serde_json::from_str(json).map_err(|cause| Error::InvalidMetadata {
            namespace: namespace.to_owned(),
            problem: format!("not JSON: {cause}"),
            remedy: "send a JSON object in UTF-8".to_owned(),
        })?;
        check_namespace(namespace, &value)?;
        if Counts::is_set(&self.shared.counts.finished) {
            return Err(Error::Finished);
        }
        self.shared.groups.set(&self.shared.plan, &*self.shared.disk, self.shared.sync(), namespace, value)
    }

    /// How the run stands; may be asked at any time from any thread.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let (written, durable) = shared.progress.counts();
        let spent = shared.sink.time_spent();
        // Copied: `append` waits for this lock, and looking for percentiles takes longer.
        let append = shared.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Status {
            // A frame may be written before the call that took it has counted it.
            accepted: self.fronts.iter().map(Front::next).sum::<u64>().max(written),
            written,
            durable,
            skipped: Counts::get(&shared.counts.skipped),
            dropped: Counts::get(&shared.counts.dropped),
            declared: shared.plan.sources().iter().map(|source| source.router().total()).sum(),
            bytes_in_flight: shared.budget.bytes_out(),
            bytes_high_water: shared.budget.high_water(),
            bytes_limit: shared.budget.limit_bytes(),
            bytes_written: shared.sink.bytes_written(),
            append: Latencies::of(&append),
            phases: Phases {
                copy_ms: shared.counts.copy.ms(),
                wait_ms: shared.counts.wait.ms(),
                encode_ms: spent.encode.as_secs_f64() * 1e3,
                write_ms: spent.write.as_secs_f64() * 1e3,
                sync_ms: shared.counts.sync.ms(),
            },
            failure: shared.failure.get().map(|error| error.to_string()),
            finished: Counts::is_set(&shared.counts.finished),
            notes: shared.notes(),
            housekeeping: shared.housekeeping.told(),
            bytes_for_live_readers: shared.sink.bytes_for_live_readers(),
        }
    }

    /// Ends the run: stores what is partial, trims unbounded arrays to what came, writes group metadata last and makes
    /// everything durable as `durability` says. Asked again it gives the same answer.
    ///
    /// # Errors
    /// The first thing that went wrong in the run; what was written before it is readable. Where all that went wrong
    /// concerns what is kept beside the pixels (see [`Status::housekeeping`]), that, with everything else stored.
    pub fn finish(&self) -> Result<Report> {
        let mut ending = self.ending();
        if let Some(outcome) = &ending.outcome {
            return outcome.clone();
        }
        let outcome = self.end(&mut ending);
        ending.outcome = Some(outcome.clone());
        outcome
    }

    fn ending(&self) -> MutexGuard<'_, Ending> {
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::error!(%error, "finishing a stream that was dropped failed");
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("root", &self.shared.plan.root())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
