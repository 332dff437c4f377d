//! The index of a shard (Zarr v3 sharding codec): read without trust, and looked for where the last one is torn.

use std::fs::File;
use std::io;

use super::file::{data_from, read_at};
use crate::buffer::ALIGNMENT;

/// Offset and length of a chunk that is not there.
pub const MISSING: (u64, u64) = (u64::MAX, u64::MAX);

/// Stands directly in front of an index that lists the *places* of uncompressed chunks: what was not
/// written there yet is zero. It goes when all of them have been written.
pub const PLACES_MARK: [u8; 8] = *b"OSplaces";

/// The entries of an index, and where it starts in its file.
pub(super) type Found = (Vec<(u64, u64)>, u64);

/// As [`Found`], and where the index ends.
pub(super) type NearEnd = (Vec<(u64, u64)>, u64, u64);

/// Bytes of the last entry and the checksum.
const LAST_BYTES: usize = 16 + CHECKSUM_BYTES;

/// Bytes of checksum behind the entries.
const CHECKSUM_BYTES: usize = 4;

/// Bytes that a search for an earlier index may check in one file. A file made to look like nothing but indices would
/// otherwise keep it busy for hours.
const SEARCH_BUDGET: u64 = 1 << 30;

/// Blocks that such a search may look at: a minute's work. Parts of a file that lie on no disk are passed over at once.
const SEARCH_BLOCKS: u64 = 1 << 26;

/// Bytes of a file that are passed over together where nothing was ever written to them.
const HOLE_STEP: u64 = 1 << 30;

/// Bytes of the index of a shard of `chunks` chunks.
#[must_use]
pub fn index_bytes(chunks: usize) -> u64 {
    (chunks as u64).saturating_mul(16).saturating_add(CHECKSUM_BYTES as u64)
}

