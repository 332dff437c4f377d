//! Real microscope images through the command-line tool, compared pixel by pixel by foreign readers on both sides.

use std::path::Path;
use std::process::Command;

use ome_stream_tests::python;
use serde_json::Value;

/// Names the folder with the fetched images.
const IMAGES: &str = "OME_STREAM_IMAGES";

/// Names the `ome-stream` program.
const TOOL: &str = "OME_STREAM_TOOL";

/// Writes `image` with the tool and compares it; returns the array's metadata.
fn write_and_compare(image: &str, arguments: &[&str]) -> Option<Value> {
    let python = python::setting(python::PYTHON, image)?;
    let images = python::setting(IMAGES, image)?;
    let tool = python::setting(TOOL, image)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (tiff, store) = (images.join(image), folder.path().join("image.ome.zarr"));
    let output = Command::new(&tool)
        .arg("write")
        .arg(&tiff)
        .arg("-o")
        .arg(&store)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    python::run(&python, "compare_image.py", &[&store, &tiff]).unwrap_or_else(|error| panic!("{error}"));
    python::run(&python, "check_store.py", &[Path::new("--validate"), &store])
        .unwrap_or_else(|error| panic!("{error}"));
    let metadata = std::fs::read(store.join("0/zarr.json")).expect("the array");
    Some(serde_json::from_slice(&metadata).expect("JSON"))
}

#[test]
fn a_real_image_is_stored_as_it_is() {
    let Some(array) = write_and_compare("img2d.tif", &[]) else { return };
    assert_eq!(array["data_type"], "uint16");
    let shape = array["shape"].as_array().expect("a shape");
    assert!(shape.ends_with(&[512.into(), 512.into()]), "{shape:?}");
}

#[test]
fn a_real_stack_is_stored_as_it_is_compressed_too() {
    for codec in ["none", "blosc-lz4", "zstd"] {
        let Some(array) = write_and_compare("img3d.tif", &["-c", codec]) else { return };
        let shape = array["shape"].as_array().expect("a shape");
        assert!(shape.ends_with(&[31.into(), 61.into(), 57.into()]), "{shape:?}");
    }
}
