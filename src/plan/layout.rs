//! How the planes of a slab lie in its buffer: arithmetic alone. The copy that follows it is the buffer's.
//!
//! A **slab** is a set of planes that are completed together: those that share one chunk (or shard) along the index
//! dimensions. Its buffer holds every **unit** (chunk, shard or frame) of those planes, one after another, each laid
//! out as Zarr wants it (C order). Appending a frame is therefore one copy, and an uncompressed unit is written to disk
//! from where it lies.

use std::ops::Range;

use super::ArrayId;
use super::geometry::{Geometry, MAX_AXES};
use crate::platform::{ALIGNMENT, DIRECT_FROM};
use crate::router::{MAX_INDEX_DIMENSIONS, StorageIndex};

/// Which slab: its array and its coordinates, counted in slabs along the index dimensions in storage order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlabKey {
    /// Array.
    pub array: ArrayId,
    /// Coordinates in slabs.
    pub index: StorageIndex,
}

/// What an engine takes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageUnit {
    /// One frame, in arrival order.
    Frame,
    /// One complete chunk.
    Chunk,
    /// One complete shard, laid out as one large chunk.
    Shard,
}

/// Bytes that one job should carry when every chunk is handled by itself: small enough that all cores share a frame,
/// large enough that a dispatch (microseconds) is lost beside it.
const SMALL_JOB_BYTES: usize = 2 << 20;

/// Place of one unit in the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPlace {
    coordinates: [u64; MAX_AXES],
    axes: usize,
}

impl UnitPlace {
    /// Coordinates counted in units, in storage order (index dimensions, then Y, X).
    #[must_use]
    pub fn coordinates(&self) -> &[u64] {
        &self.coordinates[..self.axes]
    }
}

/// Geometry of a slab's buffer: `units` tiles of a frame, each with `planes` planes, one unit after another.
///
/// Units of the same shard lie side by side, so that they can be written in one call.
#[derive(Debug, Clone)]
pub struct Layout {
    unit: StorageUnit,
    index_dimensions: usize,
    index_unit: StorageIndex,
    index_extent: StorageIndex,
    planes: usize,
    rows: usize,
    columns: usize,
    item: usize,
    tile_rows: usize,
    tile_columns: usize,
    /// Units of a frame, down and across.
    grid: (u32, u32),
    /// Units of a shard, down and across.
    shard_grid: (u32, u32),
    /// Tile row and column of each unit, in buffer order.
    tiles: Vec<(u32, u32)>,
    /// Units of each shard that a frame touches; one range of all units where there are no shards.
    runs: Vec<Range<usize>>,
    jobs_small: Vec<Range<usize>>,
}

impl Layout {
    /// The numbers of a layout without its tables: what is judged before anything is made whose size follows from them.
    pub(super) fn outline(geometry: &Geometry, unit: StorageUnit) -> Self {
        let (rows, columns) = geometry.frame();
        let axes = geometry.shape().len();
        let whole_frame: Vec<u64> = std::iter::repeat_n(1, axes - 2).chain([rows, columns]).collect();
        let unit_shape: Vec<u64> = match (unit, geometry.shard()) {
            (StorageUnit::Frame, _) => whole_frame,
            (StorageUnit::Shard, Some(shard)) => {
                geometry.chunk().iter().zip(shard).map(|(chunk, n)| chunk * n).collect()
            }
            (StorageUnit::Chunk | StorageUnit::Shard, _) => geometry.chunk().to_vec(),
        };
        let index_unit = geometry.index_part(&unit_shape);
        let (tile_rows, tile_columns) = (unit_shape[axes - 2], unit_shape[axes - 1]);
        // The geometry bounds their product.
        let (down, across) = (rows.div_ceil(tile_rows) as u32, columns.div_ceil(tile_columns) as u32);
        // Units of a shard in Y and X; shards are no matter to an engine that takes frames or whole shards.
        let (shard_down, shard_across) = match (unit, geometry.shard()) {
            (StorageUnit::Chunk, Some(shard)) => (
                u32::try_from(shard[axes - 2]).unwrap_or(u32::MAX).min(down),
                u32::try_from(shard[axes - 1]).unwrap_or(u32::MAX).min(across),
            ),
            _ => (down, across),
        };
        let planes: u64 = index_unit.iter().product();
        Self {
            unit,
            index_dimensions: axes - 2,
            index_unit,
            index_extent: geometry.index_extent(),
            planes: planes as usize,
            rows: rows as usize,
            columns: columns as usize,
            item: geometry.item_size(),
            tile_rows: tile_rows as usize,
            tile_columns: tile_columns as usize,
            grid: (down, across),
            shard_grid: (shard_down.max(1), shard_across.max(1)),
            tiles: Vec::new(),
            runs: Vec::new(),
            jobs_small: Vec::new(),
        }
    }

