//! The engines that the suite runs through.

use std::path::Path;

use ome_stream::backend::{Backend, MemoryBackend};
use ome_stream::plan::Unit;
use ome_stream_tests::case::Case;
use ome_stream_tests::check::{self, Differences};
use ome_stream_tests::python::say;
use ome_stream_tests::run::{NoRun, run};

/// An engine and how to look at what it wrote.
pub enum Engine {
    /// Holds everything in memory.
    Memory(MemoryBackend),
    /// Writes files.
    Files(Box<dyn Backend>),
}

impl Engine {
    /// Every way in which core can be asked to assemble units.
    pub fn memory() -> Vec<Self> {
        [(Unit::Frame, true), (Unit::Chunk, false), (Unit::Chunk, true), (Unit::Shard, false), (Unit::Shard, true)]
            .map(|(unit, in_order)| Self::Memory(MemoryBackend::new(unit, in_order)))
            .into()
    }

    /// The engine of the registry with this name; where it cannot be used here, that is told.
    pub fn of_registry(name: &str) -> Option<Self> {
        match ome_stream_backends::open(name) {
            Ok(backend) => Some(Self::Files(backend)),
            Err(error) => {
                say(&format!("skipped: engine {name}: {error}"));
                None
            }
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Memory(backend) => {
                let capabilities = backend.capabilities();
                let order = if capabilities.in_order { ", in order" } else { "" };
                format!("memory ({:?}{order})", capabilities.unit)
            }
            Self::Files(backend) => backend.name().to_owned(),
        }
    }

    /// Streams a case and compares all of it.
    pub fn pass(&self, case: &Case, folder: &Path) -> Result<(), NoRun> {
        match self {
            Self::Memory(backend) => {
                let ran = run(case, backend, folder)?;
                Ok(check::memory(case, &ran, &backend.store())?)
            }
            Self::Files(backend) => {
                let ran = run(case, &**backend, folder)?;
                Ok(check::files(case, &ran, Differences::of(backend.name()))?)
            }
        }
    }
}
