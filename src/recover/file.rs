//! Files read without trust: of bounded size, never through a link, nothing that could block.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Map, Value};

/// Largest metadata file that is read: with frame metadata mirrored up to their cap one has about 20 MB.
const MAX_METADATA_BYTES: u64 = 64 << 20;

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
    Damaged(String),
}

/// Reads a metadata document.
pub(super) fn document(path: &Path) -> io::Result<Document> {
    let length = match kind(path)? {
        Kind::Nothing => return Ok(Document::Nothing),
        Kind::File(length) => length,
        Kind::Link => return Ok(Document::Damaged("a link, which is not followed".into())),
        Kind::Folder | Kind::Other => return Ok(Document::Damaged("not a file".into())),
    };
    if length > MAX_METADATA_BYTES {
        return Ok(Document::Damaged(format!("{length} bytes long, {MAX_METADATA_BYTES} are read at most")));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_METADATA_BYTES).read_to_end(&mut bytes)?;
    Ok(match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Document::Object(object),
        Ok(_) => Document::Damaged("not a JSON object".into()),
        Err(error) => Document::Damaged(format!("{} bytes that are no JSON: {error}", bytes.len())),
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
