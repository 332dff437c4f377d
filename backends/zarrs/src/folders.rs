//! Folders are made once, not once a chunk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ome_stream::platform::Disk;
use ome_stream::{Error, Result};

/// Folders that are remembered: beyond this the memory starts afresh, which costs one needless call a folder.
const REMEMBERED: usize = 1 << 16;

/// Makes folders, and remembers which it made.
#[derive(Debug)]
pub(crate) struct Folders {
    disk: Arc<dyn Disk>,
    made: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(crate) fn new(disk: &Arc<dyn Disk>) -> Self {
        Self { disk: Arc::clone(disk), made: Mutex::default() }
    }

    /// Makes the folder that `file` goes into.
    pub(crate) fn for_file(&self, file: &Path) -> Result<()> {
        let Some(folder) = file.parent() else { return Ok(()) };
        if self.made.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        self.disk.create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(folder.to_path_buf());
        Ok(())
    }
}
