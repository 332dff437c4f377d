//! Compressions of TIFF: their names, which of them can be read, and what converts the others.

/// A compression that is known by name.
struct Codec {
    number: u16,
    name: &'static str,
    converter: Converter,
}

/// What makes a file of a compression that can be read.
enum Converter {
    /// Nothing is needed.
    None,
    /// libtiff's own tool.
    Tiffcp,
    /// The tool of Bio-Formats.
    Bfconvert,
}

use Converter::{Bfconvert, None as Read, Tiffcp};

const CODECS: [Codec; 30] = [
    codec(1, "none", Read),
    codec(2, "CCITT RLE", Tiffcp),
    codec(3, "CCITT fax group 3", Tiffcp),
    codec(4, "CCITT fax group 4", Tiffcp),
    codec(LZW, "LZW", Read),
    codec(6, "JPEG of the old style", Tiffcp),
    codec(JPEG, "JPEG", Read),
    codec(DEFLATE, "deflate", Read),
    codec(9, "JBIG", Tiffcp),
    codec(10, "JBIG", Tiffcp),
    codec(22610, "JPEG XR", Bfconvert),
    codec(32766, "NeXT RLE", Tiffcp),
    codec(32771, "CCITT RLE of words", Tiffcp),
    codec(PACKBITS, "PackBits", Read),
    codec(32809, "ThunderScan RLE", Tiffcp),
    codec(OLD_DEFLATE, "deflate", Read),
    codec(33003, "JPEG 2000", Bfconvert),
    codec(33004, "JPEG 2000", Bfconvert),
    codec(33005, "JPEG 2000", Bfconvert),
    codec(34661, "JBIG", Tiffcp),
    codec(34676, "SGI LogLuv", Tiffcp),
    codec(34677, "SGI LogLuv of 24 bits", Tiffcp),
    codec(34712, "JPEG 2000", Bfconvert),
    codec(34887, "LERC", Tiffcp),
    codec(34925, "LZMA", Tiffcp),
    codec(OLD_ZSTD, "Zstandard", Read),
    codec(34934, "JPEG XR", Bfconvert),
    codec(ZSTD, "Zstandard", Read),
    codec(50001, "WebP", Tiffcp),
    codec(50002, "JPEG XL", Bfconvert),
];

const fn codec(number: u16, name: &'static str, converter: Converter) -> Codec {
    Codec { number, name, converter }
}

pub const NONE: u16 = 1;
pub const LZW: u16 = 5;
pub const JPEG: u16 = 7;
pub const DEFLATE: u16 = 8;
pub const PACKBITS: u16 = 32773;
pub const OLD_DEFLATE: u16 = 32946;
pub const OLD_ZSTD: u16 = 34926;
pub const ZSTD: u16 = 50000;

/// What is wrong with a compression that cannot be read, and a command that converts the file.
pub fn check(number: u64) -> Result<u16, String> {
    let known = CODECS.iter().find(|codec| u64::from(codec.number) == number);
    match known {
        Some(Codec { converter: Converter::None, number, .. }) => Ok(*number),
        Some(Codec { converter: Converter::Tiffcp, name, .. }) => Err(format!(
            "is compressed with {name} ({number}), which is not read; convert the file with `tiffcp -c zip IN.tif OUT.tif`"
        )),
        Some(Codec { name, .. }) => Err(format!(
            "is compressed with {name} ({number}), which is not read; convert the file with \
             `bfconvert -compression zlib IN.tif OUT.ome.tif` (Bio-Formats)"
        )),
        None => Err(format!(
            "has the unknown compression {number}; convert the file with \
             `bfconvert -compression zlib IN.tif OUT.ome.tif` (Bio-Formats)"
        )),
    }
}

/// Whether pixels are predicted from their neighbors before they are compressed with this.
pub fn can_predict(compression: u16) -> bool {
    matches!(compression, LZW | DEFLATE | OLD_DEFLATE | ZSTD | OLD_ZSTD)
}
