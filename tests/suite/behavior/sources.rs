//! Two sources of different shape, type and codec in one store, one with levels, fed by two threads: whole in memory
//! and on disk, also killed, recovered and gone on with.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ome_stream::backend::{Backend, MemoryBackend};
use ome_stream::plan::{Capabilities, SourceId, StorageUnit};
use ome_stream::recover::{Options, recover};
use ome_stream::{Plan, Stream, platform};
use ome_stream_tests::child::{Ask, Process};
use ome_stream_tests::sources::{compare, from_memory, is_skipped, plan, play, two};
use ome_stream_tests::{disk, read};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::acquisition::native;
use crate::interrupted::{freezing, kill};

const SOURCES: [SourceId; 2] = [SourceId(0), SourceId(1)];

/// Feeds both sources to their ends, a thread each.
fn feed(stream: &Stream, ends: [u64; 2]) {
    std::thread::scope(|scope| {
        for (source, end) in SOURCES.into_iter().zip(ends) {
            scope.spawn(move || {
                let from = stream.status_of(source).expect("a source of the plan").accepted;
                play(stream, source, from, end).expect("taken");
            });
        }
    });
}

fn is_there(source: SourceId, number: u64) -> bool {
    !is_skipped(source, number)
}

/// Compares the arrays of a store, read with a reader that shares no code with the writer.
fn compare_files(plan: &Plan, come: [u64; 2], is_lost: &dyn Fn(SourceId, u64) -> bool) -> Result<(), String> {
    compare(plan, &come, is_lost, &is_there, &|array, _| read::zarrs(&plan.folder_of(array)))
}

/// Frames that the store lists as missing, by source.
fn missing(root: &Path) -> [BTreeSet<u64>; 2] {
    ["missing.jsonl", "missing.1.jsonl"].map(|name| {
        let text = std::fs::read_to_string(root.join(".ome-stream/run").join(name)).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let frames = |line: serde_json::Value| Some(line["frames"][0].as_u64()?..=line["frames"][1].as_u64()?);
        lines.filter_map(frames).flatten().collect()
    })
}

#[test]
fn two_sources_and_levels_are_whole_in_memory() {
    for (unit, ends) in [
        (StorageUnit::Chunk, [61, 40]),
        (StorageUnit::Shard, [50, 11]),
        (StorageUnit::Chunk, [0, 7]),
        (StorageUnit::Shard, [3, 0]),
    ] {
        let backend = MemoryBackend::new(unit, false);
        let plan = plan("a".as_ref(), false, &backend.capabilities()).expect("a plan");
        let folder = tempfile::tempdir().expect("a folder");
        let plan = {
            let mut sources = two(&folder.path().join("run.ome.zarr"));
            sources.iter_mut().for_each(|source| source.memory_limit = plan.memory().least_bytes * 2);
            Plan::of_sources(&sources, &backend.capabilities()).expect("a plan")
        };
        let stream = Stream::of_plan(plan, &backend, platform::native()).expect("made");
        feed(&stream, ends);
        let report = stream.finish().expect("finished");
        assert!(report.bytes_high_water <= stream.status().bytes_limit);
        let store = backend.store();
        compare(stream.plan(), &ends, &|_, _| false, &is_there, &|array, expected| {
            from_memory(&store, array, &expected.shape)
        })
        .expect("whole");
    }
}

#[test]
fn two_sources_and_levels_are_whole_on_disk_and_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("run.ome.zarr");
    let plan = plan(&root, false, &native().capabilities()).expect("a plan");
    let stream = Stream::of_plan(plan, &*native(), platform::native()).expect("made");
    feed(&stream, [59, 31]);
    let status = stream.status();
    assert_eq!((status.accepted, status.skipped), (90, 13));
    stream.finish().expect("finished");
    assert_eq!((stream.status().written, stream.status().durable), (90, 90));
    compare_files(stream.plan(), [59, 31], &|_, _| false).expect("whole");
    let listed = missing(stream.plan().root());
    for source in SOURCES {
        let end = [59, 31][source.index()];
        assert_eq!(listed[source.index()], (0..end).filter(|number| is_skipped(source, *number)).collect());
    }
    let text = std::fs::read_to_string(stream.plan().group_path(0).join("zarr.json")).expect("readable");
    let group: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let levels = &group["attributes"]["ome"]["multiscales"][0]["datasets"];
    let paths: Vec<_> = levels.as_array().expect("a list").iter().map(|level| level["path"].clone()).collect();
    assert_eq!(paths, ["0", "1", "2"]);
    assert_eq!(levels[2]["coordinateTransformations"][0]["scale"], serde_json::json!([1.0, 1.0, 4.0, 9.0]));
}

