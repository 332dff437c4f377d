//! A plan in the engine's own words.

use std::path::Path;

use ome_stream::Plan;
use ome_stream::plan::{Geometry, PlannedArray};
use ome_stream::settings::{Codec, DimensionType, Shuffle};
use serde_json::{Value, json};

use crate::order::Order;

/// The settings document of a run. A single array is itself the engine's store, and the levels of a single image are
/// arrays in its group, so that the engine touches nothing beside them; of several images the root is the store. Each of
/// several arrays has a key.
///
/// `root` is absolute: the engine takes white space off the front of a path.
pub(crate) fn settings(plan: &Plan, order: &Order, root: &Path) -> Value {
    json!({
        "version": 2,
        "store_path": root.join(store(plan)).to_string_lossy(),
        "overwrite": false,
        "max_threads": plan.settings().threads.unwrap_or(0),
        "arrays": plan.arrays().iter().map(|each| array(plan, order, each)).collect::<Vec<_>>(),
    })
}

/// Key of an array; `None` where it is the only one.
pub(crate) fn key<'a>(plan: &Plan, array: &'a PlannedArray) -> Option<&'a str> {
    let key = array.key().strip_prefix(store(plan)).unwrap_or(array.key()).trim_start_matches('/');
    (!key.is_empty()).then_some(key)
}

/// The folder of the engine's store, relative to the root, with `/` between the names.
fn store(plan: &Plan) -> &str {
    match (plan.arrays(), plan.positions()) {
        ([only], _) => only.key(),
        (_, [image]) => &image.path,
        _ => "",
    }
}

fn array(plan: &Plan, order: &Order, planned: &PlannedArray) -> Value {
    let geometry = planned.geometry();
    let mut array = json!({
        "data_type": plan.dtype().name(),
        "is_ngff": false,
        "dimensions": order.declared().iter().map(|axis| dimension(plan, geometry, *axis)).collect::<Vec<_>>(),
    });
    if let Some(key) = key(plan, planned) {
        array["output_key"] = json!(key);
    }
    if let Some(compression) = compression(plan) {
        array["compression"] = compression;
    }
    if let Some(storage) = order.storage() {
        array["storage_dimension_order"] = json!(storage);
    }
    array
}

fn dimension(plan: &Plan, geometry: &Geometry, axis: usize) -> Value {
    let name = plan.axis_names().nth(axis).unwrap_or_default();
    let declared = plan.settings().dimensions.iter().find(|each| each.name == name);
    let kind = match declared.and_then(|each| each.kind) {
        Some(DimensionType::Space) => "space",
        Some(DimensionType::Time) => "time",
        Some(DimensionType::Channel) => "channel",
        Some(DimensionType::Position | DimensionType::Other) | None => "other",
    };
    let at = |sizes: &[u64]| sizes.get(axis).copied();
    json!({
        "name": name,
        "type": kind,
        // 0 is unbounded, for the engine as for the geometry.
        "array_size_px": at(geometry.shape()),
        "chunk_size_px": at(geometry.chunk()),
        // The engine knows no array without shards: each chunk is then a shard of its own.
        "shard_size_chunks": geometry.shard().and_then(at).unwrap_or(1),
    })
}

fn compression(plan: &Plan) -> Option<Value> {
    let compression = plan.settings().compression;
    let (compressor, codec) = match compression.codec {
        Codec::BloscZstd => ("blosc1", "blosc-zstd"),
        Codec::BloscLz4 => ("blosc1", "blosc-lz4"),
        Codec::Zstd => ("zstd", "zstd"),
        // `check` has refused gzip.
        Codec::None | Codec::Gzip => return None,
    };
    let shuffle = match compression.shuffle {
        Shuffle::None => 0,
        Shuffle::Byte => 1,
        Shuffle::Bit => 2,
    };
    Some(json!({"compressor": compressor, "codec": codec, "level": compression.level, "shuffle": shuffle}))
}
