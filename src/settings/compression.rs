//! How chunks are encoded: compressed, and with a checksum.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::{Error, Result};
use crate::shown::quoted;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// Stored as they are.
    #[default]
    None,
    /// Zstandard inside Blosc.
    BloscZstd,
    /// LZ4 inside Blosc.
    BloscLz4,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
}

impl Codec {
    /// Every codec.
    pub const ALL: &'static [Self] = &[Self::None, Self::BloscZstd, Self::BloscLz4, Self::Zstd, Self::Gzip];

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BloscZstd => "blosc-zstd",
            Self::BloscLz4 => "blosc-lz4",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Level where none is given. Those of ome-writers 0.3.2; zarr-python's for gzip, which ome-writers has not.
    #[must_use]
    pub const fn default_level(self) -> i32 {
        match self {
            Self::None => 0,
            Self::BloscZstd | Self::Zstd => 3,
            Self::BloscLz4 | Self::Gzip => 5,
        }
    }

    /// Lowest and highest level, as the Zarr v3 codec specifications allow; `None` where there are no levels.
    #[must_use]
    pub const fn levels(self) -> Option<(i32, i32)> {
        match self {
            Self::None => None,
            Self::BloscZstd | Self::BloscLz4 | Self::Gzip => Some((0, 9)),
            Self::Zstd => Some((-131_072, 22)),
        }
    }

    /// Whether the codec can shuffle: only Blosc can.
    #[must_use]
    pub const fn can_shuffle(self) -> bool {
        matches!(self, Self::BloscZstd | Self::BloscLz4)
    }

    const fn default_shuffle(self) -> Shuffle {
        if self.can_shuffle() { Shuffle::Byte } else { Shuffle::None }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|each| each.name() == text)
    }
}

/// How Blosc rearranges bytes before it compresses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shuffle {
    /// Not at all.
    #[default]
    None,
    /// First bytes of all pixels, then their second bytes, ...: right for most images of more than 8 bits.
    Byte,
    /// The same with bits.
    Bit,
}

/// What stands behind the bytes of each chunk, by which readers see that one of them has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// CRC-32C, four bytes (Zarr v3, codec `crc32c` 1.0).
    Crc32c,
}

impl Checksum {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32c => "crc32c",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        if text == Self::Crc32c.name() {
            return Ok(Self::Crc32c);
        }
        let remedy = "use crc32c, as in zstd:5+crc32c, or none+crc32c";
        Err(Error::settings("compression.checksum", quoted(text), "unknown checksum", remedy))
    }
}

/// How chunks are compressed. In JSON `null`, a codec's name, or an object of codec, level, shuffle and checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// The codec.
    pub codec: Codec,
    /// Its level within [`Codec::levels`]; 0 where the codec has none.
    pub level: i32,
    /// Blosc's shuffle; none for other codecs.
    pub shuffle: Shuffle,
    /// Checksum of what the codec makes of a chunk; not on Zarr v2 (OME-NGFF 0.4).
    pub checksum: Option<Checksum>,
}

impl Compression {
    /// `codec` with its default level and shuffle, without a checksum.
    #[must_use]
    pub const fn new(codec: Codec) -> Self {
        Self { codec, level: codec.default_level(), shuffle: codec.default_shuffle(), checksum: None }
    }

    /// With this level.
    #[must_use]
    pub const fn with_level(mut self, level: i32) -> Self {
        self.level = level;
        self
    }

    /// With this shuffle.
    #[must_use]
    pub const fn with_shuffle(mut self, shuffle: Shuffle) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// With this checksum.
    #[must_use]
    pub const fn with_checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// True where chunks are stored as they lie in memory: neither compressed nor with a checksum.
    #[must_use]
    pub const fn is_verbatim(&self) -> bool {
        matches!(self.codec, Codec::None) && self.checksum.is_none()
    }

