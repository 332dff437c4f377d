//! Random cases through every engine.

use ome_stream_tests::case::Case;
use ome_stream_tests::random;
use ome_stream_tests::run::NoRun;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestCaseResult};

use crate::engines::Engine;

/// Cases, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 120;

/// No file of seeds: a failure prints its smallest case as JSON, which belongs into the matrix.
fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn passes(engine: &Engine, case: &Case) -> TestCaseResult {
    let folder = tempfile::tempdir()?;
    match engine.pass(case, folder.path()) {
        Ok(()) => Ok(()),
        Err(NoRun::Unsupported(_)) => Err(TestCaseError::reject("the engine cannot write this")),
        Err(NoRun::Failed(message)) => {
            let case = serde_json::to_string(case).unwrap_or_default();
            Err(TestCaseError::fail(format!("{}: {message}\n{case}", engine.name())))
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_memory_backend_agrees_with_nested_loops(case in random::case()) {
        for engine in Engine::memory() {
            passes(&engine, &case)?;
        }
    }

    #[test]
    fn the_native_engine_agrees_with_nested_loops(case in random::case()) {
        let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
        passes(&Engine::Files(backend), &case)?;
    }
}

#[test]
fn every_other_engine_agrees_with_nested_loops() {
    for engine in Engine::files().into_iter().filter(|engine| engine.name() != ome_stream_backends::DEFAULT) {
        let mut runner = proptest::test_runner::TestRunner::new(Config { max_global_rejects: 10 * CASES, ..config() });
        let outcome = runner.run(&random::case(), |case| passes(&engine, &case));
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}
