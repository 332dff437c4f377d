//! A plane as it lies in memory: in one piece, or in the tiles of a slab's buffer.

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
