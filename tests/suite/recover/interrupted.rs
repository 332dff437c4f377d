//! A killed writer's store that was damaged as well, and mending that is interrupted itself.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use ome_stream::Stream;
use ome_stream::platform::faulty::Fault;
use ome_stream::recover::{Options, Verdict, log, recover_on};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::faulty;

use crate::killed::append;
use crate::store::{self, Made, compare, is_mendable, kinds, look, look_and_mend};

/// A store whose writer was killed when readers had seen nothing of its shards, and what it must hold.
fn left(case: &Case, folder: &Path) -> (PathBuf, Made, u64) {
    let case = case.clone().with(|settings| settings.live_interval = 60.0);
    let settings = case.settings_in(folder);
    let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
    let frames = case.consumed() - 1;
    append(&stream, &case, frames);
    let left = folder.join("left.ome.zarr");
    store::copy(stream.plan().root(), &left);
    stream.finish().expect("finished");
    let made = store::expected(&case.script(&[Step::Append(frames)]), &left);
    (left, made, frames)
}

fn is_sharded(case: &Case) -> bool {
    case.settings.dimensions.iter().any(|dimension| dimension.shard_size_chunks.is_some())
}

#[test]
fn without_the_log_unfinished_shards_are_lost() {
    for case in kinds().iter().filter(|case| is_sharded(case)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (left, made, frames) = left(case, folder.path());
        fs::remove_file(left.join(log::FILE_NAME)).expect("there was one");
        let report = look_and_mend(&left);
        assert_eq!(report.verdict, Verdict::Lost, "{}", case.name);
        assert!(report.lost_chunks > 0);
        compare(&made, &left, &report, |number| number < frames);
    }
}

#[test]
fn a_killed_store_that_was_cut_tells_its_losses() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (left, made, frames) = left(&case, folder.path());
        for path in store::telling_files(&left) {
            let length = fs::metadata(left.join(&path)).expect("there").len();
            let blocks = (0..length).step_by(4096).chain([1, length / 2, length.saturating_sub(1)]);
            for cut in blocks.filter(|cut| *cut < length) {
                let damaged = folder.path().join("damaged.ome.zarr");
                store::copy(&left, &damaged);
                let file = OpenOptions::new().write(true).open(damaged.join(&path)).expect("there");
                file.set_len(cut).expect("cut");
                if path.ends_with("log") && ends_with_a_record(&damaged.join(&path)) {
                    // It tells nothing of what came after it: it could be that of a writer killed earlier.
                    fs::remove_dir_all(&damaged).expect("removed");
                    continue;
                }
                drop(file); // some systems do not remove what is open
                let report = look_and_mend(&damaged);
                compare(&made, &damaged, &report, |number| number < frames);
                fs::remove_dir_all(&damaged).expect("removed");
            }
        }
    }
}

fn ends_with_a_record(log: &Path) -> bool {
    let bytes = fs::read(log).expect("readable");
    let mut records = log::Entries::new(&bytes[..]);
    while records.next_entry().expect("in memory").is_some() {}
    !bytes.is_empty() && records.damaged_bytes() == 0
}

#[test]
fn the_reserve_is_given_back_before_mending() {
    let case = &kinds()[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (left, made, frames) = left(case, folder.path());
    let room = left.join(".ome-stream/run/room.part");
    assert!(fs::metadata(&room).expect("kept while the run goes on").len() >= 256 << 10);
    let report = look_and_mend(&left);
    assert_eq!(report.findings.first().map(|finding| finding.file.as_str()), Some(".ome-stream/run/room.part"));
    assert!(
        !store::telling_files(&left).iter().any(|path| path.to_string_lossy().contains("room")),
        "nothing of it is kept"
    );
    compare(&made, &left, &report, |number| number < frames);
}

#[test]
fn a_file_of_that_name_with_something_in_it_is_kept() {
    let case = &kinds()[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (left, ..) = left(case, folder.path());
    fs::write(left.join(".ome-stream-room.part"), "years of work").expect("written");
    look_and_mend(&left);
    let kept = fs::read_to_string(left.join(".ome-stream-room.part.before-recover"));
    assert_eq!(kept.expect("under another name"), "years of work");
}

#[test]
fn mending_that_fails_loses_nothing() {
    let verifier = ome_stream_backends::verifier();
    let options = Options { apply: true, verifier: Some(&verifier) };
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (left, made, frames) = left(&case, folder.path());
        fs::write(left.join("zarr.json.part"), "{").expect("written");
        for nth in 0.. {
            let damaged = folder.path().join("damaged.ome.zarr");
            store::copy(&left, &damaged);
            let disk = full_after(nth);
            let report = recover_on(&damaged, &options, &*disk).expect("a store of ours");
            let failed = report.findings.iter().any(|finding| finding.failure.is_some());
            assert_eq!(report.findings.iter().all(|finding| finding.mended), !failed, "{:#?}", report.findings);
            if failed {
                let told = report.findings.iter().filter_map(|finding| finding.failure.as_deref());
                assert!(told.into_iter().any(|failure| failure.contains("No space")), "{:#?}", report.findings);
                assert_eq!(look(&damaged).verdict, Verdict::Harmless, "nothing is lost by trying");
                let again = store::apply(&damaged);
                let done = again.findings.iter().all(|finding| finding.mended);
                assert!(done && is_mendable(&again) && again.lost_chunks == 0, "{again:#?}");
            }
            let last = look(&damaged);
            assert_eq!(last.verdict, Verdict::Whole, "{} after {nth}: {:#?}", case.name, last.findings);
            compare(&made, &damaged, &report, |number| number < frames);
            fs::remove_dir_all(&damaged).expect("removed");
            if !failed {
                assert!(nth > 2, "{}: hardly anything was done", case.name);
                break;
            }
        }
    }
}

/// A disk that is full from its `nth` operation on; a write that meets it is torn.
fn full_after(nth: u64) -> std::sync::Arc<dyn ome_stream::platform::Disk> {
    let count = std::sync::atomic::AtomicU64::new(0);
    faulty(move |_| {
        let full = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= nth;
        Fault {
            errno: full.then(|| rustix::io::Errno::NOSPC.raw_os_error()),
            torn_after: full.then_some(5),
            ..Fault::default()
        }
    })
}
