//! Random cases through every engine.

use std::cell::Cell;

use ome_stream_tests::case::Case;
use ome_stream_tests::python::say;
use ome_stream_tests::random;
use ome_stream_tests::run::NoRun;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::engines::Engine;

/// Cases for an engine, unless `PROPTEST_CASES` says otherwise: most for the one that is used most, fewer for those that
/// take long to start and for the five ways of the memory backend.
fn cases(engine: &str) -> u32 {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    given.unwrap_or(if engine == ome_stream_backends::DEFAULT { 200 } else { 60 })
}

/// Most cases that an engine may refuse for each one that it runs.
const REFUSED_PER_CASE: u32 = 10;

fn agrees_with_nested_loops(engine: &Engine) {
    let name = engine.name();
    let cases = cases(&name);
    let config = Config {
        cases,
        max_global_rejects: cases * REFUSED_PER_CASE,
        // No file of seeds: a failure prints its smallest case as JSON, which belongs into the matrix.
        failure_persistence: None,
        ..Config::default()
    };
    let refused = Cell::new(0);
    let outcome = TestRunner::new(config).run(&random::case(), |case| {
        let folder = tempfile::tempdir()?;
        match engine.pass(&case, folder.path()) {
            Ok(()) => Ok(()),
            Err(NoRun::Unsupported(_)) => {
                refused.set(refused.get() + 1);
                Err(TestCaseError::reject("the engine cannot write this"))
            }
            Err(NoRun::Failed(message)) => Err(TestCaseError::fail(format!("{message}\n{}", json(&case)))),
        }
    });
    say(&format!("{name}: {cases} random cases, {} refused", refused.get()));
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

fn json(case: &Case) -> String {
    serde_json::to_string(case).unwrap_or_else(|error| error.to_string())
}

#[test]
fn every_memory_backend_agrees_with_nested_loops() {
    for engine in Engine::memory() {
        agrees_with_nested_loops(&engine);
    }
}

/// An engine of the registry with random cases.
fn of_registry_agrees(name: &str) {
    if let Some(engine) = Engine::of_registry(name) {
        agrees_with_nested_loops(&engine);
    }
}

#[test]
fn zarrs_agrees_with_nested_loops() {
    of_registry_agrees("zarrs");
}

#[test]
fn acquire_zarr_agrees_with_nested_loops() {
    of_registry_agrees("acquire-zarr");
}

#[test]
fn tensorstore_agrees_with_nested_loops() {
    of_registry_agrees("tensorstore");
}
