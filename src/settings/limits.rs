//! What settings may be at most and at least, each with its reason.

use std::ops::RangeInclusive;

pub use crate::names::MAX_NAME_BYTES;

/// Fewest axes of an image: a frame's rows and columns (OME-NGFF 0.5 section "multiscales").
pub(super) const MIN_AXES: usize = 2;

/// Most axes of an image, which are the dimensions beside the position dimension (OME-NGFF 0.5 section "multiscales").
pub const MAX_AXES: usize = 5;

/// Most bytes of pixels in an acquisition of all positions: readers count bytes with signed 64 bits.
pub const MAX_ACQUISITION_BYTES: u64 = i64::MAX as u64;

/// Most bytes of a single chunk: Zarr readers and blosc address chunks with 31 bits.
pub const MAX_CHUNK_BYTES: u64 = (1 << 31) - 64;

/// Most chunks in a shard: an index of 16 MiB. Larger ones make every read of one chunk slow.
pub const MAX_CHUNKS_PER_SHARD: u64 = 1 << 20;

/// Most chunks in a frame: each is a dispatch and an entry in several tables. As many as 65,536 x 65,536 pixels in
/// chunks of 64 x 64.
pub const MAX_CHUNKS_PER_FRAME: u64 = 1 << 20;

/// Most positions of an acquisition: each is a folder, an array and an entry of the series list.
pub const MAX_POSITIONS: usize = 100_000;

/// Most rows, columns and acquisitions of a plate: each is an entry of the root's document, which every reader parses
/// whole. The largest plates have 48 columns, slides of spots some hundred.
pub const MAX_PLATE_ENTRIES: usize = 4096;

/// Most worker threads: beyond this, memory for their scratch grows and throughput does not.
pub const MAX_THREADS: usize = 256;

/// Least `memory_limit`, in bytes: 1 MiB.
pub const MIN_MEMORY_LIMIT: u64 = 1 << 20;

/// Most levels of an image, the full one included: each is a bit of what is known of a frame, and a power of two. By
/// halves, enough for 8 million rows down to the size of an overview.
pub const MAX_LEVELS: u32 = 16;

/// Seconds that `live_interval` may have: below, the disk is kept busy with provisional indices; above, it is no
/// longer live.
pub const LIVE_INTERVAL_RANGE: RangeInclusive<f64> = 0.05..=3600.0;
