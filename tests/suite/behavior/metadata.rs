//! Metadata that the host gives: of frames, and of the run.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ome_stream::platform::faulty::{Fault, FaultyDisk, Operation};
use ome_stream::{Stream, platform};
use ome_stream_tests::case::Case;
use ome_stream_tests::case::Step::{Append, Skip};
use ome_stream_tests::disk::{Gate, faulty, wait_for};
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

fn attributes(group: &Path) -> Value {
    let text = fs::read(group.join("zarr.json")).expect("group metadata");
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    document["attributes"].clone()
}

/// Without the times at which frames were accepted.
fn lines(group: &Path) -> Vec<Value> {
    let text = fs::read_to_string(group.join("frame_metadata.jsonl")).expect("frame metadata");
    text.lines().map(|line| without_time(&serde_json::from_str(line).expect("JSON"))).collect()
}

/// A frame's metadata without the time at which it was accepted, which each has.
fn without_time(metadata: &Value) -> Value {
    let mut metadata = metadata.clone();
    let accepted = metadata.as_object_mut().and_then(|object| object.remove("accepted"));
    assert!(accepted.is_some_and(|time| time.is_string()), "{metadata}");
    metadata
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
fn metadata_of_the_run_have_a_bound_together() {
    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    let text = |mebibytes: usize| format!(r#"{{"text": "{}"}}"#, "a".repeat(mebibytes << 20));
    stream.set_metadata("first", &text(15)).expect("stored");
    stream.set_metadata("second", &text(15)).expect("stored");
    // What is replaced does not count any more.
    stream.set_metadata("first", &text(15)).expect("replaced");
    let before = fs::read(run.root().join("zarr.json")).expect("there");
    let error = stream.set_metadata("third", &text(3)).expect_err("too many together");
    assert_eq!(error.code(), 12, "{error}");
    for part in ["`third`", &((3 << 20) + r#"{"text":""}"#.len()).to_string(), "33554432", "beside the store"] {
        assert!(error.to_string().contains(part), "{part} in {error}");
    }
    assert_eq!(fs::read(run.root().join("zarr.json")).expect("there"), before, "nothing of it is stored");
    stream.set_metadata("third", r#"{"small": true}"#).expect("there is room for it");
    run.append(&stream, 0..2);
    stream.finish().expect("a refusal is no failure");
    // A document of this size is read and continued.
    let again = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
    assert_eq!(again.set_metadata("fourth", &text(3)).expect_err("they count").code(), 12);
    again.set_metadata("second", "{}").expect("replaced");
    again.set_metadata("fourth", &text(3)).expect("there is room now");
    run.append(&again, 2..3);
    again.finish().expect("all well");
    let attributes = attributes(&run.root());
    assert_eq!((&attributes["second"], &attributes["third"]["small"]), (&json!({}), &json!(true)));
    assert_eq!(attributes["fourth"]["text"].as_str().map(str::len), Some(3 << 20));
}

#[test]
fn metadata_of_frames_carry_number_and_place() {
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
        let mirrored: Vec<Value> =
            mirror["frame_metadata"].as_array().expect("a list").iter().map(without_time).collect();
        assert_eq!(mirrored, without_number, "position {position}");
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

/// Names, relative to the store, of what is renamed to its place while `action` runs: every document is.
fn documents_of<T>(run: &Acquisition, disk: &FaultyDisk, action: impl FnOnce() -> T) -> (Vec<String>, T) {
    let before = disk.recorded();
    let done = action();
    let log = disk.log();
    let named = log[before..].iter().filter_map(|operation| match operation {
        Operation::Rename(_, to, _) => Some(to.strip_prefix(run.root()).expect("in the store").display().to_string()),
        _ => None,
    });
    let mut named: Vec<_> = named.filter(|name| !name.contains(".ome-stream")).collect();
    named.sort();
    (named, done)
}

#[test]
fn only_documents_that_change_are_written_again() {
    let run = Acquisition::of(Case::new("run", "t:inf:10,p:5,y:4,x:4")).with(|settings| settings.live_interval = 600.0);
    let disk = FaultyDisk::recording(platform::native());
    let stream = run.start_on(Arc::new(disk.clone()));
    let (written, ()) = documents_of(&run, &disk, || stream.set_metadata("host", "{\"a\":1}").expect("stored"));
    assert_eq!(written, ["zarr.json"], "the host's metadata are the root's");
    // Two positions get a frame, one of them with metadata.
    stream.append_with(&run.frame(0), "{}").expect("taken");
    run.append(&stream, 1..2);
    let (written, report) = documents_of(&run, &disk, || stream.finish());
    report.expect("all well");
    let arrays: Vec<_> = written.iter().filter(|name| name.ends_with("/0/zarr.json")).map(String::as_str).collect();
    let groups: Vec<_> =
        written.iter().filter(|name| name.ends_with("zarr.json") && !arrays.contains(&name.as_str())).collect();
    assert_eq!(arrays, ["0/0/zarr.json", "1/0/zarr.json"], "those that grew");
    assert_eq!(groups, ["0/zarr.json", "zarr.json"], "the mirror of the frame metadata, and how the run ended");
    assert_eq!(attributes(&run.root())["host"], json!({"a": 1}));
}

#[test]
fn readers_are_shown_only_positions_that_grew() {
    let run = Acquisition::of(Case::new("run", "t:inf,p:4,y:4,x:4")).with(|settings| settings.live_interval = 0.05);
    let disk = FaultyDisk::recording(platform::native());
    let stream = run.start_on(Arc::new(disk.clone()));
    let (written, ()) = documents_of(&run, &disk, || {
        run.append(&stream, 0..2);
        let shape = |position: u64| fs::read_to_string(run.root().join(format!("{position}/0/zarr.json")));
        let grown = |position| shape(position).is_ok_and(|text| text.contains("\"shape\": [\n    1,"));
        wait_for(|| if grown(0) && grown(1) { Ok(()) } else { Err("not shown".to_owned()) }).expect("shown");
    });
    let arrays: Vec<_> = written.iter().filter(|name| name.ends_with("zarr.json")).collect();
    assert_eq!(arrays, ["0/0/zarr.json", "1/0/zarr.json"]);
    stream.finish().expect("all well");
}

#[test]
fn slow_metadata_hold_up_neither_append_nor_finish() {
    let run = Acquisition::new("t:inf,y:16,x:16").with(|settings| settings.live_interval = 600.0);
    let (gate, armed) = (Gate::default(), Arc::new(AtomicBool::new(false)));
    let reached = Arc::new(AtomicBool::new(false));
    let root = run.root().join("zarr.json");
    let waits = {
        let (gate, armed, reached) = (gate.clone(), Arc::clone(&armed), Arc::clone(&reached));
        move |operation: &Operation| {
            let concerns = matches!(operation, Operation::Rename(_, to, _) if *to == root);
            if concerns && armed.load(Ordering::Relaxed) {
                reached.store(true, Ordering::Relaxed);
                gate.wait();
            }
            Fault::default()
        }
    };
    let stream = run.start_on(faulty(waits));
    armed.store(true, Ordering::Relaxed);
    std::thread::scope(|scope| {
        let setting = scope.spawn(|| stream.set_metadata("host", "{\"a\":1}"));
        let waits = || if reached.load(Ordering::Relaxed) { Ok(()) } else { Err("not at the gate".to_owned()) };
        wait_for(waits).expect("the metadata wait for the disk");
        run.append(&stream, 0..50);
        let finishing = scope.spawn(|| stream.finish());
        wait_for(|| if run.read_shape()[0] == 50 { Ok(()) } else { Err(format!("{:?}", stream.status())) })
            .expect("stored");
        assert!(!setting.is_finished() && !finishing.is_finished());
        gate.open();
        setting.join().expect("no panic").expect("stored");
        finishing.join().expect("no panic").expect("all well");
    });
    assert_eq!(attributes(&run.root())["host"], json!({"a": 1}), "the last to write has it");
    run.assert_holds(&[Append(50)]);
}
