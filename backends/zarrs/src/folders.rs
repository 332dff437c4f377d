//! Folders are made once, not once a chunk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ome_stream::platform::{Disk, Sync};
use ome_stream::{Error, Result};

/// Folders that are remembered: beyond this the memory starts afresh, which costs one needless call a folder.
const REMEMBERED: usize = 1 << 16;

/// Makes folders, and remembers which it made.
#[derive(Debug)]
pub(crate) struct Folders {
    disk: Arc<dyn Disk>,
    /// The store's own folder, which is there: what is removed during a run is not made anew.
    root: PathBuf,
    sync: Sync,
    made: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(crate) fn new(disk: &Arc<dyn Disk>, root: &Path, sync: Sync) -> Self {
        Self { disk: Arc::clone(disk), root: root.to_path_buf(), sync, made: Mutex::default() }
    }

    /// Takes note of a folder that is there already.
    pub(crate) fn is_there(&self, folder: PathBuf) {
        self.remember(folder);
    }

    /// Makes the folder that `file` goes into.
    pub(crate) fn for_file(&self, file: &Path) -> Result<()> {
        file.parent().map_or(Ok(()), |folder| self.make(folder))
    }

    fn make(&self, folder: &Path) -> Result<()> {
        if folder == self.root || self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        folder.parent().map_or(Ok(()), |above| self.make(above))?;
        self.disk.create_dir(folder, self.sync).map_err(|source| Error::io("create", folder, source))?;
        self.remember(folder.to_path_buf());
        Ok(())
    }

    fn remember(&self, folder: PathBuf) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(folder);
    }
}
