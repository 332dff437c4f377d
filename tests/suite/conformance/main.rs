//! One suite for every engine: the matrix and random cases, read back in full and held against nested loops.
//!
//! Differences between engines are what their `check` refuses: counted, printed, and bounded from below. Each engine
//! has tests of its own that begin with its name, so that `cargo xtask test --tensorstore` runs those of one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod engines;
mod every_case;
mod random_cases;
mod strict_memory;

#[test]
fn every_engine_of_the_registry_has_tests_of_its_name() {
    for engine in ome_stream_backends::list() {
        let tests = ome_stream_tests::names::tests_of(engine.name).expect("listed");
        assert!(tests >= 2, "{}: {tests} tests, there must be every case and random cases", engine.name);
    }
}
