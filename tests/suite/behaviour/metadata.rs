//! Metadata that the host gives: of frames, and of the run.

use std::fs;
use std::path::Path;

use ome_stream_tests::case::Case;
use ome_stream_tests::case::Step::{Append, Skip};
use serde_json::{Value, json};

use crate::acquisition::Acquisition;

fn attributes(group: &Path) -> Value {
    let text = fs::read(group.join("zarr.json")).expect("group metadata");
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    document["attributes"].clone()
}

fn lines(group: &Path) -> Vec<Value> {
    let text = fs::read_to_string(group.join("frame_metadata.jsonl")).expect("frame metadata");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn metadata_of_the_run_are_readable_as_soon_as_the_call_returns() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    stream.set_metadata("microscope", r#"{"objective": "60x", "na": 1.4}"#).expect("stored");
    assert_eq!(attributes(&run.root())["microscope"], json!({"objective": "60x", "na": 1.4}));
    stream.set_metadata("operator", r#"{"name": "Ada"}"#).expect("stored");
    stream.set_metadata("microscope", r#"{"objective": "20x"}"#).expect("replaced");
    assert_eq!(attributes(&run.root())["microscope"], json!({"objective": "20x"}));
    run.append(&stream, 0..2);
    stream.finish().expect("all well");
    let attributes = attributes(&run.root());
    assert_eq!(attributes["operator"], json!({"name": "Ada"}), "finish keeps them");
    assert_eq!(attributes["ome"]["version"], "0.5");
}

#[test]
fn metadata_of_the_run_that_would_break_the_store_are_refused() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    let before = attributes(&run.root());
    for (namespace, json) in
        [("ome", "{}"), ("ome_writers", "{}"), ("", "{}"), ("mine", "[1]"), ("mine", "{"), ("mine", "")]
    {
        let error = stream.set_metadata(namespace, json).expect_err("refused");
        assert_eq!(error.code(), 12, "{error}");
        assert!(error.to_string().contains(&format!("`{namespace}`")), "{error}");
    }
    assert_eq!(attributes(&run.root()), before);
    run.append(&stream, 0..2);
    stream.finish().expect("a refusal is no failure");
}

#[test]
fn metadata_of_frames_carry_number_and_place_and_are_mirrored_at_the_end() {
    // Acquired z before c, stored c before z.
    let run = Acquisition::of(Case::new("run", "p:2,z:2,c:2,y:4,x:4"));
    let stream = run.start();
    for number in 0..8 {
        if number == 5 {
            stream.skip(1).expect("one is left");
            continue;
        }
        let metadata = format!(r#"{{"delta_t": {number}.5, "nested": {{"stage": [1, 2]}}}}"#);
        stream.append_with(&run.frame(number), &metadata).expect("taken");
    }
    stream.finish().expect("all well");
    // Within a position: frame = z * 2 + c, storage index = [c, z].
    let places = [(0, [0, 0]), (1, [1, 0]), (2, [0, 1]), (3, [1, 1])];
    for (position, frames) in [("0", vec![0, 1, 2, 3]), ("1", vec![4, 6, 7])] {
        let group = run.root().join(position);
        let expected: Vec<Value> = frames
            .iter()
            .map(|number| {
                let (_, index) = places[*number as usize % 4];
                json!({"delta_t": *number as f64 + 0.5, "nested": {"stage": [1, 2]}, "storage_index": index, "frame": number})
            })
            .collect();
        assert_eq!(lines(&group), expected, "position {position}");
        let mirror = attributes(&group)["ome_writers"].clone();
        let without_number: Vec<Value> = expected
            .into_iter()
            .map(|mut line| {
                line.as_object_mut().expect("an object").remove("frame");
                line
            })
            .collect();
        assert_eq!(mirror["frame_metadata"], json!(without_number), "position {position}");
        assert_eq!(mirror["version"], "0.3.2");
    }
}

#[test]
fn many_frames_with_metadata_get_a_pointer_instead_of_a_mirror() {
    let run = Acquisition::new("t:inf:100,y:1,x:1");
    let stream = run.start();
    for number in 0..20_001 {
        stream.append_with(&run.frame(number), &format!("{{\"n\":{number}}}")).expect("taken");
    }
    stream.finish().expect("all well");
    let mirror = attributes(&run.root())["ome_writers"].clone();
    assert_eq!(mirror["frame_metadata"], Value::Null);
    assert_eq!(
        (&mirror["frame_metadata_count"], &mirror["frame_metadata_path"]),
        (&json!(20_001), &json!("frame_metadata.jsonl"))
    );
    assert_eq!(lines(&run.root()).len(), 20_001);
}

#[test]
fn frames_without_metadata_leave_no_trace_of_any() {
    let run = Acquisition::new("t:3,y:4,x:4");
    let stream = run.start();
    run.append(&stream, 0..3);
    stream.finish().expect("all well");
    assert!(!run.root().join("frame_metadata.jsonl").exists());
    assert_eq!(attributes(&run.root())["ome_writers"], Value::Null);
    run.assert_holds(&[Append(3), Skip(0)]);
}
