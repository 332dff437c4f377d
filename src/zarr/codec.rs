//! Codecs as data: what makes bytes of the pixels of a chunk, and in which order.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checksum;

/// Codecs one after another, from pixels to what is stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chain(pub Vec<Codec>);

/// One codec. What its specification does not name, or not so, makes it [`Codec::Other`], which is kept as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Codec {
    /// Pixels one after another.
    Bytes {
        /// `None` where a pixel is one byte.
        endian: Option<Endian>,
    },
    /// Blosc.
    Blosc(Blosc),
    /// Zstandard.
    Zstd(Zstd),
    /// gzip.
    Gzip(Gzip),
    /// A checksum behind the bytes.
    Crc32c,
    /// Chunks in shards.
    Sharding(Box<Sharding>),
    /// Any other.
    Other {
        /// Its name; in Zarr v2 its `id`.
        name: String,
        /// All of it.
        value: Value,
    },
}

/// Order of the bytes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endian {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

/// Configuration of the codec `blosc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blosc {
    /// What compresses inside it: `lz4`, `zstd`.
    pub cname: String,
    /// Level, 0 to 9.
    pub clevel: i32,
    /// How bytes are rearranged before.
    pub shuffle: Shuffle,
    /// Bytes of what is rearranged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typesize: Option<u64>,
    /// Bytes of a block; 0 where Blosc chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocksize: Option<u64>,
}

/// How Blosc rearranges bytes; the numbers are those of Zarr v2 and of the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shuffle {
    /// Not at all.
    NoShuffle = 0,
    /// Bytes.
    Shuffle = 1,
    /// Bits.
    BitShuffle = 2,
}

/// Configuration of the codec `zstd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zstd {
    /// Level.
    pub level: i32,
    /// Whether a checksum of the pixels stands behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<bool>,
}

/// Configuration of the codec `gzip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gzip {
    /// Level, 0 to 9.
    pub level: i32,
}

/// Configuration of the codec `sharding_indexed` (Zarr v3 sharding codec, version 1.0).
#[derive(Debug, Clone, PartialEq)]
pub struct Sharding {
    /// Pixels of a chunk along each axis.
    pub chunk_shape: Vec<u64>,
    /// What encodes a chunk.
    pub codecs: Chain,
    /// What encodes the index.
    pub index_codecs: Chain,
    /// Whether the index stands in front of the chunks.
    pub index_first: bool,
}

const SHARDING: &str = "sharding_indexed";

impl Chain {
    /// Reads `codecs` of Zarr v3.
    ///
    /// # Errors
    /// What is no codec.
    pub fn of(codecs: &Value) -> Result<Self, String> {
        Self::named("codecs", codecs)
    }

    fn named(name: &str, codecs: &Value) -> Result<Self, String> {
        let list = codecs.as_array().ok_or_else(|| format!("{name} is not a list"))?;
        list.iter().map(Codec::of).collect::<Result<_, _>>().map(Self)
    }

    /// As `codecs` tells it.
    #[must_use]
    pub fn json(&self) -> Value {
        self.0.iter().map(Codec::json).collect()
    }

    /// What encodes the chunks of a shard, where that is all that the chain does.
    #[must_use]
    pub fn sharding(&self) -> Option<&Sharding> {
        match self.0.as_slice() {
            [Codec::Sharding(sharding)] => Some(sharding),
            _ => None,
        }
    }

    /// By how many bytes a stored chunk is longer than its pixels; `None` where that is not the same for each.
    #[must_use]
    pub fn added_bytes(&self) -> Option<u64> {
        let added = |codec: &Codec| match codec.name() {
            "bytes" | "transpose" => Some(0),
            "crc32c" => Some(checksum::BYTES as u64),
            _ => None,
        };
        self.0.iter().map(added).sum()
    }
}

