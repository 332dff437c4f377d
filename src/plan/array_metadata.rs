//! Array metadata (`zarr.json`): what is on disk is the same, whatever engine put it there.

use serde_json::{Value, json};

use super::Form;
use crate::settings::{Codec, Compression, DataType, Shuffle};

impl Form {
    /// Metadata of an array with `extent` planes along its append axis (Zarr v3 core specification, array metadata).
    #[must_use]
    pub fn metadata(&self, extent: Option<u64>) -> Value {
        let geometry = self.geometry();
        let is_float = matches!(self.dtype(), DataType::Float16 | DataType::Float32 | DataType::Float64);
        let codecs = match geometry.shard() {
            Some(_) => vec![self.sharding_codec()],
            None => self.chunk_codecs(),
        };
        json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": geometry.shape_with(extent),
            "data_type": self.dtype().name(),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": geometry.object()}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": if is_float { json!(0.0) } else { json!(0) },
            "codecs": codecs,
            "attributes": {},
            "dimension_names": self.axis_names(),
        })
    }

    /// Metadata that an array starts with: without planes along its append axis.
    #[must_use]
    pub fn empty_metadata(&self) -> Value {
        self.metadata(self.geometry().append_axis().map(|_| 0))
    }

    /// Shards of this form's chunks (Zarr v3 sharding codec, version 1.0), index last.
    #[must_use]
    pub fn sharding_codec(&self) -> Value {
        json!({
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": self.geometry().chunk(),
                "codecs": self.chunk_codecs(),
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
                "index_location": "end",
            },
        })
    }

    /// What makes bytes of the pixels of a chunk: little-endian, then compressed.
    #[must_use]
    pub fn chunk_codecs(&self) -> Vec<Value> {
        let item = self.dtype().size();
        let bytes = match item {
            1 => json!({"name": "bytes"}),
            _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
        };
        let Compression { codec, level, shuffle } = self.compression();
        let blosc = |cname: &str| {
            let shuffle = match shuffle {
                Shuffle::None => "noshuffle",
                Shuffle::Byte => "shuffle",
                Shuffle::Bit => "bitshuffle",
            };
            let configuration =
                json!({"cname": cname, "clevel": level, "shuffle": shuffle, "typesize": item, "blocksize": 0});
            Some(json!({"name": "blosc", "configuration": configuration}))
        };
        let compressor = match codec {
            Codec::None => None,
            Codec::BloscZstd => blosc("zstd"),
            Codec::BloscLz4 => blosc("lz4"),
            Codec::Zstd => Some(json!({"name": "zstd", "configuration": {"level": level, "checksum": false}})),
            Codec::Gzip => Some(json!({"name": "gzip", "configuration": {"level": level}})),
        };
        std::iter::once(bytes).chain(compressor).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Plan;
    use crate::plan::{Capabilities, Unit};
    use crate::settings::{Settings, parse_dims};

    fn form(dims: &str, dtype: DataType, codec: Codec) -> Arc<Form> {
        let mut settings = Settings::new("a", parse_dims(dims).expect("valid dimensions"), dtype);
        settings.compression = Compression::new(codec);
        let plan = Plan::new(&settings, &Capabilities::taking(Unit::Chunk)).expect("a valid plan");
        Arc::clone(&plan.forms()[0])
    }

    #[test]
    fn a_shard_is_the_stored_object_and_keeps_the_codecs_of_its_chunks() {
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
    fn single_bytes_have_no_order() {
        let codecs = form("t:5,y:10,x:10", DataType::UInt8, Codec::None).chunk_codecs();
        assert_eq!(codecs, [json!({"name": "bytes"})]);
    }
}
