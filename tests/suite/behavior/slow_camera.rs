//! A slow camera: chunks and shards stay open for many live intervals. What that may cost, in bytes and in the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ome_stream::Stream;
use ome_stream::platform::Disk;
use ome_stream::platform::faulty::{FaultyDisk, Operation};
use ome_stream::settings::{Codec, Compression};
use ome_stream_tests::case::Step;
use ome_stream_tests::disk::{is_chunk, wait_for, writes_pixels};

use crate::acquisition::Acquisition;

/// Rounds of the live thread come every 20 ms.
const INTERVAL: f64 = 0.05;

/// Bytes of chunk and shard files that a recording disk has seen, and in how many writes.
fn written(disk: &FaultyDisk) -> (u64, usize) {
    let log = disk.log();
    let parts = log.iter().filter(|operation| writes_pixels(operation)).filter_map(|operation| match operation {
        Operation::Write(_, _, bytes) => Some(bytes.len() as u64),
        _ => None,
    });
    (parts.clone().sum(), parts.count())
}

/// Plays a script, each frame seen by readers before the next one comes where `slow`.
fn play(run: &Acquisition, disk: Arc<dyn Disk>, script: &[Step], slow: bool) -> Stream {
    let stream = run.start_on(disk);
    let mut next = 0;
    for step in script {
        match *step {
            Step::Skip(frames) => next = stream.skip(frames).expect("there is room"),
            Step::Append(frames) => {
                for _ in 0..frames {
                    run.append(&stream, next..next + 1);
                    next += 1;
                    if slow {
                        std::thread::sleep(Duration::from_secs_f64(INTERVAL / 2.5));
                    }
                }
            }
        }
    }
    stream
}

/// Chunk and shard files below a folder, with length and bytes on disk.
fn files(folder: &Path) -> Vec<(PathBuf, u64, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = fs::metadata(&path).expect("its metadata");
        if meta.is_dir() {
            found.extend(files(&path));
        } else if is_chunk(&path) && !path.ends_with("zarr.json") {
            #[cfg(unix)]
            let blocks = std::os::unix::fs::MetadataExt::blocks(&meta) * 512;
            #[cfg(not(unix))]
            let blocks = meta.len();
            found.push((path, meta.len(), blocks));
        }
    }
    found.sort();
    found
}

/// Files of a slow run are no longer than those of a fast one, have no holes, and hold what they should.
fn same_files(dimensions: &str, compression: Compression, script: &[Step]) {
    let at_pace = |interval: f64| {
        Acquisition::new(dimensions).with(|settings| {
            settings.live_interval = interval;
            settings.compression = compression;
        })
    };
    let (slow, fast) = (at_pace(INTERVAL), at_pace(600.0));
    play(&slow, ome_stream::platform::native(), script, true).finish().expect("all well");
    play(&fast, ome_stream::platform::native(), script, false).finish().expect("all well");
    slow.assert_holds(script);
    let (of_slow, of_fast) = (files(&slow.root().join("0")), files(&fast.root().join("0")));
    assert_eq!(of_slow.len(), of_fast.len(), "{dimensions}");
    for ((path, length, blocks), (_, least, _)) in of_slow.iter().zip(&of_fast) {
        let what = format!("{dimensions}, {compression:?}: {}", path.display());
        assert!(*length * 100 <= least * 102, "{what}: {length} bytes, {least} at full speed");
        assert!(blocks + 4096 > *length, "{what}: {length} bytes, of which {blocks} are on disk");
    }
}

#[test]
fn an_uncompressed_plane_is_written_once_at_any_pace() {
    // In shards (the last with more than a page of index), and in chunk files.
    for (dimensions, frames) in [
        ("t:60:30:2,y:64,x:64", 60),
        ("t:inf:50:1,y:64,x:64", 50),
        ("t:60:6:5,y:64:32:2,x:64:32:2", 60),
        ("t:inf:30,y:64,x:64", 60),
        ("t:60:12,y:64:32,x:64:32", 60),
    ] {
        let run = Acquisition::new(dimensions).with(|settings| settings.live_interval = INTERVAL);
        let disk = FaultyDisk::recording(ome_stream::platform::native());
        let stream = play(&run, Arc::new(disk.clone()), &[Step::Append(frames)], true);
        stream.finish().expect("all well");
        let payload = frames * 64 * 64 * 2;
        let (written, writes) = written(&disk);
        assert!(written >= payload, "{dimensions}: {written} bytes of {payload}: the counter misses some");
        assert!(written * 10 <= payload * 11, "{dimensions}: {written} bytes written for {payload}");
        assert!(writes >= 8, "{dimensions}: readers were shown nothing before the end");
        assert!(stream.status().bytes_for_live_readers <= payload / 10);
        run.assert_holds(&[Step::Append(frames)]);
    }
}

