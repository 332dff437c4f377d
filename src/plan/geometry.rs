//! Shape, chunks and shards of an array, in storage order.

use crate::pyramid::Level;
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};
pub use crate::settings::MAX_AXES;
use crate::settings::{Acquisition, Axis};

const _: () = assert!(MAX_AXES == MAX_INDEX_DIMENSIONS + 2, "the router has a place for each axis before the frame");

/// Shape, chunk shape and shard shape of the arrays of one form, in storage order (index dimensions, then Y, X).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    shape: Vec<u64>,
    append_axis: Option<usize>,
    chunk: Vec<u64>,
    shard: Option<Vec<u64>>,
    item_size: usize,
}

impl Geometry {
    /// At full resolution. An acquisition has two axes or more, and none of its sizes is too large.
    pub(super) fn new(acquisition: &Acquisition) -> Self {
        let axes = acquisition.axes();
        let each = |size: fn(&Axis) -> u64| axes.iter().map(size).collect::<Vec<u64>>();
        Self {
            shape: each(|axis| axis.count.unwrap_or(0)),
            append_axis: axes.iter().position(|axis| axis.count.is_none()),
            chunk: each(|axis| axis.chunk),
            shard: acquisition.is_sharded().then(|| each(|axis| axis.shard)),
            item_size: acquisition.settings().dtype.size(),
        }
    }

    /// Of a level of this full resolution, with the chunks (in pixels) and shards (in chunks) that are asked for each of
    /// its axes; where nothing is, as at full resolution. What is left at an edge becomes one pixel.
    pub(super) fn of_level(&self, level: &Level, chunks: &[Option<u64>], shards: &[Option<u64>]) -> Self {
        let mut geometry = self.clone();
        for (axis, extent) in geometry.shape.iter_mut().enumerate().filter(|(axis, _)| Some(*axis) != self.append_axis)
        {
            *extent = level.shape[axis].unwrap_or(*extent);
        }
        for (axis, chunk) in geometry.chunk.iter_mut().enumerate() {
            *chunk = chunks[axis].unwrap_or(*chunk);
            if Some(axis) != self.append_axis {
                *chunk = (*chunk).min(geometry.shape[axis]);
            }
        }
        if shards.iter().any(Option::is_some) {
            let as_full = self.shard.clone().unwrap_or_else(|| vec![1; self.shape.len()]);
            geometry.shard = Some(as_full.iter().zip(shards).map(|(full, told)| told.unwrap_or(*full)).collect());
        }
        // No shard has more chunks than there are, as at full resolution.
        let Self { shape, chunk, shard, append_axis, .. } = &mut geometry;
        for (axis, chunks) in shard.iter_mut().flatten().enumerate().filter(|(axis, _)| Some(*axis) != *append_axis) {
            *chunks = (*chunks).min(shape[axis].div_ceil(chunk[axis]));
        }
        geometry
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
