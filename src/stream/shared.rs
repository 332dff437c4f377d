//! What the threads of the sources, the workers and the live thread have in common.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;

use super::abort::Abort;
use super::failure::Failure;
use super::housekeeping::{Housekeeping, Kept};
use super::levels::{Levels, PlaneKey};
use super::patience::Waits;
use super::progress::Progress;
use super::reduce::Scratches;
use super::status::histogram;
use super::underway::Underway;
use super::windows::Windows;
use crate::backend::Sink;
use crate::buffer::{Budget, Open, Sealed, Watched};
use crate::error::{Error, Result};
use crate::plan::{Capabilities, Plan, SlabKey};
use crate::platform::Clock;
use crate::platform::free_memory::free_memory;
use crate::store::Store;

/// One run's common state. What the append path locks in here is held for a moment only, never while a file is written.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) store: Arc<Store>,
    pub(super) sink: Box<dyn Sink>,
    pub(super) capabilities: Capabilities,
    pub(super) budget: Budget,
    pub(super) progress: Progress,
    pub(super) failure: Failure,
    /// What a person should know.
    pub(super) notes: Mutex<Vec<String>>,
    pub(super) housekeeping: Housekeeping,
    pub(super) counts: Counts,
    /// Open slabs that readers may be shown before they are complete. The live thread looks here, so that it needs not
    /// the lock of the append path; locked for no longer than it takes to put a slab in or out, or to note them all.
    pub(super) open: crate::sync::Mutex<HashMap<SlabKey, Watched>>,
    /// Slabs that were handed to the workers and are not stored yet.
    pub(super) storing: Underway<SlabKey>,
    /// Planes of full resolution of which levels are still to be made.
    pub(super) reducing: Underway<PlaneKey>,
    /// Levels below full resolution.
    pub(super) levels: Levels,
    /// Memory in which workers make planes of levels.
    pub(super) scratches: Scratches,
    /// Calls of the host that wait.
    pub(super) waits: Waits,
    /// Whether the host has given the run up.
    pub(super) abort: Abort,
    /// Intensities that were seen, by channel.
    pub(super) windows: Windows,
    /// Nanoseconds that `append` took; only `append` and `status` look at it.
    pub(super) latencies: Mutex<Histogram<u64>>,
}

/// Counters that `status` reads without a lock.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) skipped: AtomicU64,
    pub(super) dropped: AtomicU64,
    /// Accepted, and given up by `abort`.
    pub(super) lost: AtomicU64,
    pub(super) finished: AtomicBool,
    pub(super) copy: Clock,
    pub(super) wait: Clock,
    pub(super) sync: Clock,
}

impl Counts {
    pub(super) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Acquire)
    }

    pub(super) fn is_set(flag: &AtomicBool) -> bool {
        flag.load(Ordering::Acquire)
    }
}

impl Shared {
    /// Of a run that begins or goes on after so many frames of each source.
    pub(super) fn new(
        plan: &Arc<Plan>,
        (capabilities, budget): (Capabilities, Budget),
        (store, sink): (Arc<Store>, Box<dyn Sink>),
        frames: &[u64],
        notes: Vec<String>,
    ) -> Result<Self> {
        Ok(Self {
            progress: Progress::new(plan, frames),
            budget,
            failure: Failure::new(Arc::clone(&store)),
            store,
            sink,
            capabilities,
            notes: Mutex::new(notes),
            housekeeping: Housekeeping::default(),
            counts: Counts::default(),
            open: crate::sync::Mutex::default(),
            storing: Underway::default(),
            reducing: Underway::default(),
            levels: Levels::default(),
            scratches: Scratches::default(),
            latencies: Mutex::new(histogram()?),
            waits: Waits::default(),
            abort: Abort::default(),
            windows: Windows::new(plan),
            plan: Arc::clone(plan),
        })
    }

