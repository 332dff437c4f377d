//! How a run ended, as whoever opens the store later finds it in the root group.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::Stream;
use ome_stream::platform::faulty::{Fault, Operation};
use ome_stream::settings::Plate;
use ome_stream_tests::case::{Case, field};
use ome_stream_tests::disk;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

fn root_of(store: &Path) -> Value {
    serde_json::from_slice(&fs::read(store.join("zarr.json")).expect("readable")).expect("JSON")
}

fn told(store: &Path) -> Value {
    root_of(store)["attributes"]["ome_stream"]["run"].clone()
}

#[test]
fn a_complete_run_tells_frames_times_and_program() {
    let run = Acquisition::new("t:4,y:16,x:16").with(|settings| settings.program = Some("Scope 2.1".into()));
    let stream = run.start();
    assert_eq!(told(&run.root()), Value::Null, "as long as it goes on");
    run.append(&stream, 0..3);
    stream.skip(1).expect("skipped");
    stream.finish().expect("finished");
    let told = told(&run.root());
    assert_eq!((&told["state"], &told["program"]), (&json!("complete"), &json!("Scope 2.1")));
    assert_eq!(told["frames"], json!({"declared": 4, "received": 3, "written": 3, "skipped": 1, "dropped": 0}));
    for (name, seconds) in told["seconds"].as_object().expect("an object") {
        assert!(seconds.as_f64().is_some_and(|seconds| (0.0..600.0).contains(&seconds)), "{name}: {seconds}");
    }
    for time in ["started", "ended"] {
        assert!(told[time].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')), "{told}");
    }
    assert_eq!((told.get("failure"), told.get("wells_not_reached")), (None, None));
}

#[test]
fn a_run_that_ended_early_is_aborted_unless_unbounded() {
    for (dimensions, state, declared) in
        [("t:9,y:16,x:16", "aborted", json!(9)), ("t:inf,y:16,x:16", "complete", Value::Null)]
    {
        let run = Acquisition::new(dimensions);
        let stream = run.start();
        run.append(&stream, 0..2);
        drop(stream);
        let told = told(&run.root());
        assert_eq!((&told["state"], &told["frames"]["declared"]), (&json!(state), &declared));
        assert_eq!((&told["frames"]["received"], &told["frames"]["written"]), (&json!(2), &json!(2)));
    }
}

#[test]
fn a_failed_run_tells_the_first_failure() {
    let run = Acquisition::new("t:9,y:16,x:16");
    // The third frame's chunk and those behind it.
    let disk = disk::faulty(|operation| {
        let chunk =
            |path: &Path| path.to_string_lossy().replace('\\', "/").split_once("/0/c/").map(|(_, key)| key.to_owned());
        let fails = match operation {
            Operation::Write(path, ..) => {
                chunk(path).is_some_and(|key| !key.starts_with("0/") && !key.starts_with("1/"))
            }
            _ => false,
        };
        Fault { errno: fails.then_some(28), ..Fault::default() }
    });
    let stream = run.start_on(disk);
    for number in 0..9 {
        if stream.append(&run.frame(number)).is_err() {
            break;
        }
    }
    let error = stream.finish().expect_err("it failed");
    let told = told(&run.root());
    assert_eq!(told["state"], "aborted");
    let failure = told["failure"].as_str().expect("told");
    assert!(error.to_string().starts_with(failure.trim_end_matches("...")), "{failure}: {error}");
    let written = told["frames"]["written"].as_u64().expect("a number");
    assert!(written <= 2, "{told}");
}

#[test]
fn wells_that_no_frame_came_to_are_named() {
    let fields = [field(("B", "3"), "0"), field(("A", "2"), "0"), field(("A", "2"), "1"), field(("A", "1"), "0")];
    let wells = || Plate::from_standard_wells(6).expect("a standard size");
    // One well after the other, and all of them in turn.
    for (dimensions, frames, expected) in [
        ("p:4,t:2,y:16,x:16", 3, json!(["A/1"])),
        ("p:4,t:2,y:16,x:16", 2, json!(["A/1", "A/2"])),
        ("p:4,t:2,y:16,x:16", 0, json!(["A/1", "A/2", "B/3"])),
        ("t:2,p:4,y:16,x:16", 3, json!(["A/1"])),
        ("t:2,p:4,y:16,x:16", 5, Value::Null),
    ] {
        let run = Acquisition::of(Case::new("run", dimensions).plate(wells(), &fields));
        let stream = run.start();
        run.append(&stream, 0..frames);
        stream.finish().expect("finished");
        let told = told(&run.root());
        assert_eq!(told["wells_not_reached"], expected, "{dimensions}, {frames} frames");
        assert_eq!(told["state"], "aborted");
        for place in ["B/3/0/0", "A/2/0/0", "A/2/1/0", "A/1/0/0"] {
            assert!(run.root().join(place).join("zarr.json").is_file(), "{place} stays");
        }
    }
}

#[test]
fn a_run_that_goes_on_takes_back_how_it_ended() {
    let run = Acquisition::new("t:9,p:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..4);
    stream.skip(2).expect("skipped");
    stream.finish().expect("finished");
    assert_eq!(told(&run.root())["state"], "aborted");
    // What others wrote into the document stays.
    let path = run.root().join("zarr.json");
    let text =
        fs::read_to_string(&path).expect("readable").replacen("\"attributes\": {", "\"attributes\": {\"a\": NaN,", 1);
    fs::write(&path, &text).expect("written");
    let stream = Stream::create(&resuming(run.settings()), &*native()).expect("continued");
    let text = fs::read_to_string(&path).expect("readable");
    assert!(text.contains("\"a\": NaN,") && text.contains("\"run\": null"), "{text}");
    run.append(&stream, 6..18);
    stream.finish().expect("finished");
    let text = fs::read_to_string(&path).expect("readable").replacen("\"a\": NaN,", "", 1);
    let told = serde_json::from_str::<Value>(&text).expect("JSON")["attributes"]["ome_stream"]["run"].clone();
    assert_eq!(told["state"], "complete");
    assert_eq!(told["frames"], json!({"declared": 18, "received": 16, "written": 16, "skipped": 2, "dropped": 0}));
}

#[test]
fn a_disk_that_takes_no_word_of_the_end_is_told() {
    let run = Acquisition::new("t:2,p:2,y:16,x:16");
    let root = run.root().join("zarr.json");
    let fails = root.clone();
    let disk = disk::faulty(move |operation| {
        let replaced = matches!(operation, Operation::Rename(_, to, _) if *to == fails);
        Fault { errno: replaced.then_some(28), ..Fault::default() }
    });
    let stream = run.start_on(disk);
    run.append(&stream, 0..4);
    let before = fs::read(&root).expect("readable");
    let error = stream.finish().expect_err("it could not be told").to_string();
    assert!(error.contains("zarr.json"), "{error}");
    assert_eq!(fs::read(&root).expect("readable"), before, "no half of a document");
}

#[test]
fn a_frame_that_was_filled_in_is_missing_no_more() {
    let run = Acquisition::new("t:4,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..1);
    stream.skip(3).expect("skipped");
    stream.write_at(0, &[2], &run.frame(2)).expect("filled");
    stream.finish().expect("finished");
    let frames = told(&run.root())["frames"].clone();
    assert_eq!(frames, json!({"declared": 4, "received": 2, "written": 2, "skipped": 2, "dropped": 0}));
}

/// A disk on which the nth rename to a file of this name, and all after it or that one alone, fails.
fn refusing(run: &Acquisition, name: &str, which: impl Fn(u64) -> bool + Send + Sync + 'static) -> Stream {
    let target = run.root().join(name);
    let count = AtomicU64::new(0);
    run.start_on(disk::faulty(move |operation| {
        let meant = matches!(operation, Operation::Rename(_, to, _) if *to == target);
        let refused = meant && which(count.fetch_add(1, Ordering::SeqCst));
        Fault { errno: refused.then_some(28), ..Fault::default() }
    }))
}

#[test]
fn side_files_that_fail_are_told_as_finish_tells_them() {
    // The last look at the record comes before the end is told; the first is that of `create`.
    for (which, fails) in [(1..2, false), (1..u64::MAX, true)] {
        let run = Acquisition::new("t:2,y:16,x:16");
        let stream = refusing(&run, ".ome-stream/run/progress.json", move |nth| which.contains(&nth));
        run.append(&stream, 0..2);
        assert_eq!(stream.finish().is_err(), fails);
        let told = told(&run.root());
        assert_eq!(told["state"], if fails { "aborted" } else { "complete" }, "{told}");
        assert_eq!(told.get("failure").is_some(), fails, "{told}");
    }
}
