//! Folders of a store are made once, as files need them, and never anew: a store that was removed during a run is
//! noticed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::platform::{Disk, SyncPolicy};

/// Folders that are remembered: beyond this the memory starts afresh, which costs one needless call a folder.
const REMEMBERED: usize = 1 << 16;

/// Makes folders, and remembers which it made.
#[derive(Debug)]
pub(super) struct Folders {
    disk: Arc<dyn Disk>,
    /// The store's own folder, which is there.
    root: PathBuf,
    sync: SyncPolicy,
    made: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(super) fn new(disk: &Arc<dyn Disk>, root: &Path, sync: SyncPolicy) -> Self {
        Self { disk: Arc::clone(disk), root: root.to_path_buf(), sync, made: Mutex::default() }
    }

    /// Makes `folder` and those above it, up to the root.
    pub(super) fn make(&self, folder: &Path) -> Result<()> {
        if folder == self.root || self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        folder.parent().map_or(Ok(()), |above| self.make(above))?;
        self.disk.create_dir(folder, self.sync).map_err(|source| Error::io("create", folder, source))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(folder.to_path_buf());
        Ok(())
    }
}
