//! The append path and the book-keeping of progress under thousands of schedules: `cargo test -p ome-stream --features
//! shuttle --lib schedules`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, TryRecvError, unbounded};
use shuttle::{check_random, thread};

use super::front::Front;
use super::intervals::Intervals;
use super::levels::{LevelSlabs, Levels};
use super::live::Rounds;
use super::progress::Progress;
use super::shared::{Counts, Shared};
use super::threads::Threads;
use super::underway::Underway;
use super::workers::{self, Job};
use super::{Stream, ended, failure, housekeeping, status, windows};
use crate::backend::{Batch, Sink, Stored};
use crate::buffer::{Arrival, Budget};
use crate::error::{Error, Result};
use crate::names::own::RUN_FOLDER;
use crate::plan::{ArrayId, Capabilities, Memory, Plan, SlabKey, SourceId, StorageUnit};
use crate::platform;
use crate::settings::{DataType, Dimension, DimensionType, Durability, Pyramid, Settings, parse_dims};
use crate::store::Store;

/// Schedules of tests that make a run each time.
const RUNS: usize = 1_000;

/// Takes everything.
struct Anything;

impl Sink for Anything {
    fn write(&self, _batch: &Batch<'_>) -> Result<Stored> {
        thread::yield_now();
        Ok(Stored::default())
    }

    fn skip(&self, _batch: &Batch<'_>) -> Result<Stored> {
        Ok(Stored::default())
    }
}

/// A run without threads of its own, in `folder`, with chunks of two planes and so many buffers.
fn run(folder: &std::path::Path, buffers: u64) -> (Arc<Stream>, Receiver<Job>) {
    let dimensions = parse_dims("t:inf:2,y:4,x:4").expect("a grammar of ours");
    let settings = Settings::new(folder.join("run").display().to_string(), dimensions, DataType::UInt8);
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
    let buffer_bytes = plan.forms()[0].layout().buffer_bytes();
    run_of(plan, Budget::of_buffers(buffer_bytes, 0, buffers))
}

/// A run of a plan without threads of its own.
fn run_of(plan: Plan, budget: Budget) -> (Arc<Stream>, Receiver<Job>) {
    let plan = Arc::new(plan);
    std::fs::create_dir_all(plan.root().join(RUN_FOLDER)).expect("made");
    let store = Arc::new(Store::nowhere(&plan, &platform::native()));
    let (queue, jobs) = unbounded();
    let nothing = vec![0; plan.sources().len()];
    let fronts = plan.sources().iter().map(|source| {
        let times = Intervals::new(source, false);
        Front::new(source.id(), queue.clone(), 0, BTreeMap::new(), LevelSlabs::default(), times)
    });
    let fronts = fronts.collect();
    drop(queue);
    let shared = Shared {
        progress: Progress::new(&plan, &nothing),
        budget,
        failure: failure::Failure::new(Arc::clone(&store)),
        store,
        sink: Box::new(Anything),
        capabilities: Capabilities::taking(StorageUnit::Chunk),
        notes: Mutex::default(),
        housekeeping: housekeeping::Housekeeping::default(),
        counts: Counts::default(),
        open: crate::sync::Mutex::default(),
        storing: Underway::default(),
        reducing: Underway::default(),
        levels: Levels::default(),
        scratches: super::reduce::Scratches::default(),
        waits: super::patience::Waits::default(),
        abort: super::abort::Abort::default(),
        latencies: Mutex::new(status::histogram().expect("a histogram")),
        windows: windows::Windows::new(&plan),
        plan,
    };
    // Its threads are those of the test, which ends it by itself.
    let outcome = Mutex::new(Some(Err(Error::Finished)));
    let shared = Arc::new(shared);
    let threads = Threads::none(&shared);
    (
        Arc::new(Stream {
            shared,
            fronts,
            threads,
            resumed: 0,
            began: ended::Began::now(),
            replacing: crate::sync::Mutex::default(),
            outcome,
        }),
        jobs,
    )
}

fn worker(stream: &Arc<Stream>, jobs: Receiver<Job>) -> thread::JoinHandle<()> {
    let shared = Arc::clone(&stream.shared);
    thread::spawn(move || {
        loop {
            match jobs.try_recv() {
                Ok(job) => workers::run(&shared, job),
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => return,
            }
        }
    })
}

#[test]
fn schedules_of_two_cameras_with_one_buffer() {
    let folder = tempfile::tempdir().expect("a folder");
    check_random(
        move || {
            let (stream, jobs) = run(folder.path(), 1);
            let worker = worker(&stream, jobs);
            let live = {
                let shared = Arc::clone(&stream.shared);
                thread::spawn(move || {
                    let mut rounds = Rounds::default();
                    (0..3).for_each(|_| rounds.run(&shared).expect("all well"));
                })
            };
            let cameras: Vec<_> = (0..2)
                .map(|_| {
                    let stream = Arc::clone(&stream);
                    thread::spawn(move || [0; 3].map(|_| stream.append(&[7; 16]).expect("taken")))
                })
                .collect();
            let mut numbers: Vec<_> = cameras.into_iter().flat_map(|camera| camera.join().expect("no panic")).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
            stream.fronts[0].close(&stream.shared);
            assert_eq!(stream.fronts[0].next(), 6);
            worker.join().expect("no panic");
            live.join().expect("no panic");
            assert_eq!(stream.shared.progress.counts().0, 6);
            assert_eq!((stream.shared.budget.bytes_out(), stream.shared.open().len()), (0, 0));
        },
        RUNS,
    );
}

