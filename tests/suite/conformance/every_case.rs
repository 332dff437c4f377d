//! The hand-made matrix through every engine.

use ome_stream_conformance::{Suite, matrix};
use ome_stream_tests::python::say;

use crate::engines::{memory, of_registry, passes, suite};

#[test]
fn the_matrix_has_not_shrunk() {
    assert!(matrix::cases().len() >= 120, "{}", matrix::cases().len());
}

#[test]
fn every_memory_backend_gets_every_case_right() {
    for engine in memory() {
        passes(Suite::of_memory(&engine).every_case());
    }
}

/// The matrix through an engine of the registry.
fn gets_every_case_right(name: &str) {
    if let Some(engine) = of_registry(name) {
        for reason in passes(suite(&*engine).every_case()).refused {
            say(&format!("skipped: {name}: {reason}"));
        }
    }
}

#[test]
fn zarrs_gets_every_case_right() {
    assert!(of_registry("zarrs").is_some(), "the native engine is always there");
    gets_every_case_right("zarrs");
}

#[test]
fn acquire_zarr_gets_every_case_right() {
    gets_every_case_right("acquire-zarr");
}

#[test]
fn tensorstore_gets_every_case_right() {
    gets_every_case_right("tensorstore");
}
