//! What is known of single frames: typed members of their metadata, the times at which they were accepted, the step of
//! time that follows from them, and what OME-XML says of it.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ome_stream::ngff::found;
use ome_stream::ngff::frame_metadata::FrameFields;
use ome_stream::plan::SourceId;
use ome_stream::recover::{Options, recover};
use ome_stream::settings::{Coord, Dimension, NgffVersion, Position, StorageOrder, WhenFull};
use ome_stream::{Error, Stream, platform, shown};
use ome_stream_tests::case::{Case, field, plate};
use ome_stream_tests::{disk, sources};
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;
use crate::interrupted::{freezing, kill};

const ALL: [NgffVersion; 3] = [NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6];

/// Attributes of a group, NGFF's own in the first and the others in the second.
fn attributes(run: &Acquisition, root: &Path, path: &str) -> (Value, Value) {
    let zarr = run.case.zarr();
    let text = fs::read(root.join(path).join(zarr.attributes_file())).expect("there");
    let document: Value = serde_json::from_slice(&text).expect("JSON");
    let all = zarr.attributes_at().iter().fold(&document, |inside, name| &inside[*name]).clone();
    (all.get("ome").cloned().unwrap_or_else(|| all.clone()), all)
}

/// The time axis of an image: its unit and its step.
fn time(run: &Acquisition, root: &Path, path: &str) -> (Option<String>, f64) {
    let time = found::time(&attributes(run, root, path).0["multiscales"][0]).expect("a time axis");
    (time.unit, time.scale)
}

/// A case whose settings say nothing of time but how many points there are: those of the grammar are in seconds.
fn case(dimensions: &str) -> Case {
    Case::new("run", dimensions).dimension("t", |t| Dimension { unit: None, ..t })
}

