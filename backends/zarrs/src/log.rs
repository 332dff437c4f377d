//! The write log of a run: see `ome_stream::recover::log` for what is in it and why.
//!
//! Every run has one, so that its presence tells that a run has not finished and its lock that the writer lives. Only
//! shards get records: chunk files appear whole, there is nothing to rebuild.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ome_stream::platform::{AppendFile, Disk};
use ome_stream::recover::log::{FILE_NAME, PlacedChunk, chunks_record, run_record};
use ome_stream::{Error, Plan, Result};
use serde_json::Value;

/// The open log.
#[derive(Debug)]
pub(crate) struct Log {
    root: PathBuf,
    path: PathBuf,
    /// `None` once the run has finished.
    file: Mutex<Option<Arc<dyn AppendFile>>>,
}

impl Log {
    /// Opens the log of a new run and tells in it what the run is; `array` is the metadata that every array starts with.
    pub(crate) fn create(plan: &Plan, disk: &dyn Disk, array: &Value) -> Result<Self> {
        let path = plan.root().join(FILE_NAME);
        let file = disk.open_append(&path).map_err(|source| Error::io("create", &path, source))?;
        file.append(&run_record(array, plan.geometry().append_axis()))
            .map_err(|source| Error::io("write", &path, source))?;
        Ok(Self { root: plan.root().to_path_buf(), path, file: Mutex::new(Some(Arc::from(file))) })
    }

    /// Removes the log of an interrupted run that is continued; refuses where its writer still lives.
    pub(crate) fn discard(plan: &Plan, disk: &dyn Disk) -> Result<()> {
        let path = plan.root().join(FILE_NAME);
        drop(disk.open_append(&path).map_err(|source| Error::io("lock", &path, source))?);
        match disk.remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, source)),
            _ => Ok(()),
        }
    }

    /// A log that takes no notes.
    #[cfg(all(test, feature = "shuttle"))]
    pub(crate) fn none() -> Self {
        Self { root: PathBuf::new(), path: PathBuf::new(), file: Mutex::new(None) }
    }

    /// The name by which the log knows a shard file.
    pub(crate) fn name_of(&self, shard: &Path) -> String {
        let below = shard.strip_prefix(&self.root).unwrap_or(shard);
        below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }

    /// Notes that `chunks`, `(place in the index, length)`, were written one after another from `offset` of a shard.
    pub(crate) fn placed(&self, shard: &str, offset: u64, chunks: &[(usize, u64)], complete: bool) -> Result<()> {
        let open = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(file) = open else { return Ok(()) };
        // A plan has at most 2^20 chunks in a shard and 2^31 bytes in a chunk.
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let placed =
            chunks.iter().map(|(place, length)| PlacedChunk { place: narrow(*place as u64), length: narrow(*length) });
        let record = chunks_record(shard, offset, complete, &placed.collect::<Vec<_>>());
        file.append(&record).map_err(|source| Error::io("append to", &self.path, source))
    }

    /// The run has ended well: every index is written, nothing will have to be won back.
    pub(crate) fn remove(&self, disk: &dyn Disk) -> Result<()> {
        drop(self.file.lock().unwrap_or_else(PoisonError::into_inner).take());
        disk.remove_file(&self.path).map_err(|source| Error::io("remove", &self.path, source))
    }
}
