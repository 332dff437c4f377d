//! Levels below full resolution that a crash or somebody left behind: made whole, as if the run had ended.

use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::Stream;
use ome_stream::platform;
use ome_stream::recover::{Report, State, Verdict};
use ome_stream::settings::{Codec, Compression, DataType, NgffVersion, Pyramid, Settings, parse_dims};
use ome_stream::stream::{MadeLevel, complete_levels};
use ome_stream_tests::{pixels, read};

use crate::store::{apply, copy, look, snapshot};

/// Frames of the runs.
const FRAMES: u64 = 23;

/// Chunk files and shards; frames that come one by one, and in pairs of z.
fn kinds() -> Vec<(&'static str, NgffVersion)> {
    vec![
        ("t:inf:2,z:5:2,y:40:16,x:36:16", NgffVersion::V0_5),
        ("t:inf:1:4,z:5:2:2,y:40:16:2,x:36:16:2", NgffVersion::V0_5),
        ("t:7,z:5,y:40:16,x:36", NgffVersion::V0_4),
        ("z:40:4:3,y:40:16:2,x:36:16:2", NgffVersion::V0_6),
    ]
}

fn settings(root: &Path, dims: &str, version: NgffVersion) -> Settings {
    let dimensions = parse_dims(dims).expect("valid");
    let mut settings = Settings::new(root.to_string_lossy(), dimensions, DataType::UInt16);
    settings.compression = Compression::new(Codec::Zstd);
    settings.format.version = version;
    settings.live_interval = 60.0;
    settings.pyramid =
        Some(Pyramid { levels: Some(3), factors: Some([("z".to_owned(), 2)].into()), ..Pyramid::default() });
    settings
}

/// A run of so many frames that has not ended, all stored that can be.
fn begun(root: &Path, (dims, version): (&str, NgffVersion), frames: u64) -> Stream {
    let backend = ome_stream_backends::open("zarrs").expect("built in");
    let stream = Stream::create(&settings(root, dims, version), &*backend).expect("made");
    for number in 0..frames {
        match number % 9 {
            4 => drop(stream.skip(1).expect("skipped")),
            _ => drop(stream.append(&pixels::frame(DataType::UInt16, number, 40, 36)).expect("taken")),
        }
    }
    let mut before = None;
    while before != Some(stream.status().bytes_written) {
        before = Some(stream.status().bytes_written);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    stream
}

/// A store whose run has ended, and one that a killed run has left, which had stored as much.
fn run(folder: &Path, kind: (&str, NgffVersion)) -> (PathBuf, PathBuf) {
    let (whole, left) = (folder.join("whole.ome.zarr"), folder.join("left.ome.zarr"));
    let stream = begun(&folder.join("killed.ome.zarr"), kind, FRAMES);
    copy(&folder.join("killed.ome.zarr"), &left);
    stream.finish().expect("finished");
    let copied = folder.join("mended.ome.zarr");
    copy(&left, &copied);
    apply(&copied);
    let record = fs::read(copied.join(".ome-stream/run/progress.json")).expect("there");
    let record: serde_json::Value = serde_json::from_slice(&record).expect("JSON");
    let frames = record["frames"].as_u64().expect("a number");
    assert!(frames > 0, "{kind:?}: {record}");
    begun(&whole, kind, frames).finish().expect("finished");
    (whole, left)
}

fn complete(root: &Path) -> Vec<MadeLevel> {
    let backend = ome_stream_backends::open("zarrs").expect("built in");
    complete_levels(root, &*backend, &platform::native()).expect("made")
}

/// Files of full resolution and documents of groups.
fn untouched(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let is_kept = |path: &PathBuf| !["1", "2", ".ome-stream"].iter().any(|name| path.starts_with(name));
    snapshot(root).into_iter().filter(|(path, _)| is_kept(path)).collect()
}

/// Every level is as in the store whose run has ended; of full resolution too, up to what had come.
fn same_levels(whole: &Path, root: &Path) {
    for level in ["0", "1", "2"] {
        let (expected, found) = (read::zarrs(&whole.join(level)), read::zarrs(&root.join(level)));
        let (expected, found) = (expected.expect("readable"), found.expect("readable"));
        assert_eq!(expected.shape, found.shape, "level {level} of {}", root.display());
        let same = expected.bytes.iter().zip(&found.bytes).position(|(expected, found)| expected != found);
        assert_eq!(same, None, "level {level} {:?} of {}", expected.shape, root.display());
    }
}

fn mended(root: &Path) -> (Report, Vec<MadeLevel>) {
    let seen = look(root);
    let mut report = apply(root);
    assert_eq!(seen.levels, report.levels, "what is told is what is found");
    for finding in &report.findings {
        assert_eq!(finding.failure, None, "{finding:?}");
    }
    let before = untouched(root);
    let made = complete(root);
    let after = untouched(root);
    let differs = |(path, bytes): &&(PathBuf, Vec<u8>)| !before.iter().any(|(old, kept)| old == path && kept == bytes);
    let differs: Vec<&PathBuf> = after.iter().filter(differs).map(|(path, _)| path).collect();
    let names = |all: &[(PathBuf, Vec<u8>)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before), "full resolution and what groups say stay as they are");
    assert!(differs.is_empty(), "full resolution and what groups say stay as they are: {differs:?}");
    report.completed(&made);
    assert_eq!(complete(root), [], "nothing is left to be made");
    let again = look(root);
    assert_eq!(again.verdict, Verdict::Whole, "{again:#?}");
    (report, made)
}

