//! Files by the standard library alone: what every platform has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::limit::SizeLimit;
use super::open_files::with_room;
use super::sync::Notes;
use super::{AppendFile, Disk, DiskFile, SyncPoint, SyncPolicy, name};

/// Writes by seek and write under a lock; syncs each file as it is closed, since the standard library cannot sync a
/// whole file system.
#[derive(Debug, Clone)]
pub struct PortableDisk {
    notes: Notes,
    limit: SizeLimit,
}

impl Default for PortableDisk {
    fn default() -> Self {
        Self { notes: Notes::default(), limit: SizeLimit::of_process() }
    }
}

impl Disk for PortableDisk {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn create_dir(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        create_one_dir(path)?;
        match (sync, path.parent()) {
            (SyncPolicy::Never, _) | (_, None) => Ok(()),
            (_, Some(folder)) => self.notes.sync_folder(folder),
        }
    }

    fn create(&self, path: &Path, _expected: u64) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.file(with_room(|| File::create(path))?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.file(with_room(|| OpenOptions::new().write(true).open(path))?)))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
        let put = |file: &File| match sync {
            SyncPolicy::Never => Ok(()),
            SyncPolicy::Now | SyncPolicy::Later => self.notes.sync_file(file, sync == SyncPolicy::Now),
        };
        let new = append_whole(path, bytes, self.limit, put)?;
        match path.parent() {
            Some(folder) if new && sync != SyncPolicy::Never => self.notes.sync_folder(folder),
            _ => Ok(()),
        }
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        open_append(path, self.limit)
    }

    fn rename(&self, from: &Path, to: &Path, sync: SyncPolicy) -> io::Result<()> {
        fs::rename(from, to)?;
        match (sync, to.parent()) {
            (SyncPolicy::Never, _) | (_, None) => Ok(()),
            (_, Some(folder)) => self.notes.sync_folder(folder),
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn adopt(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        match sync {
            SyncPolicy::Never => Ok(()),
            SyncPolicy::Now | SyncPolicy::Later => self.notes.sync_path(path, sync == SyncPolicy::Now),
        }
    }

    fn sync_point(&self, _root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        Ok(Box::new(AlreadySynced))
    }

    fn notes(&self) -> Vec<String> {
        self.notes.all()
    }
}

impl PortableDisk {
    fn file(&self, file: File) -> PortableFile {
        PortableFile { file: Mutex::new(file), name: name::Watch::default(), disk: self.clone() }
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
struct PortableFile {
    file: Mutex<File>,
    name: name::Watch,
    disk: PortableDisk,
}

impl PortableFile {
    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFile for PortableFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.limit.check(offset, bytes.len())?;
        let mut file = self.lock();
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.limit.check(length, 0)?;
        self.lock().set_len(length)
    }

    fn sync(&self, sync: SyncPolicy) -> io::Result<()> {
        match sync {
            SyncPolicy::Never => Ok(()),
            SyncPolicy::Now | SyncPolicy::Later => self.disk.notes.sync_file(&self.lock(), sync == SyncPolicy::Now),
        }
    }

    fn has_name(&self, path: &Path) -> io::Result<bool> {
        self.name.leads_to(path, &self.lock())
    }
}

/// A file that only grows.
#[derive(Debug)]
struct GrowingFile {
    file: File,
    /// Bytes that are there, and those on their way.
    length: AtomicU64,
    limit: SizeLimit,
}

pub(super) fn open_append(path: &Path, limit: SizeLimit) -> io::Result<Box<dyn AppendFile>> {
    let file = with_room(|| OpenOptions::new().create(true).append(true).open(path))?;
    let length = AtomicU64::new(file.metadata()?.len());
    Ok(Box::new(GrowingFile { file, length, limit }))
}

impl AppendFile for GrowingFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.limit.check(self.length.fetch_add(bytes.len() as u64, Ordering::Relaxed), bytes.len())?;
        (&self.file).write_all(bytes)
    }
}

/// Makes a folder unless it is there.
pub(super) fn create_one_dir(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if path.is_dir() {
                Ok(())
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        }
        outcome => outcome,
    }
}

/// Appends all of `bytes` and puts them on the medium by `sync`, or neither; says whether the file was empty before.
pub(super) fn append_whole(
    path: &Path,
    bytes: &[u8],
    limit: SizeLimit,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<bool> {
    let mut file = with_room(|| OpenOptions::new().create(true).append(true).open(path))?;
    let before = file.metadata()?.len();
    limit.check(before, bytes.len())?;
    if let Err(error) = file.write_all(bytes).and_then(|()| sync(&file)) {
        // The error counts, whatever becomes of what it left.
        let _ = file.set_len(before);
        return Err(error);
    }
    Ok(before == 0)
}