/// The entries of an index of `chunks` chunks, offset and length in bytes; [`MISSING`] where a chunk is not there.
///
/// # Errors
/// Why these bytes are no such index.
pub fn parse_index(bytes: &[u8], chunks: usize) -> Result<Vec<(u64, u64)>, String> {
    if bytes.len() as u64 != index_bytes(chunks) {
        return Err(format!("{} bytes are no index of {chunks} chunks", bytes.len()));
    }
    let (entries, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if crc32c::crc32c(entries).to_le_bytes() != checksum {
        return Err("the checksum of its index is wrong".into());
    }
    Ok(entries.as_chunks::<16>().0.iter().map(entry).collect())
}

/// The bytes of an index.
#[must_use]
pub fn index_of(entries: &[(u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 16 + CHECKSUM_BYTES);
    for (offset, length) in entries {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn entry(bytes: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*bytes);
    (both as u64, (both >> 64) as u64)
}

/// Whether a chunk can lie there in a file whose index starts at `end`.
#[must_use]
pub fn is_sane((offset, length): (u64, u64), end: u64) -> bool {
    length > 0 && offset.checked_add(length).is_some_and(|behind| behind <= end)
}

/// Places whose chunks, all before `end`, share bytes with another: no writer of ours makes such an index.
#[must_use]
pub fn overlapping(entries: &[(u64, u64)], end: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).filter(|place| is_sane(entries[*place], end)).collect();
    order.sort_by_key(|place| entries[*place]);
    let mut found = Vec::new();
    let mut reach: Option<(u64, usize)> = None;
    for place in order {
        let (offset, length) = entries[place];
        let end = offset.saturating_add(length);
        if let Some((reached, by)) = reach
            && offset < reached
        {
            found.push(by);
            found.push(place);
        }
        if reach.is_none_or(|(reached, _)| end > reached) {
            reach = Some((end, place));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The index at the end of `file`, `length` bytes long: entries, and where the index starts.
///
/// # Errors
/// Of the inner result: why there is none. Of the outer: the operating system's.
pub(super) fn last_index(file: &File, length: u64, chunks: usize) -> io::Result<Result<Found, String>> {
    let bytes = index_bytes(chunks);
    let Some(start) = length.checked_sub(bytes) else {
        return Ok(Err(format!("{length} bytes long: too short for its index ({bytes} bytes)")));
    };
    let index = read_at(file, start, bytes)?;
    Ok(parse_index(&index, chunks).map(|entries| (entries, start)))
}

/// The index that ends within the last block of `file` but not at its end, where something was appended behind it:
/// entries, where the index starts, and where it ends.
///
/// # Errors
/// The operating system's.
pub(super) fn index_near_end(file: &File, length: u64, chunks: usize) -> io::Result<Option<NearEnd>> {
    let bytes = index_bytes(chunks);
    let behind = length.min(ALIGNMENT as u64);
    let Some(first) = length.checked_sub(bytes.saturating_add(behind)).or(length.checked_sub(bytes).map(|_| 0)) else {
        return Ok(None);
    };
    let tail = read_at(file, first, length - first)?;
    let mut budget = SEARCH_BUDGET;
    for end in (first + bytes..length).rev() {
        let start = end - bytes;
        let Some(index) = tail.get((start - first) as usize..(end - first) as usize) else { break };
        if !may_be_index(&index[index.len().saturating_sub(LAST_BYTES)..], start) {
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

/// Whether bytes may be the end of an index that starts at `start`: the last entry tells most places that are none.
fn may_be_index(end: &[u8], start: u64) -> bool {
    end.first_chunk::<16>().map(entry).is_some_and(|last| last == MISSING || is_sane(last, start))
}

/// Whether [`PLACES_MARK`] stands in front of the index at the end of `file`.
///
/// # Errors
/// The operating system's.
pub(super) fn has_places_mark(file: &File, length: u64, chunks: usize) -> io::Result<bool> {
    match length.checked_sub(index_bytes(chunks) + PLACES_MARK.len() as u64) {
        Some(start) => Ok(read_at(file, start, PLACES_MARK.len() as u64)? == PLACES_MARK),
        None => Ok(false),
    }
}

/// The last of the earlier indices: a shard file that readers may see has had a valid one at the end of a block each
/// time its length moved. Entries, and where the index starts.
///
/// # Errors
/// The operating system's.
pub(super) fn earlier_index(file: &File, length: u64, chunks: usize) -> io::Result<Option<Found>> {
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
            && data_from(file, step).is_some_and(|data| data >= end)
        {
            end = step;
            continue;
        }
        if may_be_index(&read_at(file, end - LAST_BYTES as u64, LAST_BYTES as u64)?, start) {
            let Some(left) = budget.checked_sub(bytes) else { return Ok(None) };
            budget = left;
            if let Ok(entries) = parse_index(&read_at(file, start, bytes)?, chunks) {
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
    use proptest::prelude::*;
    use std::io::Write;

    #[test]
    fn an_index_comes_back() {
        let entries = [(0, 10), MISSING, (4096, 1)];
        let bytes = index_of(&entries);
        assert_eq!(bytes.len() as u64, index_bytes(3));
        assert_eq!(parse_index(&bytes, 3), Ok(entries.to_vec()));
        assert!(parse_index(&bytes, 2).is_err());
    }

    #[test]
    fn chunks_that_share_bytes_are_named() {
        assert_eq!(overlapping(&[(0, 10), (10, 5), MISSING, (15, 1)], 16), [0usize; 0]);
        assert_eq!(overlapping(&[(0, 10), (9, 5), MISSING, (20, 1)], 100), [0, 1]);
        assert_eq!(overlapping(&[(5, 1), (0, 100), (50, 1), (5, u64::MAX)], 100), [0, 1, 2]);
        assert_eq!(overlapping(&[(7, 3), (7, 3)], 10), [0, 1]);
    }

    #[test]
    fn entries_outside_the_file_are_refused() {
        assert!(is_sane((0, 10), 10));
        for entry in [(0, 11), (10, 1), (0, 0), (u64::MAX, 2), (u64::MAX, u64::MAX), (1, u64::MAX)] {
            assert!(!is_sane(entry, 10), "{entry:?}");
        }
    }

    #[test]
    fn the_last_of_several_earlier_indices_is_found() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        let mut bytes = vec![0xFF; 5 * ALIGNMENT];
        let mut put = |end: usize, entries: &[(u64, u64)]| {
            let index = index_of(entries);
            bytes[end - index.len()..end].copy_from_slice(&index);
        };
        put(2 * ALIGNMENT, &[(0, 5), MISSING]);
        put(4 * ALIGNMENT, &[(0, 5), (4096, 7)]);
        file.write_all(&bytes).expect("written");
        let found =
            |length: usize| earlier_index(&file, length as u64, 2).expect("readable").map(|(entries, _)| entries);
        assert_eq!(found(5 * ALIGNMENT), Some(vec![(0, 5), (4096, 7)]));
        assert_eq!(found(4 * ALIGNMENT - 1), Some(vec![(0, 5), MISSING]));
        assert_eq!(found(2 * ALIGNMENT - 1), None);
    }

    #[test]
    fn an_index_with_bytes_behind_it_is_found_at_any_distance_within_a_block() {
        let entries = [(0, 5), (5, 7)];
        let whole = [&[7; 1000][..], &index_of(&entries)].concat();
        for behind in [0, 1, 2, 19, 20, 4095, 4096, 4097] {
            for byte in [0, 0xFF, b'x'] {
                let mut file = tempfile::tempfile().expect("a temporary file");
                let mut bytes = whole.clone();
                bytes.resize(whole.len() + behind, byte);
                file.write_all(&bytes).expect("written");
                let found = index_near_end(&file, bytes.len() as u64, 2).expect("readable");
                let expected = (entries.to_vec(), 1000, whole.len() as u64);
                assert_eq!(found, (1..=4096).contains(&behind).then_some(expected), "{behind} bytes of {byte}");
            }
        }
        let short = tempfile::tempfile().expect("a temporary file");
        assert_eq!(index_near_end(&short, 0, 2).expect("readable"), None);
    }

    proptest! {
        #[test]
        fn one_wrong_bit_is_seen(entries in prop::collection::vec(any::<(u64, u64)>(), 0..20), bit: usize) {
            let mut bytes = index_of(&entries);
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(parse_index(&bytes, entries.len()).is_err());
        }

        #[test]
        fn no_bytes_make_the_parser_fail(bytes: Vec<u8>, chunks in 0usize..1000) {
            if let Ok(entries) = parse_index(&bytes, chunks) {
                prop_assert_eq!(entries.len(), chunks);
                prop_assert!(overlapping(&entries, u64::MAX).len() <= chunks);
            }
        }
    }
}