impl Codec {
    /// Reads a codec of Zarr v3, which allows a bare name for one without configuration.
    ///
    /// # Errors
    /// Where it has no name, or keeps chunks in shards and does not say of what shape.
    pub fn of(value: &Value) -> Result<Self, String> {
        let name = value.as_str().or_else(|| value.get("name")?.as_str()).ok_or("a codec has no name")?;
        let configuration = value.get("configuration").filter(|all| all.as_object().is_none_or(|all| !all.is_empty()));
        if name == SHARDING {
            return Sharding::of(configuration).map(|sharding| Self::Sharding(Box::new(sharding)));
        }
        let more = value.as_object().is_some_and(|all| all.keys().any(|key| key != "name" && key != "configuration"));
        let known = if more { None } else { Self::known(name, configuration) };
        Ok(known.unwrap_or_else(|| Self::Other { name: name.to_owned(), value: value.clone() }))
    }

    fn known(name: &str, configuration: Option<&Value>) -> Option<Self> {
        match (name, configuration) {
            ("bytes", None) => Some(Self::Bytes { endian: None }),
            ("bytes", Some(told)) => read(told).map(|BytesOrder { endian }| Self::Bytes { endian: Some(endian) }),
            ("blosc", Some(told)) => read(told).map(Self::Blosc),
            ("zstd", Some(told)) => read(told).map(Self::Zstd),
            ("gzip", Some(told)) => read(told).map(Self::Gzip),
            ("crc32c", None) => Some(Self::Crc32c),
            _ => None,
        }
    }

    /// Its name in Zarr v3.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Bytes { .. } => "bytes",
            Self::Blosc(_) => "blosc",
            Self::Zstd(_) => "zstd",
            Self::Gzip(_) => "gzip",
            Self::Crc32c => "crc32c",
            Self::Sharding(_) => SHARDING,
            Self::Other { name, .. } => name,
        }
    }

    /// As Zarr v3 tells it.
    #[must_use]
    pub fn json(&self) -> Value {
        let configuration = match self {
            Self::Bytes { endian: None } | Self::Crc32c => return json!({"name": self.name()}),
            Self::Bytes { endian: Some(endian) } => json!({"endian": endian}),
            Self::Blosc(blosc) => json!(blosc),
            Self::Zstd(zstd) => json!(zstd),
            Self::Gzip(gzip) => json!(gzip),
            Self::Sharding(sharding) => sharding.json(),
            Self::Other { value, .. } => return value.clone(),
        };
        json!({"name": self.name(), "configuration": configuration})
    }

    /// As `compressor` of Zarr v2 tells it; `None` for what cannot stand there.
    pub(super) fn v2(&self) -> Option<Value> {
        match self {
            Self::Blosc(Blosc { cname, clevel, shuffle, blocksize, .. }) => Some(json!({
                "id": "blosc",
                "cname": cname,
                "clevel": clevel,
                "shuffle": *shuffle as u8,
                "blocksize": blocksize.unwrap_or(0),
            })),
            // Older readers know no checksum.
            Self::Zstd(Zstd { level, checksum: Some(true) }) => {
                Some(json!({"id": "zstd", "level": level, "checksum": true}))
            }
            Self::Zstd(Zstd { level, .. }) => Some(json!({"id": "zstd", "level": level})),
            Self::Gzip(Gzip { level }) => Some(json!({"id": "gzip", "level": level})),
            Self::Other { value, .. } if value.get("id").is_some() => Some(value.clone()),
            _ => None,
        }
    }

    /// Reads a `compressor` or a filter of Zarr v2 for pixels of `typesize` bytes.
    ///
    /// # Errors
    /// Where it has no `id`.
    pub(super) fn of_v2(value: &Value, typesize: Option<u64>) -> Result<Self, String> {
        let id = value.get("id").and_then(Value::as_str).ok_or("a codec has no id")?;
        let mut told = value.as_object().cloned().unwrap_or_default();
        told.remove("id");
        let known = match id {
            "blosc" => read::<BloscV2>(&told.into()).and_then(|blosc| blosc.named(typesize)).map(Self::Blosc),
            "zstd" => read(&told.into()).map(Self::Zstd),
            "gzip" => read(&told.into()).map(Self::Gzip),
            _ => None,
        };
        Ok(known.unwrap_or_else(|| Self::Other { name: id.to_owned(), value: value.clone() }))
    }
}

