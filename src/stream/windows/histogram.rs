//! How often intensities were seen: counts in steps that grow with the intensity, so that a few thousand of them hold
//! any data type. Small integers are counted one by one, larger ones and floating point to within 1/128.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::ngff::display::{HIGH, LOW};
use crate::settings::DataType;

/// Bits of an intensity that are told apart below its highest.
const STEP_BITS: u32 = 7;
const STEPS: u64 = 1 << STEP_BITS;

/// Powers of two between which floating point is told apart: smaller counts as zero, larger as the largest.
const POWERS: RangeInclusive<i32> = -40..=39;

/// The exponent bits of 1.0, and how many bits of a float64 stand behind those that are told apart.
const ONE: i64 = 1023;
const BEHIND: u32 = f64::MANTISSA_DIGITS - 1 - STEP_BITS;

/// Counts of intensities, by threads side by side.
#[derive(Debug)]
pub(super) struct Histogram {
    dtype: DataType,
    /// Those of intensities below zero first, the largest of them in front.
    counts: Vec<AtomicU64>,
    negative: usize,
    /// Least and greatest intensity, as keys that sort as they do.
    least: AtomicU64,
    greatest: AtomicU64,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    /// From a low to a high percentile.
    pub(super) window: [f64; 2],
    /// Least and greatest.
    pub(super) range: [f64; 2],
}

impl Histogram {
    /// Bytes of the counts for a data type.
    pub(super) fn bytes(dtype: DataType) -> u64 {
        (length(dtype) * size_of::<AtomicU64>()) as u64
    }

    /// An empty one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn new(dtype: DataType) -> Result<Self> {
        let length = length(dtype);
        let mut counts = Vec::new();
        counts
            .try_reserve_exact(length)
            .map_err(|_| Error::OutOfMemory { bytes: Self::bytes(dtype), purpose: "counts of intensities" })?;
        counts.resize_with(length, AtomicU64::default);
        let negative = if is_signed(dtype) { magnitudes(dtype) } else { 0 };
        Ok(Self { dtype, counts, negative, least: AtomicU64::new(u64::MAX), greatest: AtomicU64::new(0) })
    }

    /// The type of pixels that are counted.
    pub(super) fn dtype(&self) -> DataType {
        self.dtype
    }

    /// Counts an integer.
    pub(super) fn count_integer(&self, is_negative: bool, magnitude: u64) {
        self.count(is_negative, of_integer(magnitude));
    }

    /// Counts a floating point number; what is no number, or without end, is left out.
    pub(super) fn count_float(&self, number: f64) {
        if number.is_finite() {
            self.count(number.is_sign_negative(), of_float(number.abs()));
        }
    }

    fn count(&self, is_negative: bool, magnitude: usize) {
        let place = if is_negative { self.negative.saturating_sub(magnitude) } else { self.negative + magnitude };
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes the least and the greatest of some that were counted.
    pub(super) fn note_range(&self, least: f64, greatest: f64) {
        self.least.fetch_min(key(least), Ordering::Relaxed);
        self.greatest.fetch_max(key(greatest), Ordering::Relaxed);
    }

    /// What was seen so far; `None` where that is nothing.
    pub(super) fn seen(&self) -> Option<Seen> {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return None;
        }
        let range = [&self.least, &self.greatest].map(|limit| of_key(limit.load(Ordering::Relaxed)));
        let place = |share: f64| {
            // As many are below it.
            let below = (share * (total - 1) as f64).floor() as u64;
            let mut sum = 0;
            counts.iter().position(|count| {
                sum += count;
                sum > below
            })
        };
        let [start, _] = self.bounds(place(LOW)?);
        let [_, end] = self.bounds(place(HIGH)?);
        // A step may reach beyond what is in it.
        Some(Seen { window: [start.max(range[0]), end.min(range[1])], range })
    }

    /// Least and greatest intensity that is counted at a place.
    fn bounds(&self, place: usize) -> [f64; 2] {
        let of =
            |magnitude: usize| if is_float(self.dtype) { float_bounds(magnitude) } else { integer_bounds(magnitude) };
        match place.checked_sub(self.negative) {
            Some(magnitude) => of(magnitude),
            None => {
                let [least, greatest] = of(self.negative - place);
                [-greatest, -least]
            }
        }
    }
}