#[test]
fn live_readers_of_compressed_chunks_have_a_bound() {
    // Noise, so that a copy of an open chunk of 1 to 20 planes of 1 MiB costs what it holds: all copies would be 210
    // MiB.
    let frame = noise(1 << 20);
    for dimensions in ["t:20:20:1,y:512,x:1024", "t:20:20,y:512,x:1024"] {
        let run = Acquisition::new(dimensions).with(|settings| {
            settings.live_interval = INTERVAL;
            settings.compression = Compression::new(Codec::BloscLz4);
        });
        let disk = FaultyDisk::recording(ome_stream::platform::native());
        let stream = run.start_on(Arc::new(disk.clone()));
        for nth in 1..=20u64 {
            stream.append(&frame).expect("there is room");
            if nth <= 2 {
                // When the number of its planes has doubled, a chunk is stored again.
                let shown = || if stream.status().written >= nth { Ok(()) } else { Err(format!("not {nth}")) };
                wait_for(shown).expect("it is shown");
            } else {
                // Each plane would be shown, if that were allowed.
                std::thread::sleep(Duration::from_secs_f64(INTERVAL * 4.0));
            }
        }
        stream.finish().expect("all well");
        let (of_readers, all) = (stream.status().bytes_for_live_readers, written(&disk).0);
        let payload = 20 << 20;
        let most = payload + (64 << 20);
        assert!(of_readers >= 3 << 20, "{dimensions}: {of_readers} bytes: readers were shown nothing");
        assert!(of_readers <= most + most / 100, "{dimensions}: {of_readers} bytes for live readers");
        assert!(all <= of_readers + payload + payload / 10, "{dimensions}: {all} bytes, {of_readers} for live readers");
    }
}

/// Bytes that no codec makes fewer.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length / 8).flat_map(|_| next().to_le_bytes()).collect()
}

#[test]
fn files_of_a_slow_uncompressed_run_are_those_of_a_fast_one() {
    for dimensions in ["t:60:30:2,y:64,x:64", "t:40:1:40,y:64:32:2,x:64:32:2", "t:inf:12,y:64,x:64"] {
        same_files(dimensions, Compression::new(Codec::None), &[Step::Append(36)]);
    }
}

#[test]
fn files_of_a_slow_compressed_run_are_those_of_a_fast_one() {
    for codec in [Codec::Zstd, Codec::BloscLz4] {
        for dimensions in ["t:60:30:2,y:64,x:64", "t:40:1:40,y:64:32:2,x:64:32:2", "t:inf:5:8,y:256,x:512"] {
            same_files(dimensions, Compression::new(codec), &[Step::Append(36)]);
        }
    }
}

#[test]
fn chunks_that_never_came_take_no_room_in_a_shard() {
    for codec in [Codec::None, Codec::Zstd] {
        let codec = Compression::new(codec);
        same_files("t:inf:2:50,y:64,x:64", codec, &[Step::Append(17)]);
        same_files("t:200:1:200,y:64:32:2,x:64:32:2", codec, &[Step::Append(20)]);
        // In the middle, and at the start of a shard that goes on.
        same_files("t:40:1:40,y:64,x:64", codec, &[Step::Append(6), Step::Skip(20), Step::Append(14)]);
        same_files("t:40:1:20,y:64,x:64", codec, &[Step::Append(5), Step::Skip(13), Step::Append(22)]);
    }
}

/// What a reader has looked up before a shard got its final length is still true of all that was complete then.
#[test]
fn a_reader_who_holds_an_old_index_finds_the_complete_chunks() {
    for codec in [Codec::None, Codec::Zstd] {
        let run = Acquisition::new("t:20:1:20,y:64,x:64").with(|settings| {
            settings.live_interval = INTERVAL;
            settings.compression = Compression::new(codec);
        });
        let stream = play(&run, ome_stream::platform::native(), &[Step::Append(7)], true);
        let path = run.root().join("0/c/0/0/0");
        let seen = wait_for(|| match fs::read(&path) {
            Ok(bytes) if run.planes().iter().take(7).all(|whole| *whole) => Ok(bytes),
            other => Err(format!("{:?}", other.map(|bytes| bytes.len()))),
        })
        .expect("seven frames are shown");
        let old = fs::File::open(&path).expect("open before the end");
        run.append(&stream, 7..15);
        stream.finish().expect("all well");
        let index = &seen[seen.len() - (20 * 16 + 4)..];
        let number = |at: usize| u64::from_le_bytes(index[at..at + 8].try_into().expect("eight bytes"));
        for chunk in 0..7 {
            let (offset, length) = (number(chunk * 16), number(chunk * 16 + 8));
            let mut bytes = vec![0; length as usize];
            let read = read_at(&old, offset, &mut bytes);
            assert!(read, "{codec:?}: chunk {chunk} is gone");
            assert_eq!(bytes, seen[offset as usize..(offset + length) as usize], "{codec:?}: chunk {chunk}");
        }
        run.assert_holds(&[Step::Append(15)]);
    }
}

fn read_at(mut file: &fs::File, offset: u64, bytes: &mut [u8]) -> bool {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(bytes)).is_ok()
}
