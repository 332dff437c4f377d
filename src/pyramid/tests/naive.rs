//! The same pixels, made slowly: 128-bit integers, floats as they are defined, one window after another.

use std::collections::BTreeMap;

use crate::pyramid::Method;
use crate::settings::DataType;

/// Planes of one window; `None` for one that does not come.
pub(super) type Planes = Vec<Option<Vec<u8>>>;

pub(super) fn integer(dtype: DataType, bytes: &[u8]) -> i128 {
    let unsigned = bytes.iter().rev().fold(0_i128, |value, byte| value << 8 | i128::from(*byte));
    let bits = 8 * dtype.size();
    let signed = dtype.name().starts_with("int") && unsigned >> (bits - 1) == 1;
    if signed { unsigned - (1 << bits) } else { unsigned }
}

pub(super) fn float(dtype: DataType, bytes: &[u8]) -> f64 {
    match dtype {
        DataType::Float16 => half::f16::from_le_bytes(bytes.try_into().unwrap()).to_f64(),
        DataType::Float32 => f32::from_le_bytes(bytes.try_into().unwrap()).into(),
        _ => f64::from_le_bytes(bytes.try_into().unwrap()),
    }
}

pub(super) fn is_float(dtype: DataType) -> bool {
    dtype.name().starts_with("float")
}

fn of_integer(dtype: DataType, value: i128) -> Vec<u8> {
    value.to_le_bytes()[..dtype.size()].to_vec()
}

pub(super) fn of_float(dtype: DataType, value: f64) -> Vec<u8> {
    let value = if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { value };
    match dtype {
        DataType::Float16 => nearest_float16(value).to_le_bytes().to_vec(),
        DataType::Float32 => (value as f32).to_le_bytes().to_vec(),
        _ => value.to_le_bytes().to_vec(),
    }
}

/// Of the numbers around it the nearest, of two the even one. (`half` rounds 64 bits twice where it goes by 32.)
pub(super) fn nearest_float16(value: f64) -> u16 {
    let near = half::f16::from_f64(value).to_bits();
    if near & 0x7c00 == 0x7c00 && near != 0x7c00 && near != 0xfc00 {
        return near;
    }
    let number = |magnitude: u16| if magnitude == 0x7c00 { 65536.0 } else { half::f16::from_bits(magnitude).to_f64() };
    let magnitude = near & 0x7fff;
    let around = magnitude.saturating_sub(1)..=(magnitude + 1).min(0x7c00);
    let far = |bits: &u16| (number(*bits) - value.abs()).abs();
    let best = around.min_by(|a, b| far(a).total_cmp(&far(b)).then((a & 1).cmp(&(b & 1))));
    near & 0x8000 | best.unwrap()
}

fn divided(sum: i128, count: i128) -> i128 {
    let (below, rest) = (sum.div_euclid(count), sum.rem_euclid(count));
    match (2 * rest).cmp(&count) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Greater => below + 1,
        std::cmp::Ordering::Equal => below + below.rem_euclid(2),
    }
}

fn of_integers(method: Method, mut pixels: Vec<i128>) -> i128 {
    let count = pixels.len();
    match method {
        Method::Mean => divided(pixels.iter().sum(), count as i128),
        Method::Min => *pixels.iter().min().unwrap(),
        Method::Max => *pixels.iter().max().unwrap(),
        Method::Median => {
            pixels.sort_unstable();
            divided(pixels[(count - 1) / 2] + pixels[count / 2], 2)
        }
        Method::Mode => {
            let mut often = BTreeMap::new();
            pixels.iter().for_each(|pixel| *often.entry(*pixel).or_insert(0) += 1);
            let most = *often.values().max().unwrap();
            *often.iter().find(|(_, times)| **times == most).unwrap().0
        }
        Method::Nearest => pixels[0],
    }
}

/// Planes of rows of pixels.
fn of_floats(method: Method, window: &[Vec<Vec<f64>>]) -> f64 {
    let mut pixels: Vec<f64> = window.iter().flatten().flatten().copied().collect();
    let count = pixels.len();
    if pixels.iter().any(|pixel| pixel.is_nan()) {
        return f64::NAN;
    }
    let sum = |values: &mut dyn Iterator<Item = f64>| values.reduce(|sum, value| sum + value).unwrap();
    pixels.sort_unstable_by(f64::total_cmp);
    let (low, high) = (pixels[(count - 1) / 2], pixels[count / 2]);
    match method {
        Method::Mean => {
            let of_plane = |plane: &Vec<Vec<f64>>| sum(&mut plane.iter().map(|row| sum(&mut row.iter().copied())));
            sum(&mut window.iter().map(of_plane)) / count as f64
        }
        Method::Min => pixels[0],
        Method::Max => pixels[count - 1],
        _ if low.to_bits() == high.to_bits() => low,
        _ => (low + high) / 2.0,
    }
}

/// Makes one plane of those of a window.
pub(super) fn reduce(
    method: Method,
    dtype: DataType,
    (rows, columns): (usize, usize),
    (down, across): (usize, usize),
    planes: &Planes,
) -> Vec<u8> {
    let item = dtype.size();
    let mut made = Vec::new();
    for top in (0..rows).step_by(down) {
        for left in (0..columns).step_by(across) {
            let row = |plane: &Vec<u8>, row: usize| -> Vec<Vec<u8>> {
                let columns_in = left..columns.min(left + across);
                columns_in.map(|column| plane[(row * columns + column) * item..][..item].to_vec()).collect()
            };
            let plane = |plane: &Vec<u8>| -> Vec<Vec<Vec<u8>>> {
                (top..rows.min(top + down)).map(|nth| row(plane, nth)).collect()
            };
            let window: Vec<Vec<Vec<Vec<u8>>>> = planes.iter().flatten().map(plane).collect();
            if window.is_empty() || (method == Method::Nearest && planes[0].is_none()) {
                made.extend(vec![0; item]);
            } else if method == Method::Nearest {
                made.extend(&window[0][0][0]);
            } else if is_float(dtype) {
                let value = |bytes: &Vec<u8>| float(dtype, bytes);
                let values = |row: &Vec<Vec<u8>>| row.iter().map(value).collect();
                let window: Vec<Vec<Vec<f64>>> =
                    window.iter().map(|plane| plane.iter().map(values).collect()).collect();
                made.extend(of_float(dtype, of_floats(method, &window)));
            } else {
                let pixels = window.iter().flatten().flatten().map(|bytes| integer(dtype, bytes)).collect();
                made.extend(of_integer(dtype, of_integers(method, pixels)));
            }
        }
    }
    made
}
