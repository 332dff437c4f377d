//! Methods that need all pixels of a window at once.

use super::bits::Bits;
use super::order::Order;

/// A method that chooses by the sorted keys of a window.
pub(super) trait Pick: Copy {
    type Order: Order;
    fn order(self) -> Self::Order;
    /// Of so many, without a branch.
    fn of_few<const N: usize>(self, sorted: [KeyOf<Self>; N]) -> KeyOf<Self>;
    /// Of one or more.
    fn of(self, sorted: &[KeyOf<Self>]) -> KeyOf<Self>;
}

/// Bits of a pixel, and of its key.
pub(super) type KeyOf<P> = <<P as Pick>::Order as Order>::Bits;

/// Puts pairs of keys in order, one after another. (Written out, because loops over a table stay narrow.)
macro_rules! exchange {
    ($keys:ident: $($one:literal $other:literal),*) => {$(
        ($keys[$one], $keys[$other]) = ($keys[$one].min($keys[$other]), $keys[$one].max($keys[$other]));
    )*};
}

#[inline(always)]
pub(super) fn sorted_four<B: Bits>(mut keys: [B; 4]) -> [B; 4] {
    exchange!(keys: 0 1, 2 3, 0 2, 1 3, 1 2);
    keys
}

/// By Batcher's odd-even mergesort.
#[inline(always)]
pub(super) fn sorted_eight<B: Bits>(mut keys: [B; 8]) -> [B; 8] {
    exchange!(keys: 0 1, 2 3, 4 5, 6 7, 0 2, 1 3, 4 6, 5 7, 1 2, 5 6);
    exchange!(keys: 0 4, 1 5, 2 6, 3 7, 2 4, 3 5, 1 2, 3 4, 5 6);
    keys
}

/// The one in the middle, or the mean of the two in the middle; a NaN where there is any.
#[derive(Debug, Clone, Copy)]
pub(super) struct Median<O>(pub(super) O);

impl<O: Order> Pick for Median<O> {
    type Order = O;

    fn order(self) -> O {
        self.0
    }

    #[inline(always)]
    fn of_few<const N: usize>(self, sorted: [O::Bits; N]) -> O::Bits {
        let middle = self.0.middle(sorted[(N - 1) / 2], sorted[N / 2]);
        if self.0.is_nan(sorted[0]) { self.0.pixel(sorted[0]) } else { middle }
    }

    #[inline(always)]
    fn of(self, sorted: &[O::Bits]) -> O::Bits {
        let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
        if self.0.is_nan(sorted[0]) { self.0.pixel(sorted[0]) } else { self.0.middle(sorted[low], sorted[high]) }
    }
}

/// The most frequent one, of several the smallest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mode<O>(pub(super) O);

impl<O: Order> Pick for Mode<O> {
    type Order = O;

    fn order(self) -> O {
        self.0
    }

    #[inline(always)]
    fn of_few<const N: usize>(self, sorted: [O::Bits; N]) -> O::Bits {
        let (mut best, mut most, mut same) = (sorted[0], O::Bits::ZERO, O::Bits::ZERO);
        for nth in 1..N {
            same = if sorted[nth] == sorted[nth - 1] { same.next() } else { O::Bits::ZERO };
            (best, most) = if same > most { (sorted[nth], same) } else { (best, most) };
        }
        self.0.pixel(best)
    }

    #[inline(always)]
    fn of(self, sorted: &[O::Bits]) -> O::Bits {
        let (mut best, mut most) = (sorted[0], 0);
        let mut rest = sorted;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|key| *key == first).count();
            if same > most {
                (best, most) = (*first, same);
            }
            rest = &rest[same..];
        }
        self.0.pixel(best)
    }
}
