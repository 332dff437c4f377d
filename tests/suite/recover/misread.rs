//! Reads that go wrong: each read of a call fails once, one after the other, or finds the file ended, or gives bytes in
//! pieces. The call says so with the path, changes nothing wrongly, leaves nothing half made, and goes well when it is
//! made again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ome_stream::platform::faulty::{Fault, FaultyDisk, FaultySource, Misread, Read};
use ome_stream::platform::{Disk, native, native_source};
use ome_stream::recover::{Options, Report, recover_on};
use ome_stream::settings::{Codec, Compression, Settings};
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::{check, levels, model, pixels, read};
use serde_json::json;

use crate::killed::append;
use crate::store::{self, contents};

/// Frames of a run that was interrupted, of one that ended, and of both runs together.
const INTERRUPTED: u64 = 4;
const FINISHED: u64 = 5;
const ALL: u64 = 8;

/// Stores that are read in different ways.
fn cases() -> [Case; 4] {
    let script = [Step::Append(ALL)];
    [
        Case::new("shards zstd", "t:inf:1:4,p:2,y:32,x:32:16:2").compression(Compression::new(Codec::Zstd)),
        Case::new("shards", "t:inf:2:4,y:32,x:32:16:2"),
        Case::new("chunk files", "t:8:2,c:1,y:32,x:32:16"),
        Case::new("levels", "t:2,z:4:2,y:32,x:32:16").pyramid(json!({"levels": 2, "factors": {"z": 2}})),
    ]
    // No round of the live thread, whose reads would be among those that are counted.
    .map(|case| case.script(&script).with(|settings| settings.live_interval = 600.0))
}

/// One read that goes wrong.
#[derive(Clone, Default)]
struct Fails {
    hit: Arc<Mutex<Option<Read>>>,
    armed: Arc<AtomicBool>,
}

impl Fails {
    /// A disk whose `nth` read fails, or whose `nth` read of bytes finds the file ended; not before it is armed.
    fn disk(&self, nth: u64, how: Misread) -> Arc<dyn Disk> {
        let (count, this) = (AtomicU64::new(0), self.clone());
        let script = move |_, read: &Read| {
            let concerned = matches!(how, Misread::Fails(_)) || matches!(read, Read::Bytes(_, _, most) if *most > 0);
            let is_this = this.armed.load(Ordering::SeqCst) && concerned && count.fetch_add(1, Ordering::SeqCst) == nth;
            if is_this {
                *this.hit.lock().unwrap_or_else(PoisonError::into_inner) = Some(read.clone());
            }
            if is_this { how } else { Misread::None }
        };
        reading(FaultySource::new(native_source(), Box::new(script)))
    }

    fn hit(&self) -> Option<Read> {
        self.armed.store(false, Ordering::SeqCst);
        self.hit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn reading(source: FaultySource) -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::new(native(), Box::new(|_, _| Fault::default())).read_from(Arc::new(source)))
}

/// Hands a folder with what is in `before` to `attempt`, with a disk on which one read goes wrong: each, one after the
/// other, until the call makes fewer. `attempt` arms it.
fn each_read(before: &Path, mut attempt: impl FnMut(&Path, &Fails, Arc<dyn Disk>) -> Option<Read>) -> u64 {
    let mut tried = 0;
    for how in [Misread::Fails(5), Misread::Ends] {
        for nth in 0.. {
            // Some hundreds of stores, most of which are synced file by file.
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
            store::copy(before, folder.path());
            let fails = Fails::default();
            let disk = fails.disk(nth, how);
            if attempt(folder.path(), &fails, disk).is_none() {
                break;
            }
            tried += 1;
        }
    }
    tried
}

/// Whether an error says of which path it is, or of one above in the store.
fn names(error: &str, read: &Read, root: &Path) -> bool {
    let above = read.path().ancestors().skip(1).take_while(|path| path.starts_with(root));
    std::iter::once(read.path()).chain(above).any(|path| error.contains(&*path.to_string_lossy()))
}

fn start(settings: &Settings, disk: Arc<dyn Disk>) -> Result<Stream, Error> {
    Stream::create_on(settings, &*ome_stream_backends::open("zarrs").expect("built in"), disk)
}