    /// Whether the run still takes and stores frames, but for what [`Shared::over`] tells.
    ///
    /// # Errors
    /// [`Error::Failed`], [`Error::Aborted`].
    pub(super) fn check(&self) -> Result<()> {
        self.failure.check()?;
        if self.abort.is_asked() { Err(Error::Aborted) } else { Ok(()) }
    }

    /// Why a run that has ended takes no more.
    pub(super) fn over(&self) -> Error {
        if self.abort.is_asked() { Error::Aborted } else { Error::Finished }
    }

    /// True while a slab is on its way from the queue to the engine.
    pub(super) fn is_storing(&self) -> bool {
        self.storing.len() > 0
    }

    /// Keeps a note for whoever asks how the run stands.
    pub(super) fn note(&self, note: String) {
        tracing::warn!("{note}");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// Notes where the machine has less memory left than the run may take.
    pub(super) fn note_memory(&self) {
        let needed = self.plan.memory().total_bytes;
        if let Some(free) = free_memory().filter(|free| free.bytes < needed) {
            self.note(format!(
                "this run may take {needed} bytes of memory, and {} has {} bytes left: where the system does not refuse what it \
                 does not have, it may end this process; lower memory_limit",
                free.whose, free.bytes
            ));
        }
    }

    /// Every note, those of the disk included.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        notes.extend(self.store.disk().notes());
        notes
    }

    /// Lists in the store what is missing. Where the disk refuses that, it is tried again the next time.
    pub(super) fn list_missing(&self) {
        self.housekeeping.note(Kept::Missing, self.store.flush_missing());
    }

    /// A slab that nothing has come to yet; counted by itself unless it gets its `buffer` at once.
    pub(super) fn new_slab(&self, key: SlabKey, buffer: bool) -> Result<Open> {
        let form = self.plan.array(key.array).form();
        Open::new(key, form, (!buffer).then(|| self.budget.slab_beside(form.nth())))
    }

    /// Ends the filling of a slab, if there is one.
    pub(super) fn seal(&self, slab: Option<Open>) -> Option<Sealed> {
        let slab = slab?;
        self.hide_open(&slab);
        Some(slab.seal())
    }

    /// True where planes of levels below full resolution are made.
    pub(super) fn has_levels(&self) -> bool {
        self.plan.forms().len() > self.plan.sources().len()
    }

    /// The open slabs that readers may be shown.
    pub(super) fn open(&self) -> crate::sync::MutexGuard<'_, HashMap<SlabKey, Watched>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slab is open and has its buffer.
    pub(super) fn show_open(&self, slab: &Open) {
        if self.shows_open(slab.key()) {
            self.open().insert(slab.key(), slab.watch());
        }
    }

    /// A slab is complete.
    fn hide_open(&self, slab: &Open) {
        if self.shows_open(slab.key()) {
            self.open().remove(&slab.key());
        }
    }

    /// False where the engine cannot show them, and where a slab is complete with its first frame.
    fn shows_open(&self, key: SlabKey) -> bool {
        self.capabilities.provisional && self.plan.array(key.array).layout().planes() > 1
    }

    /// Writes the lines of frame metadata that wait. A disk that refuses them is asked again later.
    ///
    /// # Errors
    /// The disk's, where more lines wait than may: they are the host's, and it has to know that they are not stored.
    pub(super) fn flush_frame_metadata(&self) -> Result<()> {
        self.keep_lines(self.store.flush_lines(&self.budget))
    }

    /// Writes the lines that wait before the log tells that their frames are stored, so that after a crash no stored
    /// frame lacks its line.
    ///
    /// # Errors
    /// As for [`Shared::flush_frame_metadata`].
    pub(super) fn flush_for_log(&self) -> Result<()> {
        self.keep_lines(self.store.flush_lines_for_log(&self.budget))
    }

    fn keep_lines(&self, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() && self.store.lines().is_overfull() {
            return outcome;
        }
        self.housekeeping.note(Kept::FrameMetadata, outcome);
        Ok(())
    }
}
