//! The index of a shard file (Zarr v3 sharding codec): read without trust, and looked for where the last one is torn.

use std::ops::Range;

use super::file::Stored;
use crate::error::Result;
use crate::platform::ALIGNMENT;
use crate::zarr::Sharding;
use crate::zarr::index::{
    ENTRY_BYTES, Entry, LAST_BYTES, PLACES_MARK, index_bytes, may_end_index, parse_entries, parse_index,
};

/// The entries of an index, and where it starts in its file.
pub type Found = (Vec<Entry>, u64);

/// As [`Found`], and where the index ends.
pub(crate) type NearEnd = (Vec<Entry>, u64, u64);

/// Bytes that a search for an earlier index may check in one file. A file made to look like nothing but indices would
/// otherwise keep it busy for hours.
const SEARCH_BUDGET: u64 = 1 << 30;

/// Blocks that such a search may look at: a minute's work. Parts of a file that lie on no disk are passed over at once.
const SEARCH_BLOCKS: u64 = 1 << 26;

/// Bytes of a file that are passed over together where nothing was ever written to them.
const HOLE_STEP: u64 = 1 << 30;

/// The index at the end of `file`, `length` bytes long: entries, and where the index starts.
///
/// # Errors
/// Of the inner result: why there is none. Of the outer: [`crate::Error::Io`], [`crate::Error::OutOfMemory`].
pub fn last_index(file: &Stored, length: u64, chunks: usize) -> Result<Result<Found, String>> {
    let bytes = index_bytes(chunks);
    let Some(start) = length.checked_sub(bytes) else {
        return Ok(Err(format!("{length} bytes long: too short for its index ({bytes} bytes)")));
    };
    let index = file.read(start, bytes)?;
    Ok(parse_index(&index, chunks).map(|entries| (entries, start)))
}

/// Entries, and the part of the file in which chunks may lie.
pub type Within = (Vec<Entry>, Range<u64>);

/// The index of `file`, a shard of anybody's: entries, and the part of the file in which chunks may lie.
///
/// # Errors
/// As [`last_index`].
pub fn index_of_shard(file: &Stored, chunks: usize, sharding: &Sharding) -> Result<Result<Within, String>> {
    let length = file.length();
    let bytes = match sharding.has_checksum() {
        Some(true) => index_bytes(chunks),
        Some(false) => (chunks as u64).saturating_mul(ENTRY_BYTES as u64),
        None => return Ok(Err("its index is encoded in a way that is not known".into())),
    };
    let Some(left) = length.checked_sub(bytes) else {
        return Ok(Err(format!("{length} bytes long: too short for its index ({bytes} bytes)")));
    };
    let (start, room) = if sharding.index_first { (0, bytes..length) } else { (left, 0..left) };
    let index = file.read(start, bytes)?;
    let entries = match sharding.has_checksum() {
        Some(true) => parse_index(&index, chunks),
        _ => Ok(parse_entries(&index)),
    };
    Ok(entries.map(|entries| (entries, room)))
}

/// The index that ends within the last block of `file` but not at its end, where something was appended behind it:
/// entries, where the index starts, and where it ends.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::OutOfMemory`].
pub(crate) fn index_near_end(file: &Stored, length: u64, chunks: usize) -> Result<Option<NearEnd>> {
    let bytes = index_bytes(chunks);
    let behind = length.min(ALIGNMENT as u64);
    let Some(first) = length.checked_sub(bytes.saturating_add(behind)).or(length.checked_sub(bytes).map(|_| 0)) else {
        return Ok(None);
    };
    let tail = file.read(first, length - first)?;
    let mut budget = SEARCH_BUDGET;
    for end in (first + bytes..length).rev() {
        let start = end - bytes;
        let Some(index) = tail.get((start - first) as usize..(end - first) as usize) else { break };
        if !may_end_index(&index[index.len().saturating_sub(LAST_BYTES)..], start) {
            continue;
        }
        let Some(left) = budget.checked_sub(bytes) else { break };
        budget = left;
        if let Ok(entries) = parse_index(index, chunks) {
            return Ok(Some((entries, start, end)));
        }
    }
    Ok(None)
}

/// Whether [`PLACES_MARK`] stands in front of the index at the end of `file`.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::OutOfMemory`].
pub fn has_places_mark(file: &Stored, length: u64, chunks: usize) -> Result<bool> {
    match length.checked_sub(index_bytes(chunks) + PLACES_MARK.len() as u64) {
        Some(start) => Ok(file.read(start, PLACES_MARK.len() as u64)? == PLACES_MARK),
        None => Ok(false),
    }
}