fn send(case: &Case, stream: &Stream, frames: std::ops::Range<u64>) {
    let (rows, columns) = case.frame();
    for number in frames {
        let frame = pixels::frame(case.settings.dtype, number, rows, columns);
        let metadata = format!("{{\"sent\":{number}}}");
        assert_eq!(stream.append_with(&frame, &metadata).expect("accepted"), number);
    }
}

/// Whether a store holds all frames of a case, each with its metadata.
#[track_caller]
fn assert_whole(case: &Case, stream: &Stream) {
    for (nth, image) in model::images(case).iter().enumerate() {
        for (level, expected) in (0..).zip(&levels::levels(case, image)) {
            let found = read::zarrs(&stream.plan().array_path(nth, level)).expect("readable");
            check::same_level(case, expected, &found).expect("every frame");
        }
    }
    let lines = |position: usize| {
        let path = stream.plan().group_path(position).join("frame_metadata.jsonl");
        fs::read_to_string(path).expect("there").lines().count() as u64
    };
    let told: u64 = (0..stream.plan().positions().len()).map(lines).sum();
    assert_eq!(told, case.consumed());
}

/// Sends these frames, after which the store is whole.
#[track_caller]
fn complete(case: &Case, stream: &Stream, frames: std::ops::Range<u64>) {
    send(case, stream, frames);
    stream.finish().expect("finished");
    assert_whole(case, stream);
}

/// The names in a folder.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path()).collect();
    names.sort();
    names
}

/// What an interrupted run left of a case, in a folder of its own.
fn interrupted(case: &Case) -> tempfile::TempDir {
    let (folder, left) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let stream = start(&case.settings_in(folder.path()), native()).expect("made");
    append(&stream, case, INTERRUPTED);
    store::copy(folder.path(), left.path());
    // What a killed process leaves is nobody's.
    let own = case.settings_in(left.path()).output_path().join(".ome-stream/run/owner.json");
    fs::remove_file(own).expect("there");
    left
}

/// A finished store of a case, in a folder of its own.
fn finished(case: &Case) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let stream = start(&case.settings_in(folder.path()), native()).expect("made");
    send(case, &stream, 0..FINISHED);
    stream.finish().expect("finished");
    folder
}

fn resuming(case: &Case, folder: &Path) -> Settings {
    let mut settings = case.settings_in(folder);
    settings.resume = true;
    settings
}

#[test]
fn create_with_reads_that_fail() {
    for case in cases() {
        let before = tempfile::tempdir().expect("a folder");
        let tried = each_read(before.path(), |folder, fails, disk| {
            let settings = case.settings_in(folder);
            let root = settings.output_path();
            fails.armed.store(true, Ordering::SeqCst);
            let made = start(&settings, disk);
            let read = fails.hit();
            if let (Err(error), Some(read)) = (&made, &read) {
                assert!(names(&error.to_string(), read, &root), "{read:?}: {error}");
                assert_eq!(listed(folder), Vec::<PathBuf>::new(), "{read:?}: {error}");
            }
            let stream = made.unwrap_or_else(|_| start(&settings, native()).expect("without the fault"));
            complete(&case, &stream, 0..ALL);
            read
        });
        assert!(tried > 10, "{tried}");
    }
}

#[test]
fn overwrite_with_reads_that_fail() {
    for case in cases() {
        for before in [finished(&case), interrupted(&case)] {
            let tried = each_read(before.path(), |folder, fails, disk| {
                let mut settings = case.settings_in(folder);
                settings.overwrite = true;
                let root = settings.output_path();
                let (names_before, was) = (listed(folder), contents(&root));
                fails.armed.store(true, Ordering::SeqCst);
                let made = start(&settings, disk);
                let read = fails.hit();
                if let (Err(error), Some(read)) = (&made, &read) {
                    assert!(names(&error.to_string(), read, &root), "{read:?}: {error}");
                    assert_eq!(listed(folder), names_before, "{read:?}: {error}");
                    assert!(contents(&root) == was, "{read:?}: {error}");
                }
                let stream = made.unwrap_or_else(|_| start(&settings, native()).expect("without the fault"));
                complete(&case, &stream, 0..ALL);
                assert_eq!(listed(folder), names_before);
                read
            });
            assert!(tried > 20, "{tried}");
        }
    }
}

