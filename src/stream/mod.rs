//! append / skip / finish: a run from the first frame to the last.
//!
//! `append` copies a frame into the buffer of its slab and returns. When a slab is complete it goes to named worker
//! threads, which hand it to the engine. One more thread lets readers see what was written and appends frame metadata.
//! Memory is bounded by the budget: when it is used up, `append` waits, says so, or drops, as `when_full` says.

mod abort;
mod anew;
mod append;
mod complete;
mod ended;
mod ending;
mod failure;
mod front;
mod housekeeping;
mod intervals;
mod levels;
mod live;
mod patience;
mod progress;
mod reduce;
mod replace;
mod resume;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod shared;
mod status;
mod threads;
#[cfg(all(test, not(feature = "shuttle")))]
mod together_tests;
mod underway;
mod wait;
mod windows;
mod workers;

pub use append::MAX_SKIP;
pub use complete::{MadeLevel, complete_levels};
pub use progress::FrameState;
pub use status::{Latencies, Phases, SourceStatus, Status, Summary};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::unbounded;
use serde_json::Value;

use self::append::NoRoom;
use self::front::Front;
use self::intervals::Intervals;
use self::levels::LevelSlabs;
use self::resume::Left;
use self::shared::{Counts, Shared};
use crate::backend::{self, Backend, Sink};
use crate::buffer::Budget;
use crate::error::{Error, Result};
use crate::journal::record::Come;
use crate::ngff::check_namespace;
use crate::ngff::frame_metadata::{FrameFields, FrameMetadata};
use crate::plan::{ArrayId, Capabilities, Plan, SourceId};
use crate::platform::{self, Disk};
use crate::settings::Settings;
use crate::store::{self, Root, Store};

/// What a host is told where the file system has no locks.
const NO_LOCKS: &str = "the file system has no locks: programs on other machines cannot tell that this run is at work on \
     the store";

/// A run: frames in, OME-Zarr out.
///
/// Every call takes `&self` and may come from any thread; frames of a source are numbered in the order in which their
/// `append` calls take its lock. Dropping an unfinished stream finishes it.
pub struct Stream {
    shared: Arc<Shared>,
    /// One for each source.
    fronts: Vec<Front>,
    threads: threads::Threads,
    /// Frames of all sources that were there before this run.
    resumed: u64,
    began: ended::Began,
    /// Held while a frame of an image with levels is replaced: the run does not end before its levels are.
    replacing: crate::sync::Mutex<()>,
    /// How the run has ended, once it has.
    outcome: Mutex<Option<Result<Summary>>>,
}

/// The store of a run that begins or goes on, and what is known of it.
struct Begun {
    /// Removes what was made where the run does not come to begin.
    root: Root,
    store: Arc<Store>,
    sink: Box<dyn Sink>,
    /// For each source the frames that are there.
    come: Vec<Come>,
    /// Slabs that earlier runs left incomplete.
    left: Left,
    notes: Vec<String>,
}

impl Begun {
    /// Makes the store of a run that begins.
    fn new(plan: &Arc<Plan>, engine: &Capabilities, backend: &dyn Backend, disk: &Arc<dyn Disk>) -> Result<Self> {
        let (root, store) = Store::create(plan, disk, engine)?;
        let store = Arc::new(store);
        let sink = backend.create(&store)?;
        let come = vec![Come::default(); plan.sources().len()];
        store.complete(&come)?;
        Ok(Self { root, store, sink, come, left: Left::nothing(plan), notes: Vec::new() })
    }
}

impl Stream {
    /// Starts a run with `backend`: checks everything, then makes the store, valid and empty.
    ///
    /// # Errors
    /// What [`Plan::new`] and the backend's `check` refuse, before anything is touched; [`Error::AlreadyExists`] or
    /// [`Error::NotAStore`] for what is in the way; [`Error::Io`] if the store cannot be made, after which nothing of
    /// it is left behind; [`Error::Busy`] where another program or stream is at work on it; [`Error::OutOfMemory`].
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