impl Sharding {
    fn of(configuration: Option<&Value>) -> Result<Self, String> {
        let part = |name: &str| configuration.and_then(|all| all.get(name));
        let needed = |name: &str| part(name).ok_or_else(|| format!("{SHARDING} has no {name}"));
        let index_codecs = part("index_codecs").map(|list| Chain::named("index_codecs", list)).transpose()?;
        let index_first = match part("index_location").map(Value::as_str) {
            None | Some(Some("end")) => false,
            Some(Some("start")) => true,
            _ => return Err("index_location is neither start nor end".into()),
        };
        Ok(Self {
            chunk_shape: super::array::extents("chunk_shape of sharding_indexed", needed("chunk_shape")?)?,
            codecs: Chain::named("codecs of sharding_indexed", needed("codecs")?)?,
            index_codecs: index_codecs.unwrap_or_default(),
            index_first,
        })
    }

    fn json(&self) -> Value {
        json!({
            "chunk_shape": self.chunk_shape,
            "codecs": self.codecs.json(),
            "index_codecs": self.index_codecs.json(),
            "index_location": if self.index_first { "start" } else { "end" },
        })
    }

    /// Chunks encoded by `codecs` before an index as [`super::index`] knows it.
    #[must_use]
    pub fn indexed_last(chunk_shape: Vec<u64>, codecs: Chain) -> Self {
        Self { chunk_shape, codecs, index_codecs: index_codecs(), index_first: false }
    }

    /// Whether the index is one that [`super::index`] knows.
    #[must_use]
    pub fn is_indexed_last(&self) -> bool {
        !self.index_first && self.has_checksum() == Some(true)
    }

    /// Whether a checksum stands behind the entries of the index; `None` where they are not encoded as
    /// [`super::index`] knows them.
    #[must_use]
    pub fn has_checksum(&self) -> Option<bool> {
        let Chain(known) = index_codecs();
        match self.index_codecs.0.as_slice() {
            all if all == known => Some(true),
            all if Some(all) == known.get(..1) => Some(false),
            _ => None,
        }
    }
}

/// What encodes an index as [`super::index`] knows it.
fn index_codecs() -> Chain {
    Chain(vec![Codec::Bytes { endian: Some(Endian::Little) }, Codec::Crc32c])
}

/// Configuration of the codec `bytes`, where there is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BytesOrder {
    endian: Endian,
}

/// Blosc in Zarr v2.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BloscV2 {
    cname: String,
    clevel: i32,
    shuffle: i32,
    #[serde(default)]
    blocksize: Option<u64>,
}

impl BloscV2 {
    fn named(self, typesize: Option<u64>) -> Option<Blosc> {
        let shuffle = match self.shuffle {
            0 => Shuffle::NoShuffle,
            1 => Shuffle::Shuffle,
            2 => Shuffle::BitShuffle,
            // Numcodecs chooses by the size of a pixel.
            -1 => match typesize? {
                1 => Shuffle::BitShuffle,
                _ => Shuffle::Shuffle,
            },
            _ => return None,
        };
        Some(Blosc { cname: self.cname, clevel: self.clevel, shuffle, typesize, blocksize: self.blocksize })
    }
}