#[test]
fn levels_of_a_killed_run_are_made_whole() {
    for kind in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, left) = run(folder.path(), kind);
        let (report, made) = mended(&left);
        assert_eq!(report.lost_chunks, 0, "{kind:?}");
        assert!(made.iter().any(|level| level.planes > 0), "{kind:?}: {made:?}");
        same_levels(&whole, &left);
        let attributes =
            fs::read_to_string(left.join(if kind.1 == NgffVersion::V0_4 { ".zattrs" } else { "zarr.json" }));
        assert!(!attributes.expect("there").contains("\"state\""), "nothing tells that the run has ended");
    }
}

#[test]
fn levels_that_are_gone_are_made_anew() {
    for kind in kinds() {
        for (left_by_a_run, gone) in [(true, "1"), (false, "1"), (false, "2")] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (whole, left) = run(folder.path(), kind);
            let root = if left_by_a_run { left } else { folder.path().join("finished.ome.zarr") };
            if !left_by_a_run {
                copy(&whole, &root);
            }
            fs::remove_dir_all(root.join(gone)).expect("removed");
            let (report, made) = mended(&root);
            let finding = report.findings.iter().find(|finding| finding.file.starts_with(gone)).expect("told");
            assert_eq!((finding.state, finding.mended), (State::Incomplete, true));
            assert_eq!(report.verdict, Verdict::Harmless);
            assert!(made.iter().any(|level| level.array == gone && level.planes > 0), "{made:?}");
            same_levels(&whole, &root);
        }
    }
}

#[test]
fn a_level_without_document_or_chunks_is_made_anew() {
    for kind in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, _) = run(folder.path(), kind);
        let root = folder.path().join("damaged.ome.zarr");
        copy(&whole, &root);
        let document = if kind.1 == NgffVersion::V0_4 { ".zarray" } else { "zarr.json" };
        fs::remove_file(root.join("1").join(document)).expect("removed");
        let text = fs::read(root.join("2").join(document)).expect("there");
        fs::remove_dir_all(root.join("2")).expect("removed");
        fs::create_dir(root.join("2")).expect("made");
        fs::write(root.join("2").join(document), text).expect("written");
        mended(&root);
        same_levels(&whole, &root);
    }
}

#[test]
fn torn_chunks_of_levels_are_no_loss() {
    for kind in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (whole, left) = run(folder.path(), kind);
        let objects = snapshot(&left.join("1")).into_iter().map(|(path, _)| left.join("1").join(path));
        let mut objects = objects.filter(|path| path.extension().is_none_or(|ending| ending == "partial"));
        let names = |path: &PathBuf| path.file_name().is_some_and(|name| !name.to_string_lossy().contains("zarr"));
        let Some(torn) = objects.rfind(names) else { continue };
        let length = fs::metadata(&torn).expect("there").len();
        fs::OpenOptions::new().write(true).open(&torn).and_then(|file| file.set_len(length / 2)).expect("cut");
        let (report, _) = mended(&left);
        assert_ne!(report.verdict, Verdict::Lost, "{kind:?}: {report:#?}");
        assert_eq!(report.lost_chunks, 0);
        same_levels(&whole, &left);
    }
}

#[test]
fn a_level_that_somebody_took_out_stays_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, _) = run(folder.path(), kinds()[0]);
    fs::remove_dir_all(whole.join("2")).expect("removed");
    let path = whole.join("zarr.json");
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
    let datasets = document.pointer_mut("/attributes/ome/multiscales/0/datasets").and_then(|all| all.as_array_mut());
    drop(datasets.expect("there").pop());
    fs::write(&path, document.to_string()).expect("written");
    let report = apply(&whole);
    assert_eq!((report.verdict, report.levels.len()), (Verdict::Whole, 0), "{report:#?}");
    assert!(!whole.join("2").exists());
}
