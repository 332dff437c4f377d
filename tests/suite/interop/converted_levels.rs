//! Levels that `ome-stream convert --levels` adds, to stores of ours and of others: what NumPy makes of full resolution,
//! and valid.

use std::path::Path;
use std::process::{Command, Output};

use ome_stream::settings::{NgffVersion, PyramidMethod};
use ome_stream_tests::python::{self, say};
use ome_stream_tests::run::run;
use ome_stream_tests::{manifest, matrix, model};
use serde_json::json;

use crate::foreign_stores::{TOOL, made};

/// Fewest stores of ours that must have got levels.
const STORES: usize = 12;

/// Of the cases every fourth gets levels: all codecs, types, shards, plates and positions are among them.
const EVERY: usize = 4;

fn convert(tool: &Path, arguments: &[&str]) -> Output {
    Command::new(tool).arg("convert").args(arguments).args(["--quiet"]).output().expect("the tool")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn levels_that_are_added_are_what_numpy_makes() {
    let Some(python) = python::setting(python::PYTHON, "levels that are added") else { return };
    let Some(tool) = python::setting(TOOL, "levels that are added") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT).expect("always there");
    let mut stores = Vec::new();
    // A frame that did not come is taken for one of zeros.
    let is_whole = |case: &ome_stream_tests::case::Case| {
        case.settings.pyramid.is_none()
            && model::is_ome_order(&case.settings)
            && model::images(case).iter().all(|image| image.frames.iter().all(Option::is_some))
    };
    for (nth, case) in matrix::cases().into_iter().filter(is_whole).enumerate().filter(|(nth, _)| nth % EVERY == 0) {
        let ran = run(&case, &*backend, folder.path()).unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        let takes = |method: &&PyramidMethod| method.takes(case.settings.dtype);
        let methods: Vec<_> = PyramidMethod::ALL.iter().filter(takes).collect();
        let method = methods[nth % methods.len()].name();
        let asked = format!("{method}:2");
        let root = ran.root.to_str().expect("text");
        let new = folder.path().join(format!("{}-levels.ome.zarr", case.folder_name()));
        let (to, output) = match nth % 3 {
            0 => {
                let other = if case.settings.format.version == NgffVersion::V0_5 { "0.4" } else { "0.5" };
                let new = new.to_str().expect("text");
                (NgffVersion::of(other), convert(&tool, &[root, "--levels", &asked, "--to", other, "-o", new]))
            }
            1 => (None, convert(&tool, &[root, "--levels", &asked, "-o", new.to_str().expect("text")])),
            _ => (None, convert(&tool, &[root, "--levels", &asked, "--in-place"])),
        };
        assert!(output.status.success(), "{}: {}", case.name, said(&output));
        let version = to.unwrap_or(case.settings.format.version);
        let told = case.clone().version(version).pyramid(json!({"method": method, "levels": 2}));
        let mut store = manifest::store(&told, &ran);
        store["path"] = json!(if nth % 3 == 2 { &ran.root } else { &new });
        let is_series = ran.plan.positions().len() > 1 && case.settings.plate.is_none();
        if version == NgffVersion::V0_6 && to.is_some() {
            store["scene"] = json!([]);
        }
        if version == NgffVersion::V0_4 && is_series {
            // Nothing at the root of a series tells the version in 0.4.
            store["validators"] = json!(["own", "ome-zarr-models", "ngff-zarr"]);
        }
        let path = store["path"].as_str().expect("a path").to_owned();
        let checked = Command::new(&tool).args(["check", &path, "--pixels", "--quiet"]).output().expect("the tool");
        assert!(checked.status.success(), "{}: {}", case.name, said(&checked));
        stores.push(store);
    }
    assert!(stores.len() >= STORES, "{STORES} stores and more get levels, there are {}", stores.len());
    let report = python::judged(&python, folder.path(), &stores);
    assert_eq!(report["stores"].as_array().map_or(0, Vec::len), stores.len());
    say(&format!("{} stores got levels, which are as NumPy makes them", stores.len()));
}

#[test]
fn stores_of_others_get_levels() {
    let Some(python) = python::setting(python::PYTHON, "levels in stores of others") else { return };
    let Some(tool) = python::setting(TOOL, "levels in stores of others") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut with_levels = 0;
    for name in made(&python, folder.path()).keys() {
        let root = folder.path().join(name);
        let before = Command::new(&tool).arg("check").arg(&root).output().expect("the tool");
        let output = convert(&tool, &[root.to_str().expect("text"), "--levels", "mean:3", "--in-place"]);
        let says = match name.as_str() {
            "acquire.zarr" | "strange.zarr" | "linked.zarr" => "there is no group with OME-NGFF metadata",
            "ome-zarr-py.zarr" | "ome-zarr-py-v2.zarr" => "every image has levels",
            _ => "",
        };
        assert_eq!(output.status.success(), says.is_empty(), "{name}: {}", said(&output));
        assert!(says.is_empty() || said(&output).contains(says), "{name}: {}", said(&output));
        if !output.status.success() {
            continue;
        }
        let compared = python::run(&python, "levels.py", &[&root]);
        let compared = compared.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!compared.starts_with("0 "), "{name}: {compared}");
        let after = Command::new(&tool).arg("check").arg(&root).output().expect("the tool");
        assert!(!before.status.success() || after.status.success(), "{name}: {}", said(&after));
        with_levels += 1;
    }
    assert!(with_levels >= 12, "{with_levels}");
    say(&format!("{with_levels} stores of others got levels, which are as NumPy makes them"));
}
