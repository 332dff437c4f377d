//! The index of a shard file (Zarr v3 `sharding_indexed`, `index_location: end`): its bytes, and reading it back.

use std::path::Path;

use ome_stream::buffer::{ALIGNMENT, AlignedBuffer};
use ome_stream::platform::Source;
use ome_stream::reader;
use ome_stream::zarr::index::{Entry, MISSING, PLACES_MARK, index_bytes, index_of};
use ome_stream::{Error, Result};

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
pub(crate) fn read_index(source: &dyn Source, path: &Path, chunks: usize) -> Result<Option<Found>> {
    let Some(file) = reader::open(source, path)? else { return Ok(None) };
    let length = file.length();
    let damaged = |problem: &str| Error::Damaged {
        path: path.to_path_buf(),
        problem: format!("{problem}; `ome-stream recover` may mend it"),
    };
    let none = |_| damaged("its last bytes are not a valid shard index");
    let (entries, start) = reader::last_index(&file, length, chunks)?.map_err(none)?;
    let inside = |(offset, size): &Entry| offset.checked_add(*size).is_some_and(|end| end <= length);
    if !entries.iter().all(|entry| *entry == MISSING || inside(entry)) {
        return Err(damaged("its index points past its end"));
    }
    let marked = reader::has_places_mark(&file, length, chunks)?;
    Ok(Some(Found { entries, length, mark: marked.then(|| start - PLACES_MARK.len() as u64) }))
}