#[test]
fn a_slow_source_keeps_its_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan(&folder.path().join("run.ome.zarr"), false, &native().capabilities()).expect("a plan");
    let least = plan.memory().least_bytes;
    let mut sources = two(&folder.path().join("run.ome.zarr"));
    for source in &mut sources {
        source.memory_limit = least;
        source.threads = Some(1);
        source.when_full = ome_stream::settings::WhenFull::Error;
    }
    let plan = Plan::of_sources(&sources, &native().capabilities()).expect("just enough");
    let stream = Stream::of_plan(plan, &*native(), disk::slow(Duration::from_millis(300))).expect("made");
    let fast = ome_stream_tests::sources::frame(stream.plan(), SOURCES[0], 0);
    let slow = ome_stream_tests::sources::frame(stream.plan(), SOURCES[1], 0);
    while stream.append_from(SOURCES[0], &fast, None).is_ok() {}
    // Two groups of the other source, one open and one on its way.
    for _ in 0..4 {
        stream.append_from(SOURCES[1], &slow, None).expect("its own memory is there");
    }
}

/// What was written of an interrupted store is there after mending, but for what an earlier interruption `lost`, and it
/// goes on to the end.
fn goes_on(root: &Path, written: [u64; 2], lost: &[BTreeSet<u64>; 2], by_recover: bool) -> Result<(), String> {
    let said = |error: ome_stream::Error| error.to_string();
    if by_recover {
        let verifier = ome_stream_backends::verifier();
        recover(root, &Options { apply: true, verifier: Some(&verifier) }).map_err(said)?;
    }
    let plan = plan(root, true, &native().capabilities()).map_err(said)?;
    let stream = Stream::of_plan(plan, &*native(), platform::native()).map_err(said)?;
    let next = SOURCES.map(|source| stream.status_of(source).map_or(0, |status| status.accepted));
    let listed = missing(stream.plan().root());
    for source in SOURCES {
        let nth = source.index();
        // What was skipped last may have been listed or not.
        let kept = (0..written[nth]).filter(|number| is_there(source, *number)).max().map_or(0, |last| last + 1);
        if next[nth] < kept {
            return Err(format!("{source:?} goes on with {}, and {kept} were written", next[nth]));
        }
        let mut new = listed[nth].difference(&lost[nth]);
        if let Some(lost) = new.find(|number| **number < kept && is_there(source, **number)) {
            return Err(format!("frame {lost} of {source:?} was written and is listed as missing"));
        }
    }
    let ends = [next[0] + 23, next[1] + 9];
    feed(&stream, ends);
    stream.finish().map_err(said)?;
    let is_lost = |source: SourceId, number: u64| is_there(source, number) && listed[source.index()].contains(&number);
    compare_files(stream.plan(), ends, &is_lost)
}

