//! Files and folders, read without trust.

use std::io::{self, BufReader, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform::{Entry, Kind, Source, SourceFile};

/// What is at `path`, links not followed.
///
/// # Errors
/// [`Error::Io`].
pub fn kind(source: &dyn Source, path: &Path) -> Result<Kind> {
    source.kind(path).map_err(|error| Error::io("look at", path, error))
}

/// Whether there is anything at `path`, and be it a link.
///
/// # Errors
/// [`Error::Io`].
pub fn is_there(source: &dyn Source, path: &Path) -> Result<bool> {
    Ok(kind(source, path)? != Kind::Nothing)
}

/// Whether a file lies at `path`.
///
/// # Errors
/// [`Error::Io`].
pub fn is_file(source: &dyn Source, path: &Path) -> Result<bool> {
    Ok(matches!(kind(source, path)?, Kind::File(_)))
}

/// Whether a folder lies at `path`.
///
/// # Errors
/// [`Error::Io`].
pub fn is_folder(source: &dyn Source, path: &Path) -> Result<bool> {
    Ok(kind(source, path)? == Kind::Folder)
}

/// Everything in a folder, in any order; an error may stand in place of a name.
///
/// # Errors
/// [`Error::Io`].
pub fn list<'a>(source: &'a dyn Source, folder: &Path) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
    let fail = |folder: &Path, error| Error::io("list", folder, error);
    let entries = source.list(folder).map_err(|error| fail(folder, error))?;
    let folder = folder.to_path_buf();
    Ok(entries.map(move |entry| entry.map_err(|error| fail(&folder, error))))
}

/// The file at `path`, opened; `None` where there is nothing.
///
/// # Errors
/// [`Error::Io`], also for what is no file.
pub fn open(source: &dyn Source, path: &Path) -> Result<Option<Stored>> {
    let file = match source.open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(Error::io("open", path, error)),
    };
    let length = file.length().map_err(|error| Error::io("look at", path, error))?;
    Ok(Some(Stored { path: path.to_path_buf(), file, length }))
}

/// The file at `path`, opened, where one was seen.
///
/// # Errors
/// [`Error::Io`], also where it is there no more.
pub fn whole(source: &dyn Source, path: &Path) -> Result<Stored> {
    open(source, path)?.ok_or_else(|| Error::io("open", path, ErrorKind::NotFound.into()))
}

/// What a small file holds, or what is there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Small {
    /// There is nothing.
    Nothing,
    /// All of its bytes.
    Bytes(Vec<u8>),
    /// It is longer than was to be read: its length.
    TooLong(u64),
    /// It is a link, which is not followed.
    Link,
    /// It is a folder or something stranger.
    NoFile,
}

impl Small {
    /// The bytes, where there are such.
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Reads a file of at most `limit` bytes whole.
///
/// # Errors
/// [`Error::Io`], [`Error::OutOfMemory`].
pub fn small(source: &dyn Source, path: &Path, limit: u64) -> Result<Small> {
    match kind(source, path)? {
        Kind::Nothing => return Ok(Small::Nothing),
        Kind::Link => return Ok(Small::Link),
        Kind::Folder | Kind::Other => return Ok(Small::NoFile),
        Kind::File(length) if length > limit => return Ok(Small::TooLong(length)),
        Kind::File(_) => {}
    }
    let Some(file) = open(source, path)? else { return Ok(Small::Nothing) };
    match file.length() {
        length if length > limit => Ok(Small::TooLong(length)),
        length => file.read(0, length).map(Small::Bytes),
    }
}

/// An open file of a store.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    file: Box<dyn SourceFile>,
    length: u64,
}

