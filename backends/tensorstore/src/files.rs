//! Stored objects as files: what TensorStore has encoded goes to disk by core's own means, and so past the page cache,
//! through the fault-injecting disk of tests, and under the names that core's recovery knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};
use ome_stream::platform::{DiskFile, SyncPolicy, partial_name};
use ome_stream::store::Store;
use ome_stream::{Error, Result};
use ome_stream_tensorstore_sys::{Keep, Pieces};

/// Bytes that are gathered before they are written: TensorStore's pieces are of 64 KiB at most and lie anywhere, a disk
/// is written past the page cache from page boundaries only.
const STAGE: usize = 2 << 20;

/// Pieces of at least this size are written from where they lie, if the disk can take them from there.
const DIRECT_FROM: usize = 256 << 10;

/// What the arrays of a run share.
#[derive(Debug)]
pub(crate) struct Files {
    store: Arc<Store>,
    stages: Mutex<Vec<AlignedBuffer>>,
    /// Failures by file: TensorStore passes on no more than their text. A run ends with the first; others may be under
    /// way.
    failed: Mutex<HashMap<PathBuf, Error>>,
}

impl Files {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), stages: Mutex::default(), failed: Mutex::default() }
    }

    /// True where each object is on the medium before its write returns.
    pub(crate) fn syncs_now(&self) -> bool {
        self.store.sync() == SyncPolicy::Now
    }

    /// Why the first of some files that could not be written was not; `None` where all could.
    pub(crate) fn failure(&self, mut files: impl Iterator<Item = PathBuf>) -> Option<Error> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        files.find_map(|file| failed.get(&file).cloned())
    }

    fn store(&self, path: &Path, mut value: Pieces<'_>) -> Result<()> {
        self.store.make_folder_for(path)?;
        let partial = partial_name(path);
        let stored = self.write(&partial, &mut value).and_then(|()| {
            self.store
                .disk()
                .rename(&partial, path, self.store.sync())
                .map_err(|source| Error::io("rename", &partial, source))
        });
        match &stored {
            Ok(()) => self.store.count(value.length() as u64),
            // The error counts, whatever becomes of what it left.
            Err(_) => _ = self.store.disk().remove_file(&partial),
        }
        stored
    }

    fn write(&self, partial: &Path, value: &mut Pieces<'_>) -> Result<()> {
        let length = value.length();
        let room = if length >= STAGE { length as u64 } else { 0 };
        let file = self.store.disk().create(partial, room).map_err(|source| Error::io("create", partial, source))?;
        let mut writer = Writer { files: self, file: &*file, offset: 0, stage: None, staged: 0, left: length };
        let written = (|| {
            while let Some(piece) = value.next_piece() {
                writer.add(piece)?;
            }
            writer.flush()?;
            file.sync(self.store.sync())
        })();
        writer.end();
        written.map_err(|source| Error::io("write", partial, source))
    }

    fn take_stage(&self) -> std::io::Result<AlignedBuffer> {
        let free = self.stages.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.map_or_else(|| AlignedBuffer::zeroed(STAGE, "a piece of a file").map_err(std::io::Error::other), Ok)
    }
}

/// Writes pieces one after another, small ones together.
struct Writer<'a> {
    files: &'a Files,
    file: &'a dyn DiskFile,
    /// Bytes that are in the file.
    offset: u64,
    stage: Option<AlignedBuffer>,
    staged: usize,
    /// Bytes that are still to come.
    left: usize,
}

impl Writer<'_> {
    fn add(&mut self, mut piece: &[u8]) -> std::io::Result<()> {
        let aligned = (piece.as_ptr() as usize).is_multiple_of(ALIGNMENT);
        if self.staged == 0 && (piece.len() == self.left || aligned && piece.len() >= DIRECT_FROM) {
            // The last piece of a file has nothing to be put together with.
            let whole = if piece.len() == self.left { piece.len() } else { piece.len() / ALIGNMENT * ALIGNMENT };
            let (now, later) = piece.split_at(whole);
            self.file.write_at(self.offset, now)?;
            self.offset += whole as u64;
            self.left -= whole;
            piece = later;
        }
        while !piece.is_empty() {
            let stage = match &mut self.stage {
                Some(stage) => stage,
                none => none.insert(self.files.take_stage()?),
            };
            let (now, later) = piece.split_at(piece.len().min(stage.len() - self.staged));
            stage.as_mut_slice()[self.staged..self.staged + now.len()].copy_from_slice(now);
            self.staged += now.len();
            self.left -= now.len();
            piece = later;
            if self.staged == STAGE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if let Some(stage) = &mut self.stage {
            self.file.write_at(self.offset, &stage.as_mut_slice()[..self.staged])?;
            self.offset += self.staged as u64;
            self.staged = 0;
        }
        Ok(())
    }

    fn end(self) {
        if let Some(stage) = self.stage {
            self.files.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
        }
    }
}

/// The files of one array.
#[derive(Debug)]
pub(crate) struct ArrayFiles {
    pub(crate) files: Arc<Files>,
    pub(crate) folder: PathBuf,
}

impl Keep for ArrayFiles {
    fn put(&self, key: &str, value: Pieces<'_>) -> Result<(), String> {
        let path = self.folder.join(key);
        self.files.store(&path, value).map_err(|error| {
            let message = error.to_string();
            self.files.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(path, error);
            message
        })
    }
}
