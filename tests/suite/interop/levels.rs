//! Levels of every data type and method, of pixels of all values, made anew by NumPy of the level above as it is stored.

use std::fs;
use std::path::Path;

use ome_stream::Stream;
use ome_stream::backend::Backend;
use ome_stream::settings::{Codec, Compression, DataType, PyramidMethod};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::python::{self, say};
use ome_stream_tests::{levels, model};
use serde_json::{Value, json};

use crate::foreign_readers::available;

/// Odd sizes, windows of all kinds, chunks and shards, orders in which planes of a window come one after another, far
/// apart and between those of others.
const SHAPES: [(&str, &str); 7] = [
    ("t:2,z:5,y:13:4,x:11:4", r#"{"levels": 4, "factors": {"z": 2}}"#),
    ("z:5,c:2,t:2,y:9,x:14:6", r#"{"levels": 3, "factors": {"z": 3}}"#),
    ("c:2,z:7:2:2,y:17:4:2,x:12:4:2", r#"{"levels": 3, "factors": {"z": 2, "y": 3, "x": 2}}"#),
    ("t:inf:2,p:2,z:3,y:10:5,x:7", r#"{"levels": 3, "factors": {"z": 2, "x": 3}}"#),
    ("t:8,y:31:8,x:29:8", r#"{"smallest": 3}"#),
    ("z:inf:3,c:2,y:12,x:15:4", r#"{"levels": 3, "factors": {"z": 2, "y": 1}}"#),
    ("p:2,t:2,z:4:2,c:2,y:11:4,x:10:4", r#"{"levels": 3, "factors": {"z": 4}}"#),
];

/// Every data type with every method that takes it; shapes, hosts and codecs in turn.
fn cases() -> Vec<Case> {
    let all = DataType::ALL.iter().flat_map(|dtype| PyramidMethod::ALL.iter().map(move |method| (*dtype, *method)));
    let taken = all.filter(|(dtype, method)| method.takes(*dtype)).enumerate();
    let case = |(nth, (dtype, method)): (usize, (DataType, PyramidMethod))| {
        let (dimensions, pyramid) = SHAPES[nth % SHAPES.len()];
        let mut pyramid: Value = serde_json::from_str(pyramid).unwrap_or_default();
        pyramid["method"] = json!(method.name());
        let codec = [Codec::None, Codec::BloscLz4, Codec::Zstd][nth % 3];
        let case = Case::new(&format!("{dtype} {}", method.name()), dimensions).dtype(dtype).pyramid(pyramid);
        let all = case.declared();
        let script = match nth % 4 {
            0 => vec![Step::Append(all)],
            1 => vec![Step::Skip(1), Step::Append(all / 3), Step::Skip(all / 4), Step::Append(2)],
            2 => vec![Step::Append(all * 3 / 5)],
            _ => vec![Step::Append(1), Step::Skip(1), Step::Append(all - 2)],
        };
        case.compression(Compression::new(codec)).script(&script)
    };
    taken.map(case).collect()
}

/// Frame `number`: all bits by chance; of floats some are no number, infinite or -0; where the most frequent is asked for,
/// there are few different ones.
fn frame(case: &Case, number: u64) -> Vec<u8> {
    let (rows, columns) = case.frame();
    let item = case.settings.dtype.size();
    let is_float = case.settings.dtype.name().starts_with("float");
    let is_mode = case.settings.pyramid.as_ref().is_some_and(|pyramid| pyramid.method == PyramidMethod::Mode);
    let mut state = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let pixel = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // A 64-bit xorshift; its upper bits are the better ones.
        let bits = if is_mode { state >> 62 } else { state.rotate_left(32) };
        let mut pixel = bits.to_le_bytes()[..item].to_vec();
        if is_float && state.is_multiple_of(11) {
            let special = [[0x7e, 0xff], [0x7c, 0x00], [0x80, 0x00]][(state >> 60) as usize % 3];
            pixel.fill(0);
            // The exponents of the wider ones have more bits.
            pixel[item - 1] = if item > 2 && special[0] == 0x7c { 0x7f } else { special[0] };
            pixel[item - 2] = match (item, special[0]) {
                (4, 0x7c) => 0x80,
                (8, 0x7c) => 0xf0,
                _ => special[1],
            };
        }
        pixel
    };
    std::iter::repeat_with(pixel).take((rows * columns) as usize).flatten().collect()
}

/// Streams a case and says what foreign readers must find.
fn written(case: &Case, engine: &dyn Backend, folder: &Path) -> Result<Value, ome_stream::Error> {
    let stream = Stream::create(&case.settings_in(folder), engine)?;
    let mut number = 0;
    for step in &case.script {
        match step {
            Step::Skip(frames) => {
                stream.skip(*frames)?;
            }
            Step::Append(frames) => {
                for sent in number..number + frames {
                    stream.append(&frame(case, sent))?;
                }
            }
        }
        number += step.frames();
    }
    stream.finish()?;
    let positions = model::images(case).into_iter().zip(stream.plan().positions()).enumerate().map(|(nth, each)| {
        let (image, planned) = each;
        let nothing = || vec![0; frame(case, 0).len()];
        let pixels = image.frames.iter().flat_map(|number| number.map_or_else(nothing, |number| frame(case, number)));
        let file = folder.join(format!("{}.{nth}.pixels", case.folder_name()));
        fs::write(&file, pixels.collect::<Vec<u8>>()).expect("written");
        json!({
            "path": planned.path,
            "shape": image.shape,
            "dtype": case.settings.dtype.name(),
            "axes": image.axes,
            "expect": {"kind": "raw", "file": file, "frames": image.frames},
            "levels": levels::steps(&case.settings, &image.axes).len() + 1,
            "method": case.settings.pyramid.as_ref().map(|pyramid| pyramid.method.name()),
        })
    });
    let positions: Vec<Value> = positions.collect();
    // Judged with the cases of the matrix.
    Ok(json!({"path": stream.plan().root(), "positions": positions, "validators": ["own"]}))
}

/// Runs every case through those of the engines that are there; at least `least` of them are written.
fn are_what_numpy_makes(engines: &[&str], least: usize) {
    let Some(python) = python::setting(python::PYTHON, "levels by NumPy") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut stores = Vec::new();
    for backend in available(engines, "levels by NumPy") {
        let name = backend.name();
        let of_engine = folder.path().join(name);
        fs::create_dir_all(&of_engine).expect("a folder");
        for case in cases() {
            match written(&case, &*backend, &of_engine) {
                Ok(store) => stores.push(store),
                Err(ome_stream::Error::Unsupported { reason, .. }) => {
                    say(&format!("skipped: {name}: levels: {}: {reason}", case.name));
                }
                Err(error) => panic!("{name}: {}: {error}", case.name),
            }
        }
    }
    assert!(stores.len() >= least, "{least} cases and more are written, there are {}", stores.len());
    if stores.is_empty() {
        return;
    }
    let report = python::judged(&python, folder.path(), &stores);
    let checks = report["stores"].as_array().into_iter().flatten().flat_map(|store| store["checks"].as_array());
    let compared: Vec<u64> = checks
        .flatten()
        .filter(|check| check["check"].as_str().is_some_and(|check| check.starts_with("levels by ")))
        .filter_map(|check| check["pixels"].as_u64())
        .collect();
    let arrays: usize = stores.iter().map(|store| store["positions"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(compared.len(), 2 * arrays, "two readers compared the levels of every image");
    say(&format!("{} stores: {} pixels of levels are as NumPy makes them", stores.len(), compared.iter().sum::<u64>()));
}

#[test]
fn levels_of_zarrs_and_acquire_zarr_are_what_numpy_makes() {
    // The native engine writes every case.
    are_what_numpy_makes(&["zarrs", "acquire-zarr"], cases().len());
}

#[test]
fn levels_of_tensorstore_are_what_numpy_makes() {
    are_what_numpy_makes(&["tensorstore"], 0);
}