#[test]
fn resume_with_reads_that_fail() {
    for case in cases() {
        for (before, came) in [(finished(&case), FINISHED), (interrupted(&case), INTERRUPTED)] {
            let tried = each_read(before.path(), |folder, fails, disk| {
                let settings = resuming(&case, folder);
                let root = settings.output_path();
                let was = contents(&root);
                fails.armed.store(true, Ordering::SeqCst);
                let made = start(&settings, disk);
                let read = fails.hit();
                if let (Err(error), Some(read)) = (&made, &read) {
                    assert!(names(&error.to_string(), read, &root), "{read:?}: {error}");
                    assert!(came == INTERRUPTED || contents(&root) == was, "{read:?}: {error}");
                }
                let stream = made.unwrap_or_else(|_| start(&settings, native()).expect("without the fault"));
                assert_eq!(stream.status().accepted, came, "{read:?}");
                complete(&case, &stream, came..ALL);
                read
            });
            assert!(tried > 40, "{tried}");
        }
    }
}

#[test]
fn finish_with_reads_that_fail() {
    for case in cases() {
        let before = finished(&case);
        let tried = each_read(before.path(), |folder, fails, disk| {
            // One worker, which stores nothing behind what it could not store: all that is missing comes again.
            let settings = Settings { threads: Some(1), ..resuming(&case, folder) };
            let root = settings.output_path();
            // What others put into the documents stays.
            let (group, key) = (root.join("zarr.json"), "\"of somebody else\"");
            let text = fs::read_to_string(&group).expect("there");
            fs::write(&group, text.replacen("\"attributes\": {", &format!("\"attributes\": {{{key}: 1,"), 1))
                .expect("written");
            let stream = start(&settings, disk).expect("all is well as yet");
            send(&case, &stream, FINISHED..ALL);
            fails.armed.store(true, Ordering::SeqCst);
            let ended = stream.finish();
            let read = fails.hit();
            if let (Err(error), Some(read)) = (&ended, &read) {
                assert!(names(&error.to_string(), read, &root), "{read:?}: {error}");
            }
            assert!(fs::read_to_string(&group).expect("there").contains(key), "{read:?}");
            if ended.is_err() {
                drop(stream);
                let stream = start(&settings, native()).expect("without the fault");
                // A worker may have met the fault, and what it had was not stored.
                let came = stream.status().accepted;
                assert!((FINISHED..=ALL).contains(&came), "{read:?}: {came}");
                complete(&case, &stream, came..ALL);
            } else {
                assert_whole(&case, &stream);
            }
            assert!(fs::read_to_string(&group).expect("there").contains(key), "{read:?}");
            read
        });
        assert!(tried > 5, "{tried}");
    }
}

fn recover(root: &Path, apply: bool, disk: &dyn Disk) -> Result<Report, Error> {
    let verifier = ome_stream_backends::verifier();
    recover_on(root, &Options { apply, verifier: Some(&verifier) }, disk)
}

/// An interrupted store with something to do for every kind of remedy.
fn damaged(case: &Case) -> tempfile::TempDir {
    let left = interrupted(case);
    let root = case.settings_in(left.path()).output_path();
    let images: Vec<_> = listed(&root).into_iter().filter(|path| path.join("0").is_dir()).collect();
    let image = images.first().unwrap_or(&root);
    fs::write(image.join("zarr.json"), "{\"zarr_format\": 3,").expect("written");
    fs::write(image.join("zarr.json.part"), "{").expect("written");
    let lines = image.join("frame_metadata.jsonl");
    let text = fs::read_to_string(&lines).expect("there");
    fs::write(&lines, text + "{\"sent\":9").expect("written");
    fs::write(root.join("METADATA.ome.xml"), "<OME>").expect("written");
    left
}

/// What is in a store, but for what was kept of it.
fn mended(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let kept = |path: &Path| path.to_string_lossy().contains(ome_stream::recover::KEPT_SUFFIX);
    contents(root).into_iter().filter(|(path, _)| !kept(path)).collect()
}