fn lines(group: &Path) -> Vec<Value> {
    let text = fs::read_to_string(group.join("frame_metadata.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn xml(root: &Path) -> String {
    fs::read_to_string(root.join("OME/METADATA.ome.xml")).expect("there")
}

/// Appends frames with a time, `step` seconds from one number to the next.
fn append(run: &Acquisition, stream: &Stream, frames: std::ops::Range<u64>, step: f64) {
    for number in frames {
        let fields = FrameFields { delta_t: Some(number as f64 * step), ..FrameFields::default() };
        assert_eq!(stream.append_with_fields(&run.frame(number), &fields).expect("taken"), number);
    }
}

const SECOND: Option<&str> = Some("second");

#[track_caller]
fn assert_time(run: &Acquisition, path: &str, unit: Option<&str>, step: f64) {
    let (found, scale) = time(run, &run.root(), path);
    assert!(scale > 0.0, "never 0");
    assert_eq!((found.as_deref(), scale), (unit, step), "{path}");
}

#[test]
fn a_typed_member_that_is_no_number_is_refused() {
    let run = Acquisition::of(case("t:4,y:16,x:16"));
    let stream = run.start();
    for (metadata, says) in [
        (r#"{"delta_t": "0.5 s"}"#, "`delta_t` is \"0.5 s\""),
        (r#"{"exposure_time": -0.01}"#, "`exposure_time` is -0.01"),
        (r#"{"position_z": "null"}"#, "leave it out"),
        (r#"{"a": 1, "position_y": [1, 2]}"#, "micrometers"),
    ] {
        for error in [
            stream.append_with(&run.frame(0), metadata).expect_err("refused"),
            stream.try_append(&run.frame(0), Some(metadata)).expect_err("refused"),
        ] {
            assert!(matches!(&error, Error::InvalidMetadata { .. }) && error.to_string().contains(says), "{error}");
        }
    }
    let fields = FrameFields { exposure_time: Some(f64::NAN), ..FrameFields::default() };
    assert_eq!(stream.append_with_fields(&run.frame(0), &fields).expect_err("refused").code(), 12);
    let fields = FrameFields { exposure_time: Some(0.0), ..FrameFields::default() }.with("gain", 2);
    assert_eq!(stream.append_with_fields(&run.frame(0), &fields).expect("taken"), 0, "no number was used");
    run.append(&stream, 1..4);
    stream.finish().expect("a refusal is no failure");
    let [line] = lines(&run.root()).try_into().expect("one");
    assert_eq!((&line["exposure_time"], &line["gain"], &line["frame"]), (&json!(0.0), &json!(2), &json!(0)));
}

#[test]
fn each_line_tells_when_its_frame_was_accepted() {
    let now = || shown::utc_micros(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970"));
    // Both clocks are read one after the other when the run begins.
    let run = Acquisition::of(case("t:inf:4,p:2,y:16,x:16")).with(|settings| settings.frame_times = Some(true));
    let stream = run.start();
    let before = now();
    for number in 0..9 {
        let done = match number {
            3 => stream.skip(1),
            n if n % 2 == 0 => stream.append_with(&run.frame(n), r#"{"a": 1}"#),
            n => stream.append(&run.frame(n)),
        };
        done.expect("taken");
        sleep(Duration::from_millis(2));
    }
    stream.append_with(&run.frame(9), r#"{"accepted": "by the host"}"#).expect("taken");
    stream.finish().expect("all well");
    let mut all: Vec<Value> = ["0", "1"].iter().flat_map(|path| lines(&run.root().join(path))).collect();
    all.sort_by_key(|line| line["frame"].as_u64());
    let frames: Vec<u64> = all.iter().filter_map(|line| line["frame"].as_u64()).collect();
    assert_eq!(frames, [0, 1, 2, 4, 5, 6, 7, 8, 9], "none of the frame that was skipped");
    assert_eq!(all.pop().expect("the last")["accepted"], "by the host");
    let times: Vec<&str> = all.iter().map(|line| line["accepted"].as_str().expect("a time")).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.len() == 27), "{times:?}");
    // A millisecond for what lies between the two readings.
    assert!(times[0] >= &before[..22] && times[7] <= now().as_str(), "{before} {times:?}");
    let mirror = |path: &str| attributes(&run, &run.root(), path).1["ome_writers"].clone();
    assert_eq!(mirror("0")["frame_metadata"][0], json!({"a": 1, "storage_index": [0], "accepted": times[0]}));
    // Of no other frame of it anything else is told.
    assert_eq!(mirror("1")["frame_metadata_count"], 4);
}

#[test]
fn without_frame_times_bare_frames_have_no_line() {
    let run = Acquisition::of(case("t:4,y:16,x:16"));
    let stream = run.start();
    run.append(&stream, 0..3);
    stream.append_with(&run.frame(3), "{}").expect("taken");
    stream.finish().expect("all well");
    let [line] = lines(&run.root()).try_into().expect("one");
    assert!(line["accepted"].is_string(), "{line}");
    // These times are kept, and nobody asked for a step of them.
    assert_time(&run, "", None, 1.0);
}

#[test]
fn the_step_of_time_follows_from_the_hosts_times() {
    for version in ALL {
        for (dimensions, frames, step) in [
            ("t:inf,c:2,y:16,x:16", 7, 1.0),
            ("c:2,t:5,y:16,x:16", 10, 0.5),
            ("t:5,p:2,c:2,y:16,x:16", 20, 2.0),
            ("p:3,t:4,z:2,y:16,x:16", 12, 1.0),
            // It ends early, and some positions have none.
            ("p:3,t:4,y:16,x:16", 3, 0.5),
        ] {
            let run = Acquisition::of(case(dimensions).version(version));
            let stream = run.start();
            append(&run, &stream, 0..frames, 0.5);
            stream.finish().expect("all well");
            let positions = stream.plan().positions();
            for position in positions {
                assert_time(&run, &position.path, SECOND, step);
            }
            if positions.len() > 1 {
                assert!(xml(&run.root()).contains(&format!("TimeIncrement=\"{step}\" TimeIncrementUnit=\"s\"")));
            }
        }
    }
}

#[test]
fn a_transposed_order_gaps_and_dropped_frames_change_no_step() {
    let case = self::case("p:2,z:2,t:6,c:2,y:16,x:16").order(StorageOrder::Ome);
    let run = Acquisition::of(case);
    let stream = run.start();
    append(&run, &stream, 0..2, 0.25);
    stream.skip(3).expect("some are left");
    append(&run, &stream, 5..30, 0.25);
    stream.finish().expect("all well");
    assert_time(&run, "0", SECOND, 0.5);
    assert_time(&run, "1", SECOND, 0.5);
    let planes = xml(&run.root());
    assert_eq!(planes.matches("<Plane ").count(), 27, "{planes}");
    // Frame 5 is z 0, t 2, c 1 of the first position; frames 2 to 4 have none.
    assert!(planes.contains("<Plane TheZ=\"0\" TheT=\"2\" TheC=\"1\" DeltaT=\"1.25\" DeltaTUnit=\"s\"/>"));
    assert!(!planes.contains("DeltaT=\"0.5\"") && !planes.contains("DeltaT=\"1\""));
}

#[test]
fn acceptance_gives_the_step_where_the_host_does_not() {
    let run = Acquisition::of(case("t:inf,c:2,y:16,x:16")).with(|settings| settings.frame_times = Some(true));
    let stream = run.start();
    let began = Instant::now();
    for number in 0..10 {
        stream.append(&run.frame(number)).expect("taken");
        sleep(Duration::from_millis(5));
    }
    let all = began.elapsed().as_secs_f64();
    stream.finish().expect("all well");
    let (unit, step) = time(&run, &run.root(), "");
    assert_eq!(unit.as_deref(), SECOND);
    assert!((0.01..all).contains(&step), "{step} of {all}");
    // What the host tells comes first.
    let run = Acquisition::of(case("t:inf,y:16,x:16")).with(|settings| settings.frame_times = Some(true));
    let stream = run.start();
    append(&run, &stream, 0..3, 100.0);
    stream.finish().expect("all well");
    assert_time(&run, "", SECOND, 100.0);
}

#[test]
fn a_step_that_is_not_known_is_not_made_up() {
    let run = Acquisition::of(case("t:4,y:16,x:16"));
    let stream = run.start();
    append(&run, &stream, 0..1, 1.0);
    run.append(&stream, 1..4);
    stream.finish().expect("all well");
    assert_time(&run, "", None, 1.0);
    // All at once, and backwards.
    for step in [0.0, -1.0] {
        let run = Acquisition::of(case("t:4,y:16,x:16"));
        let stream = run.start();
        append(&run, &stream, 0..4, step);
        stream.finish().expect("all well");
        assert_time(&run, "", None, 1.0);
    }
}

#[test]
fn what_the_settings_say_of_time_stays() {
    for (scale, unit, translation, expected) in [
        (Some(3.0), None, None, (None, 3.0)),
        (Some(1.0), Some("minute"), None, (Some("minute"), 1.0)),
        // A unit alone is kept, and the step told in it.
        (None, Some("millisecond"), None, (Some("millisecond"), 500.0)),
        (None, Some("minute"), Some(2.0), (Some("minute"), 0.5 / 60.0)),
        (None, None, Some(2.0), (None, 1.0)),
    ] {
        let run = Acquisition::of(case("t:4,y:16,x:16")).with(|settings| {
            let t = &mut settings.dimensions[0];
            (t.scale, t.unit, t.translation) = (scale, unit.map(str::to_owned), translation);
        });
        let stream = run.start();
        append(&run, &stream, 0..4, 0.5);
        stream.finish().expect("all well");
        assert_time(&run, "", expected.0, expected.1);
    }
    let run = Acquisition::of(case("z:4,y:16,x:16"));
    let stream = run.start();
    append(&run, &stream, 0..4, 0.5);
    stream.finish().expect("an image without time");
}

#[test]
fn fields_of_a_plate_and_levels_share_a_step() {
    let case = self::case("t:3,p:2,y:16,x:16");
    let run =
        Acquisition::of(case.plate(plate(&["A"], &["1", "2"]), &[field(("A", "1"), "0"), field(("A", "2"), "0")]));
    let stream = run.start();
    append(&run, &stream, 0..6, 1.5);
    stream.finish().expect("all well");
    assert_time(&run, "A/1/0", SECOND, 3.0);
    assert_time(&run, "A/2/0", SECOND, 3.0);
    assert!(!run.root().join("OME").exists(), "a plate has no OME-XML");
}

#[test]
fn tiles_of_a_scene_keep_their_axes_alike() {
    let case = self::case("t:inf,p:2,y:16,x:16").version(NgffVersion::V0_6);
    let at = |name: &str, x| Coord::Position(Position { x_coord: Some(x), ..Position::new(name) });
    let case = case.dimension("p", |p| p.with_coords([at("a", 0.0), at("b", 100.0)]));
    let run = Acquisition::of(case);
    let stream = run.start();
    // The second tile has one frame.
    append(&run, &stream, 0..2, 0.5);
    stream.finish().expect("all well");
    let unit = |root: Value| root["scene"]["coordinateSystems"][0]["axes"][0]["unit"].clone();
    assert_eq!(unit(attributes(&run, &run.root(), "").0), Value::Null);
    let stream = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
    append(&run, &stream, 2..6, 0.5);
    stream.finish().expect("all well");
    for path in ["a", "b"] {
        assert_time(&run, path, SECOND, 1.0);
    }
    let root = attributes(&run, &run.root(), "").0;
    assert_eq!(unit(root.clone()), "second");
    assert_eq!(root["scene"]["coordinateTransformations"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_run_that_goes_on_gives_a_step_where_there_is_none() {
    for (version, unit) in ALL.into_iter().flat_map(|version| [(version, None), (version, SECOND)]) {
        let dimensions = case("t:inf,p:2,c:2,y:16,x:16");
        let run = Acquisition::of(dimensions.version(version))
            .with(|settings| settings.dimensions[0].unit = unit.map(str::to_owned));
        let stream = run.start();
        append(&run, &stream, 0..4, 9.0);
        stream.finish().expect("all well");
        assert_time(&run, "1", unit, 1.0);
        // Its own frames count, whatever lies between the runs.
        let stream = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
        append(&run, &stream, 4..12, 0.5);
        stream.finish().expect("all well");
        assert_time(&run, "0", SECOND, 2.0);
        assert_time(&run, "1", SECOND, 2.0);
        // Now there is one, and what follows from other frames is not written over it.
        let stream = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
        append(&run, &stream, 12..24, 5.0);
        stream.finish().expect("all well");
        assert_time(&run, "0", SECOND, 2.0);
        let told = xml(&run.root());
        assert_eq!(told.matches("TimeIncrement=\"2\"").count(), 2, "{told}");
        assert_eq!(told.matches("<Plane ").count(), 24, "of all runs");
    }
}

#[test]
fn a_step_that_somebody_edited_stays() {
    for (unit, scale) in [(None, 4.0), (Some("minute"), 1.0), (Some("hour"), 0.5)] {
        let run = Acquisition::of(case("t:inf,p:2,y:16,x:16"));
        let stream = run.start();
        run.append(&stream, 0..2);
        stream.finish().expect("all well");
        let path = run.root().join("0/zarr.json");
        let mut document: Value = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
        let multiscale = &mut document["attributes"]["ome"]["multiscales"][0];
        multiscale["axes"][0]["unit"] = json!(unit);
        multiscale["datasets"][0]["coordinateTransformations"][0]["scale"][0] = json!(scale);
        fs::write(&path, document.to_string()).expect("written");
        let stream = Stream::create(&resuming(run.settings()), &*native()).expect("goes on");
        append(&run, &stream, 2..8, 0.5);
        stream.finish().expect("all well");
        assert_time(&run, "0", unit, scale);
        assert_time(&run, "1", SECOND, 1.0);
    }
}

#[test]
fn recover_writes_planes_and_resume_goes_on_with_them() {
    for version in ALL {
        let case = self::case("t:inf:2,p:2,y:16,x:16").version(version);
        let run = Acquisition::of(case.with(|settings| settings.live_interval = 0.05));
        let (disk, frozen) = freezing();
        let stream = run.start_on(disk);
        append(&run, &stream, 0..8, 0.5);
        disk::wait_for(|| match stream.status().written {
            8 => Ok(()),
            written => Err(format!("{written} of 8 are written")),
        })
        .expect("written");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = resuming(run.case.settings_in(folder.path()));
        let left = settings.output_path();
        kill(&stream, &frozen, &left).expect("copied");
        drop(stream);
        assert!(!xml(&left).contains("<Plane"), "as it began");
        let options = Options { apply: true, verifier: None };
        let mended = recover(&left, &options).expect("a store of ours");
        assert!(
            mended.findings.iter().any(|found| found.file == "OME/METADATA.ome.xml" && found.mended),
            "{mended:#?}"
        );
        let told = xml(&left);
        assert_eq!(told.matches("<Plane ").count(), 8, "{told}");
        assert!(told.contains("SizeT=\"4\"") && !told.contains("TimeIncrement"), "{told}");
        assert_eq!(time(&run, &left, "0"), (None, 1.0), "recover does not know");
        let again = recover(&left, &options).expect("a store of ours");
        assert!(again.findings.is_empty(), "{:#?}", again.findings);
        let stream = Stream::create(&settings, &*native()).expect("goes on");
        append(&run, &stream, 8..12, 0.5);
        stream.finish().expect("all well");
        assert_eq!(time(&run, &left, "0"), (Some("second".into()), 1.0));
        assert_eq!(xml(&left).matches("<Plane ").count(), 12);
    }
}

#[test]
fn an_interrupted_run_that_goes_on_has_all_planes() {
    let run = Acquisition::of(case("t:inf,p:2,y:16,x:16").with(|settings| settings.live_interval = 0.05));
    let (disk, frozen) = freezing();
    let stream = run.start_on(disk);
    append(&run, &stream, 0..6, 0.5);
    disk::wait_for(|| if stream.status().written == 6 { Ok(()) } else { Err("not yet".into()) }).expect("written");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = resuming(run.case.settings_in(folder.path()));
    kill(&stream, &frozen, &settings.output_path()).expect("copied");
    drop(stream);
    let stream = Stream::create(&settings, &*native()).expect("goes on");
    append(&run, &stream, 6..7, 0.5);
    stream.finish().expect("all well");
    let told = xml(&settings.output_path());
    assert_eq!(told.matches("<Plane ").count(), 7, "{told}");
    assert!(told.contains("SizeT=\"4\"") && told.contains("SizeT=\"3\""), "each of its own length: {told}");
    assert_eq!(time(&run, &settings.output_path(), "0"), (None, 1.0), "one frame of its own tells nothing");
}

#[test]
fn an_image_with_too_many_frames_has_no_planes() {
    let run = Acquisition::of(case("p:2,t:20001:1000,y:1,x:1"));
    let stream = run.start();
    for number in 0..20_004 {
        stream.append_with(&run.frame(number), &format!("{{\"delta_t\":{number}}}")).expect("taken");
    }
    stream.finish().expect("all well");
    let told = xml(&run.root());
    assert_eq!(told.matches("<Plane ").count(), 3, "those of the second image");
    let pointer = &attributes(&run, &run.root(), "0").1["ome_writers"];
    assert_eq!(pointer["frame_metadata_count"], 20_001, "told where the mirror would be");
    assert_time(&run, "0", SECOND, 1.0);
}

#[test]
fn frames_that_were_dropped_have_neither_line_nor_plane() {
    let run = Acquisition::of(case("t:inf,p:2,y:256,x:128")).with_little_memory().with(|settings| {
        settings.when_full = WhenFull::Drop;
        settings.frame_times = Some(true);
    });
    let gate = disk::Gate::default();
    let stream = run.start_on(gate.disk());
    append(&run, &stream, 0..60, 0.1);
    gate.open();
    let summary = stream.finish().expect("all well");
    assert!(summary.dropped > 0 && summary.frames > 0, "{summary:?}");
    let told: usize = ["0", "1"].iter().map(|path| lines(&run.root().join(path)).len()).sum();
    assert_eq!(told as u64, summary.frames);
    assert_eq!(xml(&run.root()).matches("<Plane ").count() as u64, summary.frames);
    assert_time(&run, "0", SECOND, 0.2);
}

#[test]
fn each_source_has_a_step_of_its_own_on_all_levels() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = native();
    let plan = sources::plan(&folder.path().join("two"), false, &engine.capabilities()).expect("valid");
    let stream = Stream::of_plan(plan, &*engine, platform::native()).expect("a stream");
    for (source, step) in [(SourceId(0), 0.5), (SourceId(1), 0.125)] {
        for number in 0..12 {
            let metadata = format!("{{\"delta_t\": {}}}", number as f64 * step);
            let frame = sources::frame(stream.plan(), source, number);
            stream.append_from(source, &frame, Some(&metadata)).expect("taken");
        }
    }
    stream.finish().expect("all well");
    // The first has two positions of two channels at each time point.
    for (image, position) in stream.plan().positions().iter().enumerate() {
        let path = stream.plan().group_path(image).join("zarr.json");
        let document: Value = serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON");
        let multiscale = &document["attributes"]["ome"]["multiscales"][0];
        let expected = if position.source == SourceId(0) { 2.0 } else { 0.125 };
        for dataset in multiscale["datasets"].as_array().expect("levels") {
            assert_eq!(dataset["coordinateTransformations"][0]["scale"][0], expected, "{}", position.path);
        }
        assert_eq!(multiscale["axes"][0]["unit"], "second");
    }
}
