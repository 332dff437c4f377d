//! The engine behind core's trait.

use std::path::Path;
use std::sync::Arc;

use ome_stream::backend::{Backend, Capabilities, Sink, Unsupported};
use ome_stream::plan::StorageUnit;
use ome_stream::store::Store;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Error, Plan, Result};
use serde_json::json;

use crate::check::check;
use crate::engine::Settings;
use crate::error::{NAME, unavailable};
use crate::library::{Found, Symbols};
use crate::sink::AcquireSink;

/// What a person should know of this engine's memory; part of its entry in the list of engines.
const MEMORY: &str = "holds frames in a queue of its own, which memory_limit does not bound";

impl Found {
    /// Finds the engine without loading it; `named` is its library, where somebody names it. Tells what can be told
    /// from the file: the dynamic loader may still refuse it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the reason why it cannot be used here and the one command that would change that.
    pub fn find(named: Option<&Path>) -> Result<Self> {
        Self::search(named).map_err(unavailable)
    }

    /// As [`Backend::capabilities`].
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        capabilities(self.version())
    }

    /// Where the library was found, and what to know of it, for a person to read.
    #[must_use]
    pub fn detail(&self) -> String {
        format!("{}; {MEMORY}", self.place())
    }
}

/// acquire-zarr, loaded.
///
/// It takes frames in the order in which they arrive and keeps them in a queue of its own (up to 256 MiB) and, with a
/// slow codec, in a further one without a bound. What `memory_limit` bounds is the memory before that, and frames are
/// held back while the engine itself says that it holds more; see [`Capabilities::bounded_memory`].
#[derive(Debug, Clone)]
pub struct AcquireBackend {
    symbols: &'static Symbols,
    version: String,
}

impl AcquireBackend {
    /// Finds and loads the engine, for the rest of the process's life: for a run that names it. `named` is its library,
    /// where somebody names it.
    ///
    /// # Errors
    /// As [`Found::find`]; also where it cannot be loaded, or does not read the settings of a run.
    pub fn open(named: Option<&Path>) -> Result<Self> {
        let found = Found::find(named)?;
        let (path, version) = (found.path().display().to_string(), found.version().to_owned());
        let symbols = found.load().map_err(unavailable)?;
        // Reading settings touches no disk: only creating a stream does.
        let axis = |name, kind, size| json!({"name": name, "type": kind, "array_size_px": size, "chunk_size_px": 1, "shard_size_chunks": 1});
        let axes = [axis("t", "time", 0), axis("y", "space", 1), axis("x", "space", 1)];
        let array = json!({"data_type": "uint8", "is_ngff": false, "dimensions": axes});
        let sample = json!({"version": 2, "store_path": "sample.zarr", "overwrite": false, "arrays": [array]});
        Settings::new(symbols, &sample).map_err(|told| unavailable(format!("{path}: {told}")))?;
        Ok(Self { symbols, version })
    }
}

impl Backend for AcquireBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        capabilities(&self.version)
    }

    fn check(&self, plan: &Plan) -> std::result::Result<(), Unsupported> {
        check(plan).map(|_| ())
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        let order = check(store.plan())
            .map_err(|reason| Error::Unsupported { backend: NAME.to_owned(), reason: reason.to_string() })?;
        Ok(Box::new(AcquireSink::create(self.symbols, store, &order)?))
    }
}

fn capabilities(version: &str) -> Capabilities {
    Capabilities {
        unit: StorageUnit::Frame,
        in_order: true,
        provisional: false,
        bounded_memory: false,
        random_access: false,
        own_documents: true,
        checksums: false,
        zarr_formats: &[ZarrFormat::V3],
        version: format!("{NAME} {version}"),
    }
}
