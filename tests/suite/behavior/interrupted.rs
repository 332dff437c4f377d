//! Going on with a store whose writer was interrupted: every frame that was written is kept, with its metadata.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ome_stream::platform::Disk;
use ome_stream::platform::faulty::{Fault, Operation};
use ome_stream::settings::{Checksum, Codec, Compression};
use ome_stream::store::missing::{self, Why};
use ome_stream::{Plan, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::{disk, model, pixels};
use proptest::prelude::*;

use crate::acquisition::native;
use crate::continued::{cut, failed, holds, property, resuming};

/// A disk that does nothing more once it is frozen: what lies below it is then what a killed writer leaves.
pub fn freezing() -> (Arc<dyn Disk>, Arc<AtomicBool>) {
    let frozen = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&frozen);
    let disk = disk::faulty(move |_| {
        let errno = asked.load(Ordering::SeqCst).then(|| rustix::io::Errno::IO.raw_os_error());
        Fault { errno, ..Fault::default() }
    });
    (disk, frozen)
}

/// Copies what a stream leaves that is killed now: its disk is frozen, and what was under way has ended when `finish`
/// returns.
pub fn kill(stream: &Stream, frozen: &AtomicBool, to: &Path) -> std::io::Result<()> {
    frozen.store(true, Ordering::SeqCst);
    // It fails where there is anything to do.
    let _ = stream.finish();
    disk::copy(stream.plan().root(), to)
}

/// Does what the script says, with metadata of each frame.
fn play(case: &Case, stream: &Stream, first: u64) -> Result<(), ome_stream::Error> {
    let (rows, columns) = case.frame();
    let mut next = first;
    for step in &case.script {
        match *step {
            Step::Skip(frames) => next = stream.skip(frames)?,
            Step::Append(frames) => {
                for _ in 0..frames {
                    let pixels = pixels::frame(case.settings.dtype, next, rows, columns);
                    next = 1 + stream.append_with(&pixels, &format!("{{\"sent\":{next}}}"))?;
                }
            }
        }
    }
    Ok(())
}

/// Numbers of the frames that have metadata, position by position.
fn told(plan: &Plan) -> Result<Vec<u64>, TestCaseError> {
    let mut told = Vec::new();
    for position in 0..plan.positions().len() {
        let path = plan.group_path(position).join("frame_metadata.jsonl");
        let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).map_err(failed)?;
            prop_assert_eq!(&line["sent"], &line["frame"]);
            told.push(line["frame"].as_u64().ok_or_else(|| failed("no number"))?);
        }
    }
    told.sort_unstable();
    Ok(told)
}

/// Frames of the script that are appended, below `end`.
fn appended(case: &Case, end: u64) -> Vec<u64> {
    let mut frames: Vec<u64> = model::images(case).iter().flat_map(|image| image.frames.clone()).flatten().collect();
    frames.retain(|frame| *frame < end);
    frames.sort_unstable();
    frames
}

#[test]
fn an_interrupted_store_goes_on_behind_its_last_written_frame() {
    property(|mut case, at| {
        case.settings.live_interval = 0.05;
        let folder = tempfile::tempdir()?;
        let (first, _, at) = cut(&case, at);
        let (disk, frozen) = freezing();
        let stream = Stream::create_on(&case.settings_in(folder.path()), &*native(), disk).map_err(failed)?;
        play(&first, &stream, 0).map_err(failed)?;
        disk::wait_for(|| match stream.status().written {
            written if written == at => Ok(()),
            written => Err(format!("{written} of {at} frames are written")),
        })
        .map_err(TestCaseError::fail)?;
        let left = tempfile::tempdir()?;
        let settings = resuming(case.settings_in(left.path()));
        kill(&stream, &frozen, &settings.output_path())?;
        drop(stream);
        let stream = Stream::create(&settings, &*native()).map_err(failed)?;
        // What was skipped last may have been listed or not.
        let behind = appended(&first, at).last().map_or(0, |last| last + 1);
        let next = stream.status().accepted;
        prop_assert!((behind..=at).contains(&next), "{} is not in {}..={}", next, behind, at);
        prop_assert_eq!(told(stream.plan())?, appended(&first, at));
        let (_, second, _) = cut(&case, next);
        play(&second, &stream, next).map_err(failed)?;
        stream.finish().map_err(failed)?;
        prop_assert_eq!(told(stream.plan())?, appended(&case, u64::MAX));
        let listed = missing::read(&*ome_stream::platform::native_source(), stream.plan().root())
            .map_err(failed)?
            .unwrap_or_default();
        let kept = appended(&case, u64::MAX);
        for stretch in listed.stretches {
            prop_assert!(!kept.iter().any(|frame| (stretch.first..=stretch.last).contains(frame)), "{:?}", stretch);
        }
        holds(&case, &stream)
    });
}

