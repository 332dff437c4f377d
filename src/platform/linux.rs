//! Linux: positioned writes without a lock, direct I/O, writeback from the first moment, one `syncfs` for everything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{FallocateFlags, OFlags, fallocate, syncfs};
use rustix::io::{Errno, ReadWriteFlags, pwritev2};

use super::portable::{append_whole, create_one_dir, open_append, sync_folder};
use super::{AppendFile, Disk, DiskFile, Sync, SyncPoint};
use crate::buffer::ALIGNMENT;

/// Writes of at least this size go past the page cache where everything is aligned: below it, waiting for the disk
/// costs more than the copy that direct I/O saves.
const DIRECT_FROM: usize = 256 << 10;

/// Buffered writes of at least this size start on their way to the disk at once and leave the page cache when they are
/// there (`RWF_DONTCACHE`, Linux 6.14): a run then never pays for gigabytes of dirty pages in one go.
const UNCACHED_FROM: usize = 64 << 10;

/// `RWF_DONTCACHE`, which the bindings do not name yet.
const DONTCACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

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

    fn create_dir(&self, path: &Path, sync: Sync) -> io::Result<()> {
        create_one_dir(path)?;
        match (sync, path.parent()) {
            (Sync::Now, Some(folder)) => sync_folder(folder),
            _ => Ok(()),
        }
    }

    fn create(&self, path: &Path, expected: u64) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        if expected > 0 {
            // Room reserved at once lies together and says early that the disk is full. The length stays as it is.
            // A file system that cannot reserve writes all the same.
            if fallocate(&file, FallocateFlags::KEEP_SIZE, 0, expected) == Err(Errno::NOSPC) {
                return Err(Errno::NOSPC.into());
            }
        }
        Ok(Box::new(LinuxFile::new(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(LinuxFile::new(OpenOptions::new().write(true).open(path)?)))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
        let put = |file: &File| if sync == Sync::Now { file.sync_data() } else { Ok(()) };
        let new = append_whole(path, bytes, put)?;
        match path.parent() {
            Some(folder) if new && sync == Sync::Now => sync_folder(folder),
            _ => Ok(()),
        }
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        open_append(path)
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
        Ok(rustix::io::retry_on_intr(|| syncfs(&self.0))?)
    }
}

#[derive(Debug)]
struct LinuxFile {
    buffered: File,
    /// The same file past the page cache, opened when it is first wanted; `None` where there is no such thing.
    direct: OnceLock<Option<File>>,
}

impl LinuxFile {
    fn new(buffered: File) -> Self {
        Self { buffered, direct: OnceLock::new() }
    }

    fn direct(&self) -> Option<&File> {
        let open = || {
            let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
            let same_file = format!("/proc/self/fd/{}", self.buffered.as_raw_fd());
            OpenOptions::new().write(true).custom_flags(flags).open(same_file).ok()
        };
        self.direct.get_or_init(open).as_ref()
    }

    /// Writes past the page cache; false where that cannot be done here.
    fn write_direct(&self, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        let Some(direct) = self.direct() else { return Ok(false) };
        match direct.write_all_at(bytes, offset) {
            Ok(()) => Ok(true),
            // A file system that opens files for direct I/O and then refuses the write.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write_buffered(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while bytes.len() >= UNCACHED_FROM {
            match pwritev2(&self.buffered, &[IoSlice::new(bytes)], offset, DONTCACHE) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or(&[]);
                    offset += written as u64;
                }
                Err(Errno::INTR) => {}
                // Not with this kernel or on this file system. Nothing is remembered: the next store may lie on another.
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        self.buffered.write_all_at(bytes, offset)
    }
}

impl DiskFile for LinuxFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let aligned = (bytes.as_ptr() as usize).is_multiple_of(ALIGNMENT) && offset.is_multiple_of(ALIGNMENT as u64);
        let whole = bytes.len() / ALIGNMENT * ALIGNMENT;
        if !aligned || whole < DIRECT_FROM {
            return self.write_buffered(offset, bytes);
        }
        let (body, tail) = bytes.split_at(whole);
        if !self.write_direct(offset, body)? {
            return self.write_buffered(offset, bytes);
        }
        if tail.is_empty() { Ok(()) } else { self.write_buffered(offset + whole as u64, tail) }
    }

    /// A direct write moves the length once, when all of it is there; a buffered one page by page.
    fn extend_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > ALIGNMENT && self.write_direct(offset, bytes)? {
            return Ok(());
        }
        self.buffered.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.buffered.set_len(length)
    }

    fn sync(&self, sync: Sync) -> io::Result<()> {
        match sync {
            Sync::Now => self.buffered.sync_data(),
            Sync::Later | Sync::Never => Ok(()),
        }
    }

    fn has_name(&self) -> io::Result<bool> {
        Ok(self.buffered.metadata()?.nlink() > 0)
    }
}