    /// As [`Stream::create_on`], of a plan with several sources or levels that was made for the capabilities of
    /// `backend`.
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
        backend::check(backend, &plan)?;
        crate::settings::check_folders_to_make(plan.root())?;
        let plan = Arc::new(plan);
        let budget = Budget::new(plan.forms(), plan.memory());
        let begun = budget.warm_while(|| {
            match plan.settings().resume && store::is_continuable(&*disk.source(), plan.root())? {
                true => resume::go_on(&plan, &capabilities, backend, &disk, &budget, resume::Frames::Come),
                false => Begun::new(&plan, &capabilities, backend, &disk),
            }
        })?;
        let store = Arc::clone(&begun.store);
        // A store without a frame of this run is not an interrupted one.
        Self::start(plan, capabilities, budget, begun).inspect_err(|_| drop(store.remove_log()))
    }

    /// Puts the parts of a run together and starts its threads.
    fn start(plan: Arc<Plan>, capabilities: Capabilities, budget: Budget, begun: Begun) -> Result<Self> {
        let Begun { root, store, sink, come, mut left, notes } = begun;
        let frames: Vec<u64> = come.iter().map(|come| come.frames).collect();
        let (queue, jobs) = unbounded();
        let shared = Arc::new(Shared::new(&plan, (capabilities, budget), (store, sink), &frames, notes)?);
        resume::take_up(&shared, &mut left)?;
        let feeds = |source: SourceId, array: ArrayId| shared.plan.source_of(array).id() == source;
        let fronts = shared.plan.sources().iter().zip(&frames).zip(left.full).map(|((source, next), open)| {
            let slabs = left.levels.values().filter(|slab| feeds(source.id(), slab.key().array));
            let windows = left.windows.iter().filter(|(key, _)| feeds(source.id(), key.array));
            let fed = LevelSlabs::of(slabs, windows.map(|(key, window)| (*key, window)));
            let times = Intervals::new(source, shared.plan.settings().frame_times == Some(true));
            Front::new(source.id(), queue.clone(), *next, open, fed, times)
        });
        let fronts = fronts.collect();
        shared.levels.start_with(left.levels, left.windows);
        drop(queue);
        shared.note_memory();
        shared.budget.make_first();
        let threads = threads::Threads::new(&shared, jobs, shared.plan.memory().threads);
        // Last: a store that could not be continued stays as it was.
        if let Err(error) = threads.start_idle().and_then(|()| shared.store.forget_end()) {
            // What the threads hold, the lock of the store too, is free when this returns.
            drop(fronts);
            threads.join_workers(drop);
            threads.join_live(drop);
            return Err(error);
        }
        if !shared.store.stands(root) {
            shared.note(NO_LOCKS.to_owned());
        }
        Ok(Self {
            shared,
            fronts,
            threads,
            resumed: frames.iter().sum(),
            began: ended::Began::now(),
            replacing: crate::sync::Mutex::default(),
            outcome: Mutex::default(),
        })
    }

    /// The plan of this run.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.shared.plan
    }

    /// Takes a frame and returns its number: rows of pixels in native byte order,
    /// [`crate::plan::Geometry::frame_bytes`] bytes. The camera's memory is free again when this returns.
    ///
    /// Where there is no room within the memory limit this does what `when_full` says: waits, or returns
    /// [`Error::Full`], or drops the frame and counts it (its place then reads as fill value).
    ///
    /// # Errors
    /// A refused frame changes nothing and uses no number: [`Error::Failed`] for an earlier write that failed,
    /// [`Error::FrameSize`], [`Error::TooManyFrames`], [`Error::Full`], [`Error::Finished`], [`Error::Aborted`];
    /// [`Error::OutOfMemory`]
    /// where the system has no memory for the frame and none is coming back, [`Error::Io`] where it has no thread to
    /// store it.
    pub fn append(&self, pixels: &[u8]) -> Result<u64> {
        self.append_as(SourceId(0), pixels, None, self.when_full())
    }

    /// As [`Stream::append`], with metadata of this frame: a JSON object with whatever is known of it. The names of
    /// [`FrameFields`] have a meaning (times in seconds, places of the stage in micrometers).
    ///
    /// # Errors
    /// As [`Stream::append`]; [`Error::InvalidMetadata`] for text that is not a JSON object, and where a member of one
    /// of those names is neither a finite number nor `null`.
    pub fn append_with(&self, pixels: &[u8], metadata_json: &str) -> Result<u64> {
        let metadata = FrameMetadata::from_json(metadata_json)?;
        self.append_as(SourceId(0), pixels, Some(&metadata), self.when_full())
    }

    /// As [`Stream::append_with`], with the common members as numbers.
    ///
    /// # Errors
    /// As [`Stream::append_with`], and those of [`FrameFields::to_json`].
    pub fn append_with_fields(&self, pixels: &[u8], fields: &FrameFields) -> Result<u64> {
        self.append_with(pixels, &fields.to_json()?)
    }

    /// As [`Stream::append_with`] (or [`Stream::append`] without metadata), but never waits for the disk:
    /// [`Error::Full`] where there is no room within the memory limit. It may wait for another thread that is copying
    /// its frame.
    ///
    /// # Errors
    /// As [`Stream::append_with`].
    pub fn try_append(&self, pixels: &[u8], metadata_json: Option<&str>) -> Result<u64> {
        let metadata = metadata_json.map(FrameMetadata::from_json).transpose()?;
        self.append_as(SourceId(0), pixels, metadata.as_ref(), NoRoom::Refuse)
    }

    /// As [`Stream::append_with`] (or [`Stream::append`] without metadata), of a frame of a source. Returns its number
    /// among the frames of that source.
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
    /// [`Error::InvalidMetadata`] for reserved names, for text that is not a JSON object, and for more than 16 MiB in a
    /// namespace or 32 MiB in all together; [`Error::Finished`], [`Error::Aborted`]; [`Error::Io`].
    pub fn set_metadata(&self, namespace: &str, json: &str) -> Result<()> {
        let value: Value = serde_json::from_str(json).map_err(|cause| Error::InvalidMetadata {
            namespace: namespace.to_owned(),
            problem: format!("not JSON: {cause}"),
            remedy: "send a JSON object in UTF-8".to_owned(),
        })?;
        check_namespace(namespace, &value)?;
        if Counts::is_set(&self.shared.counts.finished) {
            return Err(self.shared.over());
        }
        self.shared.store.set_metadata(namespace, value)
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
            lost: Counts::get(&shared.counts.lost),
            declared: shared.plan.sources().iter().map(|source| source.router().total()).sum(),
            bytes_in_flight: shared.budget.bytes_out(),
            bytes_high_water: shared.budget.high_water(),
            bytes_limit: shared.budget.limit_bytes(),
            bytes_written: shared.store.bytes_written(),
            append: Latencies::of(&append),
            phases: Phases {
                copy_ms: ms(shared.counts.copy.total()),
                wait_ms: ms(shared.counts.wait.total()),
                encode_ms: ms(spent.encode),
                write_ms: ms(spent.write),
                sync_ms: ms(shared.counts.sync.total()),
            },
            failure: shared.failure.get().map(|error| error.to_string()),
            finished: Counts::is_set(&shared.counts.finished),
            aborted: shared.abort.is_asked(),
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
    /// [`Error::Aborted`] after [`Stream::abort`].
    pub fn finish(&self) -> Result<Summary> {
        self.outcome().and_then(|summary| if summary.aborted { Err(Error::Aborted) } else { Ok(summary) })
    }

    /// How the run has ended; ends it unless it has.
    fn outcome(&self) -> Result<Summary> {
        // Held meanwhile: who asks while the run ends waits for its end.
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = outcome.get_or_insert_with(|| self.end()).clone();
        self.shared.progress.end(ended.is_ok());
        ended
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Err(error) = self.outcome() {
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
