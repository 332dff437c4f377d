//! A run that the host gives up: what was written is there, what was not is listed, and the store says so.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use ome_stream::platform::native_source;
use ome_stream::recover::{self, Options};
use ome_stream::settings::{Codec, Compression};
use ome_stream::store::missing::{self, Why};
use ome_stream::stream::{FrameState, Summary};
use ome_stream::{Settings, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::{self, Gate};
use ome_stream_tests::{check, levels, model, pixels, read, run};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::{cut, failed, holds, property, resuming};

/// Frames that the store lists as lost.
fn lost(root: &Path) -> BTreeSet<u64> {
    let listed = missing::read(&*native_source(), root).expect("readable").unwrap_or_default();
    let lost = listed.stretches.iter().filter(|stretch| stretch.why == Why::Lost);
    lost.flat_map(|stretch| stretch.first..=stretch.last).collect()
}

/// How far the store says that it has come.
fn come(root: &Path) -> u64 {
    let text = std::fs::read(root.join(".ome-stream/run/progress.json")).expect("the record");
    serde_json::from_slice::<Value>(&text).expect("JSON")["frames"].as_u64().expect("a number")
}

fn told(root: &Path) -> Value {
    let text = std::fs::read(root.join("zarr.json")).expect("readable");
    serde_json::from_slice::<Value>(&text).expect("JSON")["attributes"]["ome_stream"]["run"].clone()
}

/// What the host did as the store has it: frames that were lost are as good as skipped.
fn kept(case: &Case, come: u64, lost: &BTreeSet<u64>) -> Case {
    let (before, _, _) = cut(case, come.min(case.consumed()));
    let before = if come >= case.consumed() { cut_all(case) } else { before };
    let steps = (0_u64..).zip(&before.script);
    let script: Vec<Step> = steps.map(|(nth, step)| if lost.contains(&nth) { Step::Skip(1) } else { *step }).collect();
    case.clone().script(&script)
}

/// Frame by frame.
fn cut_all(case: &Case) -> Case {
    cut(case, case.consumed()).0
}

/// Whether full resolution holds the frames of `case`, of which so many were `given` in all. Of those that were lost a
/// part may be there: each pixel is right or fill value.
fn holds_full(case: &Case, given: u64, lost: &BTreeSet<u64>, stream: &Stream) -> Result<(), TestCaseError> {
    let all = case.clone().script(&[Step::Append(given)]);
    let item = case.settings.dtype.size();
    for ((position, image), whole) in model::images(case).iter().enumerate().zip(model::images(&all)) {
        let found = read::zarrs(&stream.plan().array_path(position, 0)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&found.shape, &image.shape, "position {}", position);
        let (rows, columns) = case.frame();
        let bytes = (rows * columns) as usize * item;
        let right = image.bytes(case);
        let axes = image.shape.len() - 2;
        for (nth, got) in found.bytes.chunks(bytes).enumerate() {
            // The same place where all that was given has come.
            let index = check::unravel(nth as u64, &image.shape[..axes]);
            let flat = index.iter().zip(&whole.shape).fold(0, |flat, (at, extent)| flat * extent + at);
            let number = whole.frames[flat as usize];
            let partly = number.filter(|number| lost.contains(number));
            let full = partly.map(|number| pixels::frame(case.settings.dtype, number, rows, columns));
            let full = full.as_deref().unwrap_or(&right[nth * bytes..(nth + 1) * bytes]);
            let planes = got.chunks(item).zip(right[nth * bytes..].chunks(item)).zip(full.chunks(item));
            let wrong = planes.filter(|((got, right), full)| got != right && got != full).count();
            prop_assert_eq!(wrong, 0, "position {}, plane {}: frame {:?}", position, nth, number);
        }
    }
    Ok(())
}

#[test]
fn what_waits_is_let_go_and_only_what_is_being_written_is_waited_for() {
    let_go(false);
}

#[test]
fn a_finish_that_is_under_way_becomes_an_abort() {
    let_go(true);
}

fn let_go(finishes: bool) {
    let run = Acquisition::new("t:inf,y:256,x:128").with_little_memory();
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut taken = 0;
    while stream.try_append(&run.frame(taken), None).is_ok() {
        taken += 1;
    }
    assert!(taken > 4, "{taken} frames fit");
    let summary = std::thread::scope(|scope| {
        // One waits for room, one for its turn, one for a frame, and perhaps one for the end.
        let appends = [0; 2].map(|_| scope.spawn(|| stream.append(&run.frame(taken))));
        let wait = scope.spawn(|| stream.wait(taken, FrameState::Written, None));
        let finish = finishes.then(|| scope.spawn(|| stream.finish()));
        std::thread::sleep(Duration::from_millis(50));
        let abort = scope.spawn(|| stream.abort());
        for append in appends {
            let code = append.join().expect("no panic").expect_err("let go").code();
            // Who came behind `finish` has been told that nothing more is taken.
            assert!(code == 24 || finishes && code == 10, "{code}");
        }
        let waited = wait.join().expect("no panic").expect_err("let go").code();
        assert_eq!(waited, 24);
        assert!(!abort.is_finished(), "the worker is in the middle of a frame");
        gate.open();
        if let Some(finish) = finish {
            assert_eq!(finish.join().expect("no panic").expect_err("it became an abort").code(), 24);
        }
        abort.join().expect("no panic").expect("what was written is whole")
    });
    // One worker: it had one frame.
    assert_eq!((summary.frames, summary.lost, summary.aborted), (1, taken - 1, true));
    assert_eq!(summary.shapes, [[1, 256, 128]]);
    run.assert_holds(&[Step::Append(1)]);
    let status = stream.status();
    assert_eq!((status.accepted, status.written, status.lost, status.aborted), (taken, 1, taken - 1, true));
    assert_eq!(status.bytes_in_flight, 0, "nothing is kept");
    for error in [
        stream.finish().expect_err("not all is there"),
        stream.append(&run.frame(0)).expect_err("it is over"),
        stream.try_append(&run.frame(0), None).expect_err("it is over"),
        stream.skip(1).expect_err("it is over"),
        stream.set_metadata("a", "{}").expect_err("it is over"),
        stream.write_at(0, &[0], &run.frame(0)).expect_err("it is over"),
        stream.wait(1, FrameState::Written, None).expect_err("it never comes"),
    ] {
        assert_eq!(error.code(), 24, "{error}");
    }
    stream.wait(0, FrameState::Readable, None).expect("it was written");
    assert_eq!(stream.abort().expect("the same answer"), summary);
}

#[test]
fn the_store_says_that_it_was_given_up() {
    let run = Acquisition::new("t:40,y:256,x:128").with_little_memory();
    let run = run.with(|settings| settings.memory_limit = 4 << 20);
    let stream = run.start_on(disk::slow(Duration::from_millis(50)));
    for number in 0..30 {
        stream.append_with(&run.frame(number), &format!("{{\"sent\":{number}}}")).expect("taken");
    }
    stream.skip(2).expect("skipped");
    let start = Instant::now();
    let summary = stream.abort().expect("what was written is whole");
    assert!(start.elapsed() < Duration::from_secs(1), "it did not wait for {} frames", summary.lost);
    assert!(summary.lost > 15 && summary.frames + summary.lost == 30, "{summary:?}");
    let (root, end) = (run.root(), summary.frames);
    let told = told(&root);
    assert_eq!((&told["state"], &told["given_up"], &told.get("failure")), (&json!("aborted"), &json!(true), &None));
    let frames =
        json!({"declared": 40, "received": 30, "written": end, "skipped": 2, "dropped": 0, "lost": summary.lost});
    assert_eq!(told["frames"], frames);
    assert_eq!((come(&root), lost(&root)), (end, (end..30).collect()));
    run.assert_holds(&[Step::Append(end)]);
    let lines = std::fs::read_to_string(root.join("frame_metadata.jsonl")).expect("there");
    assert_eq!(lines.lines().count() as u64, end, "of frames that are there");
    let report = recover::recover(&root, &Options::default()).expect("looked at");
    assert!(!report.interrupted && report.findings.is_empty(), "{report:?}");
    // It goes on where it ended, and then nothing is lost.
    let stream = Stream::create(&resuming(run.settings()), &*native()).expect("continued");
    assert_eq!(stream.status().accepted, end);
    run.append(&stream, end..40);
    stream.finish().expect("finished");
    run.assert_holds(&[Step::Append(40)]);
    assert_eq!(lost(&root), BTreeSet::new());
}

#[test]
fn a_run_of_which_all_is_there_is_not_given_up() {
    let run = Acquisition::new("t:3,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..3);
    stream.wait(2, FrameState::Written, None).expect("written");
    let summary = stream.abort().expect("all is there");
    assert_eq!((summary.aborted, summary.lost, summary.frames), (false, 0, 3));
    assert_eq!(stream.finish().expect("the same answer"), summary);
    assert_eq!(told(&run.root())["state"], "complete");

    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..3);
    let summary = stream.finish().expect("all is there");
    assert_eq!(stream.abort().expect("too late"), summary);

    // Without end, and without a frame, it is.
    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    let summary = stream.abort().expect("nothing was to be written");
    assert_eq!((summary.aborted, summary.lost, summary.frames), (true, 0, 0));
    assert_eq!((&told(&run.root())["state"], &told(&run.root())["given_up"]), (&json!("aborted"), &json!(true)));
    drop(stream);
}

#[test]
fn a_failure_is_told_rather_than_the_abort() {
    let run = Acquisition::new("t:inf,y:64,x:64");
    let stream = run.start_on(disk::failing(0, rustix::io::Errno::IO, disk::writes_pixels));
    let _ = run.append_until_refused(&stream);
    assert_eq!(stream.abort().expect_err("the disk failed").code(), 11);
    assert_eq!(stream.finish().expect_err("the disk failed").code(), 11);
}

/// Gives a case up somewhere on a disk that is slow, looks at what is there, and goes on.
fn give_up(case: &Case, at: u64) -> Result<Summary, TestCaseError> {
    let folder = tempfile::tempdir()?;
    let (first, _, at) = cut(case, at);
    let settings = Settings { live_interval: 0.05, ..case.settings_in(folder.path()) };
    let slow = disk::slow(Duration::from_millis(2));
    let stream = Stream::create_on(&settings, &*native(), slow).map_err(failed)?;
    run::play(&first, &stream, 0).map_err(failed)?;
    let summary = stream.abort().map_err(failed)?;
    let root = stream.plan().root().to_path_buf();
    let (came, gone) = (come(&root), lost(&root));
    prop_assert!(came <= at && gone.len() as u64 == summary.lost, "{} of {}: {:?}", came, at, gone);
    prop_assert!(gone.range(at..).next().is_none());
    let there = kept(case, came, &gone);
    holds_full(&there, at, &gone, &stream)?;
    if summary.aborted {
        prop_assert_eq!(stream.finish().expect_err("given up").code(), 24);
    }
    drop(stream);
    let report = recover::recover(&root, &Options::default()).map_err(failed)?;
    prop_assert!(!report.interrupted && report.findings.is_empty(), "{:?}\n{:?}", report, case);
    // Levels that lag behind are made whole by the run that goes on.
    let stream = Stream::create(&resuming(settings), &*native()).map_err(failed)?;
    prop_assert_eq!(stream.status().accepted, came);
    let all = cut_all(case);
    let rest = case.clone().script(&all.script[came as usize..]);
    run::play(&rest, &stream, came).map_err(failed)?;
    stream.finish().map_err(failed)?;
    let gone: BTreeSet<u64> = gone.range(..came).copied().collect();
    let whole = kept(case, case.consumed(), &gone);
    holds_full(&whole, case.consumed(), &gone, &stream)?;
    if gone.is_empty() {
        holds(&whole, &stream)?;
    }
    Ok(summary)
}

#[test]
fn what_is_given_up_anywhere_is_readable_and_goes_on() {
    let lost = std::cell::Cell::new(0);
    property(|case, at| {
        lost.set(lost.get() + give_up(&case, at)?.lost);
        Ok(())
    });
    assert!(lost.get() > 0, "some frames were lost");
}

#[test]
fn positions_shards_codecs_and_levels_are_given_up_alike() {
    for (dimensions, compression, pyramid) in [
        ("t:inf,p:3,y:64,x:64", Compression::default(), None),
        ("t:inf:2:4,p:2,y:64:32:2,x:64:32:2", Compression::default(), None),
        ("t:30:3,y:64:32:1,x:64:32:1", Compression::new(Codec::Zstd), None),
        ("t:inf:4,z:4,y:64,x:64", Compression::default(), Some(json!({"levels": 3, "factors": {"z": 2}}))),
        ("t:10,p:2,z:4:2,y:64:32,x:64:32", Compression::new(Codec::Zstd), Some(json!({"levels": 2}))),
    ] {
        let case = Case::new("given-up", dimensions).compression(compression);
        let case = pyramid.map_or(case.clone(), |pyramid| case.pyramid(pyramid));
        let case = case.with(|settings| settings.threads = Some(2));
        let summary = give_up(&case, 25).expect(dimensions);
        assert!(summary.aborted && summary.lost > 0, "{dimensions}: {summary:?}");
    }
}

#[test]
fn each_engine_gives_up_in_its_own_way() {
    for engine in ome_stream_backends::list().iter().filter(|engine| engine.is_available()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let case = Case::new("engine", "t:inf:1:2,y:512:256:2,x:512:256:2");
        let backend = ome_stream_backends::open(engine.name).expect("it is available");
        let slow = disk::slow(Duration::from_millis(30));
        let stream = Stream::create_on(&case.settings_in(folder.path()), &*backend, slow).expect("made");
        let given = case.clone().script(&[Step::Append(24)]);
        run::play(&given, &stream, 0).expect("taken");
        let summary = stream.abort().expect(engine.name);
        let root = stream.plan().root().to_path_buf();
        let (came, gone) = (come(&root), lost(&root));
        assert!(summary.aborted && summary.frames + summary.lost == 24, "{}: {summary:?}", engine.name);
        assert_eq!(
            (summary.lost, told(&root)["given_up"].clone()),
            (gone.len() as u64, json!(true)),
            "{}",
            engine.name
        );
        holds_full(&kept(&given, came, &gone), 24, &gone, &stream).expect(engine.name);
        assert_eq!(stream.finish().expect_err("given up").code(), 24, "{}", engine.name);
    }
}

#[test]
fn levels_that_lag_behind_are_told_and_made() {
    let case = Case::new("levels", "t:inf,y:128,x:128").pyramid(json!({"levels": 3}));
    let run = Acquisition::of(case).with(|settings| settings.threads = Some(2));
    let stream = run.start_on(disk::slow(Duration::from_millis(100)));
    run.append(&stream, 0..30);
    stream.wait(3, FrameState::Written, Some(Duration::from_secs(60))).expect("written");
    let summary = stream.abort().expect("what was written is whole");
    assert!(summary.lost > 3 && summary.frames > 3, "{summary:?}");
    let root = run.root();
    drop(stream);
    ome_stream::stream::complete_levels(&root, &*native(), &ome_stream::platform::native()).expect("made");
    let (came, gone) = (come(&root), lost(&root));
    let there = kept(&run.case.clone().script(&[Step::Append(30)]), came, &gone);
    let image = &model::images(&there)[0];
    for (level, expected) in levels::levels(&there, image).iter().enumerate() {
        let found = read::zarrs(&root.join(level.to_string())).expect("readable");
        assert_eq!((&found.shape, found.bytes == expected.bytes(&there)), (&expected.shape, true), "level {level}");
    }
}
