//! The points of `seen_to_fail` that need a process of their own: counters of the operating system, and a kill.

use ome_stream::Settings;
use ome_stream::settings::{Codec, Compression};
use ome_stream_tests::child::{Answer, Ask, Pixels, Process};
use ome_stream_tests::disk::wait_for;

use crate::acquisition::Acquisition;

/// The program of `ome_stream_tests::child`.
const CHILD: &str = env!("CARGO_BIN_EXE_ome-stream-test-child");

const MIB: u64 = 1 << 20;

/// Bytes that `memory_limit` does not count: the program, its threads' stacks, its allocator.
const BESIDE_THE_LIMIT: u64 = 64 * MIB;

fn started(settings: Settings, delay_us: u64) -> (Process, Answer) {
    let mut child = Process::start(CHILD).expect("the child runs");
    let create = Ask::Create { settings: Box::new(settings), backend: ome_stream_backends::DEFAULT.into(), delay_us };
    let answer = child.ask(&create).expect("a stream");
    (child, answer)
}

/// 7. Sharding is not buffered: every frame rewrites its shard, 25x write amplification.
///
/// Bytes handed to write calls are payload, shard indices and metadata; nothing is read back.
#[cfg(target_os = "linux")]
#[test]
fn point_7_every_byte_is_written_once() {
    let shapes = [
        // As it was seen: shards of 10 time points and 5 planes.
        "t:40:1:10,z:10:1:5,y:128,x:128",
        "t:400:1:10,y:128:64:2,x:128:64:2",
        "t:400:10:4,y:128:64:2,x:128:64:2",
        "t:inf:7:3,y:128:64:1,x:128:64:2",
        "t:400,y:128,x:128",
        "z:20:20,t:20:10,y:128:32,x:128:32",
        "p:4,t:100:1:25,y:128:64:2,x:128:64:2",
        "t:100:1:25,p:4,y:128:64:2,x:128:64:2",
    ];
    for shape in shapes {
        let run = Acquisition::new(shape).with(|settings| settings.live_interval = 60.0);
        let (mut child, before) = started(run.settings(), 0);
        let frames = 400;
        child.ask(&Ask::Append { frames, pixels: Pixels::Noise }).expect("appended");
        let after = child.ask(&Ask::Finish).expect("finished");
        let payload = frames * 128 * 128 * 2;
        let written = after.counters.written - before.counters.written;
        let read = after.counters.read - before.counters.read;
        assert!(written >= payload, "{shape}: {written} bytes written of {payload}: the counter misses some");
        // Metadata of frames and groups, indices, and what fills up the last chunk along time.
        let beside = 256 * 1024 + 7 * 128 * 128 * 2;
        assert!(written <= payload + beside, "{shape}: {written} bytes written for {payload}");
        assert!(read <= beside, "{shape}: {read} bytes read back");
    }
}

/// 8. Unbounded queues: resident memory 49 -> 849 MB under a slow codec; no limit, no statistics.
#[cfg(target_os = "linux")]
#[test]
fn point_8_memory_stands_still_under_a_slow_disk() {
    for shape in ["t:inf,y:512,x:1024", "t:inf:1:4,y:512:256:2,x:1024:256:4", "t:inf:8,y:512:256,x:1024:256"] {
        let run = Acquisition::new(shape).with(|settings| settings.memory_limit = 24 * MIB);
        // 1 MiB a frame: ten times the limit.
        stands_still(&run, 240, 1000);
    }
}

/// 8, with the codec as the slow part.
#[cfg(target_os = "linux")]
#[test]
fn point_8_memory_stands_still_under_a_slow_codec() {
    let run = Acquisition::new("t:inf,y:128,x:512").with(|settings| {
        settings.compression = Compression::new(Codec::Zstd).with_level(19);
        settings.threads = Some(2);
        // Half of it for the contexts of two workers and the live reader, the rest for frames of 128 KiB.
        settings.memory_limit = 24 * MIB;
    });
    stands_still(&run, 240, 0);
}

fn stands_still(run: &Acquisition, frames: u64, delay_us: u64) {
    let limit = run.case.settings.memory_limit;
    let (mut child, _) = started(run.settings(), delay_us);
    child.ask(&Ask::Append { frames, pixels: Pixels::Noise }).expect("append waits instead of failing");
    let end = child.ask(&Ask::Finish).expect("finished");
    let dimensions: Vec<_> = run.case.settings.dimensions.iter().map(|each| (&each.name, each.chunk_size)).collect();
    assert!(end.high_water <= end.in_flight_limit && end.in_flight_limit <= limit, "{dimensions:?}: {end:?}");
    assert!(end.high_water * 2 > end.in_flight_limit, "{dimensions:?}: the disk was not slow enough to tell: {end:?}");
    assert!(end.counters.peak_resident <= limit + BESIDE_THE_LIMIT, "{dimensions:?}: {end:?}");
    assert!(end.counters.peak_resident > MIB, "the counter is not there");
}

/// 10. Killed after 57 frames: frame metadata 0 of 57; chunk_t = 10: 50 of 57 frames.
#[cfg(unix)]
#[test]
fn point_10_a_killed_process_leaves_its_frames() {
    for dimensions in ["t:inf:10,y:32,x:32", "t:inf:5:8,y:32:16:2,x:32:16:2", "t:1000000:10,y:32,x:32"] {
        for codec in [Codec::None, Codec::BloscLz4] {
            let run = Acquisition::new(dimensions).with(|settings| {
                settings.live_interval = 0.1;
                settings.compression = Compression::new(codec);
            });
            killed_in_the_middle(&run);
        }
    }
}

fn killed_in_the_middle(run: &Acquisition) {
    // A finite array of a million planes is read as far as the frames may be.
    let (mut child, _) = started(run.settings(), 0);
    child.ask(&Ask::Append { frames: 57, pixels: Pixels::Coordinates }).expect("appended");
    let metadata = run.root().join("frame_metadata.jsonl");
    let lines = || std::fs::read_to_string(&metadata).unwrap_or_default().lines().count();
    let visible = || {
        let planes = run.first_planes(57);
        let whole = planes.iter().filter(|whole| **whole).count();
        if (whole, lines()) == (57, 57) { Ok(()) } else { Err(format!("{whole} frames, {} lines", lines())) }
    };
    wait_for(visible).expect("frames and metadata are visible within live_interval");
    child.ask(&Ask::AppendUntilKilled).expect("appends on");
    wait_for(|| if lines() > 200 { Ok(()) } else { Err(format!("{} lines", lines())) }).expect("it appends on");
    child.kill().expect("killed");
    // Nothing torn anywhere, and nothing gone that was there.
    let planes = run.first_planes(2000);
    assert_eq!(planes[..57], [true; 57]);
    let text = std::fs::read_to_string(&metadata).expect("frame metadata");
    let whole = text.lines().filter(|line| line.ends_with('}')).count();
    assert!(whole >= 200, "{whole} lines");
}
