//! The one copy on the way of a frame: into the order in which its array stores it, and back.

use super::AlignedBuffer;
use super::aligned::fence;
use crate::plan::Layout;

/// Frames from this size on are copied past the processor's caches: they would not stay there until they are written.
const PAST_CACHE_FROM: usize = 4 << 20;

/// Shortest stretch that is worth copying past the caches.
const PAST_CACHE_ROW: usize = 256;

/// Calls `use_stretch` for all rows of a frame that adjoin both in the frame and in the buffer: with their offset in
/// the buffer, their offset in the frame, and their length.
#[inline]
fn each_stretch(layout: &Layout, slot: usize, mut use_stretch: impl FnMut(usize, usize, usize)) {
    let (all_rows, columns) = layout.frame();
    let (tile_rows, tile_columns) = layout.tile();
    let row_bytes = columns * layout.item_size();
    let tile_row_bytes = tile_columns * layout.item_size();
    let plane = slot * layout.plane_bytes();
    for (nth, (down, across)) in layout.tiles().iter().enumerate() {
        let top = *down as usize * tile_rows;
        let left = *across as usize * tile_row_bytes;
        let rows = tile_rows.min(all_rows - top);
        let width = tile_row_bytes.min(row_bytes - left);
        let mut target = layout.unit_offset(nth) + plane;
        let mut source = top * row_bytes + left;
        if width == row_bytes && width == tile_row_bytes {
            use_stretch(target, source, rows * width);
            continue;
        }
        for _ in 0..rows {
            use_stretch(target, source, width);
            target += tile_row_bytes;
            source += row_bytes;
        }
    }
}

/// Lays `frame` out as plane `slot` of every unit of a slab that nobody shares.
///
/// # Panics
/// If `frame` is shorter than a frame or `buffer` than a slab.
pub fn lay_out(layout: &Layout, frame: &[u8], slot: usize, buffer: &mut AlignedBuffer) {
    // SAFETY: `&mut` excludes all others.
    unsafe { copy_in(layout, frame, slot, buffer) };
}

/// Lays `frame` out as plane `slot` of every unit.
///
/// # Safety
/// Nobody reads or writes slot `slot` of `buffer` at the same time.
///
/// # Panics
/// If `frame` is shorter than a frame or `buffer` than a slab.
pub(super) unsafe fn copy_in(layout: &Layout, frame: &[u8], slot: usize, buffer: &AlignedBuffer) {
    let tile_row = layout.tile().1 * layout.item_size();
    if layout.frame_bytes() >= PAST_CACHE_FROM && tile_row >= PAST_CACHE_ROW {
        each_stretch(layout, slot, |target, source, length| {
            // SAFETY: these bytes belong to `slot`, which the caller keeps others from.
            unsafe { buffer.write_past_cache(target, &frame[source..source + length]) };
        });
        fence();
    } else {
        each_stretch(layout, slot, |target, source, length| {
            // SAFETY: as above.
            unsafe { buffer.write(target, &frame[source..source + length]) };
        });
    }
}

/// The frame that plane `slot` holds, rows without padding.
///
/// # Safety
/// Nobody writes slot `slot` of `buffer` at the same time.
///
/// # Panics
/// As for [`copy_in`].
pub(super) unsafe fn copy_out(layout: &Layout, slot: usize, buffer: &AlignedBuffer, frame: &mut [u8]) {
    each_stretch(layout, slot, |target, source, length| {
        // SAFETY: these bytes belong to `slot`, which the caller keeps writers from.
        frame[source..source + length].copy_from_slice(unsafe { buffer.slice(target, length) });
    });
}

/// Makes plane `slot` of every unit fill value (zero).
///
/// # Safety
/// Nobody reads or writes slot `slot` of `buffer` at the same time.
pub(super) unsafe fn zero(layout: &Layout, slot: usize, buffer: &AlignedBuffer) {
    for nth in 0..layout.units() {
        let offset = layout.unit_offset(nth) + slot * layout.plane_bytes();
        // SAFETY: these bytes belong to `slot`, which the caller keeps others from.
        unsafe { buffer.zero(offset, layout.plane_bytes()) };
    }
}
