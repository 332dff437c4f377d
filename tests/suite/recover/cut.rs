//! Every file of a small store cut at every block.

use std::fs::{self, OpenOptions};

use ome_stream::recover::Verdict;

use crate::store::{self, compare, kinds, look, look_and_mend, make};

const BLOCK: u64 = 4096;

#[test]
fn a_finished_store_needs_nothing() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&case, folder.path());
        let report = look(&made.root);
        assert_eq!(report.verdict, Verdict::Whole, "{}: {:#?}", case.name, report.findings);
        assert!(report.arrays.iter().all(|array| array.unchecked.is_none() && array.whole > 0), "{:#?}", report.arrays);
        assert_eq!(report.notes, [""; 0]);
        compare(&made, &made.root, &report, |_| true);
    }
}

#[test]
fn a_store_cut_anywhere_is_mended_and_tells_what_it_lost() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&case, folder.path());
        for path in store::telling_files(&made.root) {
            let length = fs::metadata(made.root.join(&path)).expect("there").len();
            let blocks = (0..length).step_by(BLOCK as usize);
            for cut in blocks.chain([1, length / 2, length - 1]).filter(|cut| *cut < length) {
                let name = folder.path().join("cut.ome.zarr");
                store::copy(&made.root, &name);
                let file = OpenOptions::new().write(true).open(name.join(&path)).expect("there");
                file.set_len(cut).expect("cut");
                drop(file); // some systems do not remove what is open
                store::interrupt(&name);
                let report = look_and_mend(&name);
                let what = format!("{}: {} cut to {cut} of {length} bytes", case.name, path.display());
                // Files of chunks and shards are called by numbers, and no others are.
                let is_data = path.file_name().is_some_and(|name| name.to_string_lossy().parse::<u64>().is_ok());
                if is_data {
                    assert_eq!(report.verdict, Verdict::Lost, "{what}");
                    assert!(report.lost_chunks > 0, "{what}");
                    // What was there before is there still.
                    assert!(store::is_mendable(&report), "{what}: {:#?}", report.findings);
                } else {
                    // A text without its last line break says what it said: there is nothing but the log to see to.
                    let harmless = report.findings.len() == 1;
                    assert_eq!(harmless, ends_whole(&made.root.join(&path), cut), "{what}: {:#?}", report.findings);
                    assert_eq!(report.lost_chunks, 0, "{what}");
                }
                compare(&made, &name, &report, |_| true);
                fs::remove_dir_all(&name).expect("removed");
            }
        }
    }
}

#[test]
fn damage_of_a_finished_run_is_told() {
    for case in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&case, folder.path());
        for path in store::telling_files(&made.root) {
            let length = fs::metadata(made.root.join(&path)).expect("there").len();
            for cut in [0, 1, length / 2, length.saturating_sub(1)].into_iter().filter(|cut| *cut < length) {
                let name = folder.path().join("cut.ome.zarr");
                store::copy(&made.root, &name);
                let file = OpenOptions::new().write(true).open(name.join(&path)).expect("there");
                file.set_len(cut).expect("cut");
                drop(file);
                let before = store::contents(&name);
                let what = format!("{}: {} cut to {cut} of {length} bytes", case.name, path.display());
                let report = store::apply(&name);
                assert!(!report.interrupted, "{what}");
                let is_data = path.components().any(|part| part.as_os_str() == "c");
                let whole = !is_data && ends_whole(&made.root.join(&path), cut);
                assert_eq!(report.verdict == Verdict::Whole, whole, "{what}");
                if !report.findings.iter().any(|finding| finding.mended) {
                    assert_eq!(store::contents(&name), before, "{what}");
                }
                fs::remove_dir_all(&name).expect("removed");
            }
        }
    }
}

/// Whether only white space is missing after the first `cut` bytes.
fn ends_whole(path: &std::path::Path, cut: u64) -> bool {
    fs::read(path).expect("readable")[cut as usize..].trim_ascii().is_empty()
}
