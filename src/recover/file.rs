//! Files read without trust: of bounded size, never through a link, nothing that could block.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::document::{Defect, MAX_BYTES, parse_object};

/// What is at a path, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    File(u64),
    Folder,
    Link,
    Other,
}

/// What is at `path`.
pub(super) fn kind(path: &Path) -> io::Result<Kind> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_symlink() => Ok(Kind::Link),
        Ok(metadata) if metadata.is_dir() => Ok(Kind::Folder),
        Ok(metadata) if metadata.is_file() => Ok(Kind::File(metadata.len())),
        Ok(_) => Ok(Kind::Other),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Kind::Nothing)
        }
        Err(error) => Err(error),
    }
}

/// A metadata document, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Document {
    Nothing,
    Object(Map<String, Value>),
    /// As an interrupted write leaves it: of ours it is made anew, where a run was interrupted.
    Torn(String),
    /// Others may read it: it is left as it is.
    Foreign(String),
    /// Nobody reads it, and no interrupted write leaves it so.
    Broken(String),
}

impl Document {
    /// Why it cannot be read.
    pub(super) fn problem(&self) -> Option<&str> {
        match self {
            Self::Nothing => Some("it is missing"),
            Self::Object(_) => None,
            Self::Torn(why) | Self::Foreign(why) | Self::Broken(why) => Some(why),
        }
    }

    /// Whether an interrupted write may have left it so.
    pub(super) fn is_torn(&self) -> bool {
        matches!(self, Self::Nothing | Self::Torn(_))
    }
}

/// Reads a metadata document.
pub(super) fn document(path: &Path) -> io::Result<Document> {
    let length = match kind(path)? {
        Kind::Nothing => return Ok(Document::Nothing),
        Kind::File(length) => length,
        Kind::Link => return Ok(Document::Foreign("a link, which is not followed".into())),
        Kind::Folder | Kind::Other => return Ok(Document::Broken("not a file".into())),
    };
    if length > MAX_BYTES {
        return Ok(Document::Foreign(format!("{length} bytes long, {MAX_BYTES} are read at most")));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(match parse_object(&bytes) {
        Ok(object) => Document::Object(object),
        Err(Defect::Torn(why)) => Document::Torn(why),
        Err(Defect::Foreign(why)) => Document::Foreign(why),
        Err(Defect::Broken(why)) => Document::Broken(why),
    })
}

/// Reads `length` bytes at `offset`; an error where the file ends before.
pub(super) fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(io::Error::other)?;
    bytes.resize(length, 0);
    exact_at(file, offset, &mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn exact_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn exact_at(mut file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

/// Where the first byte at or behind `from` lies that was ever written; the file's length where there is none. `None`
/// where the system does not tell.
pub(super) fn data_from(file: &File, from: u64) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(from)) {
        Ok(data) => Some(data),
        // Nothing but a hole up to the end.
        Err(rustix::io::Errno::NXIO) => file.metadata().ok().map(|meta| meta.len()),
        Err(_) => None,
    };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, from);
        None
    }
}
