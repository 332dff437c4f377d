//! CRC-32C as Zarr v3 stores it (codec `crc32c` 1.0): four bytes, little-endian, behind the bytes that they are of.

/// Bytes of a checksum.
pub const BYTES: usize = 4;

/// What stands behind `bytes`.
#[must_use]
pub fn of(bytes: &[u8]) -> [u8; BYTES] {
    let mut sum = Running::default();
    sum.take(bytes);
    sum.stored()
}

/// The checksum of bytes that come in parts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Running(u32);

impl Running {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0 = crc32c::crc32c_append(self.0, bytes);
    }

    /// What stands behind all of them.
    #[must_use]
    pub fn stored(self) -> [u8; BYTES] {
        self.0.to_le_bytes()
    }
}

/// The bytes in front of a checksum that is right for them; `None` where it is not, or where there is none.
#[must_use]
pub fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (front, checksum) = bytes.split_last_chunk()?;
    (of(front) == *checksum).then_some(front)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_specification() {
        // RFC 3720, appendix B.4: 32 bytes of zeros, and 32 from 0 to 31.
        assert_eq!(of(&[0; 32]), [0xAA, 0x36, 0x91, 0x8A]);
        assert_eq!(of(&(0..32).collect::<Vec<u8>>()), [0x4E, 0x79, 0xDD, 0x46]);
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let bytes = [&b"pixels"[..], &of(b"pixels")].concat();
        assert_eq!(checked(&bytes), Some(&b"pixels"[..]));
        assert_eq!(checked(&of(b"")), Some(&[][..]));
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(checked(&other), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(checked(&bytes[..length]), None, "{length} bytes of it");
        }
    }
}
