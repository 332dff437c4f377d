//! Stores converted between 0.5 and 0.6: they say what a run in the other version would have said.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::convert;
use ome_stream::platform::{self, faulty::Fault};
use ome_stream::settings::{Coord, NgffVersion, Position};
use ome_stream::{Error, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::{faulty, forget_end};
use serde_json::Value;

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

const OTHERS: [(NgffVersion, NgffVersion); 2] =
    [(NgffVersion::V0_5, NgffVersion::V0_6), (NgffVersion::V0_6, NgffVersion::V0_5)];

/// Stores that have everything that is said differently.
fn cases() -> Vec<Case> {
    let named = |name: &str| Coord::Position(Position::new(name));
    vec![
        Case::new("image", "t:inf:2,c:2,y:16,x:16")
            .dimension("c", |c| c.with_coords(["a", "b"]))
            .dimension("x", |x| x.with_scale(0.5).with_translation(123_456.789))
            .script(&[Step::Append(5)]),
        Case::new("series", "p:2,t:2,y:16:8,x:16").dimension("p", |p| p.with_coords([named("A"), named("0")])),
    ]
}

fn finished(case: &Case, version: NgffVersion) -> Acquisition {
    let run = Acquisition::of(case.clone().version(version));
    let stream = run.start();
    run.append(&stream, 0..case.consumed());
    stream.set_metadata("lab", r#"{"operator": "A"}"#).expect("stored");
    stream.finish().expect("all well");
    run
}

/// Every file by its path but for those of the lock, which a copy has not; documents as JSON, in whatever order their
/// members stand.
fn contents(root: &Path) -> BTreeMap<PathBuf, Result<Value, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            if path.ends_with("lock") || path.ends_with("taking") {
                continue;
            }
            let bytes = fs::read(&path).expect("readable");
            let mut value = serde_json::from_slice::<Value>(&bytes).map_err(|_| bytes);
            if let Ok(document) = &mut value {
                forget_end(document);
            }
            if path.ends_with("run.json")
                && let Ok(mark) = &mut value
            {
                // Of each run another, and where it was to lie. The default version is left out by who writes it.
                mark["run"] = Value::Null;
                mark["settings"]["root_path"] = Value::Null;
                if mark["settings"]["format"]["version"] == "0.5" {
                    mark["settings"]["format"].as_object_mut().expect("an object").remove("version");
                }
            }
            found.insert(path.strip_prefix(root).expect("below").to_path_buf(), value);
        }
    }
    found
}

#[test]
fn a_converted_store_is_as_one_of_that_version() {
    for case in cases() {
        for (from, to) in OTHERS {
            let (run, expected) = (finished(&case, from), finished(&case, to));
            let before = contents(&run.root());
            let new = run.folder().join("new.ome.zarr");
            let told = convert::copy(&run.root(), &new, to, &*platform::native()).expect("converted");
            assert!(told.documents > 0 && told.version == to, "{told:?}");
            assert_eq!(contents(&run.root()), before, "the old one is as it was");
            assert_eq!(contents(&new), contents(&expected.root()), "{} {from:?}", case.name);
            let told = convert::in_place(&run.root(), to, &*platform::native()).expect("converted");
            assert!(told.documents > 0);
            assert_eq!(contents(&run.root()), contents(&expected.root()), "{} {from:?}", case.name);
            assert_eq!(convert::in_place(&run.root(), to, &*platform::native()).expect("the same").documents, 0);
        }
    }
}

#[test]
fn a_converted_store_goes_on_in_its_new_version() {
    for (from, to) in OTHERS {
        let run = finished(&cases()[0], from);
        convert::in_place(&run.root(), to, &*platform::native()).expect("converted");
        let mut settings = resuming(run.settings());
        settings.format.version = to;
        let stream = Stream::create(&settings, &*native()).expect("the same store");
        run.append(&stream, 5..9);
        stream.finish().expect("all well");
        run.assert_holds(&[Step::Append(9)]);
    }
}

