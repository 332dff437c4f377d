//! Which planes of full resolution become a plane of a level: those that follow one another along one axis.

use super::geometry::Geometry;
use crate::pyramid::Level;
use crate::router::StorageIndex;

/// Planes of full resolution that become one plane of an array, along one of the index dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    axis: usize,
    /// Planes of full resolution that become one.
    planes: u64,
    /// Planes of the level above that become one.
    window: u64,
    /// Planes of full resolution along the axis; `u64::MAX` where they grow.
    extent: u64,
}

impl Depth {
    /// Each plane is one of full resolution.
    pub(super) fn full() -> Self {
        Self { axis: 0, planes: 1, window: 1, extent: u64::MAX }
    }

    /// Of `level`, which is made of one of this depth; `full` is the geometry of full resolution. Planes are combined
    /// along one axis at most.
    pub(super) fn below(&self, level: &Level, full: &Geometry) -> Self {
        let index = 0..full.index_dimensions();
        let axis =
            index.clone().find(|axis| level.factors[*axis] > 1).filter(|_| self.planes == 1).unwrap_or(self.axis);
        let window = level.factors.get(axis).copied().filter(|_| index.contains(&axis)).unwrap_or(1);
        let extent = full.index_extent()[axis];
        Self { axis, planes: self.planes.saturating_mul(window), window, extent }
    }

    /// The index dimension along which planes become one.
    #[must_use]
    pub fn axis(&self) -> usize {
        self.axis
    }

    /// Planes of full resolution that become one.
    #[must_use]
    pub fn planes(&self) -> u64 {
        self.planes
    }

    /// Planes of the level above that become one.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.window
    }

    /// The plane that a plane of full resolution becomes a part of.
    #[must_use]
    pub fn plane_of(&self, full: &StorageIndex) -> StorageIndex {
        let mut index = *full;
        index[self.axis] /= self.planes;
        index
    }

    /// Which plane of its window the part is that a plane of full resolution belongs to.
    #[must_use]
    pub fn nth(&self, full: &StorageIndex) -> usize {
        (full[self.axis] / (self.planes / self.window) % self.window) as usize
    }

    /// The planes of full resolution that become a plane, by their place along the axis.
    #[must_use]
    pub fn parts(&self, index: &StorageIndex) -> std::ops::Range<u64> {
        let first = index[self.axis].saturating_mul(self.planes);
        first..first.saturating_add(self.planes).min(self.extent)
    }

    /// The first plane of full resolution that becomes a part of a plane.
    #[must_use]
    pub fn first_of(&self, index: &StorageIndex) -> StorageIndex {
        let mut full = *index;
        full[self.axis] = self.parts(index).start;
        full
    }

    /// The last plane of full resolution that becomes a part of a plane.
    #[must_use]
    pub fn last_of(&self, index: &StorageIndex) -> StorageIndex {
        let mut full = *index;
        let parts = self.parts(index);
        full[self.axis] = parts.end.saturating_sub(1).max(parts.start);
        full
    }

    /// Planes of the level above that become a plane, fewer at the end of the axis.
    #[must_use]
    pub fn expected(&self, index: &StorageIndex) -> usize {
        let parts = self.parts(index);
        // The window bounds it.
        (parts.end - parts.start).div_ceil(self.planes / self.window) as usize
    }

    /// True where a plane of full resolution is the last that its plane waits for.
    #[must_use]
    pub fn completes(&self, full: &StorageIndex) -> bool {
        let next = full[self.axis].saturating_add(1);
        next.is_multiple_of(self.planes) || next == self.extent
    }

    /// `planes` along the index dimensions, in planes of full resolution.
    pub(super) fn in_full(&self, planes: &StorageIndex) -> StorageIndex {
        let mut full = *planes;
        full[self.axis] = full[self.axis].saturating_mul(self.planes);
        full
    }

    /// How many planes there are after so many of full resolution along an axis.
    pub(crate) fn extent_along(&self, axis: usize, full: u64) -> u64 {
        if axis == self.axis { full.div_ceil(self.planes) } else { full }
    }
}
