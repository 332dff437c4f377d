//! The headers compile everywhere they promise to, and say the same as the library.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::path::PathBuf;

use ome_stream_c::exports;

use super::build::{Place, compiler, package, succeed};
use super::codes::declared;

/// Compiles a text that includes a header, under a standard; every warning is an error.
fn compiles(name: &str, standard: &str, text: &str) {
    let place = Place::new();
    let source: PathBuf = place.path().join(name);
    fs::write(&source, text).expect("a source file");
    // The last standard given counts.
    succeed(
        compiler(&source)
            .arg(format!("-std={standard}"))
            .args(["-Wconversion", "-Wshadow", "-fsyntax-only"])
            .arg(&source),
    );
}

#[test]
fn the_c_header_compiles_as_c99_c11_and_cpp11_without_warnings() {
    let text =
        "#include \"ome_stream.h\"\n#include \"ome_stream.h\"\nint main(void) { return (int)ome_stream_finish(0); }\n";
    compiles("c99.c", "c99", text);
    compiles("c11.c", "c11", text);
    compiles("cpp11.cpp", "c++11", text);
    compiles("cpp20.cpp", "c++20", text);
}

#[test]
fn the_cpp_header_compiles_as_cpp17_and_takes_spans_in_cpp20() {
    let text = "#include \"ome_stream.hpp\"\nint main() { ome::Stream empty; return empty.get() != nullptr; }\n";
    compiles("cpp17.cpp", "c++17", text);
    let span = "#include \"ome_stream.hpp\"\n#include <cstdint>\n#include <span>\n\
                std::uint64_t give(ome::Stream &stream, std::span<const std::uint16_t> pixels);\n\
                std::uint64_t give(ome::Stream &stream, std::span<const std::uint16_t> pixels) { return stream.append(pixels); }\n";
    compiles("cpp20.cpp", "c++20", span);
}

#[test]
fn codes_have_the_librarys_names() {
    let header = fs::read_to_string(package("include/ome_stream.h")).expect("the header");
    let codes = declared();
    assert!(codes.len() >= 24, "{codes:?}");
    for (name, number) in &codes {
        // SAFETY: the function promises a zero-terminated text that lives for ever.
        let told = unsafe { CStr::from_ptr(exports::ome_stream_error_name(*number)) };
        assert_eq!(told.to_str(), Ok(name.as_str()));
    }
    let numbers: BTreeSet<_> = codes.values().collect();
    assert_eq!(numbers.len(), codes.len(), "each code has its own number");
    assert!(header.contains("#define OME_STREAM_ABI_VERSION 1\n"), "the header names the ABI");
}

/// What a host may write into the settings stands in the header: it is the manual.
#[test]
fn each_field_of_the_settings_stands_in_the_header() {
    let every_field = r#"{"root_path": "a", "dtype": "uint8", "format": {"suffix": ".zarr", "version": "0.5"},
        "plate": {"row_names": ["A"], "column_names": ["1"], "name": "b", "acquisitions": [{"id": 0}]}, "resume": true,
        "program": "host 1", "pyramid": {"levels": 2},
        "memory_limit": 4194304, "threads": 2, "durability": "none", "when_full": "drop", "live_interval": 2.5,
        "dimensions": [{"name": "p", "coords": [{"name": "0", "plate_row": "A", "plate_column": "1", "acquisition": 0}]},
            {"name": "c", "coords": [{"name": "GFP", "color": "red"}]}, {"name": "y", "count": 4}, {"name": "x", "count": 4}]}"#;
    // Written out again, whatever was left out is there too.
    let settings = ome_stream::Settings::parse_json(every_field).expect("settings");
    let text = serde_json::to_string(&settings).expect("JSON");
    let fields: BTreeSet<_> = text
        .split('"')
        .zip(text.split('"').skip(1))
        .filter(|(_, after)| after.starts_with(':'))
        .map(|(key, _)| key)
        .collect();
    assert!(fields.len() >= 40, "{fields:?}");
    let header = fs::read_to_string(package("include/ome_stream.h")).expect("the header");
    let words: BTreeSet<_> = header.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').collect();
    let missing: Vec<_> = fields.difference(&words).collect();
    assert!(missing.is_empty(), "the header does not tell of {missing:?}");
}
