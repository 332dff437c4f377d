//! Methods that take pixels one by one and keep only what is known of a window so far.

use std::marker::PhantomData;

use super::bits::{Bits, Stored};
use super::order::{FloatBits, Order};

/// A method that needs no more of a window than a state of fixed size.
pub(super) trait Fold: Copy {
    type Bits: Bits;
    /// What is known of the pixels seen so far.
    type State: Stored;
    /// Only the first pixel of the first plane counts.
    const FIRST_ONLY: bool = false;
    /// How many pixels a window has matters.
    const COUNTS: bool = false;
    /// The outcome depends on the order in which more than two states are joined.
    const IN_ORDER: bool = false;
    fn one(self, bits: Self::Bits) -> Self::State;
    fn join(self, before: Self::State, after: Self::State) -> Self::State;
    /// The pixel that stands for a window of so many.
    fn done(self, state: Self::State, count: impl Count) -> Self::Bits;

    /// Two pixels that lie side by side.
    #[inline(always)]
    fn pair(self, pair: <Self::Bits as Bits>::Pair) -> Self::State {
        let (left, right) = Self::Bits::split(pair);
        self.join(self.one(left), self.one(right))
    }
}

/// By how many pixels a sum is divided.
pub(super) trait Count: Copy {
    /// The quotient, rounded half to even.
    fn share<S: Sum>(self, sum: S) -> S;
    /// `sum` divided by the count and by `unit`, a power of two.
    fn quotient(self, sum: f64, unit: f64) -> f64;
}

/// Two to this power.
#[derive(Debug, Clone, Copy)]
pub(super) struct PowerOfTwo(pub(super) u32);

/// Any count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Any(pub(super) u32);

impl Count for PowerOfTwo {
    #[inline(always)]
    fn share<S: Sum>(self, sum: S) -> S {
        sum.halved(self.0)
    }

    #[inline(always)]
    fn quotient(self, sum: f64, unit: f64) -> f64 {
        // The same: the inverse of a power of two is exact.
        sum * (1.0 / (f64::from(1_u32 << self.0) * unit))
    }
}

impl Count for Any {
    #[inline(always)]
    fn share<S: Sum>(self, sum: S) -> S {
        sum.divided(self.0)
    }

    #[inline(always)]
    fn quotient(self, sum: f64, unit: f64) -> f64 {
        sum / (f64::from(self.0) * unit)
    }
}

/// A sum of integers.
pub(super) trait Sum: Stored {
    /// Divided by two so many times, rounded half to even.
    fn halved(self, times: u32) -> Self;
    /// Divided, rounded half to even.
    fn divided(self, by: u32) -> Self;
}

macro_rules! sums {
    ($($sum:ty),*) => {$(
        impl Sum for $sum {
            #[inline(always)]
            fn halved(self, times: u32) -> Self {
                if times == 0 {
                    return self;
                }
                // Half of the divisor, less one: an odd quotient gets that one back, so that a half goes up from there.
                let half = (1 << (times - 1)) - 1;
                (self + half + (self >> times & 1)) >> times
            }

            #[inline(always)]
            fn divided(self, by: u32) -> Self {
                // A window has few enough pixels, see `MAX_WINDOW` and `Reducer`.
                let by = by as $sum;
                let (quotient, twice_rest) = (self / by, self % by * 2);
                quotient + <$sum>::from(twice_rest > by || (twice_rest == by && quotient & 1 == 1))
            }
        }
    )*};
}

sums!(u16, u32, u64, u128);

/// The mean of integers, from sums that hold all of a window. Signed numbers are moved up to where all are positive,
/// by an even number: what is even stays even.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean<B, S>(B, PhantomData<S>);

impl<B: Bits, S> Mean<B, S> {
    pub(super) fn new(signed: bool) -> Self {
        Self(if signed { B::TOP } else { B::ZERO }, PhantomData)
    }
}

macro_rules! means {
    ($($bits:ty, $pair:ty, $sum:ty);*) => {$(
        impl Fold for Mean<$bits, $sum> {
            type Bits = $bits;
            type State = $sum;
            const COUNTS: bool = true;

            #[inline(always)]
            fn one(self, bits: $bits) -> $sum {
                <$sum>::from(bits ^ self.0)
            }

            #[inline(always)]
            fn join(self, before: $sum, after: $sum) -> $sum {
                before + after
            }

            #[inline(always)]
            fn done(self, state: $sum, count: impl Count) -> $bits {
                count.share(state) as $bits ^ self.0
            }

            // A pair is read as one number of twice the size: which half is which does not matter, and processors
            // split such numbers faster than they sort single ones into places.
            #[inline(always)]
            fn pair(self, pair: <$bits as Bits>::Pair) -> $sum {
                let moved = <$pair>::from(self.0);
                let both = <$pair>::from_ne_bytes(pair) ^ (moved << <$bits>::BITS | moved);
                ((both & <$pair>::from(<$bits>::MAX)) + (both >> <$bits>::BITS)) as $sum
            }
        }
    )*};
}

means!(u8, u16, u16; u8, u16, u32; u16, u32, u32; u32, u64, u64; u64, u128, u128);

/// The mean of floats, from sums with the precision of `f64`: of each row from left to right, then of the rows, then of
/// the planes. Those of 16 and 32 bits cannot overflow there; those of 64 bits are first divided by a power of two that
/// is no less than their number, which costs nothing but digits of numbers below 1e-300.
#[derive(Debug, Clone, Copy)]
pub(super) struct FloatMean<B> {
    unit: f64,
    bits: PhantomData<B>,
}

impl<B: FloatBits> FloatMean<B> {
    /// Of windows of at most so many pixels.
    pub(super) fn new(most: usize) -> Self {
        let unit = if B::SIZE == size_of::<f64>() { 1.0 / most.next_power_of_two() as f64 } else { 1.0 };
        Self { unit, bits: PhantomData }
    }
}

impl<B: FloatBits> Fold for FloatMean<B> {
    type Bits = B;
    type State = f64;
    const COUNTS: bool = true;
    const IN_ORDER: bool = true;

    #[inline(always)]
    fn one(self, bits: B) -> f64 {
        bits.to_f64() * self.unit
    }

    #[inline(always)]
    fn join(self, before: f64, after: f64) -> f64 {
        before + after
    }

    #[inline(always)]
    fn done(self, state: f64, count: impl Count) -> B {
        B::written(count.quotient(state, self.unit))
    }
}

/// The first in an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least<O>(pub(super) O);

impl<O: Order> Fold for Least<O> {
    type Bits = O::Bits;
    type State = O::Bits;

    #[inline(always)]
    fn one(self, bits: O::Bits) -> O::Bits {
        self.0.key(bits)
    }

    #[inline(always)]
    fn join(self, before: O::Bits, after: O::Bits) -> O::Bits {
        before.min(after)
    }

    #[inline(always)]
    fn done(self, state: O::Bits, _: impl Count) -> O::Bits {
        self.0.pixel(state)
    }
}

/// The first pixel of a window, bit by bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct First<B>(PhantomData<B>);

impl<B: Bits> First<B> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<B: Bits> Fold for First<B> {
    type Bits = B;
    type State = B;
    const FIRST_ONLY: bool = true;

    #[inline(always)]
    fn one(self, bits: B) -> B {
        bits
    }

    #[inline(always)]
    fn join(self, before: B, _: B) -> B {
        before
    }

    #[inline(always)]
    fn done(self, state: B, _: impl Count) -> B {
        state
    }
}
