//! What readers see while the run goes on. Nothing here asserts a time: it waits, generously.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ome_stream::platform::faulty::Fault;
use ome_stream::settings::{Checksum, Codec, Compression};
use ome_stream_tests::disk::{self, wait_for};

use crate::acquisition::Acquisition;

/// A run that shows new planes as often as it may.
fn live(dimensions: &str) -> Acquisition {
    Acquisition::new(dimensions).with(|settings| settings.live_interval = 0.05)
}

/// Waits until a reader sees exactly the first `frames` planes; every look checks that no pixel is wrong.
fn wait_until_seen(run: &Acquisition, frames: usize) {
    let seen = || {
        let planes = run.planes();
        let whole = planes.iter().take_while(|whole| **whole).count();
        let beyond = planes[whole..].iter().filter(|whole| **whole).count();
        if (whole, beyond) == (frames, 0) { Ok(()) } else { Err(format!("{planes:?}")) }
    };
    if let Err(planes) = wait_for(seen) {
        panic!("{frames} planes should be visible: {planes}");
    }
}

/// Appends in portions; after each, and before the next, readers must see all of it.
fn becomes_visible(run: &Acquisition, portions: &[u64]) {
    let stream = run.start();
    let mut next = 0;
    for portion in portions {
        run.append(&stream, next..next + portion);
        next += portion;
        wait_until_seen(run, next as usize);
        // A provisional plane counts as written: it survives this process.
        wait_for(|| (stream.status().written == next).then_some(()).ok_or_else(|| format!("{:?}", stream.status())))
            .expect("written");
    }
    stream.finish().expect("all well");
    run.assert_holds(&[ome_stream_tests::case::Step::Append(next)]);
}

#[test]
fn an_unbounded_array_grows_for_its_readers() {
    becomes_visible(&live("t:inf,y:16:8,x:16:8"), &[1, 4, 1]);
}

#[test]
fn a_finite_array_fills_up_for_its_readers() {
    becomes_visible(&live("t:12,y:16:8,x:16:8"), &[5, 1]);
}

#[test]
fn an_open_shard_is_readable() {
    becomes_visible(&live("t:12:1:12,y:16:8:2,x:16:8:2"), &[1, 3, 4]);
    becomes_visible(&live("t:inf:1:12,y:16:8:2,x:16:8:2"), &[1, 3, 10]);
}

#[test]
fn an_open_compressed_shard_is_readable() {
    for codec in [Codec::BloscLz4, Codec::Zstd] {
        let run = live("t:12:1:12,y:16:8:2,x:16:8:2").with(|settings| settings.compression = Compression::new(codec));
        becomes_visible(&run, &[1, 3, 4]);
    }
}

/// Room for all that a shard of large compressed chunks could hold is taken at once: what it does not need must be gone
/// before a reader, who looks for the index at the end, knows the file.
#[test]
fn a_large_open_compressed_shard_is_readable() {
    let compressed = |run: Acquisition| run.with(|settings| settings.compression = Compression::new(Codec::BloscLz4));
    let run = compressed(live("t:6:1:6,y:512,x:512"));
    becomes_visible(&run, &[1, 3]);
    // Never published before it was sealed, complete or not; more of them open at once than get room ahead.
    for (dimensions, frames) in
        [("t:3:1:3,y:512,x:512", 3), ("t:3:1:3,y:512,x:512", 2), ("t:2:1:2,c:7,y:512,x:512", 14)]
    {
        let run = compressed(Acquisition::new(dimensions)).with(|settings| settings.live_interval = 3600.0);
        let stream = run.start();
        run.append(&stream, 0..frames);
        stream.finish().expect("all well");
        run.assert_holds(&[ome_stream_tests::case::Step::Append(frames)]);
        let shard = if dimensions.contains("c:") { "0/c/0/0/0/0" } else { "0/c/0/0/0" };
        let stored = run.root().join(shard).metadata().expect("the first shard").len();
        assert!(stored < 512 * 1024 * 2, "{dimensions}: {stored} bytes");
    }
}

#[test]
fn the_planes_of_a_partial_chunk_are_readable() {
    becomes_visible(&live("t:inf:8,y:16:8,x:16:8"), &[3, 2, 4]);
    becomes_visible(&live("t:20:8,y:16:8,x:16:8"), &[3, 2, 4]);
}

#[test]
fn the_planes_of_a_partial_chunk_in_an_open_shard_are_readable() {
    becomes_visible(&live("t:20:4:4,y:16:8:2,x:16:8:2"), &[2, 1, 4]);
    let compressed =
        live("t:inf:4:4,y:16:8:2,x:16:8:2").with(|settings| settings.compression = Compression::new(Codec::BloscZstd));
    becomes_visible(&compressed, &[2, 1, 4, 12]);
}

