//! Linux: positioned writes without a lock, direct I/O, writeback from the first moment, one `syncfs` for everything
//! where that can be trusted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::{CWD, FallocateFlags, OFlags, RenameFlags, fallocate, renameat_with, syncfs};
use rustix::io::{Errno, ReadWriteFlags, pwritev2};

use super::limit::SizeLimit;
use super::open_files::with_room;
use super::portable::{append_whole, create_one_dir, open_append};
use super::sync::{Note, Notes, is_unknown_call};
use super::writeback::{self, FileSystem, Kernel};
use super::{ALIGNMENT, AppendFile, DIRECT_FROM, Disk, DiskFile, SyncPoint, SyncPolicy, name};

/// Buffered writes of at least this size start on their way to the disk at once and leave the page cache when they are
/// there (`RWF_DONTCACHE`, Linux 6.14): a run then never pays for gigabytes of dirty pages in one go.
const UNCACHED_FROM: usize = 64 << 10;

/// `RWF_DONTCACHE`, which the bindings do not name yet.
const DONTCACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// Errors of the moment, which the same call may not give again.
const PASSING: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR];

/// Files by Linux's own calls.
#[derive(Debug, Clone)]
pub struct LinuxDisk {
    limit: SizeLimit,
    syncs: Arc<Syncs>,
}

/// How this disk puts things on the medium.
#[derive(Debug)]
struct Syncs {
    kernel: Option<Kernel>,
    /// What is synced later: [`UNKNOWN`], [`TOGETHER`] or [`ONE_BY_ONE`]; it only rises.
    later: AtomicU8,
    notes: Notes,
}

/// Nothing was to be synced later yet.
const UNKNOWN: u8 = 0;

/// By one `syncfs` for all.
const TOGETHER: u8 = 1;

/// File by file, as each is closed: some store lies on a file system, or the kernel is one, whose `syncfs` is not to be
/// trusted.
const ONE_BY_ONE: u8 = 2;

impl Syncs {
    /// Whether something on the file system that `file_system` tells is synced now.
    fn at_once(&self, sync: SyncPolicy, file_system: impl FnOnce() -> io::Result<FileSystem>) -> bool {
        match sync {
            SyncPolicy::Now => true,
            SyncPolicy::Never => false,
            SyncPolicy::Later => match self.later.load(Ordering::Acquire) {
                // One that cannot be asked is not trusted.
                UNKNOWN => file_system().map_or(true, |file_system| self.one_by_one(file_system)),
                known => known == ONE_BY_ONE,
            },
        }
    }

    fn one_by_one(&self, file_system: FileSystem) -> bool {
        let new = if file_system.tells_all(self.kernel) { TOGETHER } else { ONE_BY_ONE };
        self.later.fetch_max(new, Ordering::AcqRel).max(new) == ONE_BY_ONE
    }

    fn file(&self, file: &File, sync: SyncPolicy) -> io::Result<()> {
        match self.at_once(sync, || FileSystem::of(file)) {
            true => self.notes.sync_file(file, sync == SyncPolicy::Now),
            false => Ok(()),
        }
    }

    /// The folder that holds `path`.
    fn folder_of(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        match path.parent() {
            Some(folder) if self.at_once(sync, || FileSystem::at(folder)) => self.notes.sync_folder(folder),
            _ => Ok(()),
        }
    }
}

impl LinuxDisk {
    pub(super) fn new() -> Self {
        Self::under(writeback::kernel())
    }

    /// As if this kernel ran.
    fn under(kernel: Option<Kernel>) -> Self {
        let syncs = Syncs { kernel, later: AtomicU8::new(UNKNOWN), notes: Notes::default() };
        Self { limit: SizeLimit::of_process(), syncs: Arc::new(syncs) }
    }

    fn file(&self, buffered: File) -> LinuxFile {
        LinuxFile {
            buffered,
            direct: OnceLock::new(),
            name: name::Watch::default(),
            limit: self.limit,
            syncs: Arc::clone(&self.syncs),
        }
    }
}