fn read<T: DeserializeOwned>(told: &Value) -> Option<T> {
    T::deserialize(told).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Value {
        json!({"name": "bytes", "configuration": {"endian": "little"}})
    }

    #[test]
    fn known_codecs_are_typed_and_come_back() {
        let all = json!([
            {"name": "bytes"},
            bytes(),
            {"name": "blosc", "configuration":
                {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0}},
            {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "noshuffle"}},
            {"name": "zstd", "configuration": {"level": -7, "checksum": false}},
            {"name": "zstd", "configuration": {"level": 1}},
            {"name": "gzip", "configuration": {"level": 5}},
            {"name": "crc32c"},
            {"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 4], "codecs": [bytes()],
                "index_codecs": [bytes(), {"name": "crc32c"}], "index_location": "end"}},
        ]);
        let chain = Chain::of(&all).expect("codecs");
        assert!(chain.0.iter().all(|codec| !matches!(codec, Codec::Other { .. })), "{chain:?}");
        assert_eq!(chain.json().to_string(), all.to_string());
        assert!(matches!(&chain.0[8], Codec::Sharding(sharding) if sharding.is_indexed_last()));
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        for strange in [
            json!({"name": "bytes", "configuration": {"endian": "middle"}}),
            json!({"name": "bytes", "must_understand": false}),
            json!({"name": "gzip", "configuration": {"level": 5.5}}),
            json!({"name": "zstd", "configuration": {"level": 3, "window": 1}}),
            json!({"name": "blosc", "configuration": {"cname": "lz4"}}),
            json!({"name": "blosc"}),
            json!({"name": "transpose", "configuration": {"order": [1, 0]}}),
            json!({"name": "crc32c", "configuration": 7}),
            json!("packbits"),
        ] {
            let codec = Codec::of(&strange).expect("it has a name");
            assert!(matches!(codec, Codec::Other { .. }), "{codec:?}");
            assert_eq!(codec.json(), strange);
        }
    }

    #[test]
    fn a_bare_name_and_an_empty_configuration_are_the_same() {
        for same in [json!("bytes"), json!({"name": "bytes"}), json!({"name": "bytes", "configuration": {}})] {
            assert_eq!(Codec::of(&same), Ok(Codec::Bytes { endian: None }), "{same}");
        }
    }

    #[test]
    fn what_is_no_codec_is_told() {
        let sharding = |configuration: Value| json!([{"name": "sharding_indexed", "configuration": configuration}]);
        for (codecs, part) in [
            (json!(3), "codecs is not a list"),
            (json!([3]), "no name"),
            (json!([{"configuration": {}}]), "no name"),
            (json!(["sharding_indexed"]), "has no chunk_shape"),
            (sharding(json!({"chunk_shape": [1]})), "has no codecs"),
            (sharding(json!({"chunk_shape": [-1], "codecs": []})), "-1 is no extent"),
            (sharding(json!({"chunk_shape": [1], "codecs": 3})), "codecs of sharding_indexed is not a list"),
            (sharding(json!({"chunk_shape": [1], "codecs": [], "index_codecs": 3})), "index_codecs is not a list"),
            (sharding(json!({"chunk_shape": [1], "codecs": [], "index_location": "middle"})), "neither start nor end"),
        ] {
            let why = Chain::of(&codecs).expect_err("no chain");
            assert!(why.contains(part), "{codecs}: {why}");
        }
    }

    #[test]
    fn an_index_of_another_kind_is_not_taken_for_ours() {
        let with = |index: Value, location: &str| {
            let codecs = json!([{"name": "sharding_indexed", "configuration": {"chunk_shape": [1], "codecs": [],
                "index_codecs": index, "index_location": location}}]);
            Chain::of(&codecs).expect("a chain").sharding().is_some_and(Sharding::is_indexed_last)
        };
        assert!(with(json!([bytes(), "crc32c"]), "end"));
        assert!(!with(json!([bytes(), "crc32c"]), "start"));
        assert!(!with(json!([bytes()]), "end"));
        assert!(!with(json!(["bytes", "crc32c"]), "end"));
    }

    #[test]
    fn compressors_of_zarr_v2_come_back() {
        for v2 in [
            json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}),
            json!({"id": "zstd", "level": 3}),
            json!({"id": "zstd", "level": 3, "checksum": true}),
            json!({"id": "gzip", "level": 5}),
            json!({"id": "lzma", "format": 1}),
            json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 7}),
        ] {
            let codec = Codec::of_v2(&v2, Some(2)).expect("a compressor");
            assert_eq!(codec.v2(), Some(v2));
        }
        let automatic = json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": -1, "blocksize": 0});
        for (size, shuffle) in [(1, Shuffle::BitShuffle), (2, Shuffle::Shuffle)] {
            let codec = Codec::of_v2(&automatic, Some(size)).expect("a compressor");
            assert!(matches!(codec, Codec::Blosc(blosc) if blosc.shuffle == shuffle && blosc.typesize == Some(size)));
        }
        assert!(Codec::of_v2(&json!({}), None).is_err() && Codec::of_v2(&json!("zlib"), None).is_err());
        assert_eq!(Codec::Crc32c.v2(), None);
    }
}
