//! Files by the standard library alone: what every platform has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{Disk, DiskFile, Sync, SyncPoint};

/// Writes by seek and write under a lock; syncs each file as it is closed, since the standard library cannot sync a
/// whole file system.
#[derive(Debug, Default, Clone, Copy)]
pub struct PortableDisk;

impl Disk for PortableDisk {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path, _expected: u64) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(PortableFile(Mutex::new(File::create(path)?))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Box::new(PortableFile(Mutex::new(file))))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(bytes)?;
        sync_file(&file, sync)
    }

    fn rename(&self, from: &Path, to: &Path, sync: Sync) -> io::Result<()> {
        fs::rename(from, to)?;
        match (sync, to.parent()) {
            (Sync::Never, _) | (_, None) => Ok(()),
            (_, Some(folder)) => sync_folder(folder),
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_point(&self, _root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        Ok(Box::new(AlreadySynced))
    }
}

/// Every file was synced when it was closed.
#[derive(Debug)]
struct AlreadySynced;

impl SyncPoint for AlreadySynced {
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct PortableFile(Mutex<File>);

impl DiskFile for PortableFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn sync(&self, sync: Sync) -> io::Result<()> {
        sync_file(&self.0.lock().unwrap_or_else(PoisonError::into_inner), sync)
    }
}

fn sync_file(file: &File, sync: Sync) -> io::Result<()> {
    match sync {
        Sync::Never => Ok(()),
        Sync::Now | Sync::Later => file.sync_data(),
    }
}

/// Puts a folder's entries on the medium, where the platform lets a folder be opened for that.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(()); // NTFS journals names itself, and the standard library cannot open a folder there.
    }
    File::open(folder)?.sync_all()
}
