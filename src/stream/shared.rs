//! What the camera's thread, the workers and the live thread have in common.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hdrhistogram::Histogram;
use serde_json::Value;

use super::failure::Failure;
use super::journal::Journal;
use super::progress::Progress;
use crate::backend::{Capabilities, Sink};
use crate::buffer::{GroupKey, Layout, Pool};
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::ngff::{Attributes, documents_v05, frame_metadata};
use crate::plan::Plan;
use crate::platform::{Disk, Sync, create_dirs_below};
use crate::settings::Durability;
use crate::store::Lock;

/// One run's common state. The append path locks nothing in here that a worker ever holds.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) layout: Layout,
    pub(super) sink: Box<dyn Sink>,
    pub(super) capabilities: Capabilities,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) pool: Pool,
    pub(super) progress: Progress,
    pub(super) failure: Failure,
    pub(super) journal: Journal,
    pub(super) log: Arc<Log>,
    /// Held until everything is written.
    pub(super) lock: Mutex<Option<Lock>>,
    /// What a person should know.
    pub(super) notes: Mutex<Vec<String>>,
    /// The host's own metadata, by namespace.
    pub(super) metadata: Mutex<Attributes>,
    pub(super) counts: Counts,
    /// Groups that were handed to the workers and are not stored yet.
    pub(super) storing: Mutex<HashSet<GroupKey>>,
    /// Nanoseconds that `append` took; only `append` and `status` look at it.
    pub(super) latencies: Mutex<Histogram<u64>>,
}

/// Counters that `status` reads without a lock.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) finished: AtomicBool,
    pub(super) copy: Clock,
    pub(super) wait: Clock,
    pub(super) sync: Clock,
}

/// Nanoseconds spent in a phase.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn add(&self, since: Instant) {
        self.0.fetch_add(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn ms(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e6
    }
}

impl Counts {
    pub(super) fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Acquire)
    }
}

impl Shared {
    /// True while a group is on its way from the queue to the engine.
    pub(super) fn is_storing(&self) -> bool {
        !self.storing.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Keeps a note for whoever asks how the run stands.
    pub(super) fn note(&self, note: String) {
        tracing::warn!("{note}");
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// Every note, those of the disk included.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        notes.extend(self.disk.notes());
        notes
    }

    /// Whether the store is still where it was and still this run's.
    pub(super) fn check_root(&self) -> Result<()> {
        match self.lock.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Lock::check) {
            // Another error says nothing about the store's name.
            Some(Err(error)) if error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// When files of this run have to be on the medium.
    pub(super) fn sync(&self) -> Sync {
        file_sync(self.plan.settings().durability)
    }
}

/// When group metadata are written.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stage<'a> {
    /// Their folders are not there yet.
    Create,
    Run,
    Finish(&'a Final<'a>),
}

/// What is known of a run only at its end.
#[derive(PartialEq)]
pub(super) struct Final<'a> {
    /// Frame metadata of each position as its group shall show them.
    pub(super) mirrors: &'a [Option<Value>],
    /// Planes along the append axis of each position.
    pub(super) extents: &'a [Option<u64>],
}

/// When small files have to be on the medium.
pub(super) fn file_sync(durability: Durability) -> Sync {
    match durability {
        Durability::Finish => Sync::Later,
        Durability::Shard => Sync::Now,
        Durability::None => Sync::Never,
    }
}

/// Writes the metadata of every group of a store, each file atomically.
pub(super) fn write_groups(
    plan: &Plan,
    disk: &dyn Disk,
    sync: Sync,
    host: &Attributes,
    stage: Stage<'_>,
) -> Result<()> {
    let last = match stage {
        Stage::Create | Stage::Run => None,
        Stage::Finish(last) => Some(last),
    };
    let layout = plan.ngff(last.map(|last| last.extents));
    let image_attributes = |position: usize| {
        let mirror = last.and_then(|last| last.mirrors.get(position)).cloned().flatten();
        Ok(mirror.map(|value| Attributes::from([(frame_metadata::ATTRIBUTE.to_owned(), value)])).unwrap_or_default())
    };
    for document in documents_v05(&layout, host, image_attributes)? {
        let document = document?;
        let path = plan.root().join(&document.path);
        // Only while the store is made: one that somebody removed since is not begun anew.
        if let Some(folder) = path.parent().filter(|_| stage == Stage::Create) {
            create_dirs_below(disk, plan.root(), folder, sync).map_err(|source| Error::io("create", folder, source))?;
        }
        disk.put(&path, &document.bytes, sync).map_err(|source| Error::io("write", &path, source))?;
    }
    Ok(())
}
