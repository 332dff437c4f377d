//! A host that passes exactly the types of LabVIEW's Call Library Function Node, through Python's ctypes.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use super::build::{Place, built, package, skipped, succeed};

/// Set by `cargo xtask test`: the interpreter of an environment with numpy and zarr.
fn python(test: &str) -> Option<OsString> {
    let python = env::var_os("OME_STREAM_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        skipped(test, "OME_STREAM_PYTHON is not set");
    }
    python
}

#[test]
fn what_labview_passes_arrives_pixel_by_pixel() {
    let Some(python) = python("LabVIEW's types") else { return };
    let place = Place::new();
    let mut command = Command::new(python);
    command.arg(package("tests/labview_types.py")).arg(built("libome_stream_c.so")).arg(place.data("stores"));
    assert_eq!(succeed(&mut command), "ok\n");
}

#[test]
fn messages_are_found_from_any_thread() {
    let Some(python) = python("LabVIEW's threads") else { return };
    let place = Place::new();
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(package("tests/labview_threads.py"));
    command.arg(package("../../examples/micromanager")).arg(built("libome_stream_c.so")).arg(place.data("stores"));
    assert_eq!(succeed(&mut command), "ok\n");
}
