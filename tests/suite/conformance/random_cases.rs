//! Random cases through every engine.

use ome_stream_conformance::Suite;

use crate::engines::{memory, of_registry, passes, suite};

/// Cases for an engine, unless `PROPTEST_CASES` says otherwise: most for the one that is used most, fewer for those
/// that take long to start and for the five ways of the memory backend.
fn cases(engine: &str) -> u32 {
    let given = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    given.unwrap_or(if engine == ome_stream_backends::DEFAULT { 200 } else { 60 })
}

fn agrees_with_nested_loops(suite: Suite<'_>) {
    passes(suite.random_cases(cases(&suite.name())));
}

#[test]
fn every_memory_backend_agrees_with_nested_loops() {
    for engine in memory() {
        agrees_with_nested_loops(Suite::of_memory(&engine));
    }
}

/// An engine of the registry with random cases.
fn of_registry_agrees(name: &str) {
    if let Some(engine) = of_registry(name) {
        agrees_with_nested_loops(suite(&*engine));
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