fn is_float(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

fn is_signed(dtype: DataType) -> bool {
    is_float(dtype) || matches!(dtype, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}

/// Steps from zero on.
fn magnitudes(dtype: DataType) -> usize {
    if is_float(dtype) {
        return of_float(f64::MAX) + 1;
    }
    let bits = 8 * dtype.size() as u32;
    let largest = if is_signed(dtype) { 1 << (bits - 1) } else { u64::MAX >> (64 - bits) };
    of_integer(largest) + 1
}

fn length(dtype: DataType) -> usize {
    let magnitudes = magnitudes(dtype);
    if is_signed(dtype) { 2 * magnitudes } else { magnitudes }
}

/// The step of an integer without its sign.
fn of_integer(magnitude: u64) -> usize {
    let shift = (u64::BITS - 1 - (magnitude | 1).leading_zeros()).saturating_sub(STEP_BITS);
    ((u64::from(shift) << STEP_BITS) + (magnitude >> shift)) as usize
}

fn integer_bounds(place: usize) -> [f64; 2] {
    let place = place as u64;
    if place < 2 * STEPS {
        return [place as f64; 2];
    }
    let shift = (place >> STEP_BITS) - 1;
    let least = (place % STEPS + STEPS) << shift;
    [least as f64, (least + ((1 << shift) - 1)) as f64]
}

/// What stands in front of the first step of floating point.
fn float_base() -> u64 {
    ((ONE + i64::from(*POWERS.start())) as u64) << STEP_BITS
}

/// The step of a floating point number that is not below zero.
fn of_float(number: f64) -> usize {
    let last = (POWERS.end() - POWERS.start() + 1) as u64 * STEPS;
    let bits = number.to_bits() >> BEHIND;
    bits.checked_sub(float_base()).map_or(0, |steps| (steps + 1).min(last)) as usize
}

fn float_bounds(place: usize) -> [f64; 2] {
    match (place as u64).checked_sub(1) {
        None => [0.0; 2],
        Some(steps) => [steps, steps + 1].map(|steps| f64::from_bits((steps + float_base()) << BEHIND)),
    }
}

/// Keys that sort as numbers do.
fn key(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn of_key(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [DataType; 11] = [
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
    ];

    fn integers(dtype: DataType, values: impl IntoIterator<Item = i128>) -> Option<Seen> {
        let histogram = Histogram::new(dtype).unwrap();
        for value in values {
            histogram.count_integer(value < 0, value.unsigned_abs() as u64);
            histogram.note_range(value as f64, value as f64);
        }
        histogram.seen()
    }

    #[test]
    fn small_integers_are_counted_one_by_one() {
        let seen = integers(DataType::UInt8, (0..1000).map(|nth| nth / 10)).unwrap();
        assert_eq!((seen.window, seen.range), ([0.0, 99.0], [0.0, 99.0]));
        let bright = integers(DataType::UInt16, (0..1000).map(|nth| if nth == 7 { 65535 } else { 100 + nth % 10 }));
        assert_eq!(bright, Some(Seen { window: [100.0, 109.0], range: [100.0, 65535.0] }));
        assert_eq!(integers(DataType::Int8, [-128, -128, 127]), integers(DataType::Int64, [-128, -128, 127]));
        assert_eq!(integers(DataType::Int32, []), None);
    }

    #[test]
    fn types_take_the_memory_that_is_told() {
        let told = ALL.map(Histogram::bytes);
        assert!(told.iter().all(|bytes| *bytes <= 164 << 10), "{told:?}");
        assert!(ALL.map(|dtype| Histogram::new(dtype).unwrap().counts.len() as u64 * 8) == told);
    }

    #[test]
    fn what_is_no_number_is_not_counted() {
        let histogram = Histogram::new(DataType::Float32).unwrap();
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().for_each(|number| histogram.count_float(number));
        assert_eq!(histogram.seen(), None);
        [1e300, -1e300, 1e-300].into_iter().for_each(|number| histogram.count_float(number));
        histogram.note_range(-1e300, 1e300);
        assert_eq!(histogram.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>(), 3);
    }

    #[test]
    fn extremes_of_all_types_have_a_place() {
        for (dtype, extremes) in [
            (DataType::UInt64, [0, i128::from(u64::MAX)]),
            (DataType::Int64, [i128::from(i64::MIN), i128::from(i64::MAX)]),
            (DataType::Int8, [-128, 127]),
            (DataType::UInt32, [0, i128::from(u32::MAX)]),
        ] {
            let seen = integers(dtype, extremes).unwrap();
            assert_eq!(seen.range, extremes.map(|each| each as f64));
        }
    }

    proptest! {
        #[test]
        fn integers_lie_within_their_step(magnitude in any::<u64>(), shift in 0..64u32) {
            let magnitude = magnitude >> shift;
            let [least, greatest] = integer_bounds(of_integer(magnitude));
            let value = magnitude as f64;
            prop_assert!(least <= value && value <= greatest && greatest - least <= least / 64.0, "{least} {greatest}");
            prop_assert!(of_integer(magnitude) <= of_integer(magnitude.saturating_add(1)));
        }

        #[test]
        fn floats_lie_within_their_step(number in 1e-12..5e11f64) {
            let [least, greatest] = float_bounds(of_float(number));
            prop_assert!(least <= number && number <= greatest && greatest - least <= least / 64.0, "{least} {greatest}");
        }

        #[test]
        fn keys_sort_as_numbers(one in any::<f64>(), other in any::<f64>()) {
            prop_assume!(!one.is_nan() && !other.is_nan());
            prop_assert_eq!(of_key(key(one)).to_bits(), one.to_bits());
            prop_assert!((one < other) <= (key(one) < key(other)));
        }

        #[test]
        fn windows_are_near_to_exact_ones(values in prop::collection::vec(-40_000..40_000i32, 1..400)) {
            let seen = integers(DataType::Int32, values.iter().map(|value| i128::from(*value))).unwrap();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let exact = [LOW, HIGH].map(|share| f64::from(sorted[(share * (sorted.len() - 1) as f64).floor() as usize]));
            for (found, exact) in seen.window.iter().zip(exact) {
                prop_assert!((found - exact).abs() <= exact.abs() / 64.0, "{found} for {exact}");
            }
            prop_assert_eq!(seen.range, [sorted[0], sorted[sorted.len() - 1]].map(f64::from));
        }
    }
}
