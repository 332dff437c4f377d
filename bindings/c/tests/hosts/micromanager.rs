//! A real host: Micro-Manager's own core with its demo camera (`examples/micromanager`).

use std::env;
use std::path::Path;
use std::process::Command;

use super::build::{Place, built, package, skipped, succeed};

/// Python with Micro-Manager's packages, where there is one; its logs and compiled files stay out of the user's
/// folders.
fn python(test: &str, place: &Path) -> Option<Command> {
    // Set by `cargo xtask test`: the interpreter of its environment.
    let Some(python) = env::var_os("OME_STREAM_PYTHON").filter(|python| !python.is_empty()) else {
        skipped(test, "OME_STREAM_PYTHON is not set");
        return None;
    };
    let mut asked = Command::new(&python);
    asked.args([
        "-c",
        "import importlib.util as u; exit(not all(map(u.find_spec, ('pymmcore_plus', 'mm_test_adapters'))))",
    ]);
    if !asked.output().is_ok_and(|output| output.status.success()) {
        skipped(test, "tests/interop/requirements-micromanager.txt is not installed");
        return None;
    }
    let mut command = Command::new(python);
    command.env("PYMM_LOG_FILE", place.join("micromanager.log")).env("PYTHONDONTWRITEBYTECODE", "1");
    // Of a Micro-Manager that is installed on this machine nothing is wanted.
    command.env_remove("MICROMANAGER_PATH");
    Some(command)
}

#[test]
fn micro_manager_streams_frame_by_frame() {
    let place = Place::new();
    let Some(mut command) = python("Micro-Manager", place.path()) else { return };
    command.arg(package("../../examples/micromanager/stream.py")).arg(place.path().join("run.ome.zarr"));
    // By the environment here, by argument below.
    command.env("OME_STREAM_LIBRARY", built("libome_stream_c.so"));
    let said = succeed(&mut command);
    assert_eq!(said, "10 frames of a burst and 120 of a multi-dimensional acquisition compared\n");
}

#[test]
fn an_image_that_micro_manager_loses_leaves_its_place_empty() {
    let place = Place::new();
    let Some(mut command) = python("Micro-Manager losing images", place.path()) else { return };
    command.arg(package("tests/micromanager_lost.py")).arg(package("../../examples/micromanager"));
    command.arg(built("libome_stream_c.so")).arg(place.path().join("run.ome.zarr"));
    assert_eq!(succeed(&mut command), "ok\n");
}

#[test]
fn micro_manager_keeps_frames_before_a_refused_one() {
    let place = Place::new();
    let Some(mut command) = python("Micro-Manager stopped", place.path()) else { return };
    command.arg(package("tests/micromanager_refused.py")).arg(package("../../examples/micromanager"));
    command.arg(built("libome_stream_c.so")).arg(place.path().join("run.ome.zarr"));
    assert_eq!(succeed(&mut command), "ok\n");
}
