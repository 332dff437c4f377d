//! Going on with a store that is there, and replacing frames in it.

use std::fs;

use ome_stream::settings::{MIN_MEMORY_LIMIT, Settings};
use ome_stream::{Error, Plan, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::{check, levels, model, pixels, random, read, run};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::acquisition::{Acquisition, native};

/// Random cases of each property.
const CASES: u32 = 60;

/// The script frame by frame, cut in two.
pub fn cut(case: &Case, at: u64) -> (Case, Case, u64) {
    let single: Vec<Step> = case
        .script
        .iter()
        .flat_map(|step| match *step {
            Step::Append(frames) => vec![Step::Append(1); frames as usize],
            Step::Skip(frames) => vec![Step::Skip(1); frames as usize],
        })
        .collect();
    let at = if single.is_empty() { 0 } else { at % (single.len() as u64 + 1) };
    let (first, second) = single.split_at(at as usize);
    (case.clone().script(first), case.clone().script(second), at)
}

pub fn resuming(mut settings: Settings) -> Settings {
    settings.resume = true;
    settings.overwrite = false;
    settings
}

/// Whether every position's arrays hold what the whole script leaves there.
pub fn holds(case: &Case, stream: &Stream) -> Result<(), TestCaseError> {
    holds_images(case, &model::images(case), stream)
}

/// Whether every position's arrays, of all levels, hold these images.
fn holds_images(case: &Case, images: &[model::Image], stream: &Stream) -> Result<(), TestCaseError> {
    for (position, image) in images.iter().enumerate() {
        for (level, expected) in (0_u32..).zip(&levels::levels(case, image)) {
            let found = read::zarrs(&stream.plan().array_path(position, level)).map_err(TestCaseError::fail)?;
            check::same_level(case, expected, &found).map_err(|wrong| {
                TestCaseError::fail(format!("position {position}, level {level}: {wrong}\n{case:?}"))
            })?;
        }
    }
    Ok(())
}

pub fn property(test: impl Fn(Case, u64) -> Result<(), TestCaseError>) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&(random::case(), any::<u64>()), |(case, at)| test(case, at));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

pub fn failed(error: impl std::fmt::Debug) -> TestCaseError {
    TestCaseError::fail(format!("{error:?}"))
}

#[test]
fn a_finished_store_goes_on_where_it_ended() {
    property(|case, at| {
        let folder = tempfile::tempdir()?;
        let (first, second, at) = cut(&case, at);
        let settings = case.settings_in(folder.path());
        let stream = Stream::create(&settings, &*native()).map_err(failed)?;
        run::play(&first, &stream, 0).map_err(failed)?;
        stream.finish().map_err(failed)?;
        let stream = Stream::create(&resuming(settings), &*native()).map_err(failed)?;
        prop_assert_eq!(stream.status().accepted, at);
        run::play(&second, &stream, at).map_err(failed)?;
        stream.finish().map_err(failed)?;
        holds(&case, &stream)
    });
}

#[test]
fn any_frame_can_be_replaced_at_any_time() {
    property(|case, at| {
        prop_assume!(case.consumed() > 0);
        let folder = tempfile::tempdir()?;
        let (first, second, cut_at) = cut(&case, at);
        let (rows, columns) = case.frame();
        let stream = Stream::create(&case.settings_in(folder.path()), &*native()).map_err(failed)?;
        run::play(&first, &stream, 0).map_err(failed)?;
        let index = stream.plan().geometry().index_dimensions();
        // Frame `n` gets the pixels of frame `n + 1000`, whether it was appended or skipped, stored or still in memory.
        let replaced: Vec<u64> = (0..cut_at).filter(|frame| (frame + at) % 3 == 0).collect();
        for frame in &replaced {
            let place = stream.plan().router().locate(*frame).ok_or_else(|| failed("no place"))?;
            let new = pixels::frame(case.settings.dtype, frame + 1000, rows, columns);
            stream.write_at(place.position, &place.index[..index], &new).map_err(failed)?;
        }
        run::play(&second, &stream, cut_at).map_err(failed)?;
        stream.finish().map_err(failed)?;
        let mut images = model::images(&case);
        for frame in &replaced {
            let place = stream.plan().router().locate(*frame).ok_or_else(|| failed("no place"))?;
            images[place.position as usize].replace(&place.index[..index], frame + 1000);
        }
        holds_images(&case, &images, &stream)
    });
}

#[test]
fn a_store_of_other_settings_is_refused() {
    let run = Acquisition::new("t:inf:2:2,y:32:16,x:32:16");
    let stream = run.start();
    run.append(&stream, 0..5);
    stream.finish().expect("all well");
    for (dimensions, compression, says) in [
        ("t:inf:4:2,y:32:16,x:32:16", "none", "chunk_shape"),
        ("t:inf:2:2,y:32:16,x:32:16", "zstd", "codecs"),
        ("t:inf:2:2,y:32:16,x:32:16", "none+crc32c", "codecs"),
        ("t:inf:2:2,y:64:16,x:32:16", "none", "shape[1]"),
        ("z:inf:2:2,y:32:16,x:32:16", "none", "axes"),
    ] {
        let mut settings = resuming(run.settings());
        settings.dimensions = ome_stream::settings::parse_dims(dimensions).expect("a grammar of ours");
        settings.compression = compression.parse().expect("a name of ours");
        let error = Stream::create(&settings, &*native()).expect_err("other settings");
        assert_eq!(error.code(), 17, "{error}");
        assert!(error.to_string().contains(says), "{error} should name {says}");
    }
    run.assert_holds(&[Step::Append(5)]);
}

