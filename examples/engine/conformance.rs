//! Is the engine right? The suite of all engines says so.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use ome_stream::backend::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use ome_stream::store::Store;
use ome_stream::{Plan, Result};
use ome_stream_conformance::{Suite, run};
use ome_stream_example_engine::ChunkFiles;
use std::sync::Arc;

#[test]
fn the_engine_passes() {
    let passed = run(&ChunkFiles).unwrap_or_else(|failures| panic!("{failures}"));
    eprintln!("{passed}");
    assert!(passed.ran > 100 && !passed.refused.is_empty(), "{passed}");
}

/// The engine with a mistake: it forgets what was written behind the first chunk of a batch.
#[derive(Debug)]
struct Forgetful;

struct ForgetfulRun(Box<dyn Sink>);

impl Backend for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn capabilities(&self) -> Capabilities {
        ChunkFiles.capabilities()
    }

    fn check(&self, plan: &Plan) -> std::result::Result<(), Unsupported> {
        ChunkFiles.check(plan)
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(ForgetfulRun(ChunkFiles.create(store)?)))
    }
}

impl Sink for ForgetfulRun {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let first = batch.units.start..(batch.units.start + 1).min(batch.units.end);
        let bytes = batch.bytes.get(..batch.layout.unit_bytes()).unwrap_or_default();
        self.0.write(&Batch { units: first, bytes, ..*batch })
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        self.0.skip(batch)
    }
}

#[test]
fn an_engine_with_a_mistake_does_not() {
    let failures = Suite::of(&Forgetful).every_case().expect_err("chunks are missing");
    assert!(failures.cases.iter().any(|case| case.contains("pixel")), "{failures}");
    assert!(Suite::of(&Forgetful).random_cases(60).is_err());
}

#[test]
fn refusing_nearly_everything_is_not_passing() {
    assert!(Suite::of(&ChunkFiles).least_percent(99).every_case().is_err());
}
