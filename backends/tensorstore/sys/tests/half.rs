//! The stand-in of half against an independent implementation.

use ome_stream_tensorstore_sys::half::{bits, value};

#[test]
fn every_half_has_the_value_of_the_reference() {
    for pattern in 0..=u16::MAX {
        let (ours, reference) = (value(pattern), half::f16::from_bits(pattern).to_f32());
        assert!(ours == reference || (ours.is_nan() && reference.is_nan()), "{pattern:#06x}: {ours}, {reference}");
    }
}

#[test]
fn floats_round_as_the_reference_rounds_them() {
    let check = |float: f32| {
        let (ours, reference) = (bits(float), half::f16::from_f32(float));
        assert!(
            ours == reference.to_bits() || (float.is_nan() && half::f16::from_bits(ours).is_nan()),
            "{float} ({:#010x}): {ours:#06x}, {reference:?}",
            float.to_bits()
        );
    };
    // Every half, what lies halfway to the next one, and the floats beside both: where rounding can go wrong.
    for pattern in 0..0x7c00u16 {
        let (low, high) = (half::f16::from_bits(pattern).to_f32(), half::f16::from_bits(pattern + 1).to_f32());
        let middle = if high.is_finite() { low / 2.0 + high / 2.0 } else { 65520.0 };
        for float in [low, middle] {
            let at = float.to_bits();
            for near in [at.saturating_sub(1), at, at + 1] {
                check(f32::from_bits(near));
                check(-f32::from_bits(near));
            }
        }
    }
    for special in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MAX, f32::MIN_POSITIVE, 1e-40, 0.0, -0.0] {
        check(special);
    }
}
