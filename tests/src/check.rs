//! Compares what was written with what must be there.

use std::fs;
use std::path::Path;

use ome_stream::backend::MemoryStore;
use ome_stream::settings::{Codec, Compression, Shuffle};
use serde_json::{Value, json};

use crate::case::Case;
use crate::model::Image;
use crate::read::{self, Pixels};
use crate::run::Ran;

/// What a memory backend holds after a run.
///
/// # Errors
/// The first difference.
pub fn memory(case: &Case, ran: &Ran, store: &MemoryStore) -> Result<(), String> {
    let geometry = ran.plan.geometry();
    for (position, image) in ran.images.iter().enumerate() {
        let found = read::memory(store, position, geometry.shape(), geometry.append_axis())?;
        same_pixels(case, image, &found).map_err(|wrong| format!("position {position}: {wrong}"))?;
    }
    Ok(())
}

/// What lies on disk after a run: every pixel, the array's own metadata, and nothing half-written beside them.
///
/// # Errors
/// The first difference.
pub fn files(case: &Case, ran: &Ran) -> Result<(), String> {
    for (position, image) in ran.images.iter().enumerate() {
        let array = ran.plan.array_path(position, 0);
        let at = |wrong: String| format!("position {position}: {wrong}");
        array_metadata(case, image, &array).map_err(at)?;
        same_pixels(case, image, &read::zarrs(&array)?).map_err(at)?;
    }
    match unfinished(&ran.root).map_err(|error| error.to_string())?.first() {
        None => Ok(()),
        Some(left) => Err(format!("{left} was left behind")),
    }
}

/// Compares an image's pixels; names the first wrong one.
///
/// # Errors
/// The first difference.
pub fn same_pixels(case: &Case, image: &Image, found: &Pixels) -> Result<(), String> {
    if found.shape != image.shape {
        return Err(format!("shape: expected {:?}, got {:?}", image.shape, found.shape));
    }
    let expected = image.bytes(case);
    if found.bytes == expected {
        return Ok(());
    }
    if found.bytes.len() != expected.len() {
        return Err(format!("{} bytes of pixels, expected {}", found.bytes.len(), expected.len()));
    }
    let item = case.settings.dtype.size();
    let pixels = || expected.chunks(item).zip(found.bytes.chunks(item)).enumerate();
    let wrong = pixels().filter(|(_, (expected, got))| expected != got).count();
    let first = pixels().find(|(_, (expected, got))| expected != got);
    let (flat, (expected, got)) = first.ok_or("no pixel differs")?;
    let index = unravel(flat as u64, &image.shape);
    Err(format!("pixel {index:?}: expected {expected:?}, got {got:?} ({wrong} of {} wrong)", found.bytes.len() / item))
}

fn unravel(flat: u64, shape: &[u64]) -> Vec<u64> {
    let mut rest = flat;
    let mut index: Vec<u64> = shape
        .iter()
        .rev()
        .map(|extent| {
            let at = rest % extent;
            rest /= extent;
            at
        })
        .collect();
    index.reverse();
    index
}

/// The array's `zarr.json` says what the settings asked for: type, axes, chunks, shards, codec with level and shuffle.
fn array_metadata(case: &Case, image: &Image, array: &Path) -> Result<(), String> {
    let path = array.join("zarr.json");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let expect = |what: &str, got: &Value, expected: Value| {
        let same = *got == expected;
        same.then_some(()).ok_or_else(|| format!("{what} in zarr.json: expected {expected}, got {got}"))
    };
    expect("data_type", &document["data_type"], json!(case.settings.dtype.name()))?;
    expect("dimension_names", &document["dimension_names"], json!(image.axes))?;
    expect("shape", &document["shape"], json!(image.shape))?;
    let (chunk, shard) = chunk_and_shard(case, image);
    let grid = document.pointer("/chunk_grid/configuration/chunk_shape").unwrap_or(&Value::Null);
    let mut codecs = document["codecs"].as_array().cloned().unwrap_or_default();
    match shard {
        None => expect("chunk shape", grid, json!(chunk))?,
        Some(shard) => {
            expect("shard shape", grid, json!(shard))?;
            let sharding = codecs.first().cloned().unwrap_or_default();
            expect("first codec", &sharding["name"], json!("sharding_indexed"))?;
            expect("chunk shape in a shard", &sharding["configuration"]["chunk_shape"], json!(chunk))?;
            expect("index location", &sharding["configuration"]["index_location"], json!("end"))?;
            codecs = sharding["configuration"]["codecs"].as_array().cloned().unwrap_or_default();
        }
    }
    codecs.retain(|codec| codec["name"] != "bytes");
    let configuration = |nth: usize, key: &str| codecs.get(nth).map_or(Value::Null, |codec| codec["configuration"][key].clone());
    let names: Vec<&Value> = codecs.iter().map(|codec| &codec["name"]).collect();
    let Compression { codec, level, shuffle } = case.settings.compression;
    let (name, cname) = match codec {
        Codec::None => return expect("codecs", &json!(names), json!([])),
        Codec::BloscZstd => ("blosc", Some("zstd")),
        Codec::BloscLz4 => ("blosc", Some("lz4")),
        Codec::Zstd => ("zstd", None),
        Codec::Gzip => ("gzip", None),
    };
    expect("codecs", &json!(names), json!([name]))?;
    let Some(cname) = cname else { return expect("level", &configuration(0, "level"), json!(level)) };
    expect("clevel", &configuration(0, "clevel"), json!(level))?;
    expect("cname", &configuration(0, "cname"), json!(cname))?;
    let shuffle = match shuffle {
        Shuffle::None => "noshuffle",
        Shuffle::Byte => "shuffle",
        Shuffle::Bit => "bitshuffle",
    };
    expect("shuffle", &configuration(0, "shuffle"), json!(shuffle))
}

/// Chunk and shard in pixels, in the order of the image's axes, as the settings ask for them.
fn chunk_and_shard(case: &Case, image: &Image) -> (Vec<u64>, Option<Vec<u64>>) {
    let settings = &case.settings;
    let frame_starts = image.axes.len() - 2;
    let dimensions: Vec<_> = image
        .axes
        .iter()
        .filter_map(|axis| settings.dimensions.iter().find(|each| each.name == *axis))
        .collect();
    let mut chunks = Vec::new();
    let mut shards = Vec::new();
    for (axis, dimension) in dimensions.iter().enumerate() {
        let count = dimension.count.unwrap_or(u64::MAX);
        let chunk = dimension.chunk_size.unwrap_or(if axis < frame_starts { 1 } else { count }).min(count);
        chunks.push(chunk);
        shards.push(chunk * dimension.shard_size_chunks.unwrap_or(1).min(count.div_ceil(chunk)));
    }
    let sharded = dimensions.iter().any(|each| each.shard_size_chunks.is_some());
    (chunks, sharded.then_some(shards))
}

/// Files below `root` whose name says that they are not whole.
fn unfinished(root: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ome_stream::platform::PARTIAL_SUFFIX) {
                found.push(path.display().to_string());
            }
        }
    }
    Ok(found)
}
