//! The engines that the suite runs through.

use ome_stream::backend::{Backend, MemoryBackend};
use ome_stream::plan::StorageUnit;
use ome_stream_conformance::check::Differences;
use ome_stream_conformance::{Failures, Passed, Suite};
use ome_stream_tests::python::say;

/// Every way in which core can be asked to assemble units.
pub fn memory() -> [MemoryBackend; 5] {
    [
        (StorageUnit::Frame, true),
        (StorageUnit::Chunk, false),
        (StorageUnit::Chunk, true),
        (StorageUnit::Shard, false),
        (StorageUnit::Shard, true),
    ]
    .map(|(unit, in_order)| MemoryBackend::new(unit, in_order))
}

/// The engine of the registry with this name; where it cannot be used here, that is told.
pub fn of_registry(name: &str) -> Option<Box<dyn Backend>> {
    match ome_stream_backends::open(name) {
        Ok(backend) => Some(backend),
        Err(error) => {
            say(&format!("skipped: engine {name}: {error}"));
            None
        }
    }
}

/// The suite for an engine of the registry, with what is known of it: the native engine refuses nothing.
pub fn suite(backend: &dyn Backend) -> Suite<'_> {
    let least_percent = match backend.name() {
        "zarrs" => 100,
        // 146 of 187: a dozen have a checksum, which it has not.
        "acquire-zarr" => 76,
        _ => 40,
    };
    let differences = Differences { shards_of_one_chunk: backend.name() == "acquire-zarr" };
    Suite::of(backend).differences(differences).least_percent(least_percent)
}

/// Fails with every failure.
pub fn passes(outcome: Result<Passed, Failures>) -> Passed {
    let passed = outcome.unwrap_or_else(|failures| panic!("{failures}"));
    say(&passed.to_string());
    passed
}