#[test]
fn schedules_of_cameras_that_do_not_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    check_random(
        move || {
            // Nothing comes back: there is room for six frames and no more.
            let (stream, jobs) = run(folder.path(), 3);
            let cameras: Vec<_> = (0..3)
                .map(|_| {
                    let stream = Arc::clone(&stream);
                    thread::spawn(move || [0; 2].map(|_| stream.try_append(&[7; 16], None).expect("there is room")))
                })
                .collect();
            cameras.into_iter().for_each(|camera| _ = camera.join().expect("no panic"));
            assert_eq!(stream.try_append(&[7; 16], None).expect_err("full").code(), 9);
            drop(jobs);
        },
        RUNS,
    );
}

#[test]
fn schedules_of_a_finish_with_waiting_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    check_random(
        move || {
            let (stream, jobs) = run(folder.path(), 1);
            let worker = worker(&stream, jobs);
            let cameras: Vec<_> = (0..2)
                .map(|_| {
                    let stream = Arc::clone(&stream);
                    thread::spawn(move || (0..3).take_while(|_| stream.append(&[7; 16]).is_ok()).count() as u64)
                })
                .collect();
            let skipping = {
                let stream = Arc::clone(&stream);
                thread::spawn(move || stream.skip(1).is_ok())
            };
            stream.fronts[0].close(&stream.shared);
            let accepted = stream.fronts[0].next();
            let skipped = skipping.join().expect("no panic");
            let appended: u64 = cameras.into_iter().map(|camera| camera.join().expect("no panic")).sum();
            worker.join().expect("no panic");
            assert_eq!(appended + u64::from(skipped), accepted);
            assert_eq!(stream.shared.progress.counts().0, accepted);
            assert_eq!(stream.shared.budget.bytes_out(), 0);
        },
        RUNS,
    );
}

#[test]
fn schedules_of_workers_end_with_frames_durable() {
    let dimensions = parse_dims("t:8:1:4,y:4:2:1,x:4").expect("a grammar of ours");
    let mut settings = Settings::new("a", dimensions, DataType::UInt8);
    settings.durability = Durability::Shard;
    let plan = Arc::new(Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid"));
    check_random(
        move || {
            let progress = Arc::new(Progress::new(&plan, &[0]));
            let workers: Vec<_> = (0..4u64)
                .map(|worker| {
                    let (plan, progress) = (Arc::clone(&plan), Arc::clone(&progress));
                    thread::spawn(move || {
                        // Each worker stores two of the eight frames; the last of a shard seals both its shards.
                        for t in [worker, worker + 4] {
                            let key = SlabKey { array: ArrayId(0), index: [t, 0, 0] };
                            progress.sealed(&plan, key, if t % 4 == 3 { 2 } else { 0 });
                            thread::yield_now();
                            progress.written(&plan, key, &[(0, Arrival(t))]);
                            progress.slab_stored(&plan, key, &[(0, Arrival(t))]);
                            let (written, durable) = progress.counts();
                            assert!(written <= 8 && durable <= 8, "{written} written, {durable} durable");
                        }
                    })
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
            assert_eq!(progress.counts(), (8, 8));
        },
        5_000,
    );
}

#[test]
fn schedules_of_two_sources_with_a_level() {
    let folder = tempfile::tempdir().expect("a folder");
    check_random(
        move || {
            let of = |dims: &str, name: &str, levels: Option<u32>| {
                let mut dimensions = parse_dims(dims).expect("a grammar of ours");
                let mut position = Dimension::unbounded("p").with_kind(DimensionType::Position).with_coords([name]);
                position.count = Some(1);
                dimensions.insert(1, position);
                let mut settings =
                    Settings::new(folder.path().join("two").display().to_string(), dimensions, DataType::UInt8);
                settings.pyramid = levels.map(|levels| Pyramid { levels: Some(levels), ..Pyramid::default() });
                settings
            };
            let sources = [of("t:inf:2,z:2,y:4,x:4", "a", Some(2)), of("t:inf,y:2,x:6", "b", None)];
            let plan = Plan::of_sources(&sources, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
            let memory = Memory { budget_bytes: 0, pool_bytes: 0, ..*plan.memory() };
            let budget = Budget::new(plan.forms(), &memory);
            let (stream, jobs) = run_of(plan, budget);
            let worker = worker(&stream, jobs);
            let cameras: Vec<_> = [(0, 16, 5_u64), (1, 12, 4)]
                .map(|(source, bytes, frames)| {
                    let stream = Arc::clone(&stream);
                    thread::spawn(move || {
                        for _ in 0..frames {
                            stream.append_from(SourceId(source), &vec![7; bytes], None).expect("taken");
                        }
                    })
                })
                .into();
            cameras.into_iter().for_each(|camera| camera.join().expect("no panic"));
            stream.fronts.iter().for_each(|front| front.close(&stream.shared));
            worker.join().expect("no panic");
            // The last plane of z is alone.
            let store = |complete| workers::store_all(&stream.shared, complete);
            super::reduce::finish_windows(&stream.shared, store).expect("all well");
            workers::store_all(&stream.shared, stream.shared.levels.close(&stream.shared));
            stream.shared.failure.check().expect("all well");
            assert_eq!(stream.shared.progress.by_source(), [(5, 0), (4, 0)]);
            assert_eq!((stream.shared.budget.bytes_out(), stream.shared.open().len()), (0, 0));
        },
        RUNS,
    );
}
