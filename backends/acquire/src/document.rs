//! A plan in the engine's own words.

use std::path::Path;

use ome_stream::Plan;
use ome_stream::settings::{Codec, DimensionType, Shuffle};
use serde_json::{Value, json};

use crate::order::Order;

/// The settings document of a run. With one position the array itself is the engine's store, so that it touches nothing
/// beside it; with several the root is, and each array has a key.
///
/// `root` is absolute: the engine takes white space off the front of a path.
pub(crate) fn settings(plan: &Plan, order: &Order, root: &Path) -> Value {
    let keys: Vec<Option<String>> = (0..plan.positions().len()).map(|position| key(plan, position)).collect();
    let store = match keys.as_slice() {
        [None] => root.join(relative_array(plan, 0)),
        _ => root.to_path_buf(),
    };
    json!({
        "version": 2,
        "store_path": store.to_string_lossy(),
        "overwrite": false,
        "max_threads": plan.settings().threads.unwrap_or(0),
        "arrays": keys.iter().map(|key| array(plan, order, key.as_deref())).collect::<Vec<_>>(),
    })
}

/// Key of a position's array; `None` where it is the only one.
pub(crate) fn key(plan: &Plan, position: usize) -> Option<String> {
    (plan.positions().len() > 1).then(|| relative_array(plan, position))
}

/// The array's folder, relative to the root, with `/` between the names.
fn relative_array(plan: &Plan, position: usize) -> String {
    match plan.positions().get(position) {
        Some(place) if !place.path.is_empty() => format!("{}/0", place.path),
        _ => "0".to_owned(),
    }
}

fn array(plan: &Plan, order: &Order, key: Option<&str>) -> Value {
    let mut array = json!({
        "data_type": plan.dtype().name(),
        "is_ngff": false,
        "dimensions": order.declared().iter().map(|axis| dimension(plan, *axis)).collect::<Vec<_>>(),
    });
    if let Some(key) = key {
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

fn dimension(plan: &Plan, axis: usize) -> Value {
    let name = plan.axis_names().nth(axis).unwrap_or_default();
    let declared = plan.settings().dimensions.iter().find(|each| each.name == name);
    let kind = match declared.and_then(|each| each.kind) {
        Some(DimensionType::Space) => "space",
        Some(DimensionType::Time) => "time",
        Some(DimensionType::Channel) => "channel",
        Some(DimensionType::Position | DimensionType::Other) | None => "other",
    };
    let geometry = plan.geometry();
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
