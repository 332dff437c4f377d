//! What the arrays of a form are on disk: the same, whatever engine puts it there.

use serde_json::{Value, json};

use super::Form;
use crate::error::{Error, Result};
use crate::settings::{self, Compression, DataType, NgffVersion};
use crate::shown::quoted;
use crate::zarr::{ArrayDocument, Blosc, Chain, Codec, Endian, Gzip, Sharding, Shuffle, Zstd};

impl Form {
    /// An array with `extent` planes along its append axis.
    #[must_use]
    pub fn document(&self, extent: Option<u64>) -> ArrayDocument {
        let geometry = self.geometry();
        let is_float = matches!(self.dtype(), DataType::Float16 | DataType::Float32 | DataType::Float64);
        ArrayDocument {
            shape: geometry.shape_with(extent),
            data_type: crate::zarr::DataType::named(self.dtype().name()),
            object: geometry.object(),
            keys: self.zarr().keys(),
            fill_value: if is_float { json!(0.0) } else { json!(0) },
            codecs: match geometry.shard() {
                Some(_) => self.shards(),
                None => self.codecs(),
            },
            dimension_names: Some(self.axis_names().iter().cloned().map(Some).collect()),
        }
    }

    /// Its document, in the Zarr format of the plan.
    #[must_use]
    pub fn metadata(&self, extent: Option<u64>) -> Value {
        self.in_format(&self.document(extent))
    }

    /// A document of an array of this form in the Zarr format of the plan, which has found that the format has words
    /// for it.
    #[must_use]
    pub fn in_format(&self, document: &ArrayDocument) -> Value {
        document.of_format(self.zarr()).unwrap_or_default()
    }

    /// Refuses an array that the Zarr format of the plan has no words for.
    pub(super) fn check_format(&self, version: NgffVersion) -> Result<()> {
        self.document(None).of_format(self.zarr()).map(|_| ()).map_err(|why| {
            let leave = self.compression().checksum.map_or("", |_| "leave compression.checksum out, or ");
            let remedy = format!("{leave}use \"0.5\" or \"0.6\", which lie on Zarr v3");
            Error::settings("format.version", quoted(version.name()), why, remedy)
        })
    }

    /// The key of a stored object at these coordinates, below the folder of an array.
    #[must_use]
    pub fn object_key(&self, coordinates: &[u64]) -> String {
        self.zarr().keys().key(coordinates).unwrap_or_default()
    }

    /// Metadata that an array starts with: without planes along its append axis.
    #[must_use]
    pub fn empty_metadata(&self) -> Value {
        self.metadata(self.geometry().append_axis().map(|_| 0))
    }

    /// The codec chain of an array with shards: `sharding_indexed` alone.
    #[must_use]
    pub fn shards(&self) -> Chain {
        let sharding = Sharding::indexed_last(self.geometry().chunk().to_vec(), self.codecs());
        Chain(vec![Codec::Sharding(Box::new(sharding))])
    }