    /// Makes the tables of an outline.
    pub(super) fn fill_tables(&mut self) {
        let ((down, across), (shard_down, shard_across)) = (self.grid, self.shard_grid);
        let mut tiles = Vec::with_capacity(self.units());
        let mut runs = Vec::new();
        for top in (0..down).step_by(shard_down as usize) {
            for left in (0..across).step_by(shard_across as usize) {
                let start = tiles.len();
                for row in top..(top + shard_down).min(down) {
                    tiles.extend((left..(left + shard_across).min(across)).map(|column| (row, column)));
                }
                runs.push(start..tiles.len());
            }
        }
        let per_job = self.units_per_job();
        self.jobs_small = runs
            .iter()
            .flat_map(|run| {
                let end = run.end;
                run.clone().step_by(per_job).map(move |start| start..(start + per_job).min(end))
            })
            .collect();
        (self.tiles, self.runs) = (tiles, runs);
    }

    /// Units that one small job carries at most.
    fn units_per_job(&self) -> usize {
        let in_shard = self.shard_grid.0 as usize * self.shard_grid.1 as usize;
        (SMALL_JOB_BYTES / self.unit_bytes().max(1)).clamp(1, in_shard.max(1))
    }

    /// Shards that a frame touches; 1 where there are none.
    pub(crate) fn shards_of_frame(&self) -> u64 {
        let ((down, across), (shard_down, shard_across)) = (self.grid, self.shard_grid);
        u64::from(down.div_ceil(shard_down)) * u64::from(across.div_ceil(shard_across))
    }

    /// Small jobs of a slab, at most.
    pub(crate) fn most_jobs(&self) -> u64 {
        let in_shard = u64::from(self.shard_grid.0) * u64::from(self.shard_grid.1);
        self.shards_of_frame() * in_shard.div_ceil(self.units_per_job() as u64)
    }

    /// Bytes of the tables of a layout, at most.
    pub(crate) fn table_bytes(&self) -> u64 {
        let ranges = (self.shards_of_frame() + self.most_jobs()) * size_of::<Range<usize>>() as u64;
        // A list that grows as it is filled has room for twice as much.
        2 * ranges + (self.units() * size_of::<(u32, u32)>()) as u64
    }

    /// What the layout is made of.
    #[must_use]
    pub fn unit(&self) -> StorageUnit {
        self.unit
    }

    /// Planes of a slab along each index dimension (1 beyond them).
    #[must_use]
    pub(crate) fn index_unit(&self) -> &StorageIndex {
        &self.index_unit
    }

    /// Planes of a slab.
    #[must_use]
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// Units of a slab.
    #[must_use]
    pub fn units(&self) -> usize {
        self.grid.0 as usize * self.grid.1 as usize
    }

    /// Bytes of one unit, padding included.
    #[must_use]
    pub fn unit_bytes(&self) -> usize {
        self.planes * self.tile_rows * self.tile_columns * self.item
    }

