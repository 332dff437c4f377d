//! Files, by one module an operating system.
//!
//! What core and its own engines write into a store goes through a [`Disk`], so that tests can slow it down, make it
//! fail or record it. The `portable` disk uses nothing but the standard library; a platform with something faster has a
//! module beside it. What is read of a store comes from a [`Source`], by way of [`crate::reader`].

mod clock;
mod limit;
mod misread;
mod name;
mod pieces;
mod portable;
mod source;
mod sync;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod writeback;

pub mod faulty;
pub(crate) mod free_memory;
pub(crate) mod memory;
pub mod open_files;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clock::Clock;
pub(crate) use pieces::Pieces;
pub use portable::PortableDisk;
pub use source::{Entries, Entry, EntryKind, Kind, Source, SourceFile, native_source};

/// Alignment of every buffer that may be written past the page cache, in bytes: what direct I/O asks of memory, offset
/// and length on 4 KiB-sector disks.
pub const ALIGNMENT: usize = 4096;

/// Writes of at least this size may go past the page cache: below it, waiting for the disk costs more than the copy
/// that direct I/O saves.
pub const DIRECT_FROM: usize = 256 << 10;

/// Ending of a file that is not whole yet. Readers never ask for such a name.
pub const PARTIAL_SUFFIX: &str = ".part";

/// When something written must be on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before the call returns.
    Now,
    /// When [`SyncPoint::sync`] returns.
    Later,
    /// Whenever the operating system likes.
    Never,
}

/// File operations of one store.
pub trait Disk: Debug + Send + Sync {
    /// Name for reports: `linux`, `portable`.
    fn name(&self) -> &'static str;

    /// Where what is written through this disk is read.
    fn source(&self) -> Arc<dyn Source> {
        native_source()
    }

    /// Makes one folder below one that is there; fine if it is there already. With [`SyncPolicy::Now`] its name is on
    /// the medium afterwards.
    ///
    /// # Errors
    /// The operating system's; `NotFound` where the folder above is gone, so that a store which somebody removed is not
    /// made anew in parts.
    fn create_dir(&self, path: &Path, sync: SyncPolicy) -> io::Result<()>;

    /// Opens a new, empty file (replacing what is there), with room for `expected` bytes reserved where that is
    /// possible.
    ///
    /// # Errors
    /// The operating system's; a disk without room for `expected` bytes may say so here.
    fn create(&self, path: &Path, expected: u64) -> io::Result<Box<dyn DiskFile>>;

    /// Opens an existing file to write at any place of it.
    ///
    /// # Errors
    /// The operating system's.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Stores `bytes` under `path` so that a reader sees nothing or all of it, now and after the death of this process.
    ///
    /// # Errors
    /// The operating system's; `path` is then as it was.
    fn put(&self, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
        let partial = partial_name(path);
        let outcome = (|| {
            let file = self.create(&partial, 0)?;
            file.write_at(0, bytes)?;
            file.sync(sync)?;
            drop(file);
            self.rename(&partial, path, sync)
        })();
        if outcome.is_err() {
            let _ = self.remove_file(&partial);
        }
        outcome
    }

    /// Appends `bytes` in one write to `path`, which is made if need be.
    ///
    /// # Errors
    /// The operating system's; the file then has the length that it had.
    fn append(&self, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()>;

    /// Opens a file that only grows, made if need be, and keeps it open.
    ///
    /// # Errors
    /// The operating system's.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Gives a file its final name, replacing what has it.
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, from: &Path, to: &Path, sync: SyncPolicy) -> io::Result<()>;