impl Stored {
    /// Its length in bytes when it was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads `length` bytes at `offset`. Whoever asks has judged the length.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file ends before; [`Error::OutOfMemory`].
    pub fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
        let none = || Error::OutOfMemory { bytes: length, purpose: "a part of a file" };
        let length = usize::try_from(length).map_err(|_| none())?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| none())?;
        bytes.resize(length, 0);
        self.fill(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` with what lies at `offset`.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file ends before.
    pub fn fill(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(done as u64);
            let read = read_some(&*self.file, at, rest);
            done += read.map_err(|error| Error::io("read", &self.path, error))?;
        }
        Ok(())
    }

    /// Where the first byte at or behind `from` lies that was ever written; `None` where nobody tells.
    #[must_use]
    pub fn data_from(&self, from: u64) -> Option<u64> {
        self.file.data_from(from)
    }

    /// Its bytes one after another, up to the length that it had when it was opened.
    #[must_use]
    pub fn stream(self) -> BufReader<Stream> {
        self.stream_up_to(u64::MAX)
    }

    /// As [`Stored::stream`], at most so many.
    #[must_use]
    pub fn stream_up_to(self, most: u64) -> BufReader<Stream> {
        BufReader::new(Stream { end: self.length.min(most), file: self.file, at: 0 })
    }
}

/// At least one byte.
fn read_some(file: &dyn SourceFile, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read_at(at, bytes) {
            Ok(0) => {
                let problem = format!("it ends after {at} bytes, and was longer when it was looked at");
                return Err(io::Error::new(ErrorKind::UnexpectedEof, problem));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The bytes of a file, one after another.
#[derive(Debug)]
pub struct Stream {
    file: Box<dyn SourceFile>,
    at: u64,
    end: u64,
}

impl io::Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = left.min(bytes.len());
        match bytes.get_mut(..most) {
            Some(bytes) if most > 0 => {
                let read = read_some(&*self.file, self.at, bytes)?;
                self.at += read as u64;
                Ok(read)
            }
            _ => Ok(0),
        }
    }
}

/// The folder that `path`, as metadata give it, stands for below `base`.
///
/// # Errors
/// Why it is not followed: it leads out of `base`, or through a link.
pub fn below(source: &dyn Source, base: &Path, path: &str) -> Result<PathBuf, String> {
    let shown = crate::shown::value(path);
    let mut folder = base.to_path_buf();
    let mut any = false;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => folder.push(name),
            Component::CurDir => continue,
            _ => return Err(format!("path {shown:?} leads out of the store; it was not followed")),
        }
        any = true;
        if kind(source, &folder).map_err(|error| error.to_string())? == Kind::Link {
            return Err(format!("path {shown:?} goes through a link; it was not followed"));
        }
    }
    if any { Ok(folder) } else { Err(format!("path {shown:?} names nothing")) }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use super::*;
    use crate::platform::faulty::{FaultySource, Misread, Read};
    use crate::platform::native_source;

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").expect("written");
        (folder, path)
    }

    /// A source whose reads of bytes go wrong.
    fn misreading(how: Misread) -> FaultySource {
        let script = move |_, read: &Read| if matches!(read, Read::Bytes(..)) { how } else { Misread::None };
        FaultySource::new(native_source(), Box::new(script))
    }

    #[test]
    fn what_comes_in_pieces_is_put_together() {
        let (_folder, path) = file();
        let source = misreading(Misread::Short);
        assert_eq!(small(&source, &path, 10).expect("read"), Small::Bytes(b"0123456789".to_vec()));
        let mut text = String::new();
        whole(&source, &path).expect("there").stream().read_to_string(&mut text).expect("read");
        assert_eq!(text, "0123456789");
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let (_folder, path) = file();
        let source = misreading(Misread::Ends);
        let error = small(&source, &path, 10).expect_err("cut").to_string();
        assert!(error.contains("file") && error.contains("ends after 0 bytes"), "{error}");
        let mut text = String::new();
        let read = whole(&source, &path).expect("there").stream().read_to_string(&mut text);
        assert_eq!(read.expect_err("cut").kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_too_long_or_no_file_is_not_read() {
        let (folder, path) = file();
        let source = native_source();
        assert_eq!(small(&*source, &path, 9).expect("read"), Small::TooLong(10));
        assert_eq!(small(&*source, folder.path(), 9).expect("read"), Small::NoFile);
        assert_eq!(small(&*source, &path.join("below"), 9).expect("read"), Small::Nothing);
        let failing: Arc<dyn Source> = Arc::new(FaultySource::new(source, Box::new(|_, _| Misread::Fails(5))));
        assert!(is_there(&*failing, &path).is_err() && is_file(&*failing, &path).is_err());
    }

    #[test]
    fn paths_stay_below_their_base() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = folder.path();
        let source = native_source();
        assert_eq!(below(&*source, base, "A/1/0"), Ok(base.join("A/1/0")));
        assert_eq!(below(&*source, base, "./0"), Ok(base.join("0")));
        for path in ["..", "0/../../secret", "/etc", "", "."] {
            assert!(below(&*source, base, path).is_err(), "{path}");
        }
    }
}
