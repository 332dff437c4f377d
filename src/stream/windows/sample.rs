//! Which pixels of a plane are counted: few, spread over it, others in each plane.

use super::histogram::Histogram;
use crate::buffer::Arrival;
use crate::plan::Layout;
use crate::settings::DataType;

/// One pixel of so many is counted, of small planes as many as [`FEWEST`], of large ones no more than [`MOST`]: each
/// may be a miss of the processor's caches. 16 of them take less than a microsecond, 128 some ten, where writing a
/// plane of that size takes milliseconds.
const ONE_OF: usize = 4096;
const FEWEST: usize = 16;
const MOST: usize = 128;

/// So many times as many pixels are counted of the first frames: a run may have no others.
const MORE: usize = 16;
const FIRST_FRAMES: u64 = 16;

/// Steps of a sequence of points that fill a square evenly, however many there are (the powers of the plastic number's
/// inverse, as parts of 2^32; M. Roberts, "The unreasonable effectiveness of quasirandom sequences").
const STEPS: [u32; 2] = [3_242_174_889, 2_447_445_414];

/// Pixels of a plane that are counted.
fn per_plane(layout: &Layout, arrival: Arrival) -> usize {
    let (rows, columns) = layout.frame();
    let more = if arrival.0 < FIRST_FRAMES { MORE } else { 1 };
    ((rows * columns / ONE_OF).clamp(FEWEST, MOST) * more).min(rows * columns)
}

/// Counts some pixels of the plane in `slot` of a slab whose bytes these are. Which ones follows from the frame's
/// arrival alone: threads and engines change nothing.
pub(super) fn count(layout: &Layout, slab: &[u8], slot: usize, arrival: Arrival, histogram: &Histogram) {
    let points = per_plane(layout, arrival) as u32;
    let plane = Plane { layout, slab, slot, points, first: (arrival.0 as u32).wrapping_mul(points) };
    match histogram.dtype() {
        DataType::UInt8 => plane.unsigned(histogram, |[byte]| u64::from(byte)),
        DataType::UInt16 => plane.unsigned(histogram, |bytes| u64::from(u16::from_ne_bytes(bytes))),
        DataType::UInt32 => plane.unsigned(histogram, |bytes| u64::from(u32::from_ne_bytes(bytes))),
        DataType::UInt64 => plane.unsigned(histogram, u64::from_ne_bytes),
        DataType::Int8 => plane.signed(histogram, |byte| i64::from(i8::from_ne_bytes(byte))),
        DataType::Int16 => plane.signed(histogram, |bytes| i64::from(i16::from_ne_bytes(bytes))),
        DataType::Int32 => plane.signed(histogram, |bytes| i64::from(i32::from_ne_bytes(bytes))),
        DataType::Int64 => plane.signed(histogram, i64::from_ne_bytes),
        DataType::Float16 => plane.float(histogram, |bytes| of_half(u16::from_ne_bytes(bytes))),
        DataType::Float32 => plane.float(histogram, |bytes| f64::from(f32::from_ne_bytes(bytes))),
        DataType::Float64 => plane.float(histogram, f64::from_ne_bytes),
    }
}

/// A plane of a slab.
struct Plane<'a> {
    layout: &'a Layout,
    slab: &'a [u8],
    slot: usize,
    points: u32,
    /// Number of its first point in the sequence.
    first: u32,
}

impl Plane<'_> {
    fn each<const N: usize>(&self, mut use_pixel: impl FnMut([u8; N])) {
        let (rows, columns) = self.layout.frame();
        for nth in 0..self.points {
            let point = self.first.wrapping_add(nth);
            let [row, column] = [(rows, STEPS[0]), (columns, STEPS[1])].map(|(extent, step)| {
                // Below the extent: it is multiplied by what is below one.
                ((u64::from(point.wrapping_mul(step)) * extent as u64) >> 32) as usize
            });
            let from = self.layout.pixel_offset(self.slot, row, column);
            if let Some(pixel) = self.slab.get(from..).and_then(|rest| rest.first_chunk::<N>()) {
                use_pixel(*pixel);
            }
        }
    }

    fn unsigned<const N: usize>(&self, histogram: &Histogram, value: impl Fn([u8; N]) -> u64) {
        let (mut least, mut greatest) = (u64::MAX, 0);
        self.each(|pixel| {
            let value = value(pixel);
            (least, greatest) = (least.min(value), greatest.max(value));
            histogram.count_integer(false, value);
        });
        histogram.note_range(least as f64, greatest as f64);
    }

    fn signed<const N: usize>(&self, histogram: &Histogram, value: impl Fn([u8; N]) -> i64) {
        let (mut least, mut greatest) = (i64::MAX, i64::MIN);
        self.each(|pixel| {
            let value = value(pixel);
            (least, greatest) = (least.min(value), greatest.max(value));
            histogram.count_integer(value < 0, value.unsigned_abs());
        });
        histogram.note_range(least as f64, greatest as f64);
    }

    fn float<const N: usize>(&self, histogram: &Histogram, value: impl Fn([u8; N]) -> f64) {
        let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        self.each(|pixel| {
            let value = value(pixel);
            if value.is_finite() {
                (least, greatest) = (least.min(value), greatest.max(value));
                histogram.count_float(value);
            }
        });
        if least <= greatest {
            histogram.note_range(least, greatest);
        }
    }
}

/// A half-precision number (IEEE 754 binary16).
fn of_half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_as_the_standard_says() {
        for (bits, number) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x03FF, 6.097_555_160_522_461e-5),
            (0x0400, 6.103_515_625e-5),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert_eq!(of_half(bits), number, "{bits:04x}");
        }
        assert!(of_half(0x7E00).is_nan());
    }
}
