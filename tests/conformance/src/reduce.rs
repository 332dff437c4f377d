//! Pixels of a window -> one pixel, as the documentation of each method says it, and by nothing of the library.

use half::f16;
use ome_stream::settings::DataType;

/// The pixel of a window by a method: pixels of each plane that came, row by row. `None` of a plane that did not come.
pub(crate) fn pixel(method: &str, dtype: DataType, window: &[Option<Vec<Vec<Vec<u8>>>>]) -> Vec<u8> {
    if method == "nearest" {
        // The first pixel of the first plane, which may not have come.
        let first = window.first().and_then(Option::as_ref);
        return first.map_or_else(|| vec![0; dtype.size()], |plane| plane[0][0].to_vec());
    }
    if dtype.name().starts_with("float") {
        let of = |plane: &Vec<Vec<Vec<u8>>>| -> Vec<Vec<f64>> {
            plane.iter().map(|row| row.iter().map(|pixel| float(dtype, pixel)).collect()).collect()
        };
        let planes: Vec<_> = window.iter().flatten().map(of).collect();
        return of_float(dtype, of_floats(method, &planes));
    }
    let value =
        of_integers(method, window.iter().flatten().flatten().flatten().map(|pixel| integer(dtype, pixel)).collect());
    value.to_le_bytes()[..dtype.size()].to_vec()
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
    pixels.sort_unstable();
    let count = pixels.len();
    match method {
        "min" => pixels[0],
        "max" => pixels[count - 1],
        "median" => divided(pixels[(count - 1) / 2] + pixels[count / 2], 2),
        "mode" => {
            let times = |pixel: i128| pixels.iter().filter(|other| **other == pixel).count();
            // Of several the smallest: the first that no other exceeds.
            pixels.iter().copied().reduce(|best, each| if times(each) > times(best) { each } else { best }).unwrap_or(0)
        }
        _ => divided(pixels.iter().sum(), count as i128),
    }
}

fn of_floats(method: &str, planes: &[Vec<Vec<f64>>]) -> f64 {
    let mut pixels: Vec<f64> = planes.iter().flatten().flatten().copied().collect();
    let count = pixels.len();
    pixels.sort_unstable_by(f64::total_cmp);
    match method {
        "min" => pixels[0],
        "max" => pixels[count - 1],
        "median" => (pixels[(count - 1) / 2] + pixels[count / 2]) / 2.0,
        _ => {
            // Rows from left to right, then the rows, then the planes.
            let sum = |numbers: &[f64]| numbers[1..].iter().fold(numbers[0], |sum, number| sum + number);
            let of_plane = |rows: &Vec<Vec<f64>>| sum(&rows.iter().map(|row| sum(row)).collect::<Vec<_>>());
            sum(&planes.iter().map(of_plane).collect::<Vec<_>>()) / count as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const ITEM: usize>(method: &str, dtype: DataType, pixels: &[[u8; ITEM]]) -> Vec<u8> {
        pixel(method, dtype, &[Some(vec![pixels.iter().map(|pixel| pixel.to_vec()).collect()])])
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
        // The first plane did not come.
        let second = || Some(vec![vec![vec![7_u8]]]);
        assert_eq!(pixel("nearest", DataType::UInt8, &[None, second()]), [0]);
        assert_eq!(pixel("mean", DataType::UInt8, &[None, second()]), [7]);
    }
}