    /// What makes bytes of the pixels of a chunk: little-endian, then compressed, then with a checksum behind.
    #[must_use]
    pub fn codecs(&self) -> Chain {
        let item = self.dtype().size();
        let Compression { codec, level, shuffle, checksum } = self.compression();
        let blosc = |cname: &str| {
            let shuffle = match shuffle {
                settings::Shuffle::None => Shuffle::NoShuffle,
                settings::Shuffle::Byte => Shuffle::Shuffle,
                settings::Shuffle::Bit => Shuffle::BitShuffle,
            };
            let (typesize, blocksize) = (Some(item as u64), Some(0));
            Some(Codec::Blosc(Blosc { cname: cname.to_owned(), clevel: level, shuffle, typesize, blocksize }))
        };
        let compressor = match codec {
            settings::Codec::None => None,
            settings::Codec::BloscZstd => blosc("zstd"),
            settings::Codec::BloscLz4 => blosc("lz4"),
            settings::Codec::Zstd => Some(Codec::Zstd(Zstd { level, checksum: Some(false) })),
            settings::Codec::Gzip => Some(Codec::Gzip(Gzip { level })),
        };
        let bytes = Codec::Bytes { endian: (item > 1).then_some(Endian::Little) };
        let checksum = checksum.map(|settings::Checksum::Crc32c| Codec::Crc32c);
        Chain(std::iter::once(bytes).chain(compressor).chain(checksum).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::Form;
    use crate::Plan;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::settings::{Checksum, Codec, Compression, DataType, NgffVersion, Settings, parse_dims};

    fn form(dims: &str, dtype: DataType, codec: Codec) -> Arc<Form> {
        let mut settings = Settings::new("a", parse_dims(dims).expect("valid dimensions"), dtype);
        settings.compression = Compression::new(codec);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("a valid plan");
        Arc::clone(&plan.forms()[0])
    }

    #[test]
    fn every_byte_of_a_document_is_as_ever() {
        let text = |dims, dtype, codec| form(dims, dtype, codec).empty_metadata().to_string();
        let expected = r#"{"zarr_format":3,"node_type":"array","shape":[0,100,30],"data_type":"uint16","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[6,64,32]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,64,16],"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"shuffle","typesize":2,"blocksize":0}}],"index_codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"crc32c"}],"index_location":"end"}}],"attributes":{},"dimension_names":["t","y","x"]}"#;
        assert_eq!(text("t:inf:2:3,y:100:64,x:30:16:2", DataType::UInt16, Codec::BloscLz4), expected);
        let expected = r#"{"zarr_format":3,"node_type":"array","shape":[5,100,30],"data_type":"float32","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2,64,30]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0.0,"codecs":[{"name":"bytes","configuration":{"endian":"little"}},{"name":"zstd","configuration":{"level":3,"checksum":false}}],"attributes":{},"dimension_names":["t","y","x"]}"#;
        assert_eq!(text("t:5:2,y:100:64,x:30", DataType::Float32, Codec::Zstd), expected);
    }

    #[test]
    fn a_shard_keeps_the_codecs_of_its_chunks() {
        let metadata = form("t:inf:2:3,y:100:64,x:30:16:2", DataType::UInt16, Codec::BloscLz4).metadata(Some(7));
        assert_eq!(metadata["shape"], json!([7, 100, 30]));
        assert_eq!(metadata["dimension_names"], json!(["t", "y", "x"]));
        assert_eq!(metadata["chunk_grid"]["configuration"]["chunk_shape"], json!([6, 64, 32]));
        let shards = &metadata["codecs"][0]["configuration"];
        assert_eq!(shards["chunk_shape"], json!([2, 64, 16]));
        assert_eq!(shards["codecs"][1]["configuration"]["typesize"], 2);
        assert_eq!(metadata["codecs"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn without_shards_the_chunk_is_the_stored_object() {
        let metadata = form("t:5:2,y:100:64,x:30", DataType::Float32, Codec::Gzip).metadata(None);
        assert_eq!(metadata["chunk_grid"]["configuration"]["chunk_shape"], json!([2, 64, 30]));
        assert_eq!(metadata["codecs"][0], json!({"name": "bytes", "configuration": {"endian": "little"}}));
        assert_eq!(metadata["codecs"][1]["name"], "gzip");
        assert!(metadata["fill_value"].is_f64());
    }

    #[test]
    fn a_checksum_is_the_last_codec_of_a_chunk() {
        let codecs = |dims: &str, codec, checksum| {
            let mut settings = Settings::new("a", parse_dims(dims).expect("valid dimensions"), DataType::UInt8);
            settings.compression = Compression { checksum, ..Compression::new(codec) };
            let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("a valid plan");
            plan.forms()[0].empty_metadata()["codecs"].clone()
        };
        let crc = Some(Checksum::Crc32c);
        assert_eq!(codecs("t:5,y:10,x:10", Codec::None, crc), json!([{"name": "bytes"}, {"name": "crc32c"}]));
        let names =
            |codecs: &Value| codecs.as_array().expect("a list").iter().map(|each| each["name"].clone()).collect();
        let chunks: Value = names(&codecs("t:5,y:10,x:10", Codec::Zstd, crc));
        assert_eq!(chunks, json!(["bytes", "zstd", "crc32c"]));
        let (with, without) =
            (codecs("t:4:1:2,y:10,x:10", Codec::Zstd, crc), codecs("t:4:1:2,y:10,x:10", Codec::Zstd, None));
        let inside = |codecs: &Value| codecs[0]["configuration"]["codecs"].clone();
        let inner: Value = names(&inside(&with));
        assert_eq!(inner, json!(["bytes", "zstd", "crc32c"]));
        // Nothing else of the document is another.
        let mut taken = with;
        taken[0]["configuration"]["codecs"].as_array_mut().expect("a list").pop();
        assert_eq!(taken, without);
    }

    #[test]
    fn zarr_v2_has_no_checksum() {
        for codec in [Codec::None, Codec::BloscLz4] {
            let mut settings = Settings::new("a", parse_dims("t:5,y:10,x:10").expect("valid"), DataType::UInt8);
            settings.compression = Compression::new(codec).with_checksum(Checksum::Crc32c);
            settings.format.version = NgffVersion::V0_4;
            let error =
                Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect_err("refused").to_string();
            assert!(error.contains("leave compression.checksum out"), "{error}");
            assert!(error.contains("0.4") && error.contains("crc32c") && error.contains("\"0.5\""), "{error}");
        }
    }

    #[test]
    fn single_bytes_have_no_order() {
        let codecs = form("t:5,y:10,x:10", DataType::UInt8, Codec::None).codecs();
        assert_eq!(codecs.json(), json!([{"name": "bytes"}]));
    }
}