#[test]
fn an_interrupted_store_of_two_sources_goes_on_with_every_level() {
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let case = (0_u64..70, 0_u64..40, any::<bool>());
    let outcome = TestRunner::new(config).run(&case, |(first, second, by_recover)| {
        let folder = tempfile::tempdir()?;
        let (disk, frozen) = freezing();
        let fail = |error: ome_stream::Error| TestCaseError::fail(error.to_string());
        let plan = plan(&folder.path().join("run.ome.zarr"), false, &native().capabilities()).map_err(fail)?;
        let stream = Stream::of_plan(plan, &*native(), disk).map_err(fail)?;
        feed(&stream, [first, second]);
        // Part of it may have come to the disk, part not.
        std::thread::sleep(Duration::from_millis((first * 7 + second) % 90));
        let written = SOURCES.map(|source| stream.status_of(source).map_or(0, |status| status.written));
        let left = tempfile::tempdir()?;
        let root = left.path().join("run.ome.zarr");
        kill(&stream, &frozen, &root)?;
        drop(stream);
        goes_on(&root, written, &Default::default(), by_recover).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Frames of each source that a store says are written.
fn progress(root: &Path) -> [u64; 2] {
    let record = std::fs::read_to_string(root.join(".ome-stream/run/progress.json"));
    let record: serde_json::Value = serde_json::from_str(&record.expect("readable")).expect("JSON");
    SOURCES.map(|source| record["sources"][source.index()]["frames"].as_u64().expect("a number"))
}

#[test]
fn a_killed_run_of_two_sources_goes_on_behind_what_was_written() {
    for round in 0..6_u64 {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("run.ome.zarr");
        let mut lost = Default::default();
        for resume in [false, true] {
            let mut child = Process::start(env!("CARGO_BIN_EXE_ome-stream-test-child")).expect("a child");
            child.ask(&Ask::CreateSources { root: root.clone(), resume }).expect("made");
            lost = missing(&root);
            let before: u64 = progress(&root).iter().sum();
            child.ask(&Ask::PlayUntilKilled).expect("begun");
            // Later in each round: when so many frames more are known to be written.
            let more = || match progress(&root).iter().sum::<u64>() {
                now if now > before + 40 * round => Ok(()),
                now => Err(format!("{now} frames, {before} before")),
            };
            disk::wait_for(more).expect("frames are written");
            child.kill().expect("killed");
        }
        goes_on(&root, progress(&root), &lost, round % 2 == 0).expect("goes on");
    }
}

#[test]
fn what_cannot_be_planned_is_refused_with_its_field() {
    let chunks = Capabilities::taking(StorageUnit::Chunk);
    let mut sources = two("a".as_ref());
    sources[0].pyramid.as_mut().expect("it has levels").levels = Some(7);
    assert!(Plan::of_sources(&sources, &chunks).expect_err("it has 6").to_string().contains("at most 6"));
    let mut sources = two("a".as_ref());
    sources[1].dimensions.remove(1);
    assert!(Plan::of_sources(&sources, &chunks).expect_err("no name").to_string().contains("position"));
    assert!(Plan::of_sources(&[], &chunks).is_err());
}

/// A plan of [`two`] sources with the least memory that it can have, which shows readers nothing by itself.
fn tight(root: &Path, resume: bool) -> Plan {
    let capabilities = native().capabilities();
    let mut sources = two(root);
    for source in &mut sources {
        source.live_interval = 3600.0;
        source.resume = resume;
        source.threads = Some(1);
    }
    let least = Plan::of_sources(&sources, &capabilities).expect("a plan").memory().least_bytes;
    sources.iter_mut().for_each(|source| source.memory_limit = least);
    Plan::of_sources(&sources, &capabilities).expect("just enough")
}

#[test]
fn levels_that_are_far_behind_are_made_anew_in_the_least_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, frozen) = freezing();
    let stream = Stream::of_plan(tight(&folder.path().join("run.ome.zarr"), false), &*native(), disk).expect("made");
    let ends = [120, 60];
    feed(&stream, ends);
    // All groups but the last are full.
    let all_but_the_last = || match SOURCES.map(|source| stream.status_of(source).map_or(0, |status| status.written)) {
        [first, second] if first >= 108 && second >= 58 => Ok(()),
        written => Err(format!("{written:?} written")),
    };
    disk::wait_for(all_but_the_last).expect("written");
    let left = tempfile::tempdir().expect("a folder");
    let root = left.path().join("run.ome.zarr");
    kill(&stream, &frozen, &root).expect("copied");
    drop(stream);
    let verifier = ome_stream_backends::verifier();
    recover(&root, &Options { apply: true, verifier: Some(&verifier) }).expect("mended");
    // Nothing tells that any level is there.
    let stream = Stream::of_plan(tight(&root, true), &*native(), platform::native()).expect("goes on");
    feed(&stream, ends);
    stream.finish().expect("finished");
    compare_files(stream.plan(), ends, &|_, _| false).expect("whole");
}

#[test]
fn a_failure_while_levels_are_behind_ends_the_run() {
    for after in [0, 30, 150] {
        let folder = tempfile::tempdir().expect("a folder");
        let (disk, frozen) = freezing();
        let stream =
            Stream::of_plan(tight(&folder.path().join("run.ome.zarr"), false), &*native(), disk).expect("made");
        std::thread::scope(|scope| {
            let stream = &stream;
            for source in SOURCES {
                scope.spawn(move || play(stream, source, 0, 10_000).expect_err("the disk fails"));
            }
            let taken = || if stream.status().accepted >= after { Ok(()) } else { Err("not yet".to_owned()) };
            disk::wait_for(taken).expect("frames are taken");
            frozen.store(true, Ordering::SeqCst);
        });
        assert_eq!(stream.finish().expect_err("the disk failed").code(), 11);
        assert_eq!(stream.status().bytes_in_flight, 0);
    }
}

#[test]
fn other_sources_orders_and_levels_are_no_store_to_go_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("run.ome.zarr");
    let capabilities = native().capabilities();
    let made = plan(&root, false, &capabilities).expect("a plan");
    Stream::of_plan(made, &*native(), platform::native()).expect("made").finish().expect("finished");
    let refused = |sources: Vec<ome_stream::Settings>| {
        let mut sources = sources;
        sources.iter_mut().for_each(|source| source.resume = true);
        let plan = Plan::of_sources(&sources, &capabilities).expect("a plan");
        let error = Stream::of_plan(plan, &*native(), platform::native()).expect_err("another store");
        assert_eq!(error.code(), 17, "{error}");
        error.to_string()
    };
    let mut other = two(&root);
    other[0].dimensions.swap(1, 2);
    assert!(refused(other).contains("another order"));
    let mut other = two(&root);
    other[0].pyramid.as_mut().expect("it has levels").levels = Some(2);
    refused(other);
    let mut one = two(&root);
    one.truncate(1);
    refused(one);
    let same = plan(&root, true, &capabilities).expect("a plan");
    Stream::of_plan(same, &*native(), platform::native()).expect("the same").finish().expect("finished");
}

#[test]
fn a_plan_for_another_engine_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let shards = plan(&folder.path().join("a"), false, &Capabilities::taking(StorageUnit::Shard)).expect("a plan");
    let error = Stream::of_plan(shards, &*native(), platform::native()).expect_err("it takes chunks");
    assert!(error.to_string().contains("another engine"), "{error}");
}
