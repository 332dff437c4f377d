//! Files by the standard library alone: what every platform has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{AppendFile, Disk, DiskFile, Sync, SyncPoint};

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

    fn create_dir(&self, path: &Path, sync: Sync) -> io::Result<()> {
        create_one_dir(path)?;
        match (sync, path.parent()) {
            (Sync::Never, _) | (_, None) => Ok(()),
            (_, Some(folder)) => sync_folder(folder),
        }
    }

    fn create(&self, path: &Path, _expected: u64) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(PortableFile(Mutex::new(File::create(path)?))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Box::new(PortableFile(Mutex::new(file))))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
        let new = append_whole(path, bytes, |file| sync_file(file, sync))?;
        match path.parent() {
            Some(folder) if new && sync != Sync::Never => sync_folder(folder),
            _ => Ok(()),
        }
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        open_append(path)
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

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).set_len(length)
    }

    fn sync(&self, sync: Sync) -> io::Result<()> {
        sync_file(&self.0.lock().unwrap_or_else(PoisonError::into_inner), sync)
    }

    #[cfg(unix)]
    fn has_name(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).metadata()?.nlink() > 0)
    }
}

/// A file that only grows.
#[derive(Debug)]
struct GrowingFile(File);

pub(super) fn open_append(path: &Path) -> io::Result<Box<dyn AppendFile>> {
    Ok(Box::new(GrowingFile(OpenOptions::new().create(true).append(true).open(path)?)))
}

impl AppendFile for GrowingFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }
}

fn sync_file(file: &File, sync: Sync) -> io::Result<()> {
    match sync {
        Sync::Never => Ok(()),
        Sync::Now | Sync::Later => file.sync_data(),
    }
}

/// Makes a folder unless it is there.
pub(super) fn create_one_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        outcome => outcome,
    }
}

/// Appends all of `bytes` and puts them on the medium by `sync`, or neither; says whether the file was empty before.
pub(super) fn append_whole(path: &Path, bytes: &[u8], sync: impl FnOnce(&File) -> io::Result<()>) -> io::Result<bool> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(bytes).and_then(|()| sync(&file)) {
        // The error counts, whatever becomes of what it left.
        let _ = file.set_len(before);
        return Err(error);
    }
    Ok(before == 0)
}

/// Puts a folder's entries on the medium, where the platform lets a folder be opened for that.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(()); // NTFS journals names itself, and the standard library cannot open a folder there.
    }
    // A relative path of one name lies in the current folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}
