//! Behavior that the engine cannot be made to show, seen on a stand-in built from `stand_in.c`. It needs a C compiler
//! and no engine, so that loading is tested everywhere. It fails with a status of its own wherever it is called with
//! another standard error than the process had when it was loaded.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{is_loaded, settings, stand_in};
use ome_stream::backend::Backend;
use ome_stream::settings::DataType;
use ome_stream::{Error, Stream};
use ome_stream_backend_acquire::{AcquireBackend, Found};

/// A run through the stand-in.
fn run(library: &Path, name: &str, dimensions: &str) -> ome_stream::Result<Stream> {
    let folder = library.parent().unwrap().join(format!("{name}.ome.zarr"));
    Stream::create(&settings(&folder, dimensions, DataType::UInt8), &AcquireBackend::open(Some(library))?)
}

#[test]
fn a_library_that_needs_no_python_is_opened_as_it_is() {
    let Some((folder, path)) = stand_in(&[]) else { return };
    let found = Found::find(Some(folder.path())).unwrap();
    assert_eq!(found.path(), path);
    assert!(found.detail().contains(path.to_str().unwrap()), "{}", found.detail());
    assert_eq!(found.capabilities().version, "acquire-zarr 0.10 or newer");
    let opened = AcquireBackend::open(Some(folder.path())).unwrap();
    assert_eq!(opened.capabilities(), found.capabilities());
    assert!(is_loaded());
}

#[test]
fn a_library_that_needs_python_is_opened_as_a_copy_in_memory() {
    let Some((_folder, path)) = stand_in(&["NEEDS_PYTHON"]) else { return };
    run(&path, "a", "t:2,y:8,x:8").unwrap();
    assert!(std::fs::read_to_string("/proc/self/maps").unwrap().contains("memfd:acquire-zarr"));
}

#[test]
fn where_memory_cannot_be_executed_the_switch_is_named() {
    const CHILD: &str = "OME_STREAM_TEST_NO_EXECUTABLE_MEMORY";
    if let Some(path) = std::env::var_os(CHILD) {
        let error = AcquireBackend::open(Some(path.as_ref())).unwrap_err().to_string();
        assert!(error.contains("vm.memfd_noexec"), "{error}");
        return;
    }
    let Some((_folder, path)) = stand_in(&["NEEDS_PYTHON"]) else { return };
    // The kernel's switch counts for one process namespace: this test again, in a namespace of its own.
    let script = "echo 2 > /proc/sys/vm/memfd_noexec && echo switched && exec \"$@\"";
    let mut again = Command::new("unshare");
    again.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]);
    again.arg(std::env::current_exe().unwrap());
    again.args(["--exact", "where_memory_cannot_be_executed_the_switch_is_named"]).env(CHILD, path);
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
    let Some((_folder, path)) = stand_in(&["OLD_SETTINGS"]) else { return };
    let error = AcquireBackend::open(Some(&path)).unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused the settings (status 9: invalid settings)"), "{error}");
}

#[test]
fn bytes_that_were_not_taken_are_an_error_in_spite_of_success() {
    let Some((_folder, path)) = stand_in(&[]) else { return };
    let stream = run(&path, "a", "t:2,y:16,x:16").unwrap();
    stream.append(&[1; 256]).unwrap();
    let error = stream.finish().unwrap_err().to_string();
    assert!(error.contains("took 100 of 256 bytes (status 11: partial write)"), "{error}");
}

#[test]
fn a_null_instead_of_a_stream_says_where_the_reason_is() {
    let Some((_folder, path)) = stand_in(&[]) else { return };
    let error = run(&path, "impossible", "t:2,y:8,x:8").unwrap_err().to_string();
    assert!(error.ends_with("could not create the store; acquire-zarr prints its reason to standard error"), "{error}");
}

#[test]
fn a_close_that_fails_without_a_word_is_still_an_error() {
    let Some((_folder, path)) = stand_in(&[]) else { return };
    let stream = run(&path, "a", "t:2,y:8,x:8").unwrap();
    stream.append(&[1; 64]).unwrap();
    let error = stream.finish().unwrap_err().to_string();
    assert!(error.contains("could not finish the store (status 7: input/output error)"), "{error}");
}
