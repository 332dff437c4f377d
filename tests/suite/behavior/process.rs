//! A host's process: its threads, its memory and its files, and what happens where it has no more of them.

use ome_stream::Settings;
use ome_stream::settings::{Codec, Compression};
use ome_stream::settings::{DataType, WhenFull};
use ome_stream_tests::case::Case;
use ome_stream_tests::case::Step::Append;
use ome_stream_tests::child::{Ask, Pixels, Process};
use ome_stream_tests::disk::wait_for;
use serde_json::json;

use crate::acquisition::Acquisition;

/// The program of `ome_stream_tests::child`.
const CHILD: &str = env!("CARGO_BIN_EXE_ome-stream-test-child");

const MIB: u64 = 1 << 20;

/// Less than the stack of a thread.
const NO_THREAD: u64 = 2 * MIB - (64 << 10);

fn child() -> Process {
    Process::start(CHILD).expect("the child runs")
}

fn create(settings: Settings) -> Ask {
    Ask::Create { settings: Box::new(settings), backend: ome_stream_backends::DEFAULT.into(), delay_us: 0 }
}

fn append(frames: u64) -> Ask {
    Ask::Append { frames, pixels: Pixels::Coordinates }
}

/// Waits until the child has only the thread that it began with: one that was joined is gone a moment later.
fn wait_for_one_thread(child: &mut Process) {
    let alone = || match child.ask(&Ask::Tell)?.counters.threads {
        1 => Ok(()),
        more => Err(format!("{more} threads")),
    };
    wait_for(alone).expect("the threads end");
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_alive_after_the_last_free() {
    for codec in Codec::ALL {
        let run =
            Acquisition::new("t:6:2,y:64:32,x:64:32").with(|settings| settings.compression = Compression::new(*codec));
        let mut child = child();
        child.ask(&create(run.settings())).expect("a stream");
        let during = child.ask(&append(6)).expect("appended").counters.threads;
        assert!(during > 1, "{during} threads");
        child.ask(&Ask::Finish).expect("finished");
        child.ask(&Ask::Free).expect("freed");
        wait_for_one_thread(&mut child);
        run.assert_holds(&[Append(6)]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn create_without_a_thread_fails_cleanly() {
    for codec in [Codec::None, Codec::BloscZstd, Codec::Gzip] {
        let run =
            Acquisition::new("t:6:2,y:64:32,x:64:32").with(|settings| settings.compression = Compression::new(codec));
        let mut child = child();
        child.ask(&Ask::Limit { address_space: Some(NO_THREAD), files: None }).expect("limited");
        for _ in 0..2 {
            let error = child.ask(&create(run.settings())).expect_err("there is no room for a thread");
            assert!(error.contains("thread"), "{error}");
            assert!(!run.root().exists(), "something is left behind");
        }
        wait_for_one_thread(&mut child);
        child.ask(&Ask::Unlimit).expect("unlimited");
        child.ask(&create(run.settings())).expect("a stream");
        child.ask(&append(6)).expect("appended");
        child.ask(&Ask::Finish).expect("finished");
        run.assert_holds(&[Append(6)]);
    }
}

/// Bytes that `memory_limit` does not count: the program, its threads' stacks, its allocator.
const BESIDE_THE_LIMIT: u64 = 64 * MIB;

/// Appends until memory is full on a disk that stands still. Returns the bytes that this took, by the system's own
/// count, and the most that the stream said were in flight.
#[cfg(target_os = "linux")]
fn filled(run: &Acquisition, frames: u64) -> (u64, u64) {
    const STANDS_STILL_US: u64 = 600_000_000;
    let mut child = child();
    let before = child.ask(&Ask::Tell).expect("it answers").counters.resident;
    let create = Ask::Create {
        settings: Box::new(run.settings()),
        backend: ome_stream_backends::DEFAULT.into(),
        delay_us: STANDS_STILL_US,
    };
    child.ask(&create).expect("a stream");
    let full = child.ask(&Ask::Append { frames, pixels: Pixels::Noise }).expect_err("memory is full");
    assert!(full.contains("full"), "{full}");
    let answer = child.ask(&Ask::Tell).expect("it answers");
    (answer.counters.peak_resident - before, answer.high_water)
}

#[cfg(target_os = "linux")]
#[test]
fn small_frames_on_a_slow_disk_stay_within_the_limit() {
    for (dimensions, dtype, limit) in [
        ("t:inf,y:20,x:20", DataType::Float32, 64 * MIB),
        ("t:inf,y:45,x:45", DataType::Float32, 256 * MIB),
        ("t:inf,y:64,x:64", DataType::Float32, 512 * MIB),
        ("t:inf:1:64,y:20:20:1,x:20:20:1", DataType::Float32, 64 * MIB),
        ("t:inf:8,y:16,x:16", DataType::UInt8, 64 * MIB),
        ("t:inf,y:64:8,x:64:8", DataType::UInt16, 64 * MIB),
    ] {
        let run = Acquisition::new(dimensions).with(|settings| {
            settings.dtype = dtype;
            settings.memory_limit = limit;
            settings.when_full = WhenFull::Error;
            settings.live_interval = 3600.0;
        });
        let (resident, high_water) = filled(&run, 1_000_000);
        eprintln!("{dimensions} {dtype}: limit {limit}, resident {resident}, high water {high_water}");
        assert!(resident <= limit + BESIDE_THE_LIMIT, "{dimensions}: {resident} of {limit}");
        assert!(high_water <= limit && high_water * 20 >= limit * 19, "{dimensions}: {high_water} of {limit}");
    }
}

/// What waits of levels, sums and pixels, and their slabs are within the limit too.
#[cfg(target_os = "linux")]
#[test]
fn levels_on_a_slow_disk_stay_within_the_limit() {
    for (dimensions, method, limit) in [
        ("t:inf,z:8,y:64,x:64", "mean", 64 * MIB),
        ("z:inf:2,c:40,y:200:100,x:160:80", "mean", 64 * MIB),
        ("z:8,t:300,y:128:64,x:128", "median", 128 * MIB),
        ("t:inf:1:8,z:4:2,y:128:64:2,x:128:64:2", "max", 96 * MIB),
    ] {
        let case = Case::new("levels", dimensions);
        let case = case.pyramid(json!({"levels": 4, "method": method, "factors": {"z": 2}}));
        let run = Acquisition::of(case).with(|settings| {
            settings.memory_limit = limit;
            settings.when_full = WhenFull::Error;
            settings.live_interval = 3600.0;
        });
        let (resident, high_water) = filled(&run, 1_000_000);
        eprintln!("{dimensions} {method}: limit {limit}, resident {resident}, high water {high_water}");
        assert!(resident <= limit + BESIDE_THE_LIMIT, "{dimensions}: {resident} of {limit}");
        assert!(high_water <= limit && high_water * 4 >= limit, "{dimensions}: {high_water} of {limit}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_indices_of_a_thousand_open_shards_are_counted() {
    let dimensions = "t:inf:1:1000,y:320:10:1,x:320:10:1";
    let limit = 64 * MIB;
    let run = Acquisition::new(dimensions).with(|settings| settings.memory_limit = limit);
    let mut child = child();
    let before = child.ask(&Ask::Tell).expect("it answers").counters.resident;
    child.ask(&create(run.settings())).expect("a stream");
    let answer = child.ask(&append(40)).expect("appended");
    let resident = answer.counters.peak_resident - before;
    eprintln!("resident {resident}, high water {}, limit of buffers {}", answer.high_water, answer.in_flight_limit);
    assert!(resident <= limit + BESIDE_THE_LIMIT, "{resident} of {limit}");
    // 16 bytes for each of 1,024,000 chunks.
    assert!(answer.in_flight_limit + (16 << 20) <= limit, "{answer:?}");
    drop(child);
    let little = run.with(|settings| settings.memory_limit = 16 * MIB);
    let error = little.try_start_on(ome_stream::platform::native()).expect_err("the indices alone take more");
    assert!(error.to_string().contains("open shard(s)"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn streams_without_a_frame_take_little_memory_and_few_threads() {
    let cores = std::thread::available_parallelism().expect("known").get() as u64;
    let runs: Vec<_> = (0..40).map(|_| Acquisition::new("t:inf:50,y:512,x:512")).collect();
    let mut child = child();
    let before = child.ask(&Ask::Tell).expect("it answers").counters.resident;
    for run in &runs {
        child.ask(&create(run.settings())).expect("a stream");
    }
    let idle = child.ask(&Ask::Tell).expect("it answers").counters;
    eprintln!("{} bytes for 40 idle streams", idle.peak_resident - before);
    assert!(idle.peak_resident - before <= 128 * MIB, "{idle:?}, {before} before");
    assert!(idle.threads <= 1 + 4 * cores, "{idle:?} on {cores} cores");
    child.ask(&append(2)).expect("appended to each");
    child.ask(&Ask::Finish).expect("finished");
    for run in &runs {
        run.assert_holds(&[Append(2)]);
    }
}

#[cfg(unix)]
#[test]
fn six_streams_share_the_files_of_the_process() {
    let runs: Vec<_> = (0..6)
        .map(|_| {
            Acquisition::new("t:10:1:5,y:64:4:1,x:64:4:1").with(|settings| {
                settings.live_interval = 0.1;
                settings.memory_limit = 64 * MIB;
            })
        })
        .collect();
    for files in [1024, 256] {
        let mut child = child();
        child.ask(&Ask::Limit { address_space: None, files: Some(files) }).expect("limited");
        for run in &runs {
            let settings = Settings { overwrite: true, ..run.settings() };
            child.ask(&create(settings)).expect("a stream");
        }
        child.ask(&append(10)).unwrap_or_else(|error| panic!("{files} files: {error}"));
        child.ask(&Ask::Finish).unwrap_or_else(|error| panic!("{files} files: {error}"));
        for run in &runs {
            run.assert_holds(&[Append(10)]);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_machine_does_not_have_is_told() {
    let run = Acquisition::new("t:inf,y:64,x:64").with(|settings| settings.memory_limit = 1 << 50);
    let stream = run.start();
    // As many buffers as the plan allows: a hundred thousand small ones at most.
    assert!(stream.status().notes.iter().all(|note| !note.contains("memory_limit")));
    drop(stream);
    let large = Acquisition::new("t:inf,y:65536:4096,x:65536:4096").with(|settings| settings.memory_limit = 1 << 50);
    let stream = large.start();
    assert!(
        stream.status().notes.iter().any(|note| note.contains("lower memory_limit")),
        "{:?}",
        stream.status().notes
    );
}