    /// Gives each of two files or folders the name of the other, in one step.
    ///
    /// # Errors
    /// The operating system's; `Unsupported` or `InvalidInput` where it, or the file system, cannot do that. Both then
    /// have the names that they had.
    fn exchange(&self, one: &Path, other: &Path, sync: SyncPolicy) -> io::Result<()> {
        let _ = (one, other, sync);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The operating system's.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Treats a file or folder that a library wrote by itself as if it had been written through this disk with `sync`.
    ///
    /// # Errors
    /// The operating system's.
    fn adopt(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        let _ = (path, sync);
        Ok(())
    }

    /// Starts to watch the store below `root`: see [`SyncPoint`].
    ///
    /// # Errors
    /// The operating system's.
    fn sync_point(&self, root: &Path) -> io::Result<Box<dyn SyncPoint>>;

    /// What a person should know of how this disk keeps what was written, in whole sentences: such as a file system
    /// that cannot sync folders. Empty where there is nothing to say; each thing is said once, when it was met.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Promises durability for all that was written with [`SyncPolicy::Later`] since it was made.
pub trait SyncPoint: Debug + Send + Sync {
    /// Puts everything on the medium.
    ///
    /// # Errors
    /// The operating system's, also for a write that failed in the background since the last call.
    fn sync(&self) -> io::Result<()>;
}

/// An open file that several threads append to.
pub trait AppendFile: Debug + Send + Sync {
    /// Appends `bytes`, in one write unless the system takes only a part.
    ///
    /// # Errors
    /// The operating system's.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
}

/// An open file that several threads write at different places.
pub trait DiskFile: Debug + Send + Sync {
    /// Writes all of `bytes` at `offset`, however often the system is interrupted.
    ///
    /// Where offset, length and memory are multiples of [`ALIGNMENT`] this may go past the page cache.
    ///
    /// # Errors
    /// The operating system's; `WriteZero` where a disk takes no more and gives no reason.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Writes `bytes` at the end of the file or past it, so that a reader that asks for the length and then for the
    /// last bytes finds either those from before or these. `offset` and the length of `bytes` are multiples of
    /// [`ALIGNMENT`].
    ///
    /// A platform that cannot promise this for several pages (see `docs/DURABILITY.md`) does its best.
    ///
    /// # Errors
    /// As for [`DiskFile::write_at`].
    fn extend_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_at(offset, bytes)
    }

    /// Cuts the file off at `length`: what a write that failed may have left behind it.
    ///
    /// # Errors
    /// The operating system's.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Puts what was written on the medium, as `sync` says.
    ///
    /// # Errors
    /// The operating system's.
    fn sync(&self, sync: SyncPolicy) -> io::Result<()>;

    /// False once the file was removed and `path`, which it had, leads to nothing or to another file: nobody will find
    /// what is written to it. True where the platform cannot tell.
    ///
    /// # Errors
    /// The operating system's.
    fn has_name(&self, path: &Path) -> io::Result<bool> {
        let _ = path;
        Ok(true)
    }
}

/// The best disk for this platform; with the feature `portable`, the portable one.
#[must_use]
pub fn native() -> Arc<dyn Disk> {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    return Arc::new(linux::LinuxDisk::new());
    #[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
    return Arc::new(PortableDisk::default());
}

/// Makes `folder` and those above it that are missing; with [`SyncPolicy::Now`] the name of each is on the medium
/// afterwards.
pub(crate) fn create_dirs(disk: &dyn Disk, folder: &Path, sync: SyncPolicy) -> io::Result<()> {
    // Of a relative path nothing may be there.
    let base = folder.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new(""));
    create_dirs_below(disk, base, folder, sync)
}

/// Makes `folder` and those between it and `base`, which must be there.
pub(crate) fn create_dirs_below(disk: &dyn Disk, base: &Path, folder: &Path, sync: SyncPolicy) -> io::Result<()> {
    let mut path = base.to_path_buf();
    for part in folder.strip_prefix(base).map_err(io::Error::other)? {
        path.push(part);
        disk.create_dir(&path, sync)?;
    }
    Ok(())
}

/// Stores `bytes` under `path` in a store that is being made: where no file is yet, and where nobody looks before a
/// later file says that the store is complete. Half the calls of [`Disk::put`], for stores of thousands of positions.
///
/// # Errors
/// The operating system's; a part of the file may then be there.
pub fn write_new(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
    if sync == SyncPolicy::Now {
        // Its name has to be on the medium, too.
        return disk.put(path, bytes, sync);
    }
    let file = disk.create(path, 0)?;
    file.write_at(0, bytes)?;
    file.sync(sync)
}

/// Where `path` is written before it gets its name.
#[must_use]
pub fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL_SUFFIX);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::faulty::{FaultyDisk, Operation};
    use super::*;

    #[test]
    fn folders_above_a_store_are_made_durable_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::recording(native());
        let deep = folder.path().join("a/b");
        create_dirs(&disk, &deep, SyncPolicy::Now).unwrap();
        assert!(deep.is_dir());
        let expected = [Operation::CreateDir(folder.path().join("a"), true), Operation::CreateDir(deep.clone(), true)];
        assert_eq!(disk.log(), expected);
        create_dirs(&disk, &deep, SyncPolicy::Now).unwrap();
        assert_eq!(disk.recorded(), 2, "nothing is made where all is there");
    }
}
