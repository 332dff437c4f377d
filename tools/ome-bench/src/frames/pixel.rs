//! Numbers as pixels of any type, in the machine's byte order.

use half::f16;
use ome_stream::settings::DataType;

/// What is needed to make one frame.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub dtype: DataType,
    pub rows: usize,
    pub columns: usize,
}

/// Stores `value` in the first bytes of `target`, clamped to what the type can hold.
pub fn store(dtype: DataType, value: f32, target: &mut [u8]) {
    // `as` rounds towards zero and clamps.
    let rounded = value.round();
    match dtype {
        DataType::UInt8 => put(target, (rounded as u8).to_ne_bytes()),
        DataType::UInt16 => put(target, (rounded as u16).to_ne_bytes()),
        DataType::UInt32 => put(target, (rounded as u32).to_ne_bytes()),
        DataType::UInt64 => put(target, (rounded as u64).to_ne_bytes()),
        DataType::Int8 => put(target, (rounded as i8).to_ne_bytes()),
        DataType::Int16 => put(target, (rounded as i16).to_ne_bytes()),
        DataType::Int32 => put(target, (rounded as i32).to_ne_bytes()),
        DataType::Int64 => put(target, (rounded as i64).to_ne_bytes()),
        DataType::Float16 => put(target, f16::from_f32(value).to_ne_bytes()),
        DataType::Float32 => put(target, value.to_ne_bytes()),
        DataType::Float64 => put(target, f64::from(value).to_ne_bytes()),
    }
}

/// True for types whose bits are not all numbers.
pub fn is_float(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// Largest value of a camera whose pixels have this type.
pub fn white(dtype: DataType) -> f32 {
    match dtype {
        DataType::UInt8 => 255.0,
        DataType::Int8 => 127.0,
        DataType::Int16 => 32_767.0,
        _ => 65_535.0,
    }
}

fn put<const N: usize>(target: &mut [u8], bytes: [u8; N]) {
    if let Some(target) = target.get_mut(..N) {
        target.copy_from_slice(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_and_clamped_to_the_type() {
        let mut bytes = [0; 8];
        for (dtype, value, expected) in [
            (DataType::UInt8, 300.2, vec![255]),
            (DataType::Int8, -300.0, vec![128]),
            (DataType::UInt16, 258.4, 258u16.to_ne_bytes().to_vec()),
            (DataType::Int64, -2.6, (-3i64).to_ne_bytes().to_vec()),
            (DataType::Float16, 1.5, f16::from_f32(1.5).to_ne_bytes().to_vec()),
            (DataType::Float64, 0.25, 0.25f64.to_ne_bytes().to_vec()),
        ] {
            store(dtype, value, &mut bytes);
            assert_eq!(bytes[..dtype.size()], expected, "{dtype}");
        }
    }
}
