//! The store of a run that begins or goes on, and all that is passed around with it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::arrays::Arrays;
use super::folders::Folders;
use super::frame_metadata::{self, MetadataLines};
use super::groups::Groups;
use super::missing::{self, Missing};
use super::reserve::Reserve;
use super::{Lock, Root, lines};
use crate::buffer::Budget;
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::journal::record::{self, Come};
use crate::ngff::Attributes;
use crate::plan::{Capabilities, Plan, SourceId};
use crate::platform::{Disk, SyncPoint, SyncPolicy};
use crate::settings::Durability;

/// The store that a run writes: its folder and lock, its documents, and what the run keeps beside the pixels.
///
/// Engines get it to put pixels into; the documents are not theirs.
pub struct Store {
    pub(super) plan: Arc<Plan>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sync: SyncPolicy,
    /// True where the engine makes documents of its own: ours are there before, and put in their place at the end.
    pub(super) own_documents: bool,
    pub(super) groups: Groups,
    pub(super) arrays: Arrays,
    pub(super) lines: MetadataLines,
    folders: Folders,
    log: Arc<Log>,
    /// Frames that each source has not.
    missing: Vec<Missing>,
    reserve: Reserve,
    /// Opened before the first write; `None` once all is on the medium.
    sync_point: Mutex<Option<Box<dyn SyncPoint>>>,
    /// Held until everything is written.
    lock: Mutex<Option<Lock>>,
    lost: AtomicBool,
    bytes: Arc<AtomicU64>,
}

/// What an earlier run left in a store.
#[derive(Debug)]
pub(crate) struct Earlier {
    /// For each source the frames that are done: the number of the next one.
    pub(crate) come: Vec<Come>,
    /// The host's metadata.
    pub(crate) host: Attributes,
    /// Planes along the append axis that each array's document tells of.
    pub(crate) extents: Vec<Option<u64>>,
}

