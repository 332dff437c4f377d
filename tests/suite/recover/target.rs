//! Which store a folder is: nothing is guessed, and nothing is touched that does not belong to it.

use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::recover::{Options, Verdict, recover};
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};

use crate::killed::append;
use crate::store::{self, apply, compare, look_and_mend};

/// The store of a writer that was killed before its first live round, and what it must hold.
fn killed(case: &Case, folder: &Path, name: &str) -> (PathBuf, store::Made) {
    let case = case.clone().with(|settings| settings.live_interval = 60.0);
    let work = tempfile::tempdir().expect("a temporary folder");
    let settings = case.settings_in(work.path());
    let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
    let frames = case.consumed() - 1;
    append(&stream, &case, frames);
    let left = folder.join(name);
    store::copy(stream.plan().root(), &left);
    stream.finish().expect("finished");
    let made = store::expected(&case.script(&[Step::Append(frames)]), &left);
    (left, made)
}

fn case() -> Case {
    Case::new("two positions", "t:6:1:4,p:2,y:32,x:64:32:2")
}

fn refused(folder: &Path) -> String {
    let before = store::snapshot(folder);
    let error = recover(folder, &Options { apply: true, verifier: None }).expect_err("not a store");
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert_eq!(store::snapshot(folder), before, "{error}");
    error.to_string()
}

#[test]
fn a_folder_above_stores_is_refused_and_names_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, made) = killed(&case(), folder.path(), "first.ome.zarr");
    let said = refused(folder.path());
    assert!(said.contains("first.ome.zarr"), "{said}");
    fs::create_dir_all(folder.path().join("day/2")).expect("made");
    killed(&case(), &folder.path().join("day/2"), "second.ome.zarr");
    let said = refused(folder.path());
    assert!(said.contains("first.ome.zarr") && said.contains("second.ome.zarr"), "{said}");
    // A group of another program above them does not make it ours.
    fs::write(folder.path().join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#)
        .expect("written");
    refused(folder.path());
    let report = look_and_mend(&first);
    compare(&made, &first, &report, |number| number < 11);
    assert_eq!(report.lost_chunks, 0);
}

#[test]
fn a_folder_inside_a_store_stands_for_the_store() {
    for inside in ["0", "1/0", "OME", "0/0/c", ".ome-stream/run"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (left, made) = killed(&case(), folder.path(), "a.ome.zarr");
        let report = apply(&left.join(inside));
        assert_eq!((report.verdict, report.lost_chunks), (Verdict::Harmless, 0), "{inside}: {:#?}", report.findings);
        assert!(report.notes.iter().any(|note| note.contains("is part of the store")), "{inside}: {:?}", report.notes);
        compare(&made, &left, &report, |number| number < 11);
    }
}

#[test]
fn nothing_of_a_live_run_is_touched_from_any_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let case = case().with(|settings| settings.live_interval = 60.0);
    let stream =
        Stream::create(&case.settings_in(folder.path()), &*ome_stream_backends::open("zarrs").expect("built in"))
            .expect("made");
    append(&stream, &case, 5);
    let root = stream.plan().root().to_path_buf();
    for inside in ["", "0", "0/0", "OME"] {
        let error =
            recover(&root.join(inside), &Options { apply: true, verifier: None }).expect_err("its writer lives");
        assert!(matches!(error, Error::Busy { .. }), "{inside}: {error}");
    }
    refused_names_live(folder.path());
    stream.finish().expect("finished");
    assert!(recover(&root, &Options::default()).expect("ours").findings.is_empty());
}

fn refused_names_live(folder: &Path) {
    let error = recover(folder, &Options { apply: true, verifier: None }).expect_err("above a store");
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}

#[test]
fn a_store_whose_making_was_interrupted_becomes_an_empty_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = case().settings_in(folder.path());
    let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
    let left = folder.path().join("left.ome.zarr");
    store::copy(stream.plan().root(), &left);
    stream.finish().expect("finished");
    for file in ["progress.json", "log", "room.part"] {
        fs::remove_file(left.join(".ome-stream/run").join(file)).expect("there was one");
    }
    let report = look_and_mend(&left);
    assert_eq!((report.verdict, report.lost_chunks), (Verdict::Harmless, 0), "{:#?}", report.findings);
    assert!(report.findings.iter().any(|finding| finding.cause.contains("interrupted while its store was made")));
}
