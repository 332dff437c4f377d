//! Shape, chunks and shards of an array, in storage order.

use crate::error::{Error, Result};
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};
use crate::settings::{Dimension, Settings};

/// Most axes of an array (OME-NGFF 0.5 §3.4: two to five).
pub const MAX_AXES: usize = MAX_INDEX_DIMENSIONS + 2;

/// Most bytes of a single chunk: Zarr readers and blosc address chunks with 31 bits.
const MAX_CHUNK_BYTES: u64 = (1 << 31) - 64;

/// Most chunks in a shard: an index of 16 MiB. Larger ones make every read of one chunk slow.
const MAX_CHUNKS_PER_SHARD: u64 = 1 << 20;

/// Most chunks in a frame: each is a dispatch and an entry in several tables. As many as 65,536 x 65,536 pixels in chunks
/// of 64 x 64.
const MAX_CHUNKS_PER_FRAME: u64 = 1 << 20;

/// Shape, chunk shape and shard shape of every position's level 0, in storage order (index dimensions, then Y, X).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    shape: Vec<u64>,
    append_axis: Option<usize>,
    chunk: Vec<u64>,
    shard: Option<Vec<u64>>,
    item_size: usize,
}

impl Geometry {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let (rows, columns) = settings.frame_dimensions();
        let mut dimensions: Vec<&Dimension> = settings.storage_index_dimensions();
        dimensions.extend([rows, columns]);
        if dimensions.len() > MAX_AXES {
            return Err(Error::settings(
                "dimensions",
                dimensions.len(),
                "an image has at most five axes",
                "use at most five dimensions beside the position dimension",
            ));
        }
        let in_frame = dimensions.len() - 2;
        let shape: Vec<u64> = dimensions.iter().map(|each| each.count.unwrap_or(0)).collect();
        let append_axis = dimensions.iter().position(|each| each.count.is_none());
        let chunk: Vec<u64> = dimensions
            .iter()
            .enumerate()
            .map(|(axis, each)| {
                let whole = if axis < in_frame { 1 } else { each.count.unwrap_or(1) };
                each.chunk_size.unwrap_or(whole)
            })
            .collect();
        let shard = dimensions
            .iter()
            .any(|each| each.shard_size_chunks.is_some())
            .then(|| dimensions.iter().map(|each| each.shard_size_chunks.unwrap_or(1)).collect::<Vec<u64>>());
        let along = |axis: usize| shape[axis].div_ceil(chunk[axis].max(1));
        let chunks = along(in_frame).checked_mul(along(in_frame + 1));
        if chunks.is_none_or(|chunks| chunks > MAX_CHUNKS_PER_FRAME) {
            let finest = if along(in_frame) > along(in_frame + 1) { in_frame } else { in_frame + 1 };
            let nth = settings.dimensions.len() + finest - dimensions.len();
            return Err(Error::settings(
                format!("dimensions[{nth}].chunk_size"),
                chunk[finest],
                format!(
                    "{} of {} elements has {} chunks, and a frame may have {MAX_CHUNKS_PER_FRAME}",
                    dimensions[finest].name,
                    shape[finest],
                    along(finest)
                ),
                "use larger chunks, or a smaller frame",
            ));
        }
        let item_size = settings.dtype.size();
        let too_large = |what: &str, limit: u64, remedy: &str| {
            Error::settings("dimensions", format!("{chunk:?}"), format!("{what} (limit {limit})"), remedy)
        };
        product(&chunk)
            .and_then(|pixels| pixels.checked_mul(item_size as u64))
            .filter(|bytes| *bytes <= MAX_CHUNK_BYTES)
            .ok_or_else(|| too_large("a chunk has too many bytes", MAX_CHUNK_BYTES, "use a smaller chunk_size"))?;
        if let Some(shard) = &shard {
            product(shard).filter(|chunks| *chunks <= MAX_CHUNKS_PER_SHARD).ok_or_else(|| {
                too_large("a shard has too many chunks", MAX_CHUNKS_PER_SHARD, "use a smaller shard_size_chunks")
            })?;
        }
        Ok(Self { shape, append_axis, chunk, shard, item_size })
    }

    /// Extent of each axis; 0 along an unbounded axis, which grows as frames come.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The unbounded axis, where there is one.
    #[must_use]
    pub fn append_axis(&self) -> Option<usize> {
        self.append_axis
    }

    /// The shape with `extent` planes along the unbounded axis, where there is one.
    #[must_use]
    pub fn shape_with(&self, extent: Option<u64>) -> Vec<u64> {
        let mut shape = self.shape.clone();
        if let (Some(axis), Some(extent)) = (self.append_axis, extent) {
            shape[axis] = extent;
        }
        shape
    }

    /// Pixels of a chunk along each axis.
    #[must_use]
    pub fn chunk(&self) -> &[u64] {
        &self.chunk
    }

    /// Chunks of a shard along each axis; `None` without shards.
    #[must_use]
    pub fn shard(&self) -> Option<&[u64]> {
        self.shard.as_deref()
    }

    /// Pixels of a stored object along each axis: of a shard, or of a chunk where there are no shards.
    #[must_use]
    pub fn object(&self) -> Vec<u64> {
        match &self.shard {
            Some(shard) => self.chunk.iter().zip(shard).map(|(chunk, chunks)| chunk * chunks).collect(),
            None => self.chunk.clone(),
        }
    }

    /// Number of axes before Y and X.
    #[must_use]
    pub fn index_dimensions(&self) -> usize {
        self.shape.len() - 2
    }

    /// Rows and columns of a frame.
    #[must_use]
    pub fn frame(&self) -> (u64, u64) {
        (self.shape[self.shape.len() - 2], self.shape[self.shape.len() - 1])
    }

    /// Bytes of a pixel.
    #[must_use]
    pub fn item_size(&self) -> usize {
        self.item_size
    }

    /// Bytes of a frame.
    #[must_use]
    pub fn frame_bytes(&self) -> u64 {
        let (rows, columns) = self.frame();
        rows * columns * self.item_size as u64
    }

    /// Chunks in a shard; 1 without shards.
    #[must_use]
    pub fn chunks_per_shard(&self) -> u64 {
        self.shard.as_ref().map_or(1, |shard| shard.iter().product())
    }

    /// Extent along the index dimensions; `u64::MAX` along an unbounded axis.
    #[must_use]
    pub fn index_extent(&self) -> StorageIndex {
        let mut extent = [1; MAX_INDEX_DIMENSIONS];
        for (axis, slot) in extent.iter_mut().enumerate().take(self.index_dimensions()) {
            *slot = if self.append_axis == Some(axis) { u64::MAX } else { self.shape[axis] };
        }
        extent
    }

    /// `per_axis` along the index dimensions, 1 beyond them.
    #[must_use]
    pub fn index_part(&self, per_axis: &[u64]) -> StorageIndex {
        let mut part = [1; MAX_INDEX_DIMENSIONS];
        part[..self.index_dimensions()].copy_from_slice(&per_axis[..self.index_dimensions()]);
        part
    }
}

fn product(factors: &[u64]) -> Option<u64> {
    factors.iter().try_fold(1u64, |all, each| all.checked_mul(*each))
}
