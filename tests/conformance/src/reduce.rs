//! The planes of a window -> one plane, as the documentation of each method says it, and by nothing of the library.

use std::ops::Range;

use half::f16;
use ome_stream::settings::DataType;

/// Rows and columns that become a pixel.
type Window = [Range<usize>; 2];

/// The plane that a window of planes of this size becomes, in which so many rows and columns become one; `None` is a plane
/// that did not come.
pub(crate) fn plane(
    method: &str,
    dtype: DataType,
    planes: &[Option<&[u8]>],
    [rows, columns]: [usize; 2],
    [down, across]: [usize; 2],
) -> Vec<u8> {
    let item = dtype.size();
    let tops = (0..rows).step_by(down);
    let windows = tops.flat_map(|top| {
        let lefts = (0..columns).step_by(across);
        lefts.map(move |left| [top..rows.min(top + down), left..columns.min(left + across)])
    });
    if method == "nearest" {
        // The first pixel of the first plane, which may not have come.
        let first = planes.first().copied().flatten();
        let pixel = |[row, column]: Window| match first {
            Some(plane) => plane[(row.start * columns + column.start) * item..][..item].to_vec(),
            None => vec![0; item],
        };
        return windows.flat_map(pixel).collect();
    }
    let came = planes.iter().flatten();
    if dtype.name().starts_with("float") {
        let numbers = |plane: &&[u8]| plane.chunks(item).map(|pixel| float(dtype, pixel)).collect::<Vec<_>>();
        let planes: Vec<Vec<f64>> = came.map(numbers).collect();
        return windows.flat_map(|window| of_float(dtype, of_floats(method, &planes, columns, &window))).collect();
    }
    let numbers = |plane: &&[u8]| plane.chunks(item).map(|pixel| integer(dtype, pixel)).collect::<Vec<_>>();
    let planes: Vec<Vec<i128>> = came.map(numbers).collect();
    let pixel = |window: Window| {
        let rows = planes.iter().flat_map(|plane| rows_of(plane, columns, &window));
        of_integers(method, rows.flatten().copied().collect()).to_le_bytes()
    };
    windows.flat_map(|window| pixel(window).into_iter().take(item)).collect()
}

/// The pixels of a window of a plane, row by row.
fn rows_of<'a, T>(
    plane: &'a [T],
    columns: usize,
    [down, across]: &Window,
) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
    let across = across.clone();
    down.clone().map(move |row| &plane[row * columns..][across.clone()])
}

fn integer(dtype: DataType, bytes: &[u8]) -> i128 {
    let is_negative = dtype.name().starts_with("int") && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if is_negative { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

fn float(dtype: DataType, bytes: &[u8]) -> f64 {
    let mut wide = [0; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let bits = u64::from_le_bytes(wide);
    match dtype {
        DataType::Float16 => f16::from_bits(bits as u16).to_f64(),
        DataType::Float32 => f32::from_bits(bits as u32).into(),
        _ => f64::from_bits(bits),
    }
}

fn of_float(dtype: DataType, value: f64) -> Vec<u8> {
    match dtype {
        DataType::Float16 => f16::from_f64(value).to_le_bytes().to_vec(),
        DataType::Float32 => (value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }
}

/// Rounded half to even.
fn divided(sum: i128, by: i128) -> i128 {
    let (whole, rest) = (sum.div_euclid(by), sum.rem_euclid(by));
    let is_odd = whole.rem_euclid(2) == 1;
    if 2 * rest > by || (2 * rest == by && is_odd) { whole + 1 } else { whole }
}

fn of_integers(method: &str, mut pixels: Vec<i128>) -> i128 {
    let count = pixels.len();
    if method == "mean" {
        return divided(pixels.iter().sum(), count as i128);
    }
    pixels.sort_unstable();
    match method {
        "min" => pixels[0],
        "max" => pixels[count - 1],
        "median" => divided(pixels[(count - 1) / 2] + pixels[count / 2], 2),
        _ => {
            let times = |pixel: i128| pixels.iter().filter(|other| **other == pixel).count();
            // Of several the smallest: the first that no other exceeds.
            pixels.iter().copied().reduce(|best, each| if times(each) > times(best) { each } else { best }).unwrap_or(0)
        }
    }
}

fn of_floats(method: &str, planes: &[Vec<f64>], columns: usize, window: &Window) -> f64 {
    // Rows from left to right, then the rows, then the planes.
    let sum = |numbers: &[f64]| numbers[1..].iter().fold(numbers[0], |sum, number| sum + number);
    let of_plane = |plane: &Vec<f64>| sum(&rows_of(plane, columns, window).map(sum).collect::<Vec<_>>());
    let mut pixels: Vec<f64> =
        planes.iter().flat_map(|plane| rows_of(plane, columns, window)).flatten().copied().collect();
    let count = pixels.len();
    pixels.sort_unstable_by(f64::total_cmp);
    match method {
        "min" => pixels[0],
        "max" => pixels[count - 1],
        "median" => (pixels[(count - 1) / 2] + pixels[count / 2]) / 2.0,
        _ => sum(&planes.iter().map(of_plane).collect::<Vec<_>>()) / count as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a row of pixels becomes.
    fn of<const ITEM: usize>(method: &str, dtype: DataType, pixels: &[[u8; ITEM]]) -> Vec<u8> {
        plane(method, dtype, &[Some(pixels.as_flattened())], [1, pixels.len()], [1, pixels.len()])
    }

    #[test]
    fn methods_are_what_their_documentation_says() {
        let pixels = [3, 1, 1, 4, 6].map(|value| [value]);
        for (method, expected) in [("mean", 3), ("min", 1), ("max", 6), ("median", 3), ("mode", 1), ("nearest", 3)] {
            assert_eq!(of(method, DataType::UInt8, &pixels), [expected], "{method}");
        }
        // 1.5 and 2.5, and below zero, to the even one.
        assert_eq!(of("mean", DataType::UInt8, &[[1], [2]]), [2]);
        assert_eq!(of("median", DataType::UInt8, &[[2], [3]]), [2]);
        assert_eq!(of("mean", DataType::Int8, &[[0xfe], [0xfd]]), [0xfe]);
        assert_eq!(of("mean", DataType::UInt64, &[[0xff; 8], [0xff; 8]]), [0xff; 8]);
        assert_eq!(of("mode", DataType::UInt8, &[[9], [2], [9], [2]]), [2]);
        let [one, two] = [1.0_f32, 2.0].map(f32::to_le_bytes);
        assert_eq!(of("mean", DataType::Float32, &[one, two]), 1.5_f32.to_le_bytes());
    }

    #[test]
    fn windows_at_the_edge_and_planes_that_did_not_come_are_smaller() {
        let (first, second) = ([1, 2, 9, 4, 5, 9, 0, 1, 8], [3; 9]);
        let of = |method: &str, planes: &[Option<&[u8]>]| plane(method, DataType::UInt8, planes, [3, 3], [2, 2]);
        assert_eq!(of("max", &[Some(&first)]), [5, 9, 1, 8]);
        assert_eq!(of("max", &[Some(&first), Some(&second)]), [5, 9, 3, 8]);
        assert_eq!(of("mean", &[None, Some(&second)]), [3, 3, 3, 3]);
        assert_eq!(of("nearest", &[None, Some(&second)]), [0, 0, 0, 0]);
        assert_eq!(of("nearest", &[Some(&first), None]), [1, 9, 0, 8]);
    }
}