    /// Level and shuffle are those of the codec.
    pub(super) fn check(&self) -> Result<()> {
        self.check_level(self.level != 0)?;
        let name = self.codec.name();
        if self.shuffle != Shuffle::None && !self.codec.can_shuffle() {
            return Err(Error::settings(
                "compression.shuffle",
                quoted(if self.shuffle == Shuffle::Bit { "bit" } else { "byte" }),
                format!("{name} cannot shuffle"),
                "leave it out, or use blosc-zstd or blosc-lz4",
            ));
        }
        Ok(())
    }

    fn check_level(&self, given: bool) -> Result<()> {
        let name = self.codec.name();
        let (problem, remedy) = match self.codec.levels() {
            Some((lowest, highest)) if !(lowest..=highest).contains(&self.level) => {
                (format!("{name} has no such level"), format!("use {lowest} to {highest}"))
            }
            None if given => (format!("{name} has no levels"), "leave it out, or choose a codec".to_owned()),
            _ => return Ok(()),
        };
        Err(Error::settings("compression.level", self.level, problem, remedy))
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::new(Codec::None)
    }
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        Self::new(codec)
    }
}

const NAMES: &str = "none, blosc-zstd, blosc-lz4, zstd or gzip";

/// As command lines take it: `codec[:level][+checksum]`, such as `zstd:5` and `none+crc32c`.
impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (text, checksum) = text.split_once('+').map_or((text, None), |(text, sum)| (text, Some(sum)));
        let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
        let codec = Codec::parse(name)
            .ok_or_else(|| Error::settings("compression", quoted(text), "unknown codec", format!("use {NAMES}")))?;
        let mut compression = Self::new(codec);
        if let Some(level) = level {
            compression.level = level.parse().map_err(|_| {
                Error::settings("compression.level", quoted(level), "not a whole number", "write it as in zstd:5")
            })?;
            compression.check_level(true)?;
        }
        compression.checksum = checksum.map(Checksum::parse).transpose()?;
        Ok(compression)
    }
}

/// As it is read: codec, level and checksum; the shuffle is left out.
impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.codec.name())?;
        if self.codec.levels().is_some() {
            write!(formatter, ":{}", self.level)?;
        }
        self.checksum.map_or(Ok(()), |checksum| write!(formatter, "+{}", checksum.name()))
    }
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::new(self.codec) {
            return self.codec.serialize(serializer);
        }
        let fields = if self.checksum.is_some() { 4 } else { 3 };
        let mut object = serializer.serialize_struct("Compression", fields)?;
        object.serialize_field("codec", &self.codec)?;
        object.serialize_field("level", &self.level)?;
        object.serialize_field("shuffle", &self.shuffle)?;
        if let Some(checksum) = self.checksum {
            object.serialize_field("checksum", &checksum)?;
        }
        object.end()
    }
}

/// The object form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with codec, level, shuffle, checksum")]
#[schemars(rename = "CompressionObject")]
pub(super) struct Object {
    codec: Codec,
    /// Its level; the codec's default where not given. 0 to 9, for zstd -131072 to 22.
    #[serde(default)]
    level: Option<i32>,
    /// Blosc's shuffle; byte where not given.
    #[serde(default)]
    shuffle: Option<Shuffle>,
    /// Checksum of each chunk; none where not given. Not with OME-NGFF 0.4.
    #[serde(default)]
    checksum: Option<Checksum>,
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Compression;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("null, the name of a codec, or an object with codec, level, shuffle, checksum")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Compression, E> {
                Ok(Compression::default())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Compression, E> {
                Codec::parse(text)
                    .map(Compression::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("unknown codec"), &NAMES))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Compression, A::Error> {
                let object = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let default = Compression::new(object.codec);
                Ok(Compression {
                    codec: object.codec,
                    level: object.level.unwrap_or(default.level),
                    shuffle: object.shuffle.unwrap_or(default.shuffle),
                    checksum: object.checksum,
                })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
