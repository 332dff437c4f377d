//! Where rounding, overflow and NaN would show; what is refused; what waiting costs.

use crate::error::Error;
use crate::pyramid::{Accumulator, Method, Piece, Reducer};
use crate::settings::DataType;

/// One window of pixels in a row, or in planes of one pixel.
fn of_row(method: Method, dtype: DataType, pixels: &[&[u8]]) -> Vec<u8> {
    let reducer = Reducer::new(method, dtype, (1, pixels.len()), [1, 1, pixels.len() as u64]).unwrap();
    let mut made = vec![0; dtype.size()];
    let plane = pixels.concat();
    reducer.reduce([Piece::whole(&plane, (1, pixels.len()), dtype.size())], &mut made).unwrap();
    made
}

fn mean_u16(pixels: &[u16]) -> u16 {
    let bytes: Vec<[u8; 2]> = pixels.iter().map(|pixel| pixel.to_ne_bytes()).collect();
    let pixels: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    u16::from_ne_bytes(of_row(Method::Mean, DataType::UInt16, &pixels).try_into().unwrap())
}

fn mean_i8(pixels: &[i8]) -> i8 {
    let bytes: Vec<[u8; 1]> = pixels.iter().map(|pixel| pixel.to_ne_bytes()).collect();
    let pixels: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    i8::from_ne_bytes(of_row(Method::Mean, DataType::Int8, &pixels).try_into().unwrap())
}

fn of_f64(method: Method, pixels: &[f64]) -> f64 {
    let bytes: Vec<[u8; 8]> = pixels.iter().map(|pixel| pixel.to_ne_bytes()).collect();
    let pixels: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    f64::from_ne_bytes(of_row(method, DataType::Float64, &pixels).try_into().unwrap())
}

#[test]
fn means_round_half_to_even() {
    let cases: [(&[u16], u16); 9] = [
        (&[1, 2, 2, 2], 2),
        (&[0, 0, 1, 1], 0),
        (&[1, 1, 2, 2], 2),
        (&[2, 3], 2),
        (&[3, 4], 4),
        (&[1, 1, 2], 1),
        (&[1, 2, 2], 2),
        (&[0, 0, 0, 0, 0, 3], 0), // 0.5 of six
        (&[0, 0, 0, 0, 0, 9], 2), // 1.5
    ];
    cases.iter().for_each(|(pixels, mean)| assert_eq!(mean_u16(pixels), *mean, "{pixels:?}"));
    assert_eq!(mean_i8(&[-1, 0]), 0);
    assert_eq!(mean_i8(&[-1, -2]), -2);
    assert_eq!(mean_i8(&[-3, -4, -3, -4]), -4);
    assert_eq!(mean_i8(&[-128, -128, -128, -127]), -128);
}

#[test]
fn every_sum_of_eight_and_of_six() {
    for sum in 0_u16..=200 {
        for count in [6_u16, 8] {
            let pixels: Vec<u16> = (0..count).map(|nth| sum / count + u16::from(nth < sum % count)).collect();
            let exact = f64::from(sum) / f64::from(count);
            assert_eq!(mean_u16(&pixels), exact.round_ties_even() as u16, "{sum} / {count}");
        }
    }
}

