//! The hand-made matrix through every engine.

use ome_stream_tests::case::Case;
use ome_stream_tests::matrix;
use ome_stream_tests::python::say;
use ome_stream_tests::run::NoRun;

use crate::engines::Engine;

/// Least share of the cases, in percent, that an engine has to run: what it refuses is a difference, but not everything.
/// The native engine and the memory backends refuse nothing.
fn least_percent(engine: &str) -> usize {
    match engine {
        "zarrs" => 100,
        "acquire-zarr" => 80,
        memory if memory.starts_with("memory") => 100,
        _ => 40,
    }
}

/// Runs `cases` through `engine`; every failure is told, not only the first.
fn all_pass(engine: &Engine, cases: &[Case]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = engine.name();
    let mut failures = Vec::new();
    let mut ran = 0;
    for case in cases {
        match engine.pass(case, folder.path()) {
            Ok(()) => ran += 1,
            Err(NoRun::Unsupported(reason)) => say(&format!("skipped: {name}: {}: {reason}", case.name)),
            Err(NoRun::Failed(message)) => failures.push(format!("{}: {message}", case.name)),
        }
    }
    say(&format!("{name}: {ran} of {} cases ran, {} failed", cases.len(), failures.len()));
    assert!(failures.is_empty(), "{name}:\n{}", failures.join("\n"));
    assert!(ran * 100 >= cases.len() * least_percent(&name), "{name}: only {ran} of {} cases ran", cases.len());
}

#[test]
fn the_matrix_has_not_shrunk() {
    assert!(matrix::cases().len() >= 120, "{}", matrix::cases().len());
}

#[test]
fn every_memory_backend_gets_every_case_right() {
    let cases = matrix::cases();
    for engine in Engine::memory() {
        all_pass(&engine, &cases);
    }
}

/// The matrix through an engine of the registry.
fn gets_every_case_right(name: &str) {
    if let Some(engine) = Engine::of_registry(name) {
        all_pass(&engine, &matrix::cases());
    }
}

#[test]
fn zarrs_gets_every_case_right() {
    assert!(Engine::of_registry("zarrs").is_some(), "the native engine is always there");
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
