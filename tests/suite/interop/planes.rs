//! What OME-XML says of single frames, as ome-types reads it and the OME schema judges it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ome_stream::Stream;
use ome_stream::backend::Backend;
use ome_stream::ngff::frame_metadata::FrameFields;
use ome_stream::plan::SourceId;
use ome_stream::settings::NgffVersion;
use ome_stream_tests::case::Case;
use ome_stream_tests::pixels;
use ome_stream_tests::python::{self, say};
use serde_json::{Value, json};

/// Frame of which nothing is known, and one that is skipped.
const BARE: u64 = 5;
const SKIPPED: u64 = 8;

/// What is sent with a frame.
fn fields(number: u64) -> FrameFields {
    let at = number as f64;
    FrameFields {
        delta_t: Some(at * 0.25),
        exposure_time: number.is_multiple_of(2).then_some(0.0125),
        position_x: Some(123_456.789 + at),
        position_y: Some(-0.5 * at),
        position_z: number.is_multiple_of(3).then_some(1e-3 * at),
        ..FrameFields::default()
    }
    .with("note", "<&\">")
}

/// Runs a case of positions, and says what its document must hold; `None` where the engine cannot write it.
fn planes(case: &Case, backend: &dyn Backend, folder: &Path) -> Option<Value> {
    let stream = match Stream::create(&case.settings_in(folder), backend) {
        Ok(stream) => stream,
        Err(error) => {
            say(&format!("skipped: planes of {}: {error}", case.name));
            return None;
        }
    };
    let (rows, columns) = case.frame();
    let names: Vec<String> = stream.plan().positions().iter().map(|each| each.position.name.clone()).collect();
    let mut images: BTreeMap<&str, Vec<Value>> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    for number in 0..case.consumed() {
        let frame = pixels::frame(case.settings.dtype, number, rows, columns);
        let done = match number {
            SKIPPED => stream.skip(1),
            BARE => stream.append_with(&frame, "{\"note\": 1}"),
            _ => stream.append_with_fields(&frame, &fields(number)),
        };
        done.expect("taken");
        if [BARE, SKIPPED].contains(&number) {
            continue;
        }
        let (array, place) = stream.plan().place(SourceId(0), number).expect("declared");
        let axes = stream.plan().array(array).form().axis_names();
        let mut plane = json!({"z": 0, "t": 0, "c": 0});
        axes.iter()
            .zip(place.index)
            .filter(|(name, _)| ["z", "t", "c"].contains(&name.as_str()))
            .for_each(|(name, at)| plane[name.as_str()] = at.into());
        let sent: Value = serde_json::from_str(&fields(number).to_json().expect("JSON")).expect("JSON");
        for (name, value) in sent.as_object().expect("an object").iter().filter(|(name, _)| *name != "note") {
            plane[name.as_str()] = value.clone();
        }
        images.entry(names[place.position as usize].as_str()).or_default().push(plane);
    }
    stream.finish().expect("all well");
    let per_point: u64 = case.declared() / 3;
    let xml = stream.plan().root().join("OME/METADATA.ome.xml");
    Some(json!({"path": xml, "images": images, "time_increment": per_point as f64 * 0.25}))
}

fn are_read(engines: &[&str], least: usize) {
    let Some(python) = python::setting(python::PYTHON, "planes of OME-XML") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut documents = Vec::new();
    for engine in engines {
        let backend = match ome_stream_backends::open(engine) {
            Ok(backend) => backend,
            Err(error) => {
                say(&format!("skipped: planes of {engine}: {error}"));
                continue;
            }
        };
        for version in [NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6] {
            // Stored c before z; the second as it comes.
            for dimensions in ["t:3,p:2,z:3,c:2,y:16,x:16", "t:3,p:2,c:2,z:3,y:16,x:16", "t:3,p:2,y:16,x:16"] {
                let name = format!("{engine} {} {dimensions}", version.name());
                let case = Case::new(&name, dimensions).version(version);
                documents.extend(planes(&case, &*backend, folder.path()));
            }
        }
    }
    assert!(documents.len() >= least, "{} of {least}", documents.len());
    if documents.is_empty() {
        return;
    }
    let manifest = folder.path().join("documents.json");
    fs::write(&manifest, Value::from(documents.clone()).to_string()).expect("written");
    let report = python::run(&python, "ome_xml.py", &[&manifest]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.lines().filter(|line| line.ends_with(": right")).count(), documents.len(), "{report}");
    say(&format!("{} OME-XML documents with planes: read by ome-types, valid", documents.len()));
}

#[test]
fn planes_of_zarrs_and_acquire_zarr_are_read_by_ome_types() {
    are_read(&["zarrs", "acquire-zarr"], 9);
}

#[test]
fn planes_of_tensorstore_are_read_by_ome_types() {
    are_read(&["tensorstore"], 0);
}