/// Of a chunk with a checksum a plane cannot be written in place: the checksum of what is there must be right whenever a
/// reader looks.
#[test]
fn an_open_chunk_with_a_checksum_is_readable() {
    let summed = |run: Acquisition, codec| {
        run.with(|settings| settings.compression = Compression::new(codec).with_checksum(Checksum::Crc32c))
    };
    for (dimensions, portions) in [
        ("t:inf:8,y:16:8,x:16:8", &[3, 2, 4][..]),
        ("t:12:1:12,y:16:8:2,x:16:8:2", &[1, 3, 4]),
        ("t:20:4:4,y:16:8:2,x:16:8:2", &[2, 1, 4]),
        // Written past the page cache. A copy that costs so much is due when planes have doubled: frame by frame, for a
        // round may fall between two.
        ("t:inf:4:2,y:512,x:512", &[1, 1, 2, 4]),
    ] {
        becomes_visible(&summed(live(dimensions), Codec::None), portions);
    }
    becomes_visible(&summed(live("t:inf:4:4,y:16:8:2,x:16:8:2"), Codec::Zstd), &[2, 1, 4, 12]);
}

#[test]
fn frame_metadata_are_readable_during_the_run() {
    let run = live("t:inf:10,y:16,x:16");
    let stream = run.start();
    for number in 0..3 {
        stream.append_with(&run.frame(number), &format!("{{\"n\":{number}}}")).expect("taken");
    }
    let path = run.root().join("frame_metadata.jsonl");
    let lines = wait_for(|| {
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if text.lines().count() == 3 { Ok(text) } else { Err(text) }
    });
    assert!(lines.expect("three lines").ends_with("\"frame\":2}\n"));
    stream.finish().expect("all well");
}

#[test]
fn a_reader_that_never_stops_never_sees_a_wrong_pixel() {
    let crc = Compression::new(Codec::None).with_checksum(Checksum::Crc32c);
    let (sharded, chunks) = ("t:inf:3:4,y:32:16:2,x:32:16:2", "t:inf:5,y:32:16,x:32:16");
    let lz4 = Compression::new(Codec::BloscLz4);
    for (dimensions, compression) in [(sharded, lz4), (chunks, lz4), (sharded, crc), (chunks, crc)] {
        let run = live(dimensions).with(|settings| settings.compression = compression);
        let stream = run.start();
        let mut looks = 0;
        std::thread::scope(|scope| {
            let camera = scope.spawn(|| {
                for number in 0..200 {
                    assert_eq!(stream.append(&run.frame(number)).expect("taken"), number);
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
            });
            let mut most = 0;
            while !camera.is_finished() {
                // Panics at a wrong pixel.
                let seen = run.planes().iter().filter(|whole| **whole).count();
                assert!(seen >= most, "{dimensions}: {seen} planes after {most}");
                most = seen;
                looks += 1;
            }
        });
        stream.finish().expect("all well");
        assert!(looks > 3, "{looks} looks");
        assert_eq!(run.planes(), [true; 200]);
    }
}

/// Whole planes that a reader sees, the first ones.
fn seen(run: &Acquisition) -> u64 {
    run.planes().iter().take_while(|whole| **whole).count() as u64
}

#[test]
fn readers_keep_up_with_a_disk_that_is_slower_than_the_camera() {
    for dimensions in ["t:inf,y:256,x:128", "t:inf:3,y:256,x:128", "t:inf:1:8,y:256:64,x:128"] {
        let run = live(dimensions).with_little_memory();
        let stream = run.start_on(disk::slow(Duration::from_millis(10)));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Never a pause: `append` itself waits for memory, all the time.
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    stream.append(&run.frame(number)).expect("taken");
                    number += 1;
                }
            });
            for _ in 0..4 {
                let written = stream.status().written + 1;
                let shown = wait_for(|| {
                    let shown = run.read_shape()[0];
                    if shown >= written { Ok(()) } else { Err(format!("{shown} planes, {written} were written")) }
                });
                if let Err(late) = shown {
                    over.store(true, Ordering::Relaxed);
                    panic!("{dimensions}: {late}");
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        stream.finish().expect("all well");
        assert!(run.first_planes(10).iter().all(|whole| *whole), "{dimensions}");
    }
}

#[test]
fn what_is_written_while_finish_runs_becomes_visible_meanwhile() {
    for dimensions in ["t:inf,y:256,x:128", "t:inf:1:8,y:256,x:128"] {
        let run = live(dimensions).with(|settings| settings.threads = Some(1));
        let slow = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&slow);
        let stream = run.start_on(disk::faulty(move |operation| {
            let waits = disk::writes_pixels(operation) && still.load(Ordering::Relaxed);
            Fault { delay: Duration::from_millis(if waits { 50 } else { 0 }), ..Fault::default() }
        }));
        run.append(&stream, 0..400);
        std::thread::scope(|scope| {
            let finishing = scope.spawn(|| stream.finish());
            wait_for(|| if stream.status().finished { Ok(()) } else { Err("not yet".to_owned()) }).expect("asked");
            let before = seen(&run);
            let more = wait_for(|| {
                let seen = seen(&run);
                let running = !finishing.is_finished();
                if seen > before && running {
                    Ok(())
                } else {
                    Err(format!("{seen} after {before}, finish runs: {running}"))
                }
            });
            slow.store(false, Ordering::Relaxed);
            finishing.join().expect("no panic").expect("all well");
            more.unwrap_or_else(|none| panic!("{dimensions}: {none}"));
        });
        run.assert_holds(&[ome_stream_tests::case::Step::Append(400)]);
    }
}
