//! Type of a pixel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};
use crate::shown::quoted;

/// Type of a pixel, named as in NumPy. Pixels are in native byte order in memory and little-endian on disk.
///
/// In JSON also NumPy's short names are read: `u2`, `<u2`, `|u1`, `f4`, `half`, `single`, `double`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// IEEE 754 half precision.
    Float16,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision.
    Float64,
}

const NAMES: &str = "uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16, float32 or float64";

impl DataType {
    /// Every data type.
    pub const ALL: &'static [Self] = &[
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Float16,
        Self::Float32,
        Self::Float64,
    ];

    /// Bytes of a pixel.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::UInt8 | Self::Int8 => 1,
            Self::UInt16 | Self::Int16 | Self::Float16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 => 4,
            Self::UInt64 | Self::Int64 | Self::Float64 => 8,
        }
    }

    /// NumPy's name, which is also Zarr v3's: `uint16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }

    /// NumPy's kind and size: `u2`.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::UInt8 => "u1",
            Self::UInt16 => "u2",
            Self::UInt32 => "u4",
            Self::UInt64 => "u8",
            Self::Int8 => "i1",
            Self::Int16 => "i2",
            Self::Int32 => "i4",
            Self::Int64 => "i8",
            Self::Float16 => "f2",
            Self::Float32 => "f4",
            Self::Float64 => "f8",
        }
    }

    /// The type, or what is wrong with the text.
    fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        match text {
            "half" => return Ok(Self::Float16),
            "single" => return Ok(Self::Float32),
            "double" => return Ok(Self::Float64),
            "" => return Err("no data type is given"),
            _ => {}
        }
        let (order, bare) = match text.strip_prefix(['<', '>', '|', '=']) {
            Some(bare) => (text.chars().next(), bare),
            None => (None, text),
        };
        let found = Self::ALL
            .iter()
            .copied()
            .find(|each| each.code() == bare || (order.is_none() && each.name() == bare))
            .ok_or("unknown data type")?;
        // NumPy reads `=` as the machine's order, which a file that travels cannot mean.
        let big = order == Some('>') || (order == Some('=') && cfg!(target_endian = "big"));
        if big && found.size() > 1 {
            return Err("big-endian pixels are not taken");
        }
        Ok(found)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for DataType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|problem| Error::settings("dtype", quoted(text), problem, format!("use {NAMES}")))
    }
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DataType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|problem| de::Error::invalid_value(de::Unexpected::Other(problem), &NAMES))
    }
}
