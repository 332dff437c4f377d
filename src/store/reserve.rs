//! Space kept on the disk: a run that fills it can still show readers what it has written.
//!
//! A shard index and the shape of a growing array need a few blocks more after the disk is full.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::names::own::RESERVE;
use crate::platform::{Disk, SyncPolicy, partial_name};

/// Bytes that are kept: indices of many open shards, and a few metadata files.
pub(crate) const BYTES: usize = 256 << 10;

/// A file of no use but for the space that it takes.
#[derive(Debug)]
pub(super) struct Reserve {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    kept: AtomicBool,
}

impl Reserve {
    /// Of the store in `root`; not taken yet.
    pub(super) fn new(root: &Path, disk: &Arc<dyn Disk>) -> Self {
        Self { disk: Arc::clone(disk), path: partial_name(&root.join(RESERVE)), kept: AtomicBool::new(false) }
    }

    /// Takes the space.
    pub(super) fn keep(&self) -> Result<()> {
        let fill = || {
            let file = self.disk.create(&self.path, 0)?;
            file.write_at(0, &vec![0; BYTES])?;
            file.sync(SyncPolicy::Never)
        };
        if let Err(source) = fill() {
            // What there is of it may be the last space on the disk.
            let _ = self.disk.remove_file(&self.path);
            return Err(Error::io("write", &self.path, source));
        }
        self.kept.store(true, Ordering::Release);
        Ok(())
    }

    /// Forgets the file without removing it: its path now belongs to another store.
    pub(super) fn leave(&self) {
        self.kept.store(false, Ordering::Release);
    }

    /// Gives it back; the first time only.
    pub(super) fn give_back(&self) {
        if self.kept.swap(false, Ordering::AcqRel)
            && let Err(error) = self.disk.remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a file could not be removed");
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::faulty::{Fault, FaultyDisk, Operation};
    use crate::platform::native;

    #[test]
    fn of_space_that_a_disk_refuses_nothing_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join(RESERVE).parent().expect("below it")).expect("made");
        let full = |_: u64, operation: &Operation| Fault {
            errno: matches!(operation, Operation::Write(..)).then_some(rustix::io::Errno::NOSPC.raw_os_error()),
            ..Fault::default()
        };
        let full: Arc<dyn Disk> = Arc::new(FaultyDisk::new(native(), Box::new(full)));
        let reserve = Reserve::new(folder.path(), &full);
        assert!(reserve.keep().is_err());
        assert!(!reserve.path.exists());
        let reserve = Reserve::new(folder.path(), &native());
        reserve.keep().expect("kept");
        assert!(reserve.path.exists());
        reserve.give_back();
        assert!(!reserve.path.exists());
    }
}
