//! Linux: positioned writes without a lock, direct I/O, room reserved ahead, one `syncfs` for everything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags, fallocate, syncfs};

use super::portable::sync_folder;
use super::{Disk, DiskFile, Sync, SyncPoint};
use crate::buffer::ALIGNMENT;

/// Files expected to be at least this large are written past the page cache: below it, opening twice costs more than
/// the copy that direct I/O saves.
const DIRECT_FROM: u64 = 1 << 20;

/// Files by Linux's own calls.
#[derive(Debug, Default, Clone, Copy)]
pub struct LinuxDisk;

impl Disk for LinuxDisk {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&self, path: &Path, expected: u64) -> io::Result<Box<dyn DiskFile>> {
        let buffered = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let mut direct = None;
        if expected >= DIRECT_FROM {
            direct = open_direct(path);
            // Room reserved at once lies together and says early that the disk is full. The length stays as it is.
            match fallocate(&buffered, FallocateFlags::KEEP_SIZE, 0, expected) {
                Err(rustix::io::Errno::NOSPC) => return Err(rustix::io::Errno::NOSPC.into()),
                // A file system that cannot reserve writes all the same.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(Box::new(LinuxFile { buffered, direct }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let buffered = OpenOptions::new().write(true).open(path)?;
        let direct = open_direct(path);
        Ok(Box::new(LinuxFile { buffered, direct }))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(bytes)?;
        match sync {
            Sync::Now => file.sync_data(),
            Sync::Later | Sync::Never => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path, sync: Sync) -> io::Result<()> {
        fs::rename(from, to)?;
        match (sync, to.parent()) {
            (Sync::Now, Some(folder)) => sync_folder(folder),
            _ => Ok(()),
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_point(&self, root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        Ok(Box::new(FileSystem(File::open(root)?)))
    }
}

/// The file system that holds the store. Linux reports a failed background write to every descriptor that was open
/// when it happened (since 5.8), so this one is opened before the first write.
#[derive(Debug)]
struct FileSystem(File);

impl SyncPoint for FileSystem {
    fn sync(&self) -> io::Result<()> {
        Ok(syncfs(&self.0)?)
    }
}

#[derive(Debug)]
struct LinuxFile {
    buffered: File,
    direct: Option<File>,
}

impl DiskFile for LinuxFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let aligned = |number: usize| number.is_multiple_of(ALIGNMENT);
        if let Some(direct) = &self.direct
            && aligned(bytes.as_ptr() as usize)
            && aligned(bytes.len())
            && offset.is_multiple_of(ALIGNMENT as u64)
        {
            match direct.write_all_at(bytes, offset) {
                // A file system that opens files for direct I/O and then refuses the write.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                done => return done,
            }
        }
        self.buffered.write_all_at(bytes, offset)
    }

    fn close(self: Box<Self>, sync: Sync) -> io::Result<()> {
        match sync {
            Sync::Now => self.buffered.sync_data(),
            Sync::Later | Sync::Never => Ok(()),
        }
    }
}

/// A second descriptor past the page cache, where the file system has such a thing (tmpfs before 6.6 has not).
fn open_direct(path: &Path) -> Option<File> {
    let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
    OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
}
