//! Which intensities are shown black, and which in full color.

use ome_stream::ngff::display::{self, HIGH, LOW};

use super::image::Channel;

/// Most values that percentiles are taken of: more do not move them.
const MOST_VALUES: usize = 1 << 20;

/// The window that the store tells of a channel; `None` where it has none, or one that nobody has chosen: all that the
/// data type can hold (0 to 1 of floating point), which shows most images black. Of 8 bits it shows them well.
pub fn told(channel: Option<&Channel>, dtype: &str) -> Option<[f64; 2]> {
    let [start, end] = channel?.window?;
    let range = display::range(dtype);
    let is_chosen = [start, end] != range || matches!(dtype, "uint8" | "int8" | "bool");
    (end > start && is_chosen).then_some([start, end])
}

/// The window of values as they are; of none of them 0 to 1.
pub fn of<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> [f64; 2] {
    let count = values.clone().count();
    let step = count.div_ceil(MOST_VALUES).max(1);
    let mut sample: Vec<f64> = values.step_by(step).copied().filter(|value| value.is_finite()).collect();
    let mut at = |share: f64| {
        let nth = (share * sample.len().saturating_sub(1) as f64).round() as usize;
        if nth < sample.len() { Some(*sample.select_nth_unstable_by(nth, f64::total_cmp).1) } else { None }
    };
    match at(LOW).zip(at(HIGH)) {
        Some((start, end)) => display::apart(start, end),
        None => [0.0, 1.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(window: Option<[f64; 2]>) -> Channel {
        Channel { label: "a".into(), color: None, window, active: true }
    }

    #[test]
    fn what_nobody_chose_is_no_window() {
        let told = |window, dtype| told(Some(&channel(Some(window))), dtype);
        assert_eq!(told([0.0, 65535.0], "uint16"), None);
        assert_eq!(told([0.0, 1.0], "float32"), None);
        assert_eq!(told([5.0, 5.0], "uint16"), None);
        assert_eq!(told([0.0, 255.0], "uint8"), Some([0.0, 255.0]));
        assert_eq!(told([100.0, 900.0], "uint16"), Some([100.0, 900.0]));
        assert_eq!(super::told(Some(&channel(None)), "uint8"), None);
    }

    #[test]
    fn a_few_bright_pixels_do_not_darken_the_rest() {
        let mut values: Vec<f64> = (0..10_000).map(|nth| f64::from(nth % 100)).collect();
        values[7] = 1e9;
        values[8] = f64::NAN;
        assert_eq!(of(values.iter()), [1.0, 99.0]);
        assert_eq!(of([3.0; 5].iter()), [3.0, 4.0]);
        assert_eq!(of([f64::NAN].iter()), [0.0, 1.0]);
    }
}
