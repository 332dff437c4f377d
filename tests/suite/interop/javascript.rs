//! Readers in JavaScript: ome-zarr.js renders an image as pages in the browser do, zarrita (its reader of arrays, and
//! that of vizarr) reads every pixel.

use std::fs;
use std::process::Command;

use ome_stream::settings::DataType;
use ome_stream_tests::python::{self, say};
use ome_stream_tests::run::run;
use ome_stream_tests::{matrix, model, read};
use serde_json::{Value, json};

/// Names the folder that `cargo xtask test` makes where there is Node.
const NODE: &str = "OME_STREAM_NODE";

/// Set to 1 where a missing Node is a failure and not a skipped test.
const REQUIRE: &str = "OME_STREAM_REQUIRE_NODE";

/// Fewest images that must have been opened.
const IMAGES: usize = 100;

/// What is drawn: JavaScript has no arithmetic between its numbers and integers of 64 bits, and the release of zarrita
/// that ome-zarr.js needs no float16.
fn is_drawn(dtype: DataType) -> bool {
    !matches!(dtype, DataType::Int64 | DataType::UInt64 | DataType::Float16)
}

#[test]
fn every_version_is_opened_by_readers_in_javascript() {
    let Some(node) = python::setting_unless(NODE, REQUIRE, "readers in JavaScript") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT).expect("always there");
    let mut images: Vec<Value> = Vec::new();
    let mut versions = [0; 3];
    for case in matrix::cases() {
        if !model::is_ome_order(&case.settings) || !is_drawn(case.settings.dtype) {
            continue;
        }
        let ran = run(&case, &*backend, folder.path()).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        let version = case.settings.format.version;
        for (image, planned) in ran.images.iter().zip(ran.plan.positions()) {
            let root = ran.root.join(&planned.path);
            let pixels = read::zarrs(&root.join("0")).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            if pixels.bytes.iter().all(|byte| *byte == 0) || image.shape.contains(&0) {
                continue;
            }
            let file = folder.path().join(format!("{}.pixels", images.len()));
            fs::write(&file, &pixels.bytes).expect("written");
            versions[version as usize] += 1;
            let [.., rows, columns] = image.shape[..] else { continue };
            images.push(json!({
                "image": root,
                "version": version.name(),
                "shape": image.shape,
                "pixels": file,
                "varied": rows * columns > 1 && image.frames.iter().all(Option::is_some),
            }));
        }
    }
    assert!(images.len() >= IMAGES && !versions.contains(&0), "{versions:?}");
    let manifest = folder.path().join("manifest.json");
    fs::write(&manifest, Value::from(images.clone()).to_string()).expect("written");
    let output = Command::new("node").arg(node.join("open_stores.mjs")).arg(&manifest).output().expect("Node");
    let report = String::from_utf8_lossy(&output.stdout);
    let wrong: Vec<_> = report.lines().filter(|line| !line.ends_with(": right")).take(40).collect();
    assert!(output.status.success(), "{}\n{}", wrong.join("\n"), String::from_utf8_lossy(&output.stderr));
    assert_eq!(report.lines().count(), images.len());
    say(&format!("{} images drawn by ome-zarr.js and read by zarrita, of each version {versions:?}", images.len()));
}
