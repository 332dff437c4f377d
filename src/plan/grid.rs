//! Which shard a chunk lies in, and where in it: the arithmetic of an array's shards, in one place for all who ask.

use super::geometry::{Geometry, MAX_AXES};
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};

/// Chunks and shards of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardGrid {
    /// Chunks of a shard along each axis.
    shard: Vec<u64>,
    /// Chunks of the array along each axis; `u64::MAX` along an unbounded one.
    chunks: Vec<u64>,
}

impl ShardGrid {
    /// `None` for an array without shards.
    #[must_use]
    pub fn of(geometry: &Geometry) -> Option<Self> {
        let chunks = geometry.shape().iter().zip(geometry.chunk()).enumerate();
        let chunks = chunks.map(|(axis, (extent, chunk))| match geometry.append_axis() {
            Some(append) if append == axis => u64::MAX,
            _ => extent.div_ceil(*chunk),
        });
        Some(Self { shard: geometry.shard()?.to_vec(), chunks: chunks.collect() })
    }

    /// Chunks of a shard, those beyond the array's edge included.
    #[must_use]
    pub fn chunks_per_shard(&self) -> usize {
        // The geometry bounds it.
        self.shard.iter().product::<u64>() as usize
    }

    /// The shard of a chunk, both counted from the array's origin.
    #[must_use]
    pub fn shard_of(&self, chunk: &[u64]) -> Vec<u64> {
        chunk.iter().zip(&self.shard).map(|(at, chunks)| at / chunks).collect()
    }

    /// Place of a chunk in the index of its shard, which is in C order (Zarr v3 sharding codec, version 1.0).
    #[must_use]
    pub fn place_in_shard(&self, chunk: &[u64]) -> usize {
        chunk.iter().zip(&self.shard).fold(0, |all, (at, chunks)| all * chunks + at % chunks) as usize
    }

    /// Coordinates of the chunk at a place in a shard's index, counted from the array's origin.
    #[must_use]
    pub fn chunk_at(&self, shard: &[u64], place: usize) -> Vec<u64> {
        let mut rest = place as u64;
        let mut chunk: Vec<u64> = shard.iter().zip(&self.shard).map(|(at, chunks)| at * chunks).collect();
        for (at, chunks) in chunk.iter_mut().zip(&self.shard).rev() {
            *at += rest % chunks;
            rest /= chunks;
        }
        chunk
    }

    /// Places in the index of the chunks of a shard that lie within the array.
    pub fn inside<'a>(&'a self, shard: &'a [u64]) -> impl Iterator<Item = usize> + 'a {
        (0..self.chunks_per_shard()).filter(move |place| {
            let mut rest = *place as u64;
            let mut coordinates = [0; MAX_AXES];
            for axis in (0..shard.len()).rev() {
                coordinates[axis] = shard[axis] * self.shard[axis] + rest % self.shard[axis];
                rest /= self.shard[axis];
            }
            coordinates.iter().zip(&self.chunks).all(|(at, all)| at < all)
        })
    }

    /// Chunks of a shard that lie within the array: with so many it is complete.
    #[must_use]
    pub fn expected(&self, shard: &[u64]) -> usize {
        let axes = shard.iter().zip(&self.shard).zip(&self.chunks);
        axes.map(|((at, chunks), all)| (*chunks).min(all.saturating_sub(at.saturating_mul(*chunks)))).product::<u64>()
            as usize
    }

    /// The slab that a chunk belongs to, where an engine takes chunks.
    #[must_use]
    pub fn slab_of(chunk: &[u64]) -> StorageIndex {
        let mut index = StorageIndex::default();
        let index_axes = chunk.len().saturating_sub(2);
        index.iter_mut().zip(&chunk[..index_axes]).for_each(|(to, at)| *to = *at);
        index
    }

    /// The row of shards that a slab belongs to, along the index dimensions.
    #[must_use]
    pub fn row_of(&self, slab: &StorageIndex) -> StorageIndex {
        let mut row = *slab;
        row.iter_mut().zip(&self.shard[..self.index_axes()]).for_each(|(at, slabs)| *at /= slabs);
        row
    }

    /// Slabs of a row of shards that lie within the array.
    #[must_use]
    pub fn slabs_in_row(&self, row: &StorageIndex) -> u64 {
        let axes = row.iter().zip(&self.shard).zip(&self.chunks).take(self.index_axes());
        axes.map(|((at, slabs), all)| (*slabs).min(all.saturating_sub(at.saturating_mul(*slabs)))).product()
    }

    fn index_axes(&self) -> usize {
        self.shard.len().saturating_sub(2).min(MAX_INDEX_DIMENSIONS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::settings::{DataType, Settings, parse_dims};

    fn grid(dims: &str) -> ShardGrid {
        let settings = Settings::new("a", parse_dims(dims).expect("valid"), DataType::UInt8);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        ShardGrid::of(plan.geometry()).expect("shards")
    }

    #[test]
    fn every_chunk_has_one_place_in_one_shard() {
        let grid = grid("t:7:2:3,c:3:1:2,y:20:4:3,x:10:5:1");
        let mut seen = std::collections::HashSet::new();
        for t in 0..4 {
            for c in 0..3 {
                for (y, x) in (0..5).flat_map(|y| (0..2).map(move |x| (y, x))) {
                    let chunk = vec![t, c, y, x];
                    let (shard, place) = (grid.shard_of(&chunk), grid.place_in_shard(&chunk));
                    assert_eq!(grid.chunk_at(&shard, place), chunk);
                    assert!(grid.inside(&shard).any(|inside| inside == place));
                    assert_eq!(grid.inside(&shard).count(), grid.expected(&shard));
                    assert!(seen.insert((shard, place)));
                }
            }
        }
        assert_eq!(grid.slabs_in_row(&[0, 0, 0]), 6);
        assert_eq!(grid.slabs_in_row(&[1, 1, 0]), 1, "what is beyond the edges does not count");
        assert_eq!(grid.row_of(&[3, 2, 0]), [1, 1, 0]);
    }
}