#[test]
fn nothing_overflows() {
    for dtype in DataType::ALL.iter().copied().filter(|dtype| !dtype.name().starts_with("float")) {
        let (ones, zeros) = (vec![0xff; dtype.size()], vec![0; dtype.size()]);
        let mut top = zeros.clone();
        top[if cfg!(target_endian = "big") { 0 } else { dtype.size() - 1 }] = 0x80;
        let most: Vec<u8> = top.iter().map(|byte| !byte).collect();
        for pixel in [&ones, &top, &most] {
            // As many as the sums of each size hold, and one that is no power of two.
            for (planes, side) in [(1, 256), (1, 255), (4, 128), (2, 2), (1, 16), (1, 17)] {
                let frame = (side, side);
                let reducer = Reducer::new(Method::Mean, dtype, frame, [planes, side as u64, side as u64]).unwrap();
                let plane = pixel.repeat(side * side);
                let memory = vec![0; Accumulator::bytes(&reducer) as usize];
                let mut waiting = Accumulator::new(&reducer, memory).unwrap();
                for nth in 0..planes as usize {
                    waiting.add(nth, [Piece::whole(&plane, frame, dtype.size())]).unwrap();
                }
                let mut made = vec![0; dtype.size()];
                waiting.finish(&mut made).unwrap();
                assert_eq!(&made, pixel, "{dtype}, {planes} x {side} x {side}");
            }
        }
    }
    assert_eq!(of_f64(Method::Mean, &[f64::MAX; 4]), f64::MAX);
    assert_eq!(of_f64(Method::Mean, &[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX / 3.0);
    assert_eq!(of_f64(Method::Median, &[f64::MAX; 2]), f64::MAX);
    let huge = 2_f64.powi(1023);
    assert_eq!(of_f64(Method::Median, &[huge, 1.5 * huge]), 1.25 * huge);
}

#[test]
fn a_nan_is_not_covered_up() {
    let nan = -f64::NAN;
    let written = 0x7ff8_0000_0000_0000;
    for method in [Method::Mean, Method::Min, Method::Max, Method::Median] {
        for place in 0..4 {
            let mut pixels = [1.0, f64::INFINITY, -3.0, 0.0];
            pixels[place] = nan;
            assert_eq!(of_f64(method, &pixels).to_bits(), written, "{method:?} {place}");
        }
    }
    assert_eq!(of_f64(Method::Mean, &[f64::INFINITY, f64::NEG_INFINITY]).to_bits(), written);
    // The nearest keeps its bits, and does not look at the others.
    let payload = f64::from_bits(0xfff0_0000_0000_0007);
    assert_eq!(of_f64(Method::Nearest, &[payload, 1.0]).to_bits(), payload.to_bits());
    assert_eq!(of_f64(Method::Nearest, &[1.0, nan]), 1.0);
}

#[test]
fn zeros_have_an_order() {
    assert_eq!(of_f64(Method::Min, &[0.0, -0.0]).to_bits(), (-0.0_f64).to_bits());
    assert_eq!(of_f64(Method::Max, &[-0.0, 0.0, -0.0]).to_bits(), 0);
}

#[test]
fn float16_is_rounded_once() {
    // The mean lies 2^-26 above the middle of 1 and the next number; 32 bits would lose that, and round it to 1.
    let bytes: Vec<[u8; 2]> =
        [4.0, 2_f64.powi(-9), 2_f64.powi(-24), 0.0].map(|pixel| half::f16::from_f64(pixel).to_ne_bytes()).to_vec();
    let pixels: Vec<&[u8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    assert_eq!(of_row(Method::Mean, DataType::Float16, &pixels), 0x3c01_u16.to_ne_bytes());
}

#[test]
fn sums_of_floats_do_not_depend_on_arrival() {
    let pixels = [1e16_f64, 1.0, -1e16, 3.0];
    for planes in 2..=4 {
        let reducer = Reducer::new(Method::Mean, DataType::Float64, (1, 1), [planes as u64, 1, 1]).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for first in 0..planes {
            for step in 1..planes {
                let mut order: Vec<usize> = (0..planes).collect();
                order.rotate_left(first);
                order.swap(0, step);
                let memory = vec![0; Accumulator::bytes(&reducer) as usize];
                let mut waiting = Accumulator::new(&reducer, memory).unwrap();
                for nth in order {
                    waiting.add(nth, [Piece::whole(&pixels[nth].to_ne_bytes(), (1, 1), 8)]).unwrap();
                }
                let mut made = [0; 8];
                waiting.finish(&mut made).unwrap();
                seen.insert(made);
            }
        }
        assert_eq!(seen.len(), 1, "{planes} planes: {seen:?}");
    }
}

#[test]
fn bytes_that_wait() {
    let bytes = |method, dtype, factors| Accumulator::bytes(&Reducer::new(method, dtype, (10, 7), factors).unwrap());
    let (made, pixels) = (5 * 4, 10 * 7);
    for (dtype, sum) in [
        (DataType::UInt8, 2),
        (DataType::Int16, 4),
        (DataType::UInt32, 8),
        (DataType::Int64, 16),
        (DataType::Float16, 8),
        (DataType::Float32, 8),
        (DataType::Float64, 8),
    ] {
        assert_eq!(bytes(Method::Mean, dtype, [2, 2, 2]), made * sum, "{dtype}");
        let item = dtype.size() as u64;
        assert_eq!(bytes(Method::Min, dtype, [2, 2, 2]), made * item);
        assert_eq!(bytes(Method::Nearest, dtype, [3, 2, 2]), made * item);
        assert_eq!(bytes(Method::Median, dtype, [3, 2, 2]), 3 * pixels * item);
    }
    assert_eq!(bytes(Method::Mean, DataType::UInt8, [5, 8, 8]), 2 * 4);
    assert_eq!(bytes(Method::Mean, DataType::UInt16, [3, 2, 2]), made * 4);
    // The sums of each plane, because the order of addition is that of the planes.
    assert_eq!(bytes(Method::Mean, DataType::Float32, [3, 2, 2]), 3 * made * 8);
    assert_eq!(bytes(Method::Mode, DataType::UInt8, [2, 2, 2]), 2 * pixels);
}

#[test]
fn memory_is_given_back_and_may_hold_anything() {
    let reducer = Reducer::new(Method::Max, DataType::UInt8, (2, 2), [2, 2, 2]).unwrap();
    let mut waiting = Accumulator::new(&reducer, vec![0xff; 9]).unwrap();
    waiting.add(1, [Piece::whole(&[1, 2, 3, 4], (2, 2), 1)]).unwrap();
    let mut made = [0];
    assert_eq!(waiting.finish(&mut made).unwrap().len(), 9);
    assert_eq!(made, [4]);
    assert!(Accumulator::new(&reducer, vec![0; 0]).is_err());
    // No plane at all.
    Accumulator::new(&reducer, vec![0xff; 1]).unwrap().finish(&mut made).unwrap();
    assert_eq!(made, [0]);
}

#[test]
fn settings_that_make_no_sense() {
    let refused = |method, dtype, factors: [u64; 3], field: &str, value: &str| {
        let error = Reducer::new(method, dtype, (4, 4), factors).unwrap_err();
        let Error::InvalidSettings { field: named, value: told, .. } = &error else { panic!("{error}") };
        assert_eq!((named.as_str(), told.as_str()), (field, value), "{error}");
    };
    for dtype in [DataType::Float16, DataType::Float32, DataType::Float64] {
        refused(Method::Mode, dtype, [1, 2, 2], "pyramid.method", "mode");
    }
    for factors in [[0, 2, 2], [1, 0, 2], [1, 2, 0], [65, 1, 1], [2, 256, 256], [1, u64::MAX, u64::MAX]] {
        let [planes, rows, columns] = factors;
        let value = format!("{planes} x {rows} x {columns}");
        refused(Method::Mean, DataType::UInt8, factors, "pyramid.factors", &value);
    }
    assert!(Reducer::new(Method::Mean, DataType::UInt8, (4, 4), [64, 32, 32]).is_ok());
}

#[test]
fn pieces_that_cut_a_window_are_refused() {
    let reducer = Reducer::new(Method::Mean, DataType::UInt8, (5, 7), [1, 2, 3]).unwrap();
    let bytes = [0; 64];
    let piece = |row, column, rows, columns| Piece { bytes: &bytes, stride: 7, row, column, rows, columns };
    let mut made = vec![0; reducer.made_bytes()];
    let mut reduce = |piece| reducer.reduce([piece], &mut made);
    for good in [piece(0, 0, 5, 7), piece(4, 6, 1, 1), piece(2, 3, 2, 3), piece(2, 3, 0, 3), piece(0, 6, 2, 1)] {
        reduce(good).unwrap();
    }
    for bad in [
        piece(1, 0, 4, 7),
        piece(0, 0, 3, 7),
        piece(0, 2, 2, 1),
        piece(0, 0, 2, 2),
        piece(0, 0, 6, 7),
        piece(4, 0, 2, 7),
        piece(usize::MAX - 1, 0, 2, 7),
        Piece { stride: 1000, ..piece(0, 0, 2, 3) },
        Piece { stride: usize::MAX, ..piece(0, 0, 4, 3) },
    ] {
        assert!(reduce(bad).is_err(), "{bad:?}");
    }
    assert!(reducer.takes_tiles((2, 3)) && reducer.takes_tiles((5, 9)) && reducer.takes_tiles((6, 7)));
    assert!(!reducer.takes_tiles((1, 3)) && !reducer.takes_tiles((3, 7)) && !reducer.takes_tiles((2, 2)));
}

#[test]
fn planes_come_once() {
    let reducer = Reducer::new(Method::Mean, DataType::UInt8, (1, 1), [2, 1, 1]).unwrap();
    let mut waiting = Accumulator::new(&reducer, [0; 2]).unwrap();
    waiting.add(1, [Piece::whole(&[3], (1, 1), 1)]).unwrap();
    assert!(waiting.add(1, [Piece::whole(&[3], (1, 1), 1)]).is_err());
    assert!(waiting.add_fill(1).is_err());
    assert!(waiting.add(2, [Piece::whole(&[3], (1, 1), 1)]).is_err());
    assert!(waiting.add(usize::MAX, [Piece::whole(&[3], (1, 1), 1)]).is_err());
    assert!(reducer.reduce([Piece::whole(&[3], (1, 1), 1)], &mut [0]).is_err());
}