fn crc() -> Compression {
    Compression::new(Codec::None).with_checksum(Checksum::Crc32c)
}

/// Cases of every kind, small, with open chunks.
fn kinds() -> Vec<Case> {
    let positions = "t:inf:3:2,p:2,c:2,y:32:16:2,x:16";
    vec![
        Case::new("chunk files", "t:12:4,y:16,x:16"),
        Case::new("shards", "t:inf:2:3,y:32:16:2,x:16"),
        Case::new("positions", positions),
        Case::new("positions zstd", positions).compression(Compression::new(Codec::Zstd)),
        Case::new("checksum", "t:12:4,y:16,x:16").compression(crc()),
        Case::new("positions, checksum", positions).compression(crc()),
    ]
}

/// The store of a run that was interrupted when its first `frames` frames were written.
fn left(case: &Case, folder: &Path, frames: u64) -> PathBuf {
    let case = case.clone().with(|settings| settings.live_interval = 0.05).script(&[Step::Append(frames)]);
    let (disk, frozen) = freezing();
    let settings = case.settings_in(&folder.join("killed"));
    let stream = Stream::create_on(&settings, &*native(), disk).expect("made");
    play(&case, &stream, 0).expect("taken");
    disk::wait_for(|| if stream.status().written == frames { Ok(()) } else { Err("not yet".into()) }).expect("written");
    let left = folder.join("left.ome.zarr");
    kill(&stream, &frozen, &left).expect("copied");
    left
}

#[test]
fn going_on_that_is_interrupted_anywhere_loses_nothing() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let frames = 10;
        let left = left(&case, folder.path(), frames);
        let settings = resuming(case.settings_in(&folder.path().join("again")));
        let root = settings.output_path();
        for nth in 0.. {
            disk::copy(&left, &root).expect("copied");
            let count = AtomicU64::new(0);
            let disk = disk::faulty(move |_| {
                let stopped = count.fetch_add(1, Ordering::Relaxed) >= nth;
                let errno = stopped.then(|| rustix::io::Errno::NOSPC.raw_os_error());
                Fault { errno, torn_after: stopped.then_some(5), ..Fault::default() }
            });
            let stopped = Stream::create_on(&settings, &*native(), disk).is_err();
            let stream = Stream::create(&settings, &*native()).expect("it goes on");
            assert_eq!(stream.status().accepted, frames, "{} stopped at {nth}", case.name);
            let rest = case.clone().script(&[Step::Append(2)]);
            play(&rest, &stream, frames).expect("taken");
            stream.finish().expect("all well");
            let whole = case.clone().script(&[Step::Append(frames + 2)]);
            holds(&whole, &stream).unwrap_or_else(|error| panic!("{} stopped at {nth}: {error}", case.name));
            assert_eq!(told(stream.plan()).expect("read"), appended(&whole, u64::MAX), "{} at {nth}", case.name);
            assert_eq!(
                missing::read(&*ome_stream::platform::native_source(), &root).expect("read"),
                None,
                "nothing is missing"
            );
            drop(stream);
            fs::remove_dir_all(&root).expect("removed");
            if !stopped {
                assert!(nth > 5, "{}: hardly anything was done", case.name);
                break;
            }
        }
    }
}

