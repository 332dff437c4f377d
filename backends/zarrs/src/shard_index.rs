//! The index of a shard file (Zarr v3 `sharding_indexed`, `index_location: end`): its bytes, and reading it back.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};
use ome_stream::recover::PLACES_MARK;
use ome_stream::{Error, Result};

use crate::spares::zeros;

/// What memory is asked for here.
const PURPOSE: &str = "a shard's index";

/// Offset and length of a chunk in its shard file.
pub(crate) type Entry = (u64, u64);

/// What stands for a chunk that is not there (Zarr v3 sharding codec).
pub(crate) const MISSING: Entry = (u64::MAX, u64::MAX);

/// Bytes of the index of `chunks` chunks.
pub(crate) fn index_bytes(chunks: usize) -> u64 {
    chunks as u64 * 16 + 4
}

/// Bytes of the whole blocks that hold an index; with room for a mark in front of it.
pub(crate) fn block_bytes(chunks: usize, marked: bool) -> u64 {
    let mark = if marked { PLACES_MARK.len() as u64 } else { 0 };
    (index_bytes(chunks) + mark).next_multiple_of(ALIGNMENT as u64)
}

/// The shard index: little-endian pairs of offset and length, then their crc32c.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn index(entries: impl Iterator<Item = Entry>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = entries.size_hint().0 * 16 + 4;
    let none = |_| Error::OutOfMemory { bytes: length as u64, purpose: PURPOSE };
    bytes.try_reserve_exact(length).map_err(none)?;
    for (offset, length) in entries {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
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

/// Where the last chunk that is in the index ends.
pub(crate) fn chunks_end(entries: &[Entry]) -> u64 {
    entries.iter().filter(|entry| **entry != MISSING).map(|(offset, length)| offset + length).max().unwrap_or(0)
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
    let mut bytes = zeros(chunks * 16 + 4, PURPOSE)?;
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
    let (entries, checksum) = bytes.split_at(chunks * 16);
    if checksum != crc32c::crc32c(entries).to_le_bytes() {
        return Err(damaged("its last bytes are not a valid shard index"));
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(u64::MAX, u64::from_le_bytes);
    let entries: Vec<_> = entries.chunks_exact(16).map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
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
