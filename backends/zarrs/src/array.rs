//! Array metadata (`zarr.json`), made here and checked by zarrs.

use ome_stream::settings::{Codec, Compression, DataType, Shuffle};
use ome_stream::stream::difference;
use ome_stream::{Error, Plan, Result};
use serde_json::{Value, json};
use zarrs::array::ArrayMetadataV3;
use zarrs::metadata::v3::MetadataV3;

use crate::NAME;

/// Metadata of the array of a position with `extent` planes along its append axis (Zarr v3 core specification, array
/// metadata).
pub(crate) fn document(plan: &Plan, extent: Option<u64>) -> Result<Vec<u8>> {
    let geometry = plan.geometry();
    let shard: Option<Vec<u64>> =
        geometry.shard().map(|shard| geometry.chunk().iter().zip(shard).map(|(chunk, n)| chunk * n).collect());
    let codecs = match &shard {
        None => chunk_codecs(plan),
        Some(_) => vec![json!({
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": geometry.chunk(),
                "codecs": chunk_codecs(plan),
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
                "index_location": "end",
            },
        })],
    };
    let fill = if is_float(plan.dtype()) { json!(0.0) } else { json!(0) };
    let names: Vec<&str> = plan.axis_names().collect();
    let document = json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": geometry.shape_with(extent),
        "data_type": plan.dtype().name(),
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": shard.as_deref().unwrap_or(geometry.chunk())},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": {},
        "dimension_names": names,
    });
    // What zarrs does not take for a valid array is not written.
    serde_json::from_value::<ArrayMetadataV3>(document.clone()).map_err(engine)?;
    serde_json::to_vec_pretty(&document).map_err(engine)
}

/// Planes along the append axis that the array of a position has on disk, if it is the array of this plan.
pub(crate) fn matching_extent(plan: &Plan, position: usize) -> Result<Option<u64>> {
    let path = plan.array_path(position, 0).join("zarr.json");
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let bytes = std::fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    let found: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not JSON: {error}")))?;
    let axis = plan.geometry().append_axis();
    let extent = axis.and_then(|axis| found.pointer(&format!("/shape/{axis}"))?.as_u64());
    let expected = serde_json::from_slice(&document(plan, extent)?).map_err(engine)?;
    match difference("array", &expected, &found) {
        None => Ok(extent),
        Some(difference) => Err(Error::Mismatch { path, difference }),
    }
}

/// The codecs of one chunk, as zarrs takes them.
pub(crate) fn codecs(plan: &Plan) -> Result<Vec<MetadataV3>> {
    chunk_codecs(plan).into_iter().map(|codec| serde_json::from_value(codec).map_err(engine)).collect()
}

fn chunk_codecs(plan: &Plan) -> Vec<Value> {
    let item = plan.dtype().size();
    let bytes = match item {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    };
    let Compression { codec, level, shuffle } = plan.settings().compression;
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

pub(crate) fn is_float(dtype: DataType) -> bool {
    matches!(dtype, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