impl Store {
    /// Makes the store of a new run: its folder, with lock and mark, and the groups. What was made is removed again
    /// when the folder is dropped before [`Root::keep`].
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::NotAStore`], [`Error::Busy`] for what is in the way; [`Error::Io`].
    pub(crate) fn create(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, engine: &Capabilities) -> Result<(Root, Self)> {
        let root = Root::prepare(plan, &**disk)?;
        let store = Self::open(plan, disk, engine, None)?;
        store.make_groups()?;
        Ok((root, store))
    }

    /// Goes on with the store in a folder whose lock is held: what it tells of frames that come again is cut off.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn existing(
        plan: &Arc<Plan>,
        disk: &Arc<dyn Disk>,
        engine: &Capabilities,
        earlier: &Earlier,
    ) -> Result<Self> {
        let sync = sync_of(plan.settings().durability);
        for (source, Come { frames, .. }) in plan.sources().iter().zip(&earlier.come) {
            for image in source.images() {
                lines::keep_first(&frame_metadata::path(plan, image), *frames, &**disk, sync)?;
            }
            missing::trim(plan.root(), (source.id(), source.router()), *frames, &**disk, sync)?;
        }
        Self::open(plan, disk, engine, Some(earlier))
    }

    fn open(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, engine: &Capabilities, earlier: Option<&Earlier>) -> Result<Self> {
        let reads = disk.source();
        let lists = plan.sources().iter();
        let lists = lists.map(|source| Missing::new(&*reads, plan.root(), source.id(), source.router()));
        let missing = lists.collect::<Result<Vec<_>>>()?;
        let log = Log::create(plan, &**disk, engine.unit)?;
        let sync_point = disk.sync_point(plan.root()).map_err(|source| Error::io("open", plan.root(), source))?;
        let store = Self { missing, ..Self::of(plan, disk, log, engine.own_documents, earlier) };
        *store.sync_point.lock().unwrap_or_else(PoisonError::into_inner) = Some(sync_point);
        Ok(store)
    }

    fn of(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: Log, own_documents: bool, earlier: Option<&Earlier>) -> Self {
        let sync = sync_of(plan.settings().durability);
        let missing = |source: &crate::plan::PlannedSource| Missing::none(plan.root(), source.id(), source.router());
        let extents = earlier.map_or_else(|| vec![None; plan.arrays().len()], |earlier| earlier.extents.clone());
        Self {
            plan: Arc::clone(plan),
            disk: Arc::clone(disk),
            sync,
            own_documents,
            groups: Groups::new(earlier.map(|earlier| earlier.host.clone()).unwrap_or_default(), earlier.is_some()),
            arrays: Arrays::new(extents, earlier.is_some()),
            lines: MetadataLines::default(),
            folders: Folders::new(disk, plan.root(), sync),
            log: Arc::new(log),
            missing: plan.sources().iter().map(missing).collect(),
            reserve: Reserve::new(plan.root(), disk),
            sync_point: Mutex::default(),
            lock: Mutex::default(),
            lost: AtomicBool::new(false),
            bytes: Arc::default(),
        }
    }

    /// A store that nobody has made, without documents and log: for tests of engines and threads.
    #[doc(hidden)]
    #[must_use]
    pub fn nowhere(plan: &Arc<Plan>, disk: &Arc<dyn Disk>) -> Self {
        Self::of(plan, disk, Log::none(), true, None)
    }

    /// Completes a store: arrays of a new one, the reserve, and last `progress.json` with what has `come`, without
    /// which it counts as half made.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn complete(&self, come: &[Come]) -> Result<()> {
        self.make_arrays()?;
        self.reserve.keep()?;
        self.record(come)
    }

    /// The store is complete: it holds its lock from now on. False where the file system has no locks.
    pub(crate) fn stands(&self, root: Root) -> bool {
        let lock = root.keep();
        let is_locked = lock.as_ref().is_none_or(Lock::is_locked);
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = lock;
        is_locked
    }

    /// What the store is made by.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What it is written through.
    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// When files have to be on the medium.
    #[must_use]
    pub fn sync(&self) -> SyncPolicy {
        self.sync
    }

    /// The write log: an engine that places chunks in shards notes their places in it.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Makes the folder that a file goes into, and those above it up to the root, once.
    ///
    /// # Errors
    /// [`Error::Io`]; the root itself is not made anew.
    pub fn make_folder_for(&self, file: &Path) -> Result<()> {
        file.parent().map_or(Ok(()), |folder| self.folders.make(folder))
    }

    /// Counts bytes that were handed to the disk.
    pub fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Where they are counted, for parts of an engine that know no more of the store.
    #[must_use]
    pub fn counter(&self) -> &Arc<AtomicU64> {
        &self.bytes
    }

    /// Bytes handed to the disk so far: payload after encoding, indices and array metadata.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Tells how far each source has come, for whoever continues or mends the store.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn record(&self, come: &[Come]) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        record::write(&self.plan, &*self.disk, self.sync, come)
    }

    /// The list of frames that a source has not.
    pub(crate) fn missing(&self, source: SourceId) -> &Missing {
        &self.missing[source.index()]
    }

    /// Lists what is missing, of every source; goes on after an error, which it returns.
    pub(crate) fn flush_missing(&self) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        let flush = |missing: &Missing| missing.flush(&*self.disk, self.sync);
        self.missing.iter().map(flush).fold(Ok(()), Result::and)
    }

    /// The lines of frame metadata.
    pub(crate) fn lines(&self) -> &MetadataLines {
        &self.lines
    }

    /// Writes the lines of frame metadata that wait, which count in `budget`.
    pub(crate) fn flush_lines(&self, budget: &Budget) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        self.lines.flush(&self.plan, budget, &*self.disk, self.sync)
    }

    /// Leaves out the lines of frames that were given up: of each source those from so many frames on.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn cut_lines(&self, frames: &[u64]) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        for (source, frames) in self.plan.sources().iter().zip(frames) {
            for image in source.images().filter(|image| self.lines.has_begun(*image)) {
                lines::keep_first(&frame_metadata::path(&self.plan, image), *frames, &*self.disk, self.sync)?;
            }
        }
        Ok(())
    }

    /// Writes them before the log tells that their frames are stored, so that after a crash no stored frame lacks its
    /// line.
    pub(crate) fn flush_lines_for_log(&self, budget: &Budget) -> Result<()> {
        self.lines.flush_for_log(&self.plan, budget, &*self.disk)
    }

    /// Whether the store is still where it was and still this run's.
    pub(crate) fn check_root(&self) -> Result<()> {
        match self.lock.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Lock::check) {
            // Another error says nothing about the store's name.
            Some(Err(error)) if error.is_not_found() => {
                self.lost.store(true, Ordering::Release);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// True once the store was found to be no longer where it was: what its paths lead to is nobody's, or another
    /// run's, and nothing there is changed.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Space that was kept for a full disk is needed now, or no longer.
    pub(crate) fn give_back_reserve(&self) {
        if self.is_lost() {
            self.reserve.leave();
        }
        self.reserve.give_back();
    }

    /// Puts everything on the medium; `None` where that is not asked for, or was done before.
    pub(crate) fn sync_all(&self) -> Option<Result<()>> {
        let sync_point = self.sync_point.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let synced = || sync_point.sync().map_err(|source| Error::io("sync", self.plan.root(), source));
        (self.sync != SyncPolicy::Never).then(synced)
    }

    /// The run has ended well: as long as the log is there it counts as interrupted.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn remove_log(&self) -> Result<()> {
        self.log.remove(&*self.disk)
    }

    /// Lets others change the store.
    pub(crate) fn unlock(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("root", &self.plan.root()).finish_non_exhaustive()
    }
}

/// When the files of a run have to be on the medium.
pub(super) fn sync_of(durability: Durability) -> SyncPolicy {
    match durability {
        Durability::Finish => SyncPolicy::Later,
        Durability::Shard => SyncPolicy::Now,
        Durability::None => SyncPolicy::Never,
    }
}