#[test]
fn recover_with_reads_that_fail() {
    for case in cases() {
        let before = damaged(&case);
        let root_in = |folder: &Path| case.settings_in(folder).output_path();
        let reference = tempfile::tempdir().expect("a folder");
        store::copy(before.path(), reference.path());
        let looked = recover(&root_in(reference.path()), false, &*native()).expect("looked at");
        let done = recover(&root_in(reference.path()), true, &*native()).expect("mended");
        assert!(done.findings.iter().all(|finding| finding.mended), "{:#?}", done.findings);
        let expected = mended(&root_in(reference.path()));
        for apply in [false, true] {
            let tried = each_read(before.path(), |folder, fails, disk| {
                let root = root_in(folder);
                let was = contents(&root);
                fails.armed.store(true, Ordering::SeqCst);
                let outcome = recover(&root, apply, &*disk);
                let read = fails.hit();
                match (&outcome, &read) {
                    (Err(error), Some(read)) => assert!(names(&error.to_string(), read, &root), "{read:?}: {error}"),
                    (Err(error), None) => panic!("{error}"),
                    (Ok(report), read) => {
                        let failed = report.findings.iter().any(|finding| finding.failure.is_some());
                        let told = failed || report.notes.len() > looked.notes.len();
                        let same = report.verdict == looked.verdict && report.findings.len() == looked.findings.len();
                        assert!(told || same, "{read:?}: {report:#?}");
                    }
                }
                if !apply {
                    assert!(contents(&root) == was, "{read:?}: looking changes nothing");
                }
                recover(&root, true, &*native()).expect("without the fault");
                assert_same(&mended(&root), &expected, &format!("{read:?}: {outcome:?}"));
                let again = recover(&root, false, &*native()).expect("looked at");
                assert!(again.findings.is_empty(), "{read:?}: {again:#?}");
                read
            });
            assert!(tried > 60, "{tried}");
        }
    }
}

#[track_caller]
fn assert_same(found: &[(PathBuf, Vec<u8>)], expected: &[(PathBuf, Vec<u8>)], what: &str) {
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    for ((path, found), (_, expected)) in found.iter().zip(expected) {
        let (found, expected) = (String::from_utf8_lossy(found), String::from_utf8_lossy(expected));
        assert!(found == expected, "{}: {found}, not {expected}; {what}", path.display());
    }
}

/// A text without the times at which frames were accepted.
fn without_times(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut parts = text.split("\"accepted\"");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = |part: &str| part.splitn(3, '"').nth(2).expect("a time").to_owned();
    parts.fold(first, |all, part| all + &rest(part)).into_bytes()
}

#[test]
fn bytes_that_come_in_pieces_are_the_same() {
    let pieces = || reading(FaultySource::new(native_source(), Box::new(|_, _| Misread::Short)));
    for case in cases() {
        let left = damaged(&case);
        let (whole, parts) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let root = |folder: &tempfile::TempDir| case.settings_in(folder.path()).output_path();
        for (folder, disk) in [(&whole, native()), (&parts, pieces())] {
            store::copy(left.path(), folder.path());
            recover(&root(folder), true, &*disk).expect("mended");
            // In one order, and without copies for live readers, whose bytes depend on when they were made.
            let settings = Settings { threads: Some(1), live_interval: 3600.0, ..resuming(&case, folder.path()) };
            let stream = start(&settings, disk).expect("goes on");
            complete(&case, &stream, INTERRUPTED..ALL);
        }
        // When frames came, when the runs ended, and how long they took, is another matter.
        let timeless = |folder: &tempfile::TempDir| {
            let mut files = contents(&root(folder));
            for (_, bytes) in files.iter_mut().filter(|(path, _)| path.as_path() == Path::new("zarr.json")) {
                let place = ["attributes", "ome_stream", "run"];
                *bytes =
                    ome_stream::zarr::json::with_member(bytes, &place, &serde_json::Value::Null).expect("an object");
            }
            let tells = |path: &Path| path.ends_with("zarr.json") || path.ends_with("frame_metadata.jsonl");
            files.iter_mut().filter(|(path, _)| tells(path)).for_each(|(_, bytes)| *bytes = without_times(bytes));
            files
        };
        assert_same(&timeless(&parts), &timeless(&whole), &case.name);
    }
}