#[test]
fn a_conversion_that_is_interrupted_is_brought_to_its_end() {
    let (from, to) = OTHERS[0];
    let case = &cases()[1];
    let expected = contents(&finished(case, to).root());
    for nth in 0.. {
        let run = finished(case, from);
        let count = AtomicU64::new(0);
        let disk = faulty(move |_| {
            let full = count.fetch_add(1, Ordering::Relaxed) >= nth;
            Fault { errno: full.then(|| rustix::io::Errno::NOSPC.raw_os_error()), ..Fault::default() }
        });
        if convert::in_place(&run.root(), to, &*disk).is_ok() {
            assert!(nth > 3, "hardly anything was done");
            break;
        }
        // Readers open what is left.
        ome_stream_tests::read::zarrs(&run.root().join("A/0")).expect("an array");
        // Readers open what is left.
        ome_stream_tests::read::zarrs(&run.root().join("A/0")).expect("an array");
        convert::in_place(&run.root(), to, &*platform::native()).expect("again");
        let left = contents(&run.root()).into_iter().filter(|(path, _)| !path.to_string_lossy().ends_with(".part"));
        assert_eq!(left.collect::<BTreeMap<_, _>>(), expected, "after {nth}");
    }
}

#[test]
fn what_cannot_be_converted_is_refused_and_left_alone() {
    let run = finished(&cases()[0], NgffVersion::V0_5);
    let before = contents(&run.root());
    let refused = |to: NgffVersion, says: &str| {
        let error = convert::in_place(&run.root(), to, &*platform::native()).expect_err(says);
        assert!(error.to_string().contains(says), "{error} should say {says}");
    };
    refused(NgffVersion::V0_4, "Zarr v3, and its chunks");
    let there = convert::copy(&run.root(), &run.root(), NgffVersion::V0_6, &*platform::native());
    assert!(matches!(there, Err(Error::AlreadyExists { .. })), "{there:?}");
    assert_eq!(contents(&run.root()), before);
    let root = run.root().join("zarr.json");
    let text = fs::read_to_string(&root).expect("there");
    fs::write(&root, text.replace("\"scale\"", "\"affine\"")).expect("written");
    refused(NgffVersion::V0_6, "other transformations");
    fs::write(&root, &text[..text.len() / 2]).expect("written");
    refused(NgffVersion::V0_6, "cut short");
    fs::write(&root, &text).expect("written");
    fs::write(run.root().join(".ome-stream/run/log"), "a record").expect("written");
    refused(NgffVersion::V0_6, "recover --apply");
    let nowhere = run.folder().join("nothing");
    assert!(convert::in_place(&nowhere, NgffVersion::V0_6, &*platform::native()).is_err());
}

#[test]
fn parts_of_stores_and_folders_above_are_refused() {
    let (from, to) = OTHERS[0];
    let run = finished(&cases()[1], from);
    let disk = platform::native();
    let before = contents(&run.root());
    let refused = |outcome: Result<_, Error>, field: &str| {
        let error = outcome.map(|told: convert::Conversion| told.path).expect_err("refused");
        assert!(matches!(&error, Error::InvalidSettings { field: found, .. } if found == field), "{error}");
    };
    refused(convert::in_place(&run.root().join("A"), to, &*disk), "store");
    refused(convert::in_place(&run.folder(), to, &*disk), "store");
    refused(convert::copy(&run.root(), &run.root().join("new"), to, &*disk), "output");
    // A store of somebody else's has no mark.
    fs::remove_dir_all(run.root().join(".ome-stream")).expect("removed");
    refused(convert::copy(&run.root(), &run.root().join("A/new"), to, &*disk), "output");
    let ours = |path: &PathBuf| path.starts_with(".ome-stream");
    let before: BTreeMap<_, _> = before.into_iter().filter(|(path, _)| !ours(path)).collect();
    assert_eq!(contents(&run.root()), before);
}
