//! Paths that name no folder in which a store can be made.

use serde_json::json;

use super::refused::{refused, with};
use super::*;

#[test]
fn paths_that_name_no_local_folder() {
    let paths = [
        "",
        "a\u{0}b",
        ".",
        "..",
        "/",
        "a/..",
        "a/.",
        ".zarr",
        "a/.ome.zarr",
        "s3://bucket/a.zarr",
        "file:///a",
        "~",
        "~user/a",
        "a.tiff",
        "a.ome.tif",
        "a/b/",
        "b//",
    ];
    for path in paths {
        refused(&with("/root_path", json!(path)), "root_path", &json!(path).to_string());
    }
}

#[test]
fn paths_whose_last_name_no_folder_can_have() {
    let paths = [
        "CON",
        "data/aux.ome.zarr",
        "COM\u{b9}.zarr",
        "trail.",
        "trail .zarr",
        "two\nlines",
        "a:b",
        "a\u{202e}b.zarr",
        ".ome-stream",
        "__run",
    ];
    for path in paths {
        let shown = crate::shown::quoted(path);
        let error = Settings::from_json(&with("/root_path", json!(path)).to_string()).unwrap_err();
        assert_eq!((parts(&error).0, parts(&error).1), ("root_path", shown.as_str()), "{error}");
    }
    // The folders above may be there already, whatever their names are.
    for path in ["CON/run", "two\nlines/run", ".hidden", "a.b. c/run.zarr"] {
        let settings = Settings::from_json(&with("/root_path", json!(path)).to_string());
        assert!(settings.is_ok(), "{settings:?}");
    }
    let long = format!(".{}.zarr", "s".repeat(20));
    refused(&with("/format", json!({"suffix": long})), "format.suffix", &json!(long).to_string());
    let name = "n".repeat(MAX_NAME_BYTES + 1);
    let error = Settings::from_json(&with("/root_path", json!(name)).to_string()).unwrap_err();
    assert!(error.to_string().contains("the name is too long"), "{error}");
}