impl Disk for LinuxDisk {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn create_dir(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        create_one_dir(path)?;
        self.syncs.folder_of(path, sync)
    }

    fn create(&self, path: &Path, expected: u64) -> io::Result<Box<dyn DiskFile>> {
        let file = with_room(|| OpenOptions::new().write(true).create(true).truncate(true).open(path))?;
        if expected > 0 {
            // Room reserved at once lies together and says early that the disk is full. The length stays as it is.
            // A file system that cannot reserve writes all the same.
            if fallocate(&file, FallocateFlags::KEEP_SIZE, 0, expected) == Err(Errno::NOSPC) {
                return Err(Errno::NOSPC.into());
            }
        }
        Ok(Box::new(self.file(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.file(with_room(|| OpenOptions::new().write(true).open(path))?)))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
        let new = append_whole(path, bytes, self.limit, |file| self.syncs.file(file, sync))?;
        if new { self.syncs.folder_of(path, sync) } else { Ok(()) }
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        open_append(path, self.limit)
    }

    fn rename(&self, from: &Path, to: &Path, sync: SyncPolicy) -> io::Result<()> {
        fs::rename(from, to)?;
        self.syncs.folder_of(to, sync)
    }

    fn exchange(&self, one: &Path, other: &Path, sync: SyncPolicy) -> io::Result<()> {
        let exchange = || renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(io::Error::from);
        exchange()?;
        // What is not on the medium is not done.
        self.syncs.folder_of(other, sync).inspect_err(|_| drop(exchange()))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn adopt(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        match self.syncs.at_once(sync, || FileSystem::at(path)) {
            true => self.syncs.notes.sync_path(path, sync == SyncPolicy::Now),
            false => Ok(()),
        }
    }

    fn sync_point(&self, root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        let folder = with_room(|| File::open(root))?;
        let file_system = FileSystem::of(&folder)?;
        if file_system.is_memory() {
            self.syncs.notes.add(Note::Memory, root, None);
        }
        let one_by_one = self.syncs.one_by_one(file_system);
        let kernel = self.syncs.kernel;
        let with_folder = one_by_one || kernel.is_none_or(|kernel| kernel < writeback::TELLS_OF_JOURNAL);
        Ok(Box::new(Everything {
            folder,
            root: root.to_path_buf(),
            one_by_one,
            with_folder,
            syncs: Arc::clone(&self.syncs),
        }))
    }

    fn notes(&self) -> Vec<String> {
        self.syncs.notes.all()
    }
}

/// The file system that holds the store. Linux reports a failed background write to every descriptor that was open
/// when it happened (since 5.8), so this one is opened before the first write.
#[derive(Debug)]
struct Everything {
    folder: File,
    root: PathBuf,
    /// Files were synced as they were closed, because this `syncfs` may say nothing.
    one_by_one: bool,
    /// The root folder is synced too, for an error of the journal that this `syncfs` does not tell, and for the name of
    /// the root, which was made before this was.
    with_folder: bool,
    syncs: Arc<Syncs>,
}

impl SyncPoint for Everything {
    fn sync(&self) -> io::Result<()> {
        match rustix::io::retry_on_intr(|| syncfs(&self.folder)).map_err(io::Error::from) {
            Err(error) if self.one_by_one && is_unknown_call(&error) => {}
            outcome => outcome?,
        }
        if self.with_folder {
            self.syncs.notes.sync_folder(&self.root)?;
            self.syncs.folder_of(&self.root, SyncPolicy::Later)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct LinuxFile {
    buffered: File,
    /// The same file past the page cache, opened when it is first wanted; `None` where there is no such thing.
    direct: OnceLock<Option<File>>,
    name: name::Watch,
    limit: SizeLimit,
    syncs: Arc<Syncs>,
}

impl LinuxFile {
    fn direct(&self) -> Option<&File> {
        if let Some(known) = self.direct.get() {
            return known.as_ref();
        }
        let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
        let same_file = format!("/proc/self/fd/{}", self.buffered.as_raw_fd());
        let opened = match with_room(|| OpenOptions::new().write(true).custom_flags(flags).open(&same_file)) {
            Ok(file) => Some(file),
            // No descriptor or memory at this moment says nothing of the next.
            Err(error) if PASSING.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())) => {
                return None;
            }
            Err(_) => None,
        };
        self.direct.get_or_init(|| opened).as_ref()
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
                // Not with this kernel or on this file system. Nothing is remembered: the next store may lie on
                // another.
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        self.buffered.write_all_at(bytes, offset)
    }
}

impl DiskFile for LinuxFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.limit.check(offset, bytes.len())?;
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
        self.limit.check(offset, bytes.len())?;
        if bytes.len() > ALIGNMENT && self.write_direct(offset, bytes)? {
            return Ok(());
        }
        self.buffered.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.limit.check(length, 0)?;
        self.buffered.set_len(length)
    }

    fn sync(&self, sync: SyncPolicy) -> io::Result<()> {
        self.syncs.file(&self.buffered, sync)
    }

    fn has_name(&self, path: &Path) -> io::Result<bool> {
        self.name.leads_to(path, &self.buffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel whose `syncfs` tells of everything, and one that says 0 whatever failed.
    const NEW: Option<Kernel> = Some((6, 1));
    const OLD: Option<Kernel> = Some((5, 4));

    /// A file whose sync is answered with an error, so that it shows whether it was asked for.
    fn not_to_be_synced(disk: &LinuxDisk) -> LinuxFile {
        disk.file(OpenOptions::new().write(true).open("/dev/null").unwrap())
    }

    fn synced_as_it_is_closed(kernel: Option<Kernel>, root: &Path) -> bool {
        let disk = LinuxDisk::under(kernel);
        let point = disk.sync_point(root).unwrap();
        not_to_be_synced(&disk).sync(SyncPolicy::Later).unwrap();
        not_to_be_synced(&disk).sync(SyncPolicy::Never).unwrap();
        let adopting = LinuxDisk::under(kernel);
        adopting.sync_point(root).unwrap();
        adopting.adopt(Path::new("/dev/null"), SyncPolicy::Later).unwrap();
        assert_eq!(adopting.notes(), disk.notes(), "what others wrote is treated alike");
        let synced = disk.notes().iter().any(|note| note.contains("cannot sync files"));
        point.sync().unwrap();
        synced
    }

    #[test]
    fn files_are_synced_singly_where_errors_may_hide() {
        let memory = Path::new("/dev/shm");
        assert!(!synced_as_it_is_closed(NEW, memory));
        assert!(!synced_as_it_is_closed(Some((5, 8)), memory));
        assert!(synced_as_it_is_closed(OLD, memory));
        assert!(synced_as_it_is_closed(None, memory), "a kernel that nobody knows");
        // Not a file system that is known to tell.
        assert!(synced_as_it_is_closed(NEW, Path::new("/proc")));
    }

    #[test]
    fn a_store_in_memory_is_said_to_be_there() {
        let disk = LinuxDisk::new();
        disk.sync_point(Path::new("/dev/shm")).unwrap();
        assert!(disk.notes()[0].contains("memory"), "{:?}", disk.notes());
    }

    #[test]
    fn a_store_under_an_old_kernel_is_written_and_synced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let disk = LinuxDisk::under(OLD);
        let point = disk.sync_point(folder.path()).unwrap();
        let path = folder.path().join("a/file");
        disk.create_dir(&folder.path().join("a"), SyncPolicy::Later).unwrap();
        disk.put(&path, b"bytes", SyncPolicy::Later).unwrap();
        disk.append(&path, b" and more", SyncPolicy::Later).unwrap();
        point.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"bytes and more");
        assert!(!disk.notes().iter().any(|note| note.contains("cannot sync")), "{:?}", disk.notes());
    }
}
