//! A plane as it lies in memory, and where one goes that is made: in one piece, or in the tiles of a slab's buffer.

use crate::error::{Error, Result};

/// A rectangle of a plane, whose rows lie at equal distances.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// From its first pixel on; in native byte order, at any address.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Row of the plane with which it begins.
    pub row: usize,
    /// Column of the plane with which it begins.
    pub column: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
}

/// The memory of a plane that is being made, cut into tiles of one size.
pub trait Tiles {
    /// Rows and columns of a tile.
    fn shape(&self) -> (usize, usize);
    /// A tile, by its row and column among the tiles: its rows of pixels without padding. Of one at the edge of the
    /// plane the pixels beyond it are there, and stay as they are.
    fn tile(&mut self, down: usize, across: usize) -> &mut [u8];
}

/// A plane in one piece.
pub(super) struct Whole<'a> {
    pub(super) shape: (usize, usize),
    pub(super) pixels: &'a mut [u8],
}

impl Tiles for Whole<'_> {
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    fn tile(&mut self, _: usize, _: usize) -> &mut [u8] {
        self.pixels
    }
}

impl<'a> Piece<'a> {
    /// A whole plane, rows without padding.
    #[must_use]
    pub fn whole(bytes: &'a [u8], (rows, columns): (usize, usize), item: usize) -> Self {
        Self { bytes, stride: columns * item, row: 0, column: 0, rows, columns }
    }

    /// The pixels of one of its rows.
    #[inline(always)]
    pub(super) fn line(&self, row: usize, item: usize) -> &'a [u8] {
        &self.bytes[row * self.stride..][..self.columns * item]
    }

    /// What of it becomes pixels of the tile `(down, across)` of the plane below, whose tiles have `tile` rows and columns:
    /// its place is told from the corner of that tile.
    pub(super) fn above_tile(
        &self,
        (down, across): (usize, usize),
        tile: (usize, usize),
        window: (usize, usize),
        item: usize,
    ) -> Self {
        let stretch = |start: usize, length: usize, nth: usize, tile: usize, window: usize| {
            // A tile may be larger than the plane, and its pixels above it than can be counted.
            let corner = nth.saturating_mul(tile).saturating_mul(window);
            let end = corner.saturating_add(tile.saturating_mul(window)).min(start + length);
            let start = start.max(corner);
            (start, start - corner, end.saturating_sub(start))
        };
        let (top, row, rows) = stretch(self.row, self.rows, down, tile.0, window.0);
        let (left, column, columns) = stretch(self.column, self.columns, across, tile.1, window.1);
        let skipped = (top - self.row) * self.stride + (left - self.column) * item;
        Self { bytes: &self.bytes[skipped.min(self.bytes.len())..], stride: self.stride, row, column, rows, columns }
    }

    /// Whether it is a part of a plane of `frame` rows and columns, with pixels of `item` bytes, that holds no window
    /// in part.
    ///
    /// # Errors
    /// [`Error::Internal`]: which pieces there are is our own doing.
    pub(super) fn check(&self, frame: (usize, usize), window: (usize, usize), item: usize) -> Result<()> {
        let fits = |start: usize, length: usize, window: usize, all: usize| {
            let end = start.checked_add(length).filter(|end| *end <= all)?;
            (start.is_multiple_of(window) && (end.is_multiple_of(window) || end == all)).then_some(())
        };
        let bytes = |rows: usize| rows.checked_sub(1)?.checked_mul(self.stride)?.checked_add(self.columns * item);
        let good = fits(self.row, self.rows, window.0, frame.0)
            .and_then(|()| fits(self.column, self.columns, window.1, frame.1))
            .and_then(|()| if self.rows == 0 { Some(0) } else { bytes(self.rows) })
            .is_some_and(|least| least <= self.bytes.len());
        if good {
            return Ok(());
        }
        let Self { stride, row, column, rows, columns, .. } = self;
        let message = format!(
            "{rows} x {columns} pixels at {row}, {column} (of {item} bytes, rows {stride} bytes apart, {} in all) are no \
             whole windows of {window:?} pixels of a plane of {frame:?}",
            self.bytes.len()
        );
        Err(Error::Internal { place: "the pyramid", message })
    }
}
