//! Compares what was written with what must be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ome_stream::backend::MemoryStore;
use ome_stream::plan::PlannedArray;
use ome_stream::settings::{Codec, Compression, DataType, Pyramid, Shuffle};
use ome_stream::zarr::ZarrFormat;
use serde_json::{Value, json};

use crate::case::Case;
use crate::levels::{self, Level};
use crate::model::{self, Image};
use crate::read::{self, Pixels};
use crate::run::Ran;

/// What a memory backend holds after a run.
///
/// # Errors
/// The first difference.
pub fn memory(case: &Case, ran: &Ran, store: &MemoryStore) -> Result<(), String> {
    for (position, image) in ran.images.iter().enumerate() {
        let arrays = arrays(ran, position);
        for (nth, (level, array)) in pair(case, image, arrays)?.enumerate() {
            let geometry = array.geometry();
            let found = read::memory(store, array.id(), geometry.shape(), geometry.append_axis())?;
            let at = |wrong: String| format!("position {position}, level {nth}: {wrong}");
            same_level(case, &level, &found).map_err(at)?;
        }
    }
    Ok(())
}

/// What an engine may do otherwise than the native one: honest differences, which change no pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Differences {
    /// Where no shards are asked for it stores each chunk as a shard of one chunk.
    pub shards_of_one_chunk: bool,
}

/// What lies on disk after a run: every pixel, the array's own metadata, and nothing half-written beside them.
///
/// # Errors
/// The first difference.
pub fn files(case: &Case, ran: &Ran, differences: Differences) -> Result<(), String> {
    for (position, image) in ran.images.iter().enumerate() {
        for (nth, (level, array)) in pair(case, image, arrays(ran, position))?.enumerate() {
            let at = |wrong: String| format!("position {position}, level {nth}: {wrong}");
            let folder = ran.plan.folder_of(array);
            array_document(case, &Stored::of(case, image, &level, nth), &folder, differences).map_err(at)?;
            same_level(case, &level, &read::zarrs(&folder)?).map_err(at)?;
        }
    }
    match unfinished(&ran.root).map_err(|error| error.to_string())?.first() {
        None => Ok(()),
        Some(left) => Err(format!("{left} was left behind")),
    }
}

/// The arrays of an image, full resolution first.
fn arrays(ran: &Ran, position: usize) -> Vec<&PlannedArray> {
    ran.plan
        .arrays()
        .iter()
        .take(ran.plan.positions().len())
        .skip(position)
        .take(1)
        .chain(ran.plan.levels_of(position))
        .collect()
}

