//! The array's own metadata: ours is what stays on disk, the engine's is held against it first.
//!
//! The engine writes `zarr.json` when a row of shards is full and at close, with the planes that it has as the extent.
//! A finite array keeps its declared shape in our stores, and an array that got no frame has metadata too; so ours is
//! there from the beginning and replaces the engine's at the end.

use ome_stream::plan::Geometry;
use serde_json::{Value, json};

/// Parts of the metadata that say how bytes on disk become pixels. A difference in one of them would make ours a lie.
const DECISIVE: [&str; 11] = [
    "/node_type",
    "/data_type",
    "/chunk_grid/name",
    "/chunk_grid/configuration/chunk_shape",
    "/chunk_key_encoding/name",
    "/chunk_key_encoding/configuration/separator",
    "/fill_value",
    "/dimension_names",
    "/codecs/0/name",
    "/codecs/0/configuration/chunk_shape",
    "/codecs/0/configuration/index_location",
];

/// Says where the engine's metadata, after `frames` frames, mean something else than `ours`.
pub(crate) fn difference(engine: &Value, ours: &Value, geometry: &Geometry, frames: u64) -> Option<String> {
    let differs = |what: &str, engine: &Value, ours: &Value| {
        (!same(engine, ours)).then(|| format!("{what} is {engine}, expected {ours}"))
    };
    let at = |document: &Value, pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
    let codecs = |document: &Value| {
        let codecs = at(document, "/codecs/0/configuration/codecs");
        let names = codecs.as_array().into_iter().flatten().map(|codec| codec["name"].clone());
        names.collect::<Value>()
    };
    DECISIVE
        .iter()
        .find_map(|pointer| differs(pointer, &at(engine, pointer), &at(ours, pointer)))
        .or_else(|| differs("the list of codecs", &codecs(engine), &codecs(ours)))
        .or_else(|| differs("/shape", &at(engine, "/shape"), &json!(shape_after(geometry, frames))))
}

/// Equal as JSON, with numbers compared by value: a fill value of 0 is that of a float array too.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// What the engine calls the shape after `frames` frames: as many planes along the first axis as have a frame.
fn shape_after(geometry: &Geometry, frames: u64) -> Vec<u64> {
    let mut shape = geometry.shape().to_vec();
    let inner = geometry.index_dimensions();
    if inner > 0 {
        let round: u64 = shape.iter().take(inner).skip(1).product();
        shape[0] = frames.div_ceil(round.max(1));
    }
    shape
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ome_stream::plan::{Capabilities, StorageUnit};
    use ome_stream::platform::native;
    use ome_stream::settings::{Codec, Compression, DataType, parse_dims};
    use ome_stream::store::Store;
    use ome_stream::{Plan, Settings};

    use super::*;

    fn plan(dimensions: &str) -> Arc<Plan> {
        let mut settings = Settings::new("store", parse_dims(dimensions).unwrap(), DataType::UInt16);
        settings.compression = Compression::new(Codec::BloscLz4);
        Arc::new(Plan::new(&settings, &Capabilities::taking(StorageUnit::Frame)).unwrap())
    }

    /// What core says.
    fn ours(plan: &Arc<Plan>) -> Value {
        Store::nowhere(plan, &native()).array_metadata(&plan.forms()[0], None)
    }

    /// What the engine would say after `frames` frames.
    fn of_engine(plan: &Arc<Plan>, frames: u64) -> Value {
        let mut document = ours(plan);
        document["shape"] = json!(shape_after(plan.geometry(), frames));
        document["storage_transformers"] = json!([]);
        document
    }

    #[test]
    fn the_shape_counts_rounds_that_have_a_frame() {
        let plan = plan("t:9,c:2,z:3,y:8,x:8");
        for (frames, rounds) in [(1, 1), (6, 1), (7, 2), (54, 9)] {
            assert_eq!(shape_after(plan.geometry(), frames), [rounds, 2, 3, 8, 8]);
        }
        assert_eq!(shape_after(self::plan("y:8,x:8").geometry(), 1), [8, 8]);
    }

    #[test]
    fn metadata_that_mean_the_same_do_not_differ() {
        for dimensions in ["t:9:1:3,c:2,y:8:4:2,x:8:4:2", "t:inf:2,y:8,x:8", "y:8,x:8"] {
            let plan = plan(dimensions);
            assert_eq!(difference(&of_engine(&plan, 1), &ours(&plan), plan.geometry(), 1), None, "{dimensions}");
        }
    }

    #[test]
    fn every_part_that_decides_how_bytes_become_pixels_is_compared() {
        let plan = plan("t:9:1:3,c:2,y:8:4:2,x:8:4:2");
        let ours = ours(&plan);
        for pointer in DECISIVE.into_iter().chain(["/codecs/0/configuration/codecs/1/name"]) {
            let mut changed = of_engine(&plan, 4);
            *changed.pointer_mut(pointer).expect(pointer) = json!("something else");
            let difference = difference(&changed, &ours, plan.geometry(), 4).expect(pointer);
            assert!(difference.contains("something else"), "{difference}");
        }
    }

    #[test]
    fn frames_that_the_engine_lost_are_noticed() {
        let plan = plan("t:9,c:2,y:8,x:8");
        let difference = difference(&of_engine(&plan, 4), &ours(&plan), plan.geometry(), 5).expect("one too few");
        assert!(difference.contains("/shape is [2,2,8,8], expected [3,2,8,8]"), "{difference}");
    }
}