#[test]
fn a_store_with_another_checksum_is_refused() {
    for codec in ["none", "blosc-lz4"] {
        let with = |text: &str| Acquisition::new("t:inf:2,y:16,x:16").with(|it| it.compression = text.parse().unwrap());
        let run = with(&format!("{codec}+crc32c"));
        let stream = run.start();
        run.append(&stream, 0..3);
        stream.finish().expect("all well");
        let other = Settings { compression: with(codec).case.settings.compression, ..resuming(run.settings()) };
        let error = Stream::create(&other, &*native()).expect_err("without a checksum");
        assert_eq!(error.code(), 17, "{error}");
        assert!(error.to_string().contains("codecs"), "{error}");
        let stream = Stream::create(&resuming(run.settings()), &*native()).expect("the same settings");
        run.append(&stream, 3..6);
        stream.finish().expect("all well");
        run.assert_holds(&[Step::Append(6)]);
    }
}

#[test]
fn resume_without_a_store_starts_one() {
    let run = Acquisition::new("t:4,y:16,x:16").with(|settings| settings.resume = true);
    let stream = run.start();
    run.append(&stream, 0..4);
    stream.finish().expect("all well");
    run.assert_holds(&[Step::Append(4)]);
    let error = run.start().append(&run.frame(4)).expect_err("the store is full");
    assert_eq!(error.code(), 8, "{error}");
}

#[test]
fn resume_and_overwrite_together_are_refused() {
    let run = Acquisition::new("t:4,y:16,x:16").with(|settings| (settings.resume, settings.overwrite) = (true, true));
    let error = run.try_start_on(ome_stream::platform::native()).expect_err("which of the two?");
    assert!(matches!(&error, Error::InvalidSettings { field, .. } if field == "resume"), "{error}");
}

