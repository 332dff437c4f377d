//! Shard indices and write logs of any bytes.

use ome_stream::recover::log::{Entries, Entry, chunks_entry};
use ome_stream::recover::{index_of, is_sane, overlapping, parse_index};

/// Parses the bytes, first as they are and then with a checksum that fits.
pub fn check(bytes: &[u8]) {
    let Some((chunks, bytes)) = bytes.split_first() else { return };
    if let Ok(entries) = parse_index(bytes, usize::from(*chunks)) {
        assert_eq!(index_of(entries.into_iter()).expect("memory"), bytes);
    }
    // Most bytes have no checksum that fits.
    let whole = bytes.len() / 16 * 16;
    let with_checksum = [&bytes[..whole], &crc(&bytes[..whole]).to_le_bytes()].concat();
    let entries = parse_index(&with_checksum, whole / 16).expect("a checksum that fits");
    let end = u64::from(*chunks) << 8;
    for place in overlapping(&entries, end) {
        assert!(is_sane(entries[place], end));
    }
    let mut entries = Entries::new(bytes);
    while let Ok(Some(entry)) = entries.next_entry() {
        if let Entry::Chunks(placed) = entry {
            let again = chunks_entry(&placed.shard, placed.offset, placed.complete, &placed.chunks);
            assert!(matches!(Entries::new(&again[..]).next_entry(), Ok(Some(Entry::Chunks(same))) if same == placed));
        }
    }
}

/// crc32c, bit by bit (RFC 3720, appendix B.4).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}
