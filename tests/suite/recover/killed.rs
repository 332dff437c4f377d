//! What a killed writer leaves behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::recover::{State, Verdict, log};
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::child::{Ask, Process};
use ome_stream_tests::disk::wait_for;
use ome_stream_tests::{pixels, read};

use crate::store::{self, compare, kinds, look_and_mend};

/// Appends `frames` frames, with metadata, and waits until all of them are with the operating system.
pub fn append(stream: &Stream, case: &Case, frames: u64) {
    let (rows, columns) = case.frame();
    for number in 0..frames {
        let frame = pixels::frame(case.settings.dtype, number, rows, columns);
        stream.append_with(&frame, &format!("{{\"sent\":{number}}}")).expect("accepted");
    }
    wait_for(|| match stream.status().written {
        written if written == frames => Ok(()),
        written => Err(format!("{written} of {frames} written")),
    })
    .expect("all written");
}

#[test]
fn everything_in_unpublished_shards_is_won_back() {
    // With an interval this long no index is written before the copy is made; every frame is a group of its own.
    for interval in [60.0, 0.05] {
        for case in kinds() {
            let case = case.with(|settings| settings.live_interval = interval);
            let folder = tempfile::tempdir().expect("a temporary folder");
            let settings = case.settings_in(folder.path());
            let stream =
                Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
            let frames = case.consumed() - 1;
            append(&stream, &case, frames);
            let left = folder.path().join("left.ome.zarr");
            if interval < 1.0 {
                std::thread::sleep(Duration::from_secs_f64(interval * 4.0));
            }
            store::copy(stream.plan().root(), &left);
            let report = look_and_mend(&left);
            assert_eq!(report.verdict, Verdict::Harmless, "{}: {:#?}", case.name, report.findings);
            assert!(!left.join(log::FILE_NAME).exists());
            let came = case.clone().script(&[Step::Append(frames)]);
            compare(&store::expected(&came, &left), &left, &report, |number| number < frames);
            let unbounded = case.settings.dimensions[0].count.is_none();
            if unbounded {
                assert_eq!(report.arrays[0].mended_shape[0], frames, "{:#?}", report.arrays);
            }
            stream.finish().expect("finished");
            assert!(!stream.plan().root().join(log::FILE_NAME).exists(), "a finished run leaves no log");
        }
    }
}

#[test]
fn a_store_that_is_being_written_is_left_alone() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = case.settings_in(folder.path());
        let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
        let refused = ome_stream::recover::recover(stream.plan().root(), &Default::default());
        let error = refused.expect_err("its writer lives");
        assert!(matches!(error, Error::Busy { .. }) && error.to_string().contains("in use by this process"), "{error}");
        stream.finish().expect("finished");
    }
}

#[test]
fn frame_metadata_are_mirrored_and_a_torn_line_is_left_out() {
    let case = Case::new("metadata", "t:8:1:4,y:64:32:2,x:64:32:2").with(|settings| settings.live_interval = 0.05);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = case.settings_in(folder.path());
    let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
    append(&stream, &case, 5);
    let lines = stream.plan().root().join("frame_metadata.jsonl");
    wait_for(|| match fs::read_to_string(&lines).unwrap_or_default().lines().count() {
        5 => Ok(()),
        count => Err(format!("{count} lines")),
    })
    .expect("all appended");
    let left = folder.path().join("left.ome.zarr");
    store::copy(stream.plan().root(), &left);
    let mut text = fs::read(&lines).expect("readable");
    text.truncate(text.len() - 7);
    fs::write(left.join("frame_metadata.jsonl"), &text).expect("written");
    let report = look_and_mend(&left);
    assert_eq!(report.verdict, Verdict::Harmless);
    let torn = report.findings.iter().find(|finding| finding.file == "frame_metadata.jsonl").expect("told");
    assert_eq!(torn.state, State::Torn);
    let kept = fs::read(left.join("frame_metadata.jsonl.before-recover")).expect("kept");
    assert_eq!(kept, text);
    let group: serde_json::Value =
        serde_json::from_slice(&fs::read(left.join("zarr.json")).expect("there")).expect("JSON");
    let mirrored = group.pointer("/attributes/ome_writers/frame_metadata").expect("mirrored");
    assert_eq!(mirrored.as_array().map(Vec::len), Some(4));
    assert_eq!(mirrored[3]["sent"], 3);
}