#[test]
fn what_is_not_there_cannot_be_replaced() {
    let run = Acquisition::new("t:4,c:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..3);
    for (position, index, says) in
        [(0, &[1, 1][..], "3 frames"), (0, &[4, 0], "outside"), (1, &[0, 0], "outside"), (0, &[0], "[\"t\", \"c\"]")]
    {
        let error = stream.write_at(position, index, &run.frame(9)).expect_err("no such frame");
        assert_eq!(error.code(), 18, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(stream.write_at(0, &[0, 0], &[1, 2, 3]).expect_err("too short").code(), 7);
    stream.finish().expect("all well");
    assert_eq!(stream.write_at(0, &[0, 0], &run.frame(9)).expect_err("finished").code(), 10);
    run.assert_holds(&[Step::Append(3)]);
}

#[test]
fn frame_metadata_of_frames_that_come_again_are_not_kept_twice() {
    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    for frame in 0..3 {
        stream.append_with(&run.frame(frame), &format!("{{\"first\": {frame}}}")).expect("taken");
    }
    stream.finish().expect("all well");
    let jsonl = run.root().join("frame_metadata.jsonl");
    // What a killed writer may have told of a frame that nobody can see, and half a line.
    let mut text = fs::read_to_string(&jsonl).expect("three lines");
    text.push_str("{\"first\":3,\"storage_index\":[3],\"frame\":3}\n{\"first\":4,\"stor");
    fs::write(&jsonl, text).expect("written");
    let again = Stream::create(&resuming(run.settings()), &*native()).expect("continued");
    again.append_with(&run.frame(3), "{\"second\": 3}").expect("taken");
    again.finish().expect("all well");
    let text = fs::read_to_string(&jsonl).expect("four lines");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[2].contains("\"first\": 2") || lines[2].contains("\"first\":2"), "{text}");
    assert!(lines[3].contains("\"second\""), "{text}");
}

#[test]
fn frames_are_replaced_in_the_least_memory_with_levels() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = [Step::Append(24)];
    let case =
        Case::new("replaced", "t:6:3,z:4:2,y:64,x:64").pyramid(serde_json::json!({"method": "median", "levels": 3}));
    let mut settings = case.settings_in(folder.path());
    settings.threads = Some(1);
    let capabilities = native().capabilities();
    let least = Plan::new(&settings, &capabilities).expect("a plan").memory().least_bytes;
    settings.memory_limit = least.max(MIN_MEMORY_LIMIT);
    let stream = Stream::create(&settings, &*native()).expect("made");
    let (rows, columns) = case.frame();
    for number in 0..24 {
        stream.skip(1).expect("skipped");
        let place = stream.plan().router().locate(number).expect("a place");
        let frame = pixels::frame(settings.dtype, number, rows, columns);
        stream.write_at(0, &place.index[..2], &frame).expect("filled");
    }
    stream.finish().expect("finished");
    holds(&case.script(&script), &stream).expect("whole");
}

#[test]
fn skipped_planes_can_be_filled_in_later() {
    let run = Acquisition::new("t:inf,y:11:1:2,x:16");
    let stream = run.start();
    stream.skip(5).expect("unbounded");
    for frame in 0..5 {
        stream.write_at(0, &[frame], &run.frame(frame)).expect("its place is there");
    }
    stream.finish().expect("all well");
    run.assert_holds(&[Step::Append(5)]);
}

/// A finished store of five frames, with what `edit` does to the document at `path`.
fn edited(path: &str, edit: impl Fn(&mut serde_json::Value)) -> Acquisition {
    let case = Case::new("run", "t:inf:2,c:2,y:16,x:16").dimension("c", |c| c.with_coords(["a", "b"]));
    let run = Acquisition::of(case);
    let stream = run.start();
    run.append(&stream, 0..5);
    stream.set_metadata("lab", r#"{"operator": "A"}"#).expect("stored");
    stream.finish().expect("all well");
    let path = run.root().join(path);
    let mut document = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
    edit(&mut document);
    fs::write(&path, document.to_string()).expect("written");
    run
}

#[test]
fn edits_that_do_not_matter_for_going_on_are_kept() {
    use serde_json::json;
    let edits: [(&str, &str, serde_json::Value); 8] = [
        ("zarr.json", "/attributes/ome/multiscales/0/name", json!("renamed")),
        ("zarr.json", "/attributes/ome/multiscales/0/axes/2/unit", json!("nanometer")),
        ("zarr.json", "/attributes/ome/multiscales/0/datasets/0/coordinateTransformations/0/scale/3", json!(0.25)),
        ("zarr.json", "/attributes/ome/omero/channels/0/color", json!("123456")),
        ("zarr.json", "/attributes/ome/omero/channels/0/window", json!({"start": 1, "end": 2, "min": 0, "max": 9})),
        ("zarr.json", "/attributes/lab/operator", json!("B")),
        ("zarr.json", "/attributes/ome/omero/rdefs", json!({"model": "color"})),
        ("0/zarr.json", "/attributes/segmented", json!(true)),
    ];
    for (path, pointer, value) in edits {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let run = edited(path, |document| {
            let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} is not there"));
            match parent {
                serde_json::Value::Array(list) => list[name.parse::<usize>().expect("a number")] = value.clone(),
                other => other[name] = value.clone(),
            }
        });
        let stream = Stream::create(&resuming(run.settings()), &*native()).unwrap_or_else(|error| panic!("{error}"));
        stream.set_metadata("microscope", r#"{"objective": 63}"#).expect("stored");
        run.append(&stream, 5..9);
        stream.finish().expect("all well");
        run.assert_holds(&[Step::Append(9)]);
        let text = fs::read(run.root().join(path)).expect("there");
        let document: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(document.pointer(pointer), Some(&value), "{pointer} was not kept: {document:#}");
        let root: serde_json::Value =
            serde_json::from_slice(&fs::read(run.root().join("zarr.json")).expect("there")).expect("JSON");
        assert_eq!(root["attributes"]["microscope"]["objective"], 63);
    }
}

#[test]
fn a_renamed_store_with_foreign_levels_goes_on() {
    let run = edited("zarr.json", |document| {
        let datasets = &mut document["attributes"]["ome"]["multiscales"][0]["datasets"];
        let mut level = datasets[0].clone();
        level["path"] = "half".into();
        datasets.as_array_mut().expect("a list").push(level);
    });
    let mut settings = resuming(run.settings());
    settings.root_path = run.folder().join("renamed.ome.zarr").to_string_lossy().into_owned();
    fs::rename(run.root(), &settings.root_path).expect("renamed");
    let stream = Stream::create(&settings, &*native()).expect("the same store");
    run.append(&stream, 5..7);
    stream.finish().expect("all well");
    fs::rename(&settings.root_path, run.root()).expect("renamed");
    run.assert_holds(&[Step::Append(7)]);
    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(run.root().join("zarr.json")).expect("there")).expect("JSON");
    assert_eq!(root["attributes"]["ome"]["multiscales"][0]["datasets"][1]["path"], "half");
}

#[test]
fn another_order_of_acquisition_is_refused() {
    let run = Acquisition::new("t:4,c:2,z:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..5);
    stream.finish().expect("all well");
    let mut settings = resuming(run.settings());
    settings.dimensions = ome_stream::settings::parse_dims("t:4,z:2,c:2,y:16,x:16").expect("a grammar of ours");
    let error = Stream::create(&settings, &*native()).expect_err("its frames would come to the wrong places");
    assert_eq!(error.code(), 17, "{error}");
    assert!(error.to_string().contains("order"), "{error}");
}
