//! Pixels and what is known of a window so far, as they lie in memory: bytes in native order, at any address.

use std::ops::{BitOr, BitXor, Not};

/// A value that lies in memory as so many bytes.
pub(super) trait Stored: Copy {
    type Raw: Copy;
    const SIZE: usize;
    fn all(bytes: &[u8]) -> &[Self::Raw];
    fn all_mut(bytes: &mut [u8]) -> &mut [Self::Raw];
    fn read(raw: Self::Raw) -> Self;
    fn raw(self) -> Self::Raw;
}

macro_rules! stored {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            type Raw = [u8; size_of::<$type>()];
            const SIZE: usize = size_of::<$type>();

            #[inline(always)]
            fn all(bytes: &[u8]) -> &[Self::Raw] {
                bytes.as_chunks().0
            }

            #[inline(always)]
            fn all_mut(bytes: &mut [u8]) -> &mut [Self::Raw] {
                bytes.as_chunks_mut().0
            }

            #[inline(always)]
            fn read(raw: Self::Raw) -> Self {
                Self::from_ne_bytes(raw)
            }

            #[inline(always)]
            fn raw(self) -> Self::Raw {
                self.to_ne_bytes()
            }
        }
    )*};
}

stored!(u8, u16, u32, u64, u128, f64);

/// The bits of a pixel, whatever they stand for.
pub(super) trait Bits: Stored + Ord + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self> {
    /// Two pixels that lie side by side.
    type Pair: Copy;
    const ZERO: Self;
    /// The top bit alone: what the sign of a signed number or of a float is.
    const TOP: Self;
    fn pairs(bytes: &[u8]) -> &[Self::Pair];
    fn split(pair: Self::Pair) -> (Self, Self);
    /// One more: for counts, in the size of pixels so that loops over both become wide.
    fn next(self) -> Self;
    /// The mean of two unsigned numbers, rounded half to even.
    fn middle(self, other: Self) -> Self;
}

macro_rules! bits {
    ($($type:ty),*) => {$(
        impl Bits for $type {
            type Pair = [u8; 2 * size_of::<$type>()];
            const ZERO: Self = 0;
            const TOP: Self = 1 << (<$type>::BITS - 1);

            #[inline(always)]
            fn pairs(bytes: &[u8]) -> &[Self::Pair] {
                bytes.as_chunks().0
            }

            #[inline(always)]
            fn split(pair: Self::Pair) -> (Self, Self) {
                let halves = <Self as Stored>::all(&pair);
                (Self::read(halves[0]), Self::read(halves[1]))
            }

            #[inline(always)]
            fn next(self) -> Self {
                self + 1
            }

            #[inline(always)]
            fn middle(self, other: Self) -> Self {
                let differs = self ^ other;
                let below = (self & other) + (differs >> 1);
                below + (differs & below & 1)
            }
        }
    )*};
}

bits!(u8, u16, u32, u64);
