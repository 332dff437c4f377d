//! A host that passes exactly the types of LabVIEW's Call Library Function Node, through Python's ctypes.

use std::env;
use std::process::Command;

use super::build::{Place, built, package, skipped, succeed};

#[test]
fn arrays_texts_and_numbers_as_labview_passes_them_arrive_pixel_by_pixel() {
    // Set by `cargo xtask test`: the interpreter of an environment with numpy and zarr.
    let Some(python) = env::var_os("OME_STREAM_PYTHON").filter(|python| !python.is_empty()) else {
        skipped("LabVIEW's types", "OME_STREAM_PYTHON is not set");
        return;
    };
    let place = Place::new();
    let mut command = Command::new(python);
    command.arg(package("tests/labview_types.py")).arg(built("libome_stream_c.so")).arg(place.data("stores"));
    assert_eq!(succeed(&mut command), "ok\n");
}