    /// Shape of one unit in pixels, in storage order.
    pub fn unit_shape(&self) -> impl Iterator<Item = u64> + '_ {
        self.index_unit[..self.index_dimensions]
            .iter()
            .copied()
            .chain([self.tile_rows as u64, self.tile_columns as u64])
    }

    /// Bytes of a slab's buffer; whole pages where it may be written past the page cache.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        // Far more than there is where it cannot be counted: the plan's memory is refused then.
        let bytes = self.unit_bytes().saturating_mul(self.units());
        if bytes < DIRECT_FROM { bytes } else { bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX) }
    }

    /// The same units with a single plane each: how one frame is cut up.
    #[must_use]
    pub(crate) fn single_plane(&self) -> Self {
        Self { index_unit: [1; MAX_INDEX_DIMENSIONS], planes: 1, ..self.clone() }
    }

    /// Bytes of one frame as the camera gives it.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.rows * self.columns * self.item
    }

    /// Largest number of bytes that one small job carries.
    #[must_use]
    pub(crate) fn job_bytes(&self) -> usize {
        self.units_per_job() * self.unit_bytes()
    }

    /// Units that go as one job: all of a shard at once where they are written as they lie (`whole`), a few where each
    /// is encoded or has a file of its own.
    #[must_use]
    pub fn jobs(&self, whole: bool) -> &[Range<usize>] {
        if whole { &self.runs } else { &self.jobs_small }
    }

    /// Coordinates (in slabs) of the slab that a plane belongs to, and its slot in it.
    #[must_use]
    pub fn slot(&self, index: &StorageIndex) -> (StorageIndex, usize) {
        let mut slab = [0; MAX_INDEX_DIMENSIONS];
        let mut slot = 0;
        for axis in 0..MAX_INDEX_DIMENSIONS {
            let unit = self.index_unit[axis];
            slab[axis] = index[axis] / unit;
            slot = slot * unit + index[axis] % unit;
        }
        (slab, slot as usize)
    }

    /// Storage index of the plane in `slot` of `slab`; `None` where it lies past the array's extent.
    #[must_use]
    pub fn plane(&self, slab: &StorageIndex, slot: usize) -> Option<StorageIndex> {
        let mut index = [0; MAX_INDEX_DIMENSIONS];
        let mut rest = slot as u64;
        for axis in (0..MAX_INDEX_DIMENSIONS).rev() {
            let unit = self.index_unit[axis];
            index[axis] = slab[axis].checked_mul(unit)?.checked_add(rest % unit)?;
            rest /= unit;
            if index[axis] >= self.index_extent[axis] {
                return None;
            }
        }
        Some(index)
    }

    /// Planes of `slab` that lie within the array: what must be written or skipped for it to be complete.
    #[must_use]
    pub(crate) fn expected_planes(&self, slab: &StorageIndex) -> usize {
        (0..MAX_INDEX_DIMENSIONS)
            .map(|axis| {
                let start = slab[axis].saturating_mul(self.index_unit[axis]);
                self.index_unit[axis].min(self.index_extent[axis].saturating_sub(start))
            })
            .product::<u64>() as usize
    }

    /// Where unit `nth` of `slab` lies in the array, counted in units.
    #[must_use]
    pub fn place(&self, slab: &StorageIndex, nth: usize) -> UnitPlace {
        let mut coordinates = [0; MAX_AXES];
        coordinates[..self.index_dimensions].copy_from_slice(&slab[..self.index_dimensions]);
        let (row, column) = self.tiles[nth];
        coordinates[self.index_dimensions] = row.into();
        coordinates[self.index_dimensions + 1] = column.into();
        UnitPlace { coordinates, axes: self.index_dimensions + 2 }
    }

    /// Rows and columns of a frame.
    #[must_use]
    pub fn frame(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Bytes of a pixel.
    #[must_use]
    pub fn item_size(&self) -> usize {
        self.item
    }

    /// Rows and columns of a unit's planes.
    #[must_use]
    pub fn tile(&self) -> (usize, usize) {
        (self.tile_rows, self.tile_columns)
    }

    /// Tile row and tile column of each unit, in the order in which units lie in the buffer.
    #[must_use]
    pub fn tiles(&self) -> &[(u32, u32)] {
        &self.tiles
    }

    /// Offset of unit `nth` in the slab's buffer.
    #[must_use]
    pub fn unit_offset(&self, nth: usize) -> usize {
        nth * self.unit_bytes()
    }

    /// Where a pixel of the plane in `slot` lies in the slab's buffer.
    #[must_use]
    pub(crate) fn pixel_offset(&self, slot: usize, row: usize, column: usize) -> usize {
        let unit = self.unit_of_tile(row / self.tile_rows, column / self.tile_columns);
        let within = (slot * self.tile_rows + row % self.tile_rows) * self.tile_columns + column % self.tile_columns;
        self.unit_offset(unit) + within * self.item
    }

    /// The unit that holds a tile: what [`Layout::tiles`] lists, by arithmetic.
    #[must_use]
    pub(crate) fn unit_of_tile(&self, row: usize, column: usize) -> usize {
        let as_usize = |(down, across): (u32, u32)| (down as usize, across as usize);
        let ((down, across), (shard_down, shard_across)) = (as_usize(self.grid), as_usize(self.shard_grid));
        let (top, left) = (row - row % shard_down, column - column % shard_across);
        let (height, width) = (shard_down.min(down - top), shard_across.min(across - left));
        top * across + height * left + (row - top) * width + (column - left)
    }

    /// Bytes of one plane of one unit.
    #[must_use]
    pub fn plane_bytes(&self) -> usize {
        self.tile_rows * self.tile_columns * self.item
    }
}