#[test]
fn frames_that_were_on_their_way_are_listed_as_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = Case::new("gaps", "p:3,t:4:4,y:16,x:16").with(|settings| {
        settings.live_interval = 60.0;
        settings.threads = Some(1);
    });
    // The chunk of the second position is not written before all is over.
    let gate = disk::Gate::default();
    let closed = gate.clone();
    let disk = disk::faulty(move |operation| {
        if disk::writes_pixels(operation) && format!("{operation:?}").contains("/1/0/c/") {
            closed.wait();
        }
        Fault::default()
    });
    let settings = case.settings_in(&folder.path().join("killed")).clone();
    let two = ome_stream::Settings { threads: Some(2), ..settings };
    let stream = Stream::create_on(&two, &*native(), disk).expect("made");
    let root = stream.plan().root().to_path_buf();
    play(&case, &stream, 0).expect("taken");
    // The others are written, and their memory is free: one group of three is left.
    let one = 4 * stream.plan().geometry().frame_bytes();
    disk::wait_for(|| match stream.status() {
        status if status.written >= 4 && status.bytes_in_flight < 2 * one => Ok(()),
        status => Err(format!("{status:?}")),
    })
    .expect("the first and the third are written");
    let settings = resuming(case.settings_in(&folder.path().join("again")));
    disk::copy(&root, &settings.output_path()).expect("copied");
    gate.open();
    let stream = Stream::create(&settings, &*native()).expect("it goes on");
    assert_eq!(stream.status().accepted, 12);
    let listed = missing::read(&*ome_stream::platform::native_source(), stream.plan().root())
        .expect("read")
        .expect("frames are missing");
    let stretches: Vec<_> = listed.stretches.iter().map(|each| (each.first, each.last, each.why)).collect();
    assert_eq!(stretches, [(4, 7, Why::Lost)]);
    stream.finish().expect("all well");
    let kept = case.clone().script(&[Step::Append(4), Step::Skip(4), Step::Append(4)]);
    holds(&kept, &stream).expect("the others are there");
}

#[test]
fn planes_in_a_shard_that_never_got_its_name_are_kept() {
    // Each chunk of the last position holds one plane of three: the file ends within the last of them.
    let case = Case::new("unnamed", "t:3:3,p:4,y:16,x:8:3:3").script(&[Step::Append(5)]);
    let case = case.with(|settings| settings.live_interval = 0.05);
    let frozen = Arc::new(AtomicBool::new(false));
    let disk = {
        let frozen = Arc::clone(&frozen);
        disk::faulty(move |operation| {
            let names = matches!(operation, Operation::Rename(_, to, _) if to.iter().any(|part| part == "c"));
            let fails = frozen.fetch_or(names, Ordering::SeqCst) || names;
            Fault { errno: fails.then(|| rustix::io::Errno::IO.raw_os_error()), ..Fault::default() }
        })
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stream = Stream::create_on(&case.settings_in(&folder.path().join("killed")), &*native(), disk).expect("made");
    play(&case, &stream, 0).expect("taken");
    disk::wait_for(|| if frozen.load(Ordering::SeqCst) { Ok(()) } else { Err("not yet".into()) }).expect("frozen");
    assert_eq!(stream.status().written, 5);
    let settings = resuming(case.settings_in(&folder.path().join("again")));
    kill(&stream, &frozen, &settings.output_path()).expect("copied");
    let stream = Stream::create(&settings, &*native()).expect("goes on");
    assert_eq!(stream.status().accepted, 5);
    assert_eq!(
        missing::read(&*ome_stream::platform::native_source(), stream.plan().root()).expect("readable"),
        None,
        "nothing is lost"
    );
    stream.finish().expect("all well");
    holds(&case, &stream).expect("every frame");
}
