//! Stores that others wrote: no command changes a byte or a name in them, `overwrite: true` apart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ome_stream::recover::{Options, recover};
use ome_stream::{Error, Stream};
use ome_stream_tests::case::Case;
use ome_stream_tests::python::{self, say};

/// Names the `ome-stream` program.
pub(crate) const TOOL: &str = "OME_STREAM_TOOL";

/// Fewest programs that must have written the stores.
const WRITERS: usize = 8;

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
enum There {
    Folder,
    Link(PathBuf),
    File(Vec<u8>),
}

/// Everything below a folder, by its path.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, There> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let kind = fs::symlink_metadata(&path).expect("there").file_type();
            let there = if kind.is_symlink() {
                There::Link(fs::read_link(&path).expect("a link"))
            } else if kind.is_dir() {
                waiting.push(path.clone());
                There::Folder
            } else {
                There::File(fs::read(&path).expect("readable"))
            };
            found.insert(path.strip_prefix(root).expect("below it").to_path_buf(), there);
        }
    }
    found
}

/// Says what is not as it was.
fn assert_same(before: &BTreeMap<PathBuf, There>, root: &Path, after: &str) {
    let now = snapshot(root);
    let names = before.keys().chain(now.keys());
    let changed: Vec<_> = names.filter(|name| before.get(*name) != now.get(*name)).collect();
    assert!(changed.is_empty(), "{} after {after}: {changed:?}", root.display());
}

/// Stores of others, by the name of their folder, each with the program that wrote it.
pub(crate) fn made(python: &Path, folder: &Path) -> BTreeMap<String, String> {
    let made = python::run(python, "make_foreign.py", &[folder]).unwrap_or_else(|error| panic!("{error}"));
    let made: BTreeMap<String, String> = serde_json::from_str(&made).expect("names and writers");
    let writers: std::collections::BTreeSet<_> = made.values().collect();
    assert!(writers.len() >= WRITERS, "{writers:?}");
    made
}

/// Neither a new run nor one that goes on changes a byte in a store of others.
fn leave_alone(root: &Path, name: &str, engines: &[&str]) {
    let before = snapshot(root);
    // As much like the stores as our settings can be.
    let mut case = Case::new(name, "t:3:1,z:2:1,y:16,x:20");
    case.settings.root_path = root.to_string_lossy().into_owned();
    for engine in engines {
        let Ok(backend) = ome_stream_backends::open(engine) else { continue };
        for resume in [false, true] {
            case.settings.resume = resume;
            let stream = Stream::create(&case.settings, &*backend);
            let error = stream.map(|stream| stream.plan().root().to_path_buf()).expect_err(name);
            assert_same(&before, root, &format!("{engine} with resume {resume}: {error}"));
        }
    }
}

/// What `check` may say of a store: most are valid.
fn verdicts(name: &str) -> &'static [i32] {
    match name {
        // Arrays without an image; axes that the array does not name.
        "acquire.zarr" | "strange.zarr" | "labels.zarr" => &[2],
        "linked.zarr" => &[3],
        // Up to 0.18 its group of labels tells no version.
        "ome-zarr-py.zarr" => &[0, 2],
        _ => &[0],
    }
}

#[test]
fn stores_of_others_are_changed_by_no_command() {
    let Some(python) = python::setting(python::PYTHON, "stores of others") else { return };
    let tool = python::setting(TOOL, "stores of others through the command-line tool");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = made(&python, folder.path());
    for name in made.keys() {
        let root = folder.path().join(name);
        let before = snapshot(&root);
        for apply in [false, true] {
            let verifier = ome_stream_backends::verifier();
            let refused = recover(&root, &Options { apply, verifier: Some(&verifier) });
            let error = refused.map(|report| report.findings).expect_err(name);
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert_same(&before, &root, "recover");
        }
        leave_alone(&root, name, &["zarrs", "acquire-zarr"]);
        let Some(tool) = &tool else { continue };
        let run = |arguments: &[&str]| {
            let output = Command::new(tool).args(arguments).arg(&root).output();
            let output = output.unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
            assert_same(&before, &root, &arguments.join(" "));
            output.status.code()
        };
        // Of what it cannot show it tells.
        assert!(matches!(run(&["info"]), Some(0 | 1)), "{name}");
        assert!(verdicts(name).contains(&run(&["check", "--pixels", "--quiet"]).unwrap_or(-1)), "{name}");
        assert_eq!(run(&["recover"]), Some(3), "{name}");
        assert_eq!(run(&["recover", "--apply"]), Some(3), "{name}");
        let frames = folder.path().join("frames.raw");
        fs::write(&frames, vec![1; 16 * 20 * 2]).expect("written");
        let frames = frames.to_string_lossy();
        let write = ["write", &*frames, "-d", "t:1,y:16,x:20", "--dtype", "uint16", "-o"];
        assert_eq!(run(&write), Some(1), "{name}");
    }
    say(&format!("{} stores of others are as they were", made.len()));
}

#[test]
fn stores_of_others_are_left_alone_by_tensorstore() {
    if let Err(error) = ome_stream_backends::open("tensorstore") {
        return say(&format!("skipped: stores of others: {error}"));
    }
    let Some(python) = python::setting(python::PYTHON, "stores of others") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in made(&python, folder.path()).keys() {
        leave_alone(&folder.path().join(name), name, &["tensorstore"]);
    }
}
