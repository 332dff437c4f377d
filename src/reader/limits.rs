//! How much of a store is looked at: every bound, with its reason.

use crate::ngff::frame_metadata;

/// Largest document (`zarr.json` and its like) that is read, in bytes: with frame metadata mirrored up to their cap one
/// has about 20 MB.
pub const DOCUMENT_BYTES: u64 = crate::zarr::json::MAX_BYTES;

/// Largest mark of a run that is read, in bytes: settings with 100,000 positions have some 15 MB, with every source
/// once more.
pub const MARK_BYTES: u64 = 256 << 20;

/// Largest record of how far a run has come that is read, in bytes: ours have some fifty for each source, those of
/// earlier versions two thousand.
pub const RECORD_BYTES: u64 = 4 << 20;

/// Longest name of whoever holds a store that is read, in bytes; ours have some 400.
pub const OWNER_BYTES: u64 = 64 << 10;

/// Largest `METADATA.ome.xml` that is looked at, in bytes: as many positions as a plan may have.
pub const XML_BYTES: u64 = 256 << 20;

/// Longest line of frame metadata, in bytes: the host's object and its place. Longer ones are nobody's of ours.
pub const FRAME_LINE_BYTES: usize = frame_metadata::MAX_BYTES + frame_metadata::PLACE_BYTES;

/// Longest line of a list of missing frames, in bytes; ours have some 200.
pub const MISSING_LINE_BYTES: usize = 4096;

/// Most bytes of a list of missing frames that are read: five million stretches.
pub const MISSING_BYTES: u64 = 1 << 30;

/// Deepest nesting of groups: a plate has root, row, column, field and array.
pub const GROUP_DEPTH: usize = 8;

/// Most groups and arrays: a plan has at most 100,000 positions of two folders each.
pub const NODES: usize = 1 << 20;

/// Deepest nesting of folders whose files are counted; a chunk key has a folder for each axis.
pub const FOLDER_DEPTH: usize = 40;

/// Deepest folder in which a store inside of another folder is looked for: days, specimens, a plate's rows.
pub const SEARCH_DEPTH: usize = 8;

/// Most folders that are looked into for stores inside of another folder.
pub const SEARCH_FOLDERS: usize = 100_000;

/// Most bytes of a stored chunk that decodes to so many, in bytes: what a codec may add to pixels that do not compress,
/// and some more.
#[must_use]
pub const fn stored_chunk_bytes(decoded: u64) -> u64 {
    decoded.saturating_mul(2).saturating_add(1 << 16)
}