/// The levels of an image as they must be, each with its array.
fn pair<'a>(
    case: &Case,
    image: &Image,
    arrays: Vec<&'a PlannedArray>,
) -> Result<impl Iterator<Item = (Level, &'a PlannedArray)> + use<'a>, String> {
    let levels = levels::levels(case, image);
    if levels.len() != arrays.len() {
        return Err(format!("levels: expected {}, got {}", levels.len(), arrays.len()));
    }
    Ok(levels.into_iter().zip(arrays))
}

/// Compares an image's pixels at full resolution; names the first wrong one.
///
/// # Errors
/// The first difference.
pub fn same_pixels(case: &Case, image: &Image, found: &Pixels) -> Result<(), String> {
    same(case, &Pixels { shape: image.shape.clone(), bytes: image.bytes(case) }, found)
}

/// Compares the pixels of a level; names the first wrong one.
///
/// # Errors
/// The first difference.
pub fn same_level(case: &Case, level: &Level, found: &Pixels) -> Result<(), String> {
    same(case, &Pixels { shape: level.shape.clone(), bytes: level.bytes(case) }, found)
}

fn same(case: &Case, expected: &Pixels, found: &Pixels) -> Result<(), String> {
    let Pixels { shape, bytes: expected } = expected;
    if found.shape != *shape {
        return Err(format!("shape: expected {shape:?}, got {:?}", found.shape));
    }
    if found.bytes == *expected {
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
    let index = unravel(flat as u64, shape);
    Err(format!("pixel {index:?}: expected {expected:?}, got {got:?} ({wrong} of {} wrong)", found.bytes.len() / item))
}

/// Place of an element along each axis, by its number in C order.
#[must_use]
pub fn unravel(flat: u64, shape: &[u64]) -> Vec<u64> {
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

/// The array's document says what the settings asked for, in the words of its format.
fn array_document(case: &Case, stored: &Stored<'_>, array: &Path, differences: Differences) -> Result<(), String> {
    match case.zarr() {
        ZarrFormat::V2 => array_metadata_v2(case, stored, array),
        ZarrFormat::V3 => array_metadata(case, stored, array, differences),
    }
}

/// The array's `.zarray` says what the settings asked for: type, chunks, codec with level and shuffle.
fn array_metadata_v2(case: &Case, stored: &Stored<'_>, array: &Path) -> Result<(), String> {
    let path = array.join(".zarray");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let dtype = match case.settings.dtype {
        DataType::Int8 => "|i1",
        DataType::Int16 => "<i2",
        DataType::Int32 => "<i4",
        DataType::Int64 => "<i8",
        DataType::UInt8 => "|u1",
        DataType::UInt16 => "<u2",
        DataType::UInt32 => "<u4",
        DataType::UInt64 => "<u8",
        DataType::Float16 => "<f2",
        DataType::Float32 => "<f4",
        DataType::Float64 => "<f8",
    };
    let Compression { codec, level, shuffle, .. } = case.settings.compression;
    let blosc = |cname: &str| {
        let shuffle = match shuffle {
            Shuffle::None => 0,
            Shuffle::Byte => 1,
            Shuffle::Bit => 2,
        };
        json!({"id": "blosc", "cname": cname, "clevel": level, "shuffle": shuffle, "blocksize": 0})
    };
    let compressor = match codec {
        Codec::None => Value::Null,
        Codec::BloscZstd => blosc("zstd"),
        Codec::BloscLz4 => blosc("lz4"),
        Codec::Zstd => json!({"id": "zstd", "level": level}),
        Codec::Gzip => json!({"id": "gzip", "level": level}),
    };
    for (name, expected) in [
        ("zarr_format", json!(2)),
        ("shape", json!(stored.shape)),
        ("chunks", json!(stored.chunk)),
        ("dtype", json!(dtype)),
        ("compressor", compressor),
        ("filters", Value::Null),
        ("order", json!("C")),
        ("dimension_separator", json!("/")),
    ] {
        let got = &document[name];
        if *got != expected {
            return Err(format!("{name} in .zarray: expected {expected}, got {got}"));
        }
    }
    match array.join("zarr.json").exists() {
        true => Err("there is a zarr.json beside .zarray".into()),
        false => Ok(()),
    }
}

/// The array's `zarr.json` says what the settings asked for: type, axes, chunks, shards, codec with level and shuffle.
fn array_metadata(case: &Case, stored: &Stored<'_>, array: &Path, differences: Differences) -> Result<(), String> {
    let path = array.join("zarr.json");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let expect = |what: &str, got: &Value, expected: Value| {
        let same = *got == expected;
        same.then_some(()).ok_or_else(|| format!("{what} in zarr.json: expected {expected}, got {got}"))
    };
    expect("data_type", &document["data_type"], json!(case.settings.dtype.name()))?;
    expect("dimension_names", &document["dimension_names"], json!(stored.axes))?;
    expect("shape", &document["shape"], json!(stored.shape))?;
    let (chunk, shard) = (&stored.chunk, stored.shard.clone());
    let grid = document.pointer("/chunk_grid/configuration/chunk_shape").unwrap_or(&Value::Null);
    let mut codecs = document["codecs"].as_array().cloned().unwrap_or_default();
    let sharded = codecs.first().is_some_and(|codec| codec["name"] == "sharding_indexed");
    let shard = shard.or_else(|| (sharded && differences.shards_of_one_chunk).then(|| chunk.clone()));
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
    let Compression { codec, level, shuffle, checksum } = case.settings.compression;
    if let Some(checksum) = checksum {
        expect("last codec", &codecs.pop().unwrap_or_default(), json!({"name": checksum.name()}))?;
    }
    let configuration =
        |nth: usize, key: &str| codecs.get(nth).map_or(Value::Null, |codec| codec["configuration"][key].clone());
    let names: Vec<&Value> = codecs.iter().map(|codec| &codec["name"]).collect();
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

/// How an array lies on disk, as the settings ask for it.
struct Stored<'a> {
    axes: &'a [String],
    shape: &'a [u64],
    /// In pixels.
    chunk: Vec<u64>,
    /// In pixels.
    shard: Option<Vec<u64>>,
}

impl<'a> Stored<'a> {
    /// Level `nth` of an image.
    fn of(case: &Case, image: &'a Image, level: &'a Level, nth: usize) -> Self {
        let settings = &case.settings;
        let frame_starts = image.axes.len() - 2;
        let steps = levels::steps(settings, &image.axes);
        let of_full = nth.checked_sub(1).and_then(|below| steps.get(below)).map(|step| &step.of_full);
        let told = |list: fn(&Pyramid) -> &[BTreeMap<String, u64>], axis: &str| {
            levels::told_of_level(list(settings.pyramid.as_ref()?), nth.checked_sub(1)?, axis)
        };
        let mut stored = Self { axes: &image.axes, shape: &level.shape, chunk: Vec::new(), shard: None };
        let mut shard = Vec::new();
        let mut is_sharded = false;
        for (axis, name) in image.axes.iter().enumerate() {
            let Some(dimension) = settings.dimensions.iter().find(|each| each.name == *name) else { continue };
            let by = of_full.and_then(|of_full| of_full.get(axis)).copied().unwrap_or(1);
            let full = model::elements(dimension).unwrap_or(u64::MAX);
            let count = if full == u64::MAX { full } else { full.div_ceil(by) };
            let in_full = dimension.chunk_size.unwrap_or(if axis < frame_starts { 1 } else { full }).min(full);
            let chunk = told(|pyramid| &pyramid.chunks, name).unwrap_or(in_full).min(count);
            let chunks = told(|pyramid| &pyramid.shards, name);
            is_sharded |= chunks.or(dimension.shard_size_chunks).is_some();
            let as_full = dimension.shard_size_chunks.unwrap_or(1).min(full.div_ceil(in_full));
            stored.chunk.push(chunk);
            shard.push(chunk * chunks.unwrap_or(as_full).min(count.div_ceil(chunk)));
        }
        stored.shard = is_sharded.then_some(shard);
        stored
    }
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

#[cfg(test)]
mod tests {
    use ome_stream_backend_zarrs::ZarrsBackend;

    use super::*;
    use crate::matrix;
    use crate::model;
    use crate::run::run;

    fn ran(case: &Case) -> (tempfile::TempDir, Ran) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ran = run(case, &ZarrsBackend, folder.path()).expect("a run");
        files(case, &ran, Differences::default()).expect("right at first");
        (folder, ran)
    }

    #[test]
    fn one_wrong_byte_in_a_chunk_is_found_and_named() {
        let case = Case::new("damaged", "t:2,y:4,x:6");
        let (_keep, ran) = ran(&case);
        let chunk = ran.root.join("0/c/1/0/0");
        let mut bytes = fs::read(&chunk).expect("a chunk");
        bytes[2 * (2 * 6 + 3)] ^= 1;
        fs::write(&chunk, bytes).expect("written");
        let wrong = files(&case, &ran, Differences::default()).expect_err("one pixel is wrong");
        assert!(wrong.contains("pixel [1, 2, 3]") && wrong.contains("(1 of 48 wrong)"), "{wrong}");
        fs::remove_file(&chunk).expect("removed");
        let wrong = files(&case, &ran, Differences::default()).expect_err("a frame is gone");
        assert!(wrong.contains("pixel [1, 0, 0]"), "{wrong}");
    }

    #[test]
    fn two_frames_in_each_others_place_are_found() {
        let case = Case::new("swapped", "t:3,y:4,x:6");
        let mut image = model::images(&case).remove(0);
        let found = Pixels { shape: image.shape.clone(), bytes: image.bytes(&case) };
        same_pixels(&case, &image, &found).expect("equal");
        image.frames.swap(0, 2);
        assert!(same_pixels(&case, &image, &found).is_err());
        image.shape[0] = 2;
        assert!(same_pixels(&case, &image, &found).expect_err("another shape").contains("shape"));
    }

    #[test]
    fn metadata_that_say_something_else_are_found() {
        let case =
            matrix::cases().into_iter().find(|case| case.name == "uint16 compressed in shards").expect("in the matrix");
        let (_keep, ran) = ran(&case);
        let path = ran.root.join("0/zarr.json");
        let text = fs::read_to_string(&path).expect("metadata");
        for (from, to) in
            [("\"clevel\":3", "\"clevel\":4"), ("uint16", "int16"), ("\"t\"", "\"z\""), ("\"end\"", "\"start\"")]
        {
            let compact = serde_json::from_str::<Value>(&text).expect("JSON").to_string();
            assert!(compact.contains(from), "{from} in {compact}");
            fs::write(&path, compact.replace(from, to)).expect("written");
            assert!(files(&case, &ran, Differences::default()).is_err(), "{from} became {to}");
        }
    }

    #[test]
    fn a_file_that_is_not_whole_is_found() {
        let case = Case::new("left", "t:2,y:4,x:6");
        let (_keep, ran) = ran(&case);
        fs::write(ran.root.join("0/c/0/0/0.part"), "half").expect("written");
        assert!(files(&case, &ran, Differences::default()).expect_err("a file was left").contains("left behind"));
    }
}
