//! Every case of the matrix, written by every engine, read and judged by others.

use ome_stream::backend::Backend;
use ome_stream::settings::NgffVersion;
use ome_stream_tests::python::{self, say};
use ome_stream_tests::run::{NoRun, run};
use ome_stream_tests::{manifest, matrix};
use serde_json::Value;

/// Fewest images with levels below full resolution among the cases of the matrix.
const PYRAMIDS: usize = 20;

/// Those of these engines that are there; of the others it is told that they are skipped.
pub fn available(engines: &[&str], what: &str) -> Vec<Box<dyn Backend>> {
    let open = |name: &&str| match ome_stream_backends::open(name) {
        Ok(backend) => Some(backend),
        Err(error) => {
            say(&format!("skipped: {what} of {name}: {error}"));
            None
        }
    };
    engines.iter().filter_map(open).collect()
}

/// Runs every case through those of the engines that are there; at least `least` of them are written.
fn are_read_in_full_and_found_valid(engines: &[&str], least: usize) {
    let Some(python) = python::setting(python::PYTHON, "foreign readers") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut stores = Vec::new();
    let mut versions = Vec::new();
    let mut failures = Vec::new();
    for backend in available(engines, "foreign readers") {
        let name = backend.name();
        let of_engine = folder.path().join(name);
        for case in matrix::cases() {
            match run(&case, &*backend, &of_engine) {
                Ok(ran) => {
                    stores.push(manifest::store(&case, &ran));
                    versions.push(case.settings.format.version);
                }
                Err(NoRun::Unsupported(reason)) => say(&format!("skipped: {name}: {}: {reason}", case.name)),
                Err(NoRun::Failed(message)) => failures.push(format!("{name}: {}: {message}", case.name)),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(stores.len() >= least, "{least} cases and more are written, there are {}", stores.len());
    if stores.is_empty() {
        return;
    }

    let report = python::judged(&python, folder.path(), &stores);
    let count = |check: &str| {
        let checks = report["stores"].as_array().into_iter().flatten();
        checks
            .flat_map(|store| store["checks"].as_array().into_iter().flatten())
            .filter(|done| done["check"] == check)
            .count()
    };
    let positions: usize = stores.iter().map(|store| store["positions"].as_array().map_or(0, Vec::len)).sum();
    let with_levels = |store: &Value| {
        let positions = store["positions"].as_array().into_iter().flatten();
        positions.filter(|position| position["levels"].as_u64().is_some_and(|levels| levels > 1)).count()
    };
    let pyramids: usize = stores.iter().map(with_levels).sum();
    assert!(least == 0 || pyramids >= PYRAMIDS, "{pyramids} images have levels");
    for reader in ["zarr-python", "tensorstore"] {
        assert_eq!(count(reader), positions, "{reader} read every array");
        assert_eq!(count(&format!("levels by {reader}")), pyramids, "{reader} read every level");
    }
    // All know 0.4 and 0.5; 0.6 the last, and from Python 3.12 on ome-zarr-models.
    let judged = |known: &[NgffVersion]| {
        let stores = stores.iter().zip(&versions).filter(|(store, _)| store.get("validators").is_none());
        stores.filter(|(_, version)| known.contains(version)).count()
    };
    let old = judged(&[NgffVersion::V0_4, NgffVersion::V0_5]);
    let every = old + judged(&[NgffVersion::V0_6]);
    let is_new = count("napari-ome-zarr") > 0;
    let models = if is_new { every } else { old };
    for (validator, judged) in [("yaozarrs", old), ("ome-zarr-models", models), ("ngff-zarr", every)] {
        assert_eq!(count(validator), judged, "{validator} judged every store in OME order of a version that it knows");
    }
    // Programs that open a store for a person; on Python 3.11 an ome-zarr-py that does not know 0.6, and no napari.
    assert_eq!(count("ome-zarr-py"), models, "ome-zarr-py opened every store in OME order");
    let opened = count("napari-ome-zarr");
    assert!(!is_new || opened * 10 > every * 9, "napari-ome-zarr opened nearly every store: {opened} of {every}");
    say(&format!(
        "{} stores, {positions} arrays: read by 2 foreign readers; {old} judged by 3 validators, {} of 0.6; {opened} \
         opened by napari's reader",
        stores.len(),
        every - old
    ));
}

#[test]
fn every_case_of_zarrs_and_acquire_zarr_is_valid() {
    // The native engine writes every case.
    are_read_in_full_and_found_valid(&["zarrs", "acquire-zarr"], matrix::cases().len());
}

#[test]
fn every_case_of_tensorstore_is_read_in_full_and_found_valid() {
    are_read_in_full_and_found_valid(&["tensorstore"], 0);
}
