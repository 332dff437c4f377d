//! Where a store may be made, and what is never touched.

use std::fs;
use std::path::Path;

use ome_stream::settings::{Dimension, DimensionType};
use ome_stream_tests::case::Step::Append;
use ome_stream_tests::{pixels, read};

use crate::acquisition::Acquisition;

/// Every file below a folder with its content.
fn content(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("read");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

fn finished_run() -> Acquisition {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..2);
    stream.finish().expect("all well");
    run
}

#[test]
fn an_existing_path_is_refused_and_left_as_it_is() {
    let run = finished_run();
    let before = content(&run.folder());
    let error = run.try_start_on(ome_stream::platform::native()).expect_err("it is there");
    assert_eq!(error.code(), 4, "{error}");
    assert!(error.to_string().contains("overwrite"), "{error}");
    assert_eq!(content(&run.folder()), before);
}

#[test]
fn overwrite_replaces_a_store_and_nothing_of_it_is_left() {
    let run = finished_run();
    fs::create_dir_all(run.root().join("old_position/0/c")).expect("part of a larger store");
    let again = run.with(|settings| settings.overwrite = true);
    let stream = again.start();
    again.append(&stream, 0..1);
    stream.finish().expect("all well");
    again.assert_holds(&[Append(1)]);
    assert!(!again.root().join("old_position").exists());
    let names: Vec<_> =
        fs::read_dir(again.folder()).expect("listed").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["run.ome.zarr"], "what was set aside is gone");
}

#[test]
fn overwrite_never_touches_what_is_not_a_store() {
    let with_a_thesis = |root: &Path| {
        fs::create_dir(root).expect("a folder");
        fs::write(root.join("thesis.docx"), "years of work").expect("written");
    };
    let a_file = |root: &Path| fs::write(root, "a file").expect("written");
    let foreign_files_in_a_store = |root: &Path| {
        fs::create_dir(root).expect("a folder");
        fs::write(root.join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{"ome":{}}}"#)
            .expect("written");
        fs::write(root.join("notes.txt"), "mine").expect("written");
    };
    let makers: [&dyn Fn(&Path); 3] = [&with_a_thesis, &a_file, &foreign_files_in_a_store];
    for make in makers {
        let run = Acquisition::new("t:2,y:16,x:16").with(|settings| settings.overwrite = true);
        make(&run.root());
        let before = content(&run.folder());
        let error = run.try_start_on(ome_stream::platform::native()).expect_err("not ours to remove");
        assert_eq!(error.code(), 5, "{error}");
        assert!(error.to_string().contains("left untouched"), "{error}");
        assert_eq!(content(&run.folder()), before);
    }
}

#[test]
fn a_path_that_cannot_be_made_is_named() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let blocked = run.folder().join("file");
    fs::write(&blocked, "in the way").expect("written");
    let mut case = run.settings();
    case.root_path = blocked.join("below/run").to_string_lossy().into_owned();
    let error = ome_stream::Stream::create(&case, &*crate::acquisition::native()).expect_err("a file is in the way");
    assert_eq!(error.code(), 6, "{error}");
    assert!(error.to_string().contains("file/below"), "{error}");
    assert_eq!(fs::read(&blocked).expect("still there"), b"in the way");
}

#[test]
fn folders_above_the_store_are_made() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let mut settings = run.settings();
    settings.root_path = run.folder().join("2031/07/run").to_string_lossy().into_owned();
    let stream = ome_stream::Stream::create(&settings, &*crate::acquisition::native()).expect("a stream");
    run.append(&stream, 0..2);
    assert_eq!(stream.finish().expect("all well").path, run.folder().join("2031/07/run.ome.zarr"));
}

#[test]
fn a_zarr_group_of_somebody_else_is_called_what_it_is() {
    let run = Acquisition::new("t:2,y:16,x:16").with(|settings| settings.overwrite = true);
    fs::create_dir(run.root()).expect("a folder");
    fs::write(run.root().join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#)
        .expect("written");
    let error = run.try_start_on(ome_stream::platform::native()).expect_err("not ours to remove").to_string();
    assert!(error.contains("is not an OME-Zarr store (its group has no OME-Zarr metadata)"), "{error}");
}

#[test]
fn folders_that_some_system_cannot_have_are_not_made() {
    let run = Acquisition::new("t:2,y:16,x:16");
    for odd in ["aux", "trail.", "two\nlines", "a\u{200b}b"] {
        let mut settings = run.settings();
        settings.root_path = run.folder().join(odd).join("run").to_string_lossy().into_owned();
        let error = ome_stream::Stream::create(&settings, &*crate::acquisition::native()).expect_err("not everywhere");
        assert_eq!(error.code(), 1, "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    assert_eq!(content(&run.folder()), []);
    // One that is there is the user's.
    fs::create_dir(run.folder().join("trail.")).expect("a folder");
    let mut settings = run.settings();
    settings.root_path = run.folder().join("trail./run").to_string_lossy().into_owned();
    let stream = ome_stream::Stream::create(&settings, &*crate::acquisition::native()).expect("a stream");
    stream.finish().expect("all well");
}

#[test]
fn positions_with_colliding_names_have_folders() {
    let names = ["caf\u{e9}", "cafe\u{301}", "STRASSE", "stra\u{df}e"];
    let run = Acquisition::new("p:4,y:16,x:16").with(|settings| {
        settings.dimensions[0] = Dimension::unbounded("p").with_kind(DimensionType::Position).with_coords(names);
    });
    let stream = run.start();
    run.append(&stream, 0..4);
    stream.finish().expect("all well");
    let paths = ["caf\u{e9}", "cafe\u{301}_1", "STRASSE", "stra\u{df}e_3"];
    for (number, path) in (0..).zip(paths) {
        let found = read::zarrs_first(&run.root().join(path).join("0"), u64::MAX).expect("readable");
        assert_eq!(found.bytes, pixels::frame(run.case.settings.dtype, number, 16, 16), "{path}");
    }
}

#[test]
fn a_namespace_of_any_text_is_named_on_one_line() {
    let run = Acquisition::new("t:2,y:16,x:16");
    let stream = run.start();
    let odd = format!("a\nb\u{202e}{}", "k".repeat(2000));
    let error = stream.set_metadata(&odd, "[1]").expect_err("not an object").to_string();
    assert!(error.len() < 300 && !error.contains(['\n', '\u{202e}']), "{error}");
}
