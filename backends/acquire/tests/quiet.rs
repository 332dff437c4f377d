//! Standard output belongs to the host: neither loading nor streaming, good or bad, writes to it. Run in a child
//! process, whose standard output is its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::{Command, ExitCode};

use common::{document, engine, frame};
use ome_stream_backend_acquire::engine::{Settings, Stream};

const CHILD: &str = "OME_STREAM_TEST_QUIET_CHILD";

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(CHILD) {
        stream(Path::new(&folder));
        return ExitCode::SUCCESS;
    }
    let Some(_) = engine() else { return ExitCode::SUCCESS };
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap()).env(CHILD, folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "the child failed: {}", String::from_utf8_lossy(&child.stderr));
    assert!(printed.is_empty(), "standard output is not empty: {printed}");
    assert!(folder.path().join("a.zarr").is_dir(), "the child wrote no store, so its silence proves nothing");
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(errors.contains("[ERROR]"), "what the engine prints no longer reaches standard error: {errors}");
    println!("standard output stays empty while the engine loads, streams, refuses and fails: ok");
    ExitCode::SUCCESS
}

fn stream(folder: &Path) {
    let library = engine().expect("the parent found it");
    let store = folder.join("a.zarr");
    let mut stream = Stream::create(Settings::new(library, &document(&store, 2)).unwrap()).unwrap();
    for number in 0..5 {
        stream.append(None, &frame(number)).unwrap();
    }
    stream.check(None).unwrap();
    stream.close().unwrap();
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    Stream::create(Settings::new(library, &document(&file.join("a.zarr"), 2)).unwrap()).unwrap_err();
}
