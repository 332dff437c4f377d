//! Behaviour that the engine cannot be made to show, seen on a stand-in built from `stand_in.c`. It needs a C
//! compiler and no engine, so that the routes of loading are tested everywhere.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use ome_stream_backend_acquire::engine::{Settings, Stream};
use ome_stream_backend_acquire::error::{EngineError, LoadError, Status, UPGRADE};
use ome_stream_backend_acquire::library::{Candidate, Library, Route, Source};
use serde_json::json;
use tempfile::TempDir;

/// Builds the stand-in with some of its switches; `None` after saying that there is no compiler.
fn build(switches: &[&str]) -> Option<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libacquire-zarr.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in.c");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", source, "-o"]).arg(&library);
    match compiler.args(switches.iter().map(|switch| format!("-D{switch}"))).status() {
        Ok(status) => assert!(status.success(), "the stand-in does not compile"),
        Err(error) => {
            eprintln!("skipped: no C compiler: {error}");
            return None;
        }
    }
    Some((folder, library))
}

fn stream(library: &'static Library) -> Stream {
    Stream::create(Settings::new(library, &json!({})).unwrap()).unwrap()
}

#[test]
fn a_library_that_needs_no_python_is_opened_as_it_is() {
    let Some((folder, path)) = build(&[]) else { return };
    let library = Library::open(Some(folder.path())).unwrap();
    assert_eq!((library.route(), library.version(), library.path()), (Route::AsItIs, None, path.as_path()));
    assert_eq!(Settings::new(library, &json!({})).unwrap().estimate_memory(), Ok(1234));
}

#[test]
fn a_library_that_needs_python_is_opened_from_memory_first_and_from_a_file_otherwise() {
    let Some((_folder, path)) = build(&["NEEDS_PYTHON"]) else { return };
    assert_eq!(Library::open(Some(&path)).unwrap().route(), Route::Memory);
    let candidate = Candidate { path, source: Source::Settings };
    let copy = Library::load_copy_by(&candidate, Route::TemporaryFile).unwrap();
    assert_eq!(Settings::new(copy, &json!({})).unwrap().estimate_memory(), Ok(1234));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapped: Vec<_> = maps.lines().filter(|line| line.contains("/acquire-zarr-")).collect();
    assert!(!mapped.is_empty() && mapped.iter().all(|line| line.ends_with("(deleted)")), "still there: {mapped:?}");
}

#[test]
fn where_memory_cannot_be_executed_the_temporary_file_is_taken_unasked() {
    const CHILD: &str = "OME_STREAM_TEST_NO_EXECUTABLE_MEMORY";
    if let Some(path) = std::env::var_os(CHILD) {
        assert_eq!(Library::open(Some(path.as_ref())).unwrap().route(), Route::TemporaryFile);
        return;
    }
    let Some((_folder, path)) = build(&["NEEDS_PYTHON"]) else { return };
    // The kernel's switch counts for one process namespace: this test again, in a namespace of its own.
    let name = "where_memory_cannot_be_executed_the_temporary_file_is_taken_unasked";
    let script = "echo 2 > /proc/sys/vm/memfd_noexec && echo switched && exec \"$@\"";
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]);
    again.arg(std::env::current_exe().unwrap()).args(["--exact", name]).env(CHILD, path);
    let output = match again.output() {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: unshare: {error}"),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    if !printed.contains("switched") {
        return eprintln!("skipped: no namespace with the switch: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_library_that_does_not_read_our_settings_is_refused() {
    let Some((_folder, path)) = build(&["OLD_SETTINGS"]) else { return };
    let error = Library::open(Some(&path)).unwrap_err();
    assert!(matches!(error, LoadError::Settings { status: Status::INVALID_SETTINGS, .. }), "{error}");
    assert_eq!(error.remedy(), Some(UPGRADE));
}

#[test]
fn bytes_that_were_not_taken_are_an_error_even_when_the_engine_calls_it_a_success() {
    let Some((_folder, path)) = build(&[]) else { return };
    let mut stream = stream(Library::open(Some(&path)).unwrap());
    stream.append(None, &[0; 100]).unwrap();
    let error = stream.append(None, &[0; 250]).unwrap_err();
    assert!(
        matches!(error, EngineError::Append { given: 250, taken: 100, status: Status::PARTIAL_WRITE, .. }),
        "{error}"
    );
    assert_eq!(stream.append_zeros(None, 1).unwrap_err(), error);
    assert_eq!(stream.close().unwrap_err(), error);
}

#[test]
fn a_null_instead_of_a_stream_is_an_error_that_admits_to_know_no_reason() {
    let Some((_folder, path)) = build(&[]) else { return };
    let library = Library::open(Some(&path)).unwrap();
    let settings = Settings::new(library, &json!({"store_path": "impossible"})).unwrap();
    let error = Stream::create(settings).unwrap_err();
    assert!(error.to_string().ends_with("it gave no reason"), "{error}");
}

#[test]
fn a_close_that_fails_without_a_word_is_still_an_error() {
    let Some((_folder, path)) = build(&[]) else { return };
    let stream = stream(Library::open(Some(&path)).unwrap());
    assert_eq!(stream.close(), Err(EngineError::Close { status: Status::IO, printed: String::new() }));
}

#[test]
fn an_absurd_answer_about_memory_is_not_passed_on() {
    let Some((_folder, path)) = build(&[]) else { return };
    let stream = stream(Library::open(Some(&path)).unwrap());
    assert_eq!(stream.memory_in_use(), Ok(77));
}
