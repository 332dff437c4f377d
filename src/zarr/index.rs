//! The index of a shard (Zarr v3 sharding codec, `index_location: end`): its bytes, made, and read without trust.

use std::collections::TryReserveError;

use super::checksum;

/// Offset and length of a chunk in its shard file, in bytes.
pub type Entry = (u64, u64);

/// Stands for a chunk that is not there.
pub const MISSING: Entry = (u64::MAX, u64::MAX);

/// Stands directly in front of an index that lists the *places* of uncompressed chunks: what was not
/// written there yet is zero. It goes when all of them have been written. Ours: no reader looks at it.
pub const PLACES_MARK: [u8; 8] = *b"OSplaces";

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 16;

/// Bytes of the last entry and the checksum.
pub const LAST_BYTES: usize = ENTRY_BYTES + checksum::BYTES;

/// Bytes of the index of a shard of `chunks` chunks.
#[must_use]
pub fn index_bytes(chunks: usize) -> u64 {
    (chunks as u64).saturating_mul(ENTRY_BYTES as u64).saturating_add(checksum::BYTES as u64)
}

/// The bytes of an index.
///
/// # Errors
/// Where there is no memory for it.
pub fn index_of(entries: impl ExactSizeIterator<Item = Entry>) -> Result<Vec<u8>, TryReserveError> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(entries.len().saturating_mul(ENTRY_BYTES).saturating_add(checksum::BYTES))?;
    for (offset, length) in entries {
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    let checksum = checksum::of(&bytes);
    bytes.extend_from_slice(&checksum);
    Ok(bytes)
}

/// The entries of an index of `chunks` chunks; [`MISSING`] where a chunk is not there.
///
/// # Errors
/// Why these bytes are no such index.
pub fn parse_index(bytes: &[u8], chunks: usize) -> Result<Vec<Entry>, String> {
    if bytes.len() as u64 != index_bytes(chunks) {
        return Err(format!("{} bytes are no index of {chunks} chunks", bytes.len()));
    }
    checksum::checked(bytes).map(parse_entries).ok_or_else(|| "the checksum of its index is wrong".into())
}

/// The entries alone, of an index that has no checksum.
#[must_use]
pub fn parse_entries(bytes: &[u8]) -> Vec<Entry> {
    bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(entry).collect()
}

fn entry(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let both = u128::from_le_bytes(*bytes);
    (both as u64, (both >> 64) as u64)
}

/// Whether a chunk can lie there in a file whose index starts at `end`.
#[must_use]
pub fn is_sane((offset, length): Entry, end: u64) -> bool {
    length > 0 && offset.checked_add(length).is_some_and(|behind| behind <= end)
}

/// Whether the [`LAST_BYTES`] of something may be the end of an index that starts at `start`: the last entry tells most
/// places that are none.
#[must_use]
pub fn may_end_index(last: &[u8], start: u64) -> bool {
    last.first_chunk::<ENTRY_BYTES>().map(entry).is_some_and(|last| last == MISSING || is_sane(last, start))
}

/// Where the last chunk that is in the index ends.
#[must_use]
pub fn chunks_end(entries: &[Entry]) -> u64 {
    let ends = entries.iter().filter(|entry| **entry != MISSING).map(|(offset, length)| offset.saturating_add(*length));
    ends.max().unwrap_or(0)
}

/// Places whose chunks, all before `end`, share bytes with another: no writer of ours makes such an index.
#[must_use]
pub fn overlapping(entries: &[Entry], end: u64) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(entries: &[Entry]) -> Vec<u8> {
        index_of(entries.iter().copied()).expect("memory")
    }

    #[test]
    fn an_index_comes_back() {
        let entries = [(0, 10), MISSING, (4096, 1)];
        let bytes = of(&entries);
        assert_eq!(bytes.len() as u64, index_bytes(3));
        assert_eq!(parse_index(&bytes, 3), Ok(entries.to_vec()));
        assert!(parse_index(&bytes, 2).is_err());
        assert_eq!((chunks_end(&entries), chunks_end(&[MISSING]), chunks_end(&[])), (4097, 0, 0));
    }

    #[test]
    fn the_end_of_an_index_is_told_from_most_else() {
        for (entries, start, may) in [
            (&[(0, 10)][..], 10, true),
            (&[(0, 11)], 10, false),
            (&[(0, 10), MISSING], 10, true),
            (&[(0, 0)], 10, false),
        ] {
            let bytes = of(entries);
            assert_eq!(may_end_index(&bytes[bytes.len() - LAST_BYTES..], start), may, "{entries:?}");
        }
        assert!(!may_end_index(&[0xFF; 15], 10));
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

    proptest! {
        #[test]
        fn one_wrong_bit_is_seen(entries in prop::collection::vec(any::<(u64, u64)>(), 0..20), bit: usize) {
            let mut bytes = of(&entries);
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
