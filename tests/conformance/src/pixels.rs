//! The pixels of the test frames: every frame carries its own coordinates.
//!
//! `value(n, y, x) = (n * 7919 + y * 131 + x * 17 + 1) mod 2^k`, where n is the frame number, y and x are pixel indices
//! and k depends on the type: the bits of an integer (two's complement for signed ones), 11 for float16, 20 for the
//! other floats. `interop/pixels.py` has the same formula. A frame, a tile or a row at the wrong place gives other
//! numbers.

use half::f16;
use ome_stream::settings::DataType;

const FRAME_STEP: u64 = 7919;
const ROW_STEP: u64 = 131;
const COLUMN_STEP: u64 = 17;
const OFFSET: u64 = 1;

/// The pixel at row `y`, column `x` of frame `n`, before it is cut to the type's bits.
#[must_use]
pub fn value(n: u64, y: u64, x: u64) -> u64 {
    n.wrapping_mul(FRAME_STEP)
        .wrapping_add(y.wrapping_mul(ROW_STEP))
        .wrapping_add(x.wrapping_mul(COLUMN_STEP))
        .wrapping_add(OFFSET)
}

/// Bytes of a pixel of this type, little-endian.
fn put(dtype: DataType, value: u64, bytes: &mut Vec<u8>) {
    let low = |bits: u32| value & ((1 << bits) - 1);
    match dtype {
        DataType::UInt8 | DataType::Int8 => bytes.push(value as u8),
        DataType::UInt16 | DataType::Int16 => bytes.extend_from_slice(&(value as u16).to_le_bytes()),
        DataType::UInt32 | DataType::Int32 => bytes.extend_from_slice(&(value as u32).to_le_bytes()),
        DataType::UInt64 | DataType::Int64 => bytes.extend_from_slice(&value.to_le_bytes()),
        DataType::Float16 => bytes.extend_from_slice(&f16::from_f32(low(11) as f32).to_le_bytes()),
        DataType::Float32 => bytes.extend_from_slice(&(low(20) as f32).to_le_bytes()),
        DataType::Float64 => bytes.extend_from_slice(&(low(20) as f64).to_le_bytes()),
    }
}

/// Appends frame `n` to `bytes`.
pub fn append_frame(dtype: DataType, n: u64, rows: u64, columns: u64, bytes: &mut Vec<u8>) {
    for y in 0..rows {
        for x in 0..columns {
            put(dtype, value(n, y, x), bytes);
        }
    }
}

/// Frame `n`.
#[must_use]
pub fn frame(dtype: DataType, n: u64, rows: u64, columns: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((rows * columns) as usize * dtype.size());
    append_frame(dtype, n, rows, columns, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_those_of_the_formula_in_every_type() {
        // n = 9, y = 2, x = 3: 71271 + 262 + 51 + 1 = 71585 = 0x117A1; mod 2^11 = 1953; mod 2^20 = 71585.
        let pixel = |dtype: DataType| {
            let size = dtype.size();
            let start = (2 * 4 + 3) * size;
            frame(dtype, 9, 3, 4)[start..start + size].to_vec()
        };
        assert_eq!(pixel(DataType::UInt8), [0xA1]);
        assert_eq!(pixel(DataType::Int8), (-95i8).to_le_bytes());
        assert_eq!(pixel(DataType::UInt16), 0x17A1u16.to_le_bytes());
        assert_eq!(pixel(DataType::Int32), 71585i32.to_le_bytes());
        assert_eq!(pixel(DataType::UInt64), 71585u64.to_le_bytes());
        assert_eq!(pixel(DataType::Float16), f16::from_f32(1953.0).to_le_bytes());
        assert_eq!(pixel(DataType::Float32), 71585f32.to_le_bytes());
        assert_eq!(pixel(DataType::Float64), 71585f64.to_le_bytes());
        assert_eq!(DataType::ALL.len(), 11);
    }
}
