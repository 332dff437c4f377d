//! The write log of a run: see [`super::format`] for what is in it and why.
//!
//! Every run has one, so that its presence tells that a run has not finished.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::format::{PlacedChunk, Planes, chunks_entry, durable_entry, first_entries, planes_entry};
use crate::buffer::Arrival;
use crate::error::{Error, Result};
use crate::names::own::{LOG, OLD_LOG};
use crate::plan::{Plan, SlabKey, SourceId, StorageUnit};
use crate::platform::{AppendFile, Disk, Source};
use crate::reader;

/// True where the store in `root` has a log, of this version or an earlier one: its run was interrupted.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn is_there(source: &dyn Source, root: &Path) -> Result<bool> {
    Ok(reader::is_there(source, &root.join(LOG))? || reader::is_there(source, &root.join(OLD_LOG))?)
}

/// The open log.
#[derive(Debug)]
pub struct Log {
    root: PathBuf,
    path: PathBuf,
    /// `None` once the run has finished.
    file: Mutex<Option<Arc<dyn AppendFile>>>,
}

impl Log {
    /// Opens the log of a run that begins, and tells in it what the run is; the engine takes `unit`s.
    pub(crate) fn create(plan: &Plan, disk: &dyn Disk, unit: StorageUnit) -> Result<Self> {
        let path = plan.root().join(LOG);
        let file = disk.open_append(&path).map_err(|source| Error::io("create", &path, source))?;
        file.append(&first_entries(plan, unit)).map_err(|source| Error::io("write", &path, source))?;
        Ok(Self { root: plan.root().to_path_buf(), path, file: Mutex::new(Some(Arc::from(file))) })
    }

    /// A log that takes no notes.
    #[must_use]
    pub fn none() -> Self {
        Self { root: PathBuf::new(), path: PathBuf::new(), file: Mutex::new(None) }
    }

    /// The name by which the log knows a shard file.
    #[must_use]
    pub fn name_of(&self, shard: &Path) -> String {
        let below = shard.strip_prefix(&self.root).unwrap_or(shard);
        below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// Notes that `chunks`, `(place in the index, length)`, were written one after another from `offset` of a shard.
    ///
    /// # Errors
    /// The operating system's.
    pub fn placed(&self, shard: &str, offset: u64, chunks: &[(usize, u64)], complete: bool) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        // A plan has at most 2^20 chunks in a shard and 2^31 bytes in a chunk.
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let placed =
            chunks.iter().map(|(place, length)| PlacedChunk { place: narrow(*place as u64), length: narrow(*length) });
        self.append(&chunks_entry(shard, offset, complete, &placed.collect::<Vec<_>>()))
    }

    /// Notes that the planes in these slots of a slab, ascending, were given to the operating system.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn planes(&self, key: SlabKey, slots: impl IntoIterator<Item = (usize, Arrival)>) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let planes = Planes::of(key.array, key.index, slots);
        if planes.runs.is_empty() { Ok(()) } else { self.append(&planes_entry(&planes)) }
    }

    /// Notes that so many frames of a source, in the order in which they came, are on the medium.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn durable(&self, source: SourceId, frames: u64) -> Result<()> {
        self.append(&durable_entry(source, frames))
    }

    fn is_closed(&self) -> bool {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn append(&self, entry: &[u8]) -> Result<()> {
        let open = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(file) = open else { return Ok(()) };
        file.append(entry).map_err(|source| Error::io("append to", &self.path, source))
    }

    /// The run has ended well: every index is written, nothing will have to be won back.
    pub(crate) fn remove(&self, disk: &dyn Disk) -> Result<()> {
        drop(self.file.lock().unwrap_or_else(PoisonError::into_inner).take());
        disk.remove_file(&self.path).map_err(|source| Error::io("remove", &self.path, source))
    }
}
