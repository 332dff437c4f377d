//! Floats of 16 bits (IEEE 754 binary16) from their bits and back, without a branch, so that loops become wide.
//!
//! The crate `half` asks the processor at every number, and rounds numbers of 64 bits twice, on some processors.

/// Exact.
#[inline(always)]
pub(super) fn widened(bits: u16) -> f32 {
    let magnitude = u32::from(bits & 0x7fff) << 13;
    // The exponent counts from 15 here and from 127 there; a product does it for those without a leading one too.
    let number = f32::from_bits(magnitude) * f32::from_bits((127 + 127 - 15) << 23);
    let magnitude = if bits & 0x7c00 == 0x7c00 { magnitude | 0x7f80_0000 } else { number.to_bits() };
    f32::from_bits(magnitude | u32::from(bits & 0x8000) << 16)
}

/// The nearest to a number, halfway the even one; a NaN becomes an infinity.
#[inline(always)]
pub(super) fn nearest(value: f64) -> u16 {
    let bits = to_odd(value).to_bits();
    let magnitude = bits & 0x7fff_ffff;
    // Half of the last bit that stays, less one if that is even: what is above goes up.
    let normal = (magnitude + 0xfff + (magnitude >> 13 & 1)).wrapping_sub((127 - 15) << 23) >> 13;
    // Below 2^-14 the last bit that stays is 2^-24, as of the 32-bit numbers from 0.5 on: an addition rounds to it.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
    let small = if magnitude < (127 - 14) << 23 { subnormal } else { normal };
    // 2^16 and beyond.
    let rounded = if magnitude >= (127 + 16) << 23 { 0x7c00 } else { small };
    // Fits: it is at most infinity.
    rounded as u16 | (bits >> 16) as u16 & 0x8000
}

/// A float of 32 bits that is not the nearest, but the odd one of the two around a number that lies between two: when it
/// is rounded again, to fewer bits, nothing lies halfway that did not before.
#[inline(always)]
fn to_odd(value: f64) -> f32 {
    let near = value as f32;
    let (back, bits) = (f64::from(near), near.to_bits());
    let toward_zero = if back.abs() > value.abs() { bits - 1 } else { bits };
    if back == value { near } else { f32::from_bits(toward_zero | 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_widened() {
        for bits in 0..=u16::MAX {
            let (ours, theirs) = (widened(bits), half::f16::from_bits(bits).to_f32());
            assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(), "{bits:x}");
        }
    }

    #[test]
    fn the_nearest_at_and_around_every_middle() {
        for bits in 0..0x7c00_u16 {
            let (below, above) = (half::f16::from_bits(bits).to_f64(), half::f16::from_bits(bits + 1).to_f64());
            let middle = f64::midpoint(below, if above.is_infinite() { 65536.0 } else { above });
            let even = bits + (bits & 1);
            for (value, expected) in [
                (below, bits),
                (below.next_up(), bits),
                (middle.next_down(), bits),
                (middle, even),
                (middle.next_up(), bits + 1),
                (middle * (1.0 + 1e-9), bits + 1),
            ] {
                assert_eq!(nearest(value), expected, "{value:e}");
                assert_eq!(nearest(-value), expected | 0x8000, "-{value:e}");
            }
        }
        for (value, expected) in
            [(5e-324, 0), (1e-40, 0), (65536.0, 0x7c00), (f64::MAX, 0x7c00), (f64::INFINITY, 0x7c00)]
        {
            assert_eq!(nearest(value), expected, "{value:e}");
        }
    }
}