/// The last of the earlier indices: a shard file that readers may see has had a valid one at the end of a block each
/// time its length moved. Entries, and where the index starts.
///
/// # Errors
/// [`crate::Error::Io`], [`crate::Error::OutOfMemory`].
pub(crate) fn earlier_index(file: &Stored, length: u64, chunks: usize) -> Result<Option<Found>> {
    let bytes = index_bytes(chunks);
    let block = ALIGNMENT as u64;
    let mut end = length / block * block;
    let mut budget = SEARCH_BUDGET;
    let mut blocks = SEARCH_BLOCKS;
    while let Some(start) = end.checked_sub(bytes) {
        if blocks == 0 {
            return Ok(None);
        }
        blocks -= 1;
        // A file in which chunks are still to come has length without blocks.
        if let Some(step) = end.checked_sub(HOLE_STEP)
            && file.data_from(step).is_some_and(|data| data >= end)
        {
            end = step;
            continue;
        }
        if may_end_index(&file.read(end - LAST_BYTES as u64, LAST_BYTES as u64)?, start) {
            let Some(left) = budget.checked_sub(bytes) else { return Ok(None) };
            budget = left;
            if let Ok(entries) = parse_index(&file.read(start, bytes)?, chunks) {
                return Ok(Some((entries, start)));
            }
        }
        end = match end.checked_sub(block) {
            Some(before) if before > 0 => before,
            _ => break,
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native_source;
    use crate::reader::whole;
    use crate::zarr::index::{MISSING, index_of};

    fn file(bytes: &[u8]) -> (tempfile::TempDir, Stored) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shard");
        std::fs::write(&path, bytes).expect("written");
        let file = whole(&*native_source(), &path).expect("there");
        (folder, file)
    }

    #[test]
    fn the_last_of_several_earlier_indices_is_found() {
        let mut bytes = vec![0xFF; 5 * ALIGNMENT];
        let mut put = |end: usize, entries: &[(u64, u64)]| {
            let index = index_of(entries.iter().copied()).expect("memory");
            bytes[end - index.len()..end].copy_from_slice(&index);
        };
        put(2 * ALIGNMENT, &[(0, 5), MISSING]);
        put(4 * ALIGNMENT, &[(0, 5), (4096, 7)]);
        let (_folder, file) = file(&bytes);
        let found =
            |length: usize| earlier_index(&file, length as u64, 2).expect("readable").map(|(entries, _)| entries);
        assert_eq!(found(5 * ALIGNMENT), Some(vec![(0, 5), (4096, 7)]));
        assert_eq!(found(4 * ALIGNMENT - 1), Some(vec![(0, 5), MISSING]));
        assert_eq!(found(2 * ALIGNMENT - 1), None);
    }

    #[test]
    fn the_index_of_any_writer_is_read() {
        let entries = [(20, 5), MISSING];
        let index = index_of(entries.into_iter()).expect("memory");
        let bare = &index[..2 * ENTRY_BYTES];
        let of = |codecs: serde_json::Value, first: bool| {
            let codecs = crate::zarr::Chain::of(&codecs).expect("codecs");
            let last = Sharding::indexed_last(vec![1], crate::zarr::Chain::default());
            Sharding { index_codecs: codecs, index_first: first, ..last }
        };
        let little = serde_json::json!({"name": "bytes", "configuration": {"endian": "little"}});
        let (with, without) = (serde_json::json!([little, "crc32c"]), serde_json::json!([little]));
        for (index, codecs) in [(&index[..], with), (bare, without)] {
            for first in [false, true] {
                let chunks = [7; 100];
                let bytes = if first { [index, &chunks].concat() } else { [&chunks, index].concat() };
                let room = if first { index.len() as u64..bytes.len() as u64 } else { 0..100 };
                let (_folder, file) = self::file(&bytes);
                let found = index_of_shard(&file, 2, &of(codecs.clone(), first)).expect("readable");
                assert_eq!(found, Ok((entries.to_vec(), room)), "{first} {codecs}");
                assert!(index_of_shard(&file, 200, &of(codecs.clone(), first)).expect("readable").is_err());
            }
        }
        let (_folder, file) = file(&index);
        let strange = of(serde_json::json!(["bytes", "crc32c"]), false);
        assert!(index_of_shard(&file, 2, &strange).expect("readable").is_err());
    }

    #[test]
    fn an_index_with_bytes_behind_it_is_found() {
        let entries = [(0, 5), (5, 7)];
        let whole = [&[7; 1000][..], &index_of(entries.into_iter()).expect("memory")].concat();
        for behind in [0, 1, 2, 19, 20, 4095, 4096, 4097] {
            for byte in [0, 0xFF, b'x'] {
                let mut bytes = whole.clone();
                bytes.resize(whole.len() + behind, byte);
                let (_folder, file) = file(&bytes);
                let found = index_near_end(&file, bytes.len() as u64, 2).expect("readable");
                let expected = (entries.to_vec(), 1000, whole.len() as u64);
                assert_eq!(found, (1..=4096).contains(&behind).then_some(expected), "{behind} bytes of {byte}");
            }
        }
        let (_folder, short) = file(&[]);
        assert_eq!(index_near_end(&short, 0, 2).expect("readable"), None);
    }
}
