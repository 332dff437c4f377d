//! What is read: folders and files as they are found.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::open_files::with_room;

/// What is at a path, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Nothing,
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link, wherever it leads.
    Link,
    /// A device, a pipe or the like.
    Other,
}

/// What a name in a folder stands for, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, wherever it leads.
    Link,
    /// A device, a pipe or the like.
    Other,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it stands for.
    pub kind: EntryKind,
}

/// The names in a folder, in any order.
pub type Entries<'a> = Box<dyn Iterator<Item = io::Result<Entry>> + 'a>;

/// Where stores are read from: folders of the operating system; an archive or an object store can be another.
pub trait Source: Debug + Send + Sync {
    /// What is at `path`.
    ///
    /// # Errors
    /// The operating system's; that there is nothing is none.
    fn kind(&self, path: &Path) -> io::Result<Kind>;

    /// The names in a folder.
    ///
    /// # Errors
    /// The operating system's, also in place of a name.
    fn list(&self, folder: &Path) -> io::Result<Entries<'_>>;

    /// Opens a file, never through a link, and without waiting for whoever may be at the other end of a pipe.
    ///
    /// # Errors
    /// The operating system's.
    fn open(&self, path: &Path) -> io::Result<Box<dyn SourceFile>>;

    /// The path with every link in it followed, from the top.
    ///
    /// # Errors
    /// The operating system's.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
}

/// An open file.
pub trait SourceFile: Debug + Send {
    /// Its length in bytes, now.
    ///
    /// # Errors
    /// The operating system's.
    fn length(&self) -> io::Result<u64>;

    /// Reads bytes from `offset` on and says how many: fewer than there is room for where the system likes, none at the
    /// end.
    ///
    /// # Errors
    /// The operating system's.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Where the first byte at or behind `from` lies that was ever written; the length where there is none. `None`
    /// where nobody tells.
    fn data_from(&self, from: u64) -> Option<u64> {
        let _ = from;
        None
    }
}

/// The folders of the operating system.
#[must_use]
pub fn native_source() -> Arc<dyn Source> {
    Arc::new(Folders)
}

/// See [`native_source`].
#[derive(Debug, Clone, Copy)]
struct Folders;

impl Source for Folders {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(match kind_of(found.file_type()) {
                EntryKind::File => Kind::File(found.len()),
                EntryKind::Folder => Kind::Folder,
                EntryKind::Link => Kind::Link,
                EntryKind::Other => Kind::Other,
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Kind::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Entries<'_>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { kind: kind_of(entry.file_type()?), name: entry.file_name() })
        };
        Ok(Box::new(with_room(|| fs::read_dir(folder))?.map(entry)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SourceFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0));
        }
        Ok(Box::new(with_room(|| options.open(path))?))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }
}

fn kind_of(kind: FileType) -> EntryKind {
    if kind.is_symlink() {
        EntryKind::Link
    } else if kind.is_dir() {
        EntryKind::Folder
    } else if kind.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
    }
}

impl SourceFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut file = self;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        io::Read::read(&mut file, bytes)
    }

    #[cfg(target_os = "linux")]
    fn data_from(&self, from: u64) -> Option<u64> {
        match rustix::fs::seek(self, rustix::fs::SeekFrom::Data(from)) {
            Ok(data) => Some(data),
            // Nothing but a hole up to the end.
            Err(rustix::io::Errno::NXIO) => self.length().ok(),
            Err(_) => None,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_told_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "four").unwrap();
        symlink(&file, &link).unwrap();
        let source = native_source();
        assert_eq!(source.kind(&file).unwrap(), Kind::File(4));
        assert_eq!(source.kind(&link).unwrap(), Kind::Link);
        assert_eq!(source.kind(&folder.path().join("none")).unwrap(), Kind::Nothing);
        assert_eq!(source.kind(&file.join("below")).unwrap(), Kind::Nothing);
        assert!(source.open(&file).is_ok() && source.open(&link).is_err());
        let mut names: Vec<_> = source.list(folder.path()).unwrap().map(Result::unwrap).collect();
        names.sort_by(|one, other| one.name.cmp(&other.name));
        let expected = [("file", EntryKind::File), ("link", EntryKind::Link)];
        assert_eq!(names, expected.map(|(name, kind)| Entry { name: name.into(), kind }));
    }

    #[test]
    fn bytes_are_read_at_any_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        let file = native_source().open(&path).unwrap();
        let mut bytes = [0; 4];
        assert_eq!((file.read_at(8, &mut bytes).unwrap(), &bytes[..2]), (2, &b"89"[..]));
        assert_eq!((file.read_at(1, &mut bytes).unwrap(), &bytes), (4, b"1234"));
        assert_eq!((file.read_at(10, &mut bytes).unwrap(), file.length().unwrap()), (0, 10));
    }
}