#[test]
fn a_process_killed_at_any_moment_leaves_a_store_that_is_mended() {
    for (nth, case) in kinds().into_iter().enumerate() {
        let case = case.with(|settings| {
            settings.live_interval = 0.1;
            if let Some(count) = &mut settings.dimensions[0].count {
                *count = 100_000;
            }
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = case.settings_in(folder.path());
        let mut process = Process::start(env!("CARGO_BIN_EXE_ome-stream-test-child")).expect("started");
        let create = Ask::Create { settings: Box::new(settings.clone()), backend: "zarrs".into(), delay_us: 300 };
        process.ask(&create).expect("made");
        process.ask(&Ask::AppendUntilKilled).expect("listens");
        let plan = ome_stream::Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        let made = store::expected(&case.clone().script(&[Step::Append(20_000)]), plan.root());
        // Later for each: when readers see so many frames.
        let least = 1 + 30 * nth as u64;
        let seen = || match whole(&case, &made, plan.root(), least) {
            Ok(frames) if frames >= least => Ok(()),
            other => Err(format!("{other:?}, not {least} frames")),
        };
        wait_for(seen).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        process.kill().expect("killed");
        let report = look_and_mend(plan.root());
        assert_eq!(report.verdict, Verdict::Harmless, "{}: {:#?}", case.name, report.findings);
        let whole = whole(&case, &made, plan.root(), 1000).expect("readers open it");
        assert!(whole >= least, "{}: {whole} frames are left of {least}", case.name);
    }
}

/// How many frames readers see whole, in the first `most` planes of each array; none may be torn.
fn whole(case: &Case, made: &store::Made, root: &Path, most: u64) -> Result<u64, String> {
    let (rows, columns) = case.frame();
    let bytes = (rows * columns) as usize * case.settings.dtype.size();
    let not_there = vec![0; bytes];
    let mut whole = 0;
    for (image, array) in made.images.iter().zip(&made.arrays) {
        let found = read::zarrs_first(&root.join(array), most)?;
        let planes = found.bytes.chunks(bytes).zip(&image.frames).filter(|(got, _)| *got != not_there);
        for (got, number) in planes {
            let expected = pixels::frame(case.settings.dtype, number.expect("all came"), rows, columns);
            // A frame in several chunks may have come only in part.
            let tile = |at: usize| got[at..at + 2] == expected[at..at + 2] || got[at..at + 2] == [0, 0];
            let is_whole = got == expected;
            assert!(is_whole || (0..bytes).step_by(2).all(tile), "{}: frame {number:?} is torn", case.name);
            whole += u64::from(is_whole);
        }
    }
    Ok(whole)
}

#[test]
fn a_mended_store_can_be_continued() {
    for case in kinds() {
        let case = case.with(|settings| settings.live_interval = 60.0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = case.settings_in(folder.path());
        let engine = ome_stream_backends::open("zarrs").expect("built in");
        let stream = Stream::create(&settings, &*engine).expect("made");
        let frames = case.consumed();
        append(&stream, &case, frames - 1);
        let name = stream.plan().root().file_name().expect("a folder").to_owned();
        let left = folder.path().join("moved").join(name);
        store::copy(stream.plan().root(), &left);
        stream.finish().expect("finished");
        assert_eq!(look_and_mend(&left).verdict, Verdict::Harmless);
        let mut settings = settings.clone();
        settings.root_path = left.to_string_lossy().into_owned();
        settings.resume = true;
        let stream = Stream::create(&settings, &*engine).expect("continued");
        let (rows, columns) = case.frame();
        for number in stream.status().accepted..frames {
            stream.append(&pixels::frame(case.settings.dtype, number, rows, columns)).expect("accepted");
        }
        stream.finish().expect("finished");
        let report = store::look(&left);
        assert_eq!(report.verdict, Verdict::Whole, "{}: {:#?}", case.name, report.findings);
        compare(&store::expected(&case, &left), &left, &report, |_| true);
    }
}
