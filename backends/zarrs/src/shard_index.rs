//! The index of a shard file (Zarr v3 `sharding_indexed`, `index_location: end`): its bytes, and reading it back.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};
use ome_stream::zarr::index::{Entry, MISSING, PLACES_MARK, index_bytes, index_of, parse_index};
use ome_stream::{Error, Result};

use crate::spares::zeros;

/// What memory is asked for here.
const PURPOSE: &str = "a shard's index";

/// Bytes of the whole blocks that hold an index; with room for a mark in front of it.
pub(crate) fn block_bytes(chunks: usize, marked: bool) -> u64 {
    let mark = if marked { PLACES_MARK.len() as u64 } else { 0 };
    (index_bytes(chunks) + mark).next_multiple_of(ALIGNMENT as u64)
}

/// The bytes of an index.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn index(entries: impl ExactSizeIterator<Item = Entry>) -> Result<Vec<u8>> {
    let bytes = index_bytes(entries.len());
    index_of(entries).map_err(|_| Error::OutOfMemory { bytes, purpose: PURPOSE })
}

/// An index at the end of `length` bytes; with a mark directly in front, where it lists places and not what is in them.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn blocks(index: &[u8], length: u64, marked: bool) -> Result<AlignedBuffer> {
    let mark: &[u8] = if marked { &PLACES_MARK } else { &[] };
    let length = usize::try_from(length).unwrap_or(0).max(mark.len() + index.len());
    let mut buffer = AlignedBuffer::zeroed(length, PURPOSE)?;
    let start = length - index.len();
    let bytes = &mut buffer.as_mut_slice()[..length];
    bytes[start..].copy_from_slice(index);
    bytes[start - mark.len()..start].copy_from_slice(mark);
    Ok(buffer)
}

/// What the end of a shard file says.
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// The file's length in bytes.
    pub(crate) length: u64,
    /// Where the mark lies that says that the index lists places, and not what is in them.
    pub(crate) mark: Option<u64>,
}

/// The index at the end of a shard file; `None` where there is no file.
pub(crate) fn read_index(path: &Path, chunks: usize) -> Result<Option<Found>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("open", path, source)),
    };
    let mut bytes = zeros(usize::try_from(index_bytes(chunks)).unwrap_or(usize::MAX), PURPOSE)?;
    let length = file
        .seek(SeekFrom::End(0))
        .and_then(|length| {
            file.seek(SeekFrom::Start(length.saturating_sub(bytes.len() as u64)))?;
            file.read_exact(&mut bytes)?;
            Ok(length)
        })
        .map_err(|source| Error::io("read the index of", path, source))?;
    let damaged = |problem: &str| Error::Damaged {
        path: path.to_path_buf(),
        problem: format!("{problem}; `ome-stream recover` may mend it"),
    };
    let not_valid = |_| damaged("its last bytes are not a valid shard index");
    let entries = parse_index(&bytes, chunks).map_err(not_valid)?;
    let inside = |(offset, size): &Entry| offset.checked_add(*size).is_some_and(|end| end <= length);
    if !entries.iter().all(|entry| *entry == MISSING || inside(entry)) {
        return Err(damaged("its index points past its end"));
    }
    let mut found = [0; PLACES_MARK.len()];
    let mark = length
        .checked_sub(index_bytes(chunks) + PLACES_MARK.len() as u64)
        .filter(|at| file.seek(SeekFrom::Start(*at)).and_then(|_| file.read_exact(&mut found)).is_ok())
        .filter(|_| found == PLACES_MARK);
    Ok(Some(Found { entries, length, mark }))
}
