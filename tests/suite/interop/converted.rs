//! Converted stores, ours and those of others, as foreign readers and validators see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use ome_stream::convert;
use ome_stream::platform;
use ome_stream::settings::NgffVersion;
use ome_stream_tests::case::Case;
use ome_stream_tests::python::{self, say};
use ome_stream_tests::run::run;
use ome_stream_tests::{manifest, matrix, model, read};
use serde_json::json;

use crate::foreign_stores::{TOOL, made};

const V0_4: NgffVersion = NgffVersion::V0_4;
const V0_5: NgffVersion = NgffVersion::V0_5;
const V0_6: NgffVersion = NgffVersion::V0_6;

/// Fewest stores that must have been converted.
const STORES: usize = 60;

/// Of the cases every third is converted: all codecs, types, shards, plates and positions are among them.
const EVERY: usize = 3;

fn copy(root: &Path, new: &Path, to: NgffVersion) -> Result<(), String> {
    let copied = convert::copy(root, new, to, &*platform::native(), &mut |_, _| ());
    copied.map(|_| ()).map_err(|error| error.to_string())
}

/// A case in a version: it may have shards where that has none, for it is converted.
fn told(case: &Case, version: NgffVersion) -> Case {
    case.clone().version(version)
}

#[test]
fn converted_stores_are_read_in_full_and_found_valid() {
    let Some(python) = python::setting(python::PYTHON, "converted stores") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT).expect("always there");
    let mut stores = Vec::new();
    // In an order that NGFF does not allow they were before.
    let mut may_fail = Vec::new();
    for (nth, case) in matrix::cases().into_iter().enumerate().filter(|(nth, _)| nth % EVERY == 0) {
        let ran = run(&case, &*backend, folder.path()).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        // There and back, by way of each version.
        let ways = match (case.settings.format.version, nth % 2) {
            (V0_4, 0) => [V0_5, V0_4],
            (V0_4, _) => [V0_6, V0_5],
            (V0_5, 0) => [V0_4, V0_5],
            (V0_5, _) => [V0_4, V0_6],
            (V0_6, _) => [V0_4, V0_6],
        };
        let mut root = ran.root.clone();
        for (step, to) in ways.into_iter().enumerate() {
            let new = folder.path().join(format!("{}-{step}.ome.zarr", case.folder_name()));
            copy(&root, &new, to).unwrap_or_else(|error| panic!("{} to {}: {error}", case.name, to.name()));
            for planned in ran.plan.positions() {
                let [old, new] = [&ran.root, &new].map(|root| read::zarrs(&root.join(&planned.path).join("0")));
                assert!(old.is_ok() && old == new, "{}: {:?}", case.name, new.err());
            }
            let mut store = manifest::store(&told(&case, to), &ran);
            store["path"] = json!(new);
            if to == V0_6 {
                // Where tiles lie is said in each image, and in no scene that was not there before.
                store["scene"] = json!([]);
            }
            let names = ran.plan.positions().iter().map(|planned| planned.path.as_str());
            let is_series = ran.plan.positions().len() > 1 && case.settings.plate.is_none();
            if to == V0_4 && is_series && !names.clone().any(|name| name == "0") && model::is_ome_order(&case.settings)
            {
                // Nothing at the root of a series tells the version in 0.4: yaozarrs asks an image called 0.
                store["validators"] = json!(["own", "ome-zarr-models", "ngff-zarr"]);
            }
            stores.push(store);
            may_fail.push(!model::is_ome_order(&case.settings));
            root = new;
        }
    }
    assert!(stores.len() >= STORES, "{STORES} stores and more are converted, there are {}", stores.len());
    let report = python::judged(&python, folder.path(), &stores);
    let done = report["stores"].as_array().map_or(0, Vec::len);
    assert_eq!(done, stores.len());
    let Some(tool) = python::setting(TOOL, "converted stores as `ome-stream check` judges them") else { return };
    for (store, may_fail) in stores.iter().zip(may_fail) {
        let path = store["path"].as_str().expect("a path");
        let output = Command::new(&tool).args(["check", path, "--pixels", "--quiet"]).output().expect("the tool");
        assert!(may_fail || output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stdout));
    }
    say(&format!("{} converted stores: read by 2 foreign readers, judged by their validators", stores.len()));
}

/// What the conversion of a foreign store to the other version of Zarr says; `None` where it is converted.
fn refusal(name: &str) -> Option<&'static str> {
    match name {
        // Arrays without an image.
        "acquire.zarr" => Some("there is no group with OME-NGFF metadata"),
        // Nothing of OME either, and a root that is no JSON; of the first thing that Zarr v2 has not is told.
        "strange.zarr" => Some("fixed_length_utf32"),
        "linked.zarr" => Some("a link, which is not followed"),
        _ => None,
    }
}

#[test]
fn stores_of_others_are_converted_or_refused() {
    let Some(python) = python::setting(python::PYTHON, "converted stores of others") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut converted = 0;
    for name in made(&python, folder.path()).keys() {
        let root = folder.path().join(name);
        let to = if root.join("zarr.json").exists() { V0_4 } else { V0_5 };
        let new = |step: u8| -> PathBuf { folder.path().join(format!("{step}-{name}")) };
        let copied = copy(&root, &new(0), to);
        if let Some(says) = refusal(name) {
            let error = copied.expect_err(name);
            assert!(error.contains(says), "{name}: {error}");
            assert!(!new(0).exists());
            continue;
        }
        copied.unwrap_or_else(|error| panic!("{name}: {error}"));
        let back = if to == V0_4 { V0_5 } else { V0_4 };
        copy(&new(0), &new(1), back).unwrap_or_else(|error| panic!("{name}: {error}"));
        for step in [0, 1] {
            let compared = python::run(&python, "compare_converted.py", &[&root, &new(step)]);
            compared.unwrap_or_else(|error| panic!("{name}, step {step}: {error}"));
        }
        converted += 1;
    }
    say(&format!("{converted} stores of others, converted and back, have the same pixels for zarr-python"));
    assert!(converted >= 12, "{converted}");
}
