//! Files that `tests/interop/make_inputs.py` makes with tifffile and NumPy, each with what must become of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::Bench;

/// Names the interpreter with the packages of `tests/interop/requirements.txt`.
const PYTHON: &str = "OME_STREAM_PYTHON";

/// Set to 1 where a missing environment is a failure and not a skipped test.
const REQUIRE: &str = "OME_STREAM_REQUIRE_PYTHON";

/// Names the folder that `tests/interop/fetch_images.py` fills.
const IMAGES: &str = "OME_STREAM_IMAGES";

/// A file of the repository's folder of tests.
fn of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

/// A variable that `cargo xtask test` sets; without it a test is skipped, where that is allowed.
fn setting(variable: &str, test: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        assert!(std::env::var(REQUIRE).as_deref() != Ok("1"), "{variable} is not set, and {REQUIRE} is 1");
        eprintln!("skipped: inputs of {test}: {variable} is not set; `cargo xtask test` sets it");
    }
    value
}

/// Makes the files of a group and tries each of them.
#[track_caller]
fn group(name: &str) {
    let Some(python) = setting(PYTHON, name) else { return };
    let bench = Bench::new();
    let made = Command::new(python)
        .arg(of_tests("interop/make_inputs.py"))
        .arg(bench.path(""))
        .arg(name)
        .output()
        .expect("started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let cases: Vec<Value> = serde_json::from_slice(&made.stdout).expect("a list");
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases.iter().filter_map(|case| tried(&bench, case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What is wrong with what became of a file.
fn tried(bench: &Bench, case: &Value) -> Result<(), String> {
    let line = case["line"].as_str().expect("a line");
    let store = bench.path("out.ome.zarr");
    let _ = std::fs::remove_dir_all(&store);
    let ran = bench.line(&format!("write {line} -o out"));
    let fail = |problem: String| Err(format!("{line}: {problem}; standard error: {}", ran.err));
    if let Some(parts) = case["refused"].as_array() {
        let missing = parts.iter().find(|part| !ran.err.contains(part.as_str().unwrap_or_default()));
        return match missing {
            _ if ran.code != Some(1) || store.exists() => fail(format!("exit code {:?}, not refused", ran.code)),
            Some(part) => fail(format!("{part} is not said")),
            None => Ok(()),
        };
    }
    if ran.code != Some(0) {
        return fail(format!("exit code {:?}", ran.code));
    }
    let expected = std::fs::read(bench.path(case["pixels"].as_str().expect("a file"))).expect("pixels");
    let shape: Vec<u64> = case["shape"].as_array().expect("a shape").iter().filter_map(Value::as_u64).collect();
    let positions = case["positions"].as_array().cloned().unwrap_or_default();
    let mut first = store.clone();
    if positions.is_empty() {
        if bench.pixels("out.ome.zarr/0") != (shape, expected) {
            return fail("other pixels".into());
        }
    } else {
        let each = expected.len() / positions.len();
        for (nth, name) in positions.iter().enumerate() {
            let name = name.as_str().unwrap_or_default();
            let source = case["order"][nth].as_u64().unwrap_or(nth as u64) as usize;
            let (found, pixels) = bench.pixels(&format!("out.ome.zarr/{name}/0"));
            if (found.as_slice(), pixels.as_slice()) != (&shape[1..], &expected[source * each..(source + 1) * each]) {
                return fail(format!("other pixels in {name}"));
            }
        }
        first = store.join(positions[0].as_str().unwrap_or_default());
    }
    let text = std::fs::read_to_string(first.join("zarr.json")).expect("a group");
    let attributes = serde_json::from_str::<Value>(&text).expect("JSON")["attributes"].clone();
    described(case, &attributes, &ran.err).or_else(fail)
}

/// What is wrong with the metadata of an image.
fn described(case: &Value, attributes: &Value, notes: &str) -> Result<(), String> {
    let multiscale = &attributes["ome"]["multiscales"][0];
    let axes = multiscale["axes"].as_array().cloned().unwrap_or_default();
    let names: String = axes.iter().filter_map(|axis| axis["name"].as_str()).collect();
    if Some(names.as_str()) != case["axes"].as_str() {
        return Err(format!("axes {names}, not {}", case["axes"]));
    }
    let units: Vec<Value> = axes.iter().map(|axis| axis["unit"].clone()).collect();
    if case["units"].is_array() && Value::from(units.clone()) != case["units"] {
        return Err(format!("units {units:?}, not {}", case["units"]));
    }
    let transformations = &multiscale["datasets"][0]["coordinateTransformations"];
    for (nth, name) in ["scale", "translation"].into_iter().enumerate() {
        if case[name].is_array() && !close(&transformations[nth][name], &case[name]) {
            return Err(format!("{name} {transformations}, not {}", case[name]));
        }
    }
    for (nth, channel) in case["channels"].as_array().into_iter().flatten().enumerate() {
        let found = &attributes["ome"]["omero"]["channels"][nth];
        if found["label"] != channel[0] || (channel[1].is_string() && found["color"] != channel[1]) {
            return Err(format!("channel {nth} is {found}, not {channel}"));
        }
    }
    if let Some(note) = case["note"].as_str().filter(|note| !notes.contains(note)) {
        return Err(format!("{note:?} is not noted"));
    }
    if let [_, key, value, nth] = case["frame_metadata"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let entry = &attributes["ome_writers"]["frame_metadata"][nth.as_u64().unwrap_or(0) as usize];
        let found = &entry[key.as_str().unwrap_or_default()];
        if !close(&Value::from(vec![found.clone()]), &Value::from(vec![value.clone()])) {
            return Err(format!("frame {nth} has {entry}, not {key} {value}"));
        }
    }
    Ok(())
}

fn close(one: &Value, other: &Value) -> bool {
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let (one, other) = (numbers(one), numbers(other));
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| (one - other).abs() <= 1e-6 * other.abs().max(1e-6))
}

#[test]
fn tags_that_decide_the_pixels() {
    group("tags");
}

#[test]
fn pixels_of_every_kind() {
    group("pixels");
}

#[test]
fn stacks_of_imagej() {
    group("imagej");
}

#[test]
fn stacks_of_tifffile_and_resolution_tags() {
    group("shaped");
}

#[test]
fn ome_tiff_of_one_file_and_of_several() {
    group("ome");
}

#[test]
fn stacks_of_metamorph_scanimage_and_zeiss() {
    group("stk");
}

#[test]
fn numpy_arrays_and_archives() {
    group("arrays");
}

#[test]
fn first_bytes_decide_and_not_names() {
    group("foreign");
}

#[test]
fn folders_of_frames_and_ndtiff_data_sets() {
    group("folders");
}

/// Files of other packages' tests, good and damaged: each is equal to what tifffile reads, or in the list of refusals.
#[test]
fn real_files_of_published_packages() {
    let (Some(python), Some(images)) = (setting(PYTHON, "real files"), setting(IMAGES, "real files")) else { return };
    let compared = Command::new(python)
        .arg(of_tests("interop/compare_inputs.py"))
        .arg(env!("CARGO_BIN_EXE_ome-stream"))
        .arg(Path::new(&images).join("inputs"))
        .arg(of_tests("data/inputs/refusals.json"))
        .output()
        .expect("started");
    let said = [compared.stdout, compared.stderr].concat();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&said));
}
