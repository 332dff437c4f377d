//! Pixels of every data type as unsigned numbers in the same order, so that one kernel serves all types of a size.

use super::bits::Bits;
use super::float16;

/// Pixels <-> keys: unsigned numbers that are in the order of the pixels.
pub(super) trait Order: Copy {
    type Bits: Bits;
    fn key(self, bits: Self::Bits) -> Self::Bits;
    fn pixel(self, key: Self::Bits) -> Self::Bits;
    /// True for the key of a NaN.
    fn is_nan(self, key: Self::Bits) -> bool;
    /// The pixel in the middle between those of two keys: their mean, rounded half to even.
    fn middle(self, low: Self::Bits, high: Self::Bits) -> Self::Bits;
}

/// Integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Integer<B>(B);

impl<B: Bits> Integer<B> {
    pub(super) fn new(signed: bool) -> Self {
        Self(if signed { B::TOP } else { B::ZERO })
    }

    /// From the largest to the smallest.
    pub(super) fn reversed(self) -> Self {
        Self(!self.0)
    }
}

impl<B: Bits> Order for Integer<B> {
    type Bits = B;

    #[inline(always)]
    fn key(self, bits: B) -> B {
        bits ^ self.0
    }

    #[inline(always)]
    fn pixel(self, key: B) -> B {
        key ^ self.0
    }

    #[inline(always)]
    fn is_nan(self, _: B) -> bool {
        false
    }

    #[inline(always)]
    fn middle(self, low: B, high: B) -> B {
        // What signed numbers are moved by is even, so that even stays even.
        self.pixel(low.middle(high))
    }
}

/// The bits of a float.
pub(super) trait FloatBits: Bits {
    /// Those of infinity.
    const INFINITY: Self;
    /// Those of the NaN that is written: quiet, positive, without a payload.
    const NAN: Self;
    fn magnitude(self) -> Self;
    fn is_negative(self) -> bool;
    fn to_f64(self) -> f64;
    /// The nearest float, halfway the even one.
    fn nearest(value: f64) -> Self;

    #[inline(always)]
    fn is_nan(self) -> bool {
        self.magnitude() > Self::INFINITY
    }

    /// [`Self::nearest`], with one NaN for all.
    #[inline(always)]
    fn written(value: f64) -> Self {
        if value.is_nan() { Self::NAN } else { Self::nearest(value) }
    }
}

macro_rules! float_bits {
    ($($bits:ty, $infinity:expr, $to_f64:expr, $nearest:expr);*) => {$(
        impl FloatBits for $bits {
            const INFINITY: Self = $infinity;
            const NAN: Self = Self::INFINITY | Self::INFINITY >> 1;

            #[inline(always)]
            fn magnitude(self) -> Self {
                self & !Self::TOP
            }

            #[inline(always)]
            fn is_negative(self) -> bool {
                self & Self::TOP != 0
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                $to_f64(self)
            }

            #[inline(always)]
            fn nearest(value: f64) -> Self {
                $nearest(value)
            }
        }
    )*};
}

float_bits!(
    u16, 0x7c00, |bits| float16::widened(bits).into(), float16::nearest;
    u32, f32::INFINITY.to_bits(), |bits| f32::from_bits(bits).into(), |value| (value as f32).to_bits();
    u64, f64::INFINITY.to_bits(), f64::from_bits, f64::to_bits
);

/// Floats: -0 is below 0, and every NaN has the key 0, below all others, also in reversed order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Float<B>(B);

impl<B: FloatBits> Float<B> {
    pub(super) fn new() -> Self {
        Self(B::ZERO)
    }

    /// From the largest to the smallest.
    pub(super) fn reversed(self) -> Self {
        Self(!self.0)
    }
}

impl<B: FloatBits> Order for Float<B> {
    type Bits = B;

    #[inline(always)]
    fn key(self, bits: B) -> B {
        // All ones and all zeros would be NaNs: no number has the key 0.
        let ordered = if bits.is_negative() { !bits } else { bits | B::TOP };
        if bits.is_nan() { B::ZERO } else { ordered ^ self.0 }
    }

    #[inline(always)]
    fn pixel(self, key: B) -> B {
        let ordered = key ^ self.0;
        let bits = if ordered.is_negative() { ordered ^ B::TOP } else { !ordered };
        if key == B::ZERO { B::NAN } else { bits }
    }

    #[inline(always)]
    fn is_nan(self, key: B) -> bool {
        key == B::ZERO
    }

    #[inline(always)]
    fn middle(self, low: B, high: B) -> B {
        if low == high {
            self.pixel(low)
        } else {
            B::written(self.pixel(low).to_f64().midpoint(self.pixel(high).to_f64()))
        }
    }
}
