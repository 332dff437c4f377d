//! An engine in a page: each chunk as it is, in a file of its own.
//!
//! It says that it takes whole chunks, in any order. The core then does everything else: it finds each frame's place,
//! copies it into its chunk, writes all documents and takes care of threads, memory and errors. `conformance.rs` beside
//! this file is the test that it is right.

use std::sync::Arc;

use ome_stream::backend::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use ome_stream::plan::StorageUnit;
use ome_stream::platform::SyncPolicy;
use ome_stream::store::Store;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Error, Plan, Result};

/// The engine; it has nothing to remember between runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChunkFiles;

impl Backend for ChunkFiles {
    fn name(&self) -> &'static str {
        "chunk-files"
    }

    fn capabilities(&self) -> Capabilities {
        // A file is written whole and again: live readers may see chunks that are not full yet.
        let version = format!("chunk-files {}", env!("CARGO_PKG_VERSION"));
        let zarr_formats = &ZarrFormat::ALL;
        Capabilities { version, zarr_formats, ..Capabilities::taking(StorageUnit::Chunk) }
    }

    /// Asked before anything touches the disk: what an engine cannot do, it says here.
    fn check(&self, plan: &Plan) -> std::result::Result<(), Unsupported> {
        if plan.forms().iter().any(|form| form.geometry().shard().is_some()) {
            return Err(Unsupported("shards are not written: leave shard_size_chunks out".into()));
        }
        if !plan.forms().iter().all(|form| form.is_verbatim()) {
            return Err(Unsupported("chunks are stored as they are: use the codec \"none\"".into()));
        }
        Ok(())
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Run(Arc::clone(store))))
    }
}

/// One run, in this store. Workers call it from several threads at once.
struct Run(Arc<Store>);

impl Run {
    /// What a call came to, after which so many units are stored for good, on the medium too where that was asked for.
    fn stored(&self, batch: &Batch<'_>) -> Stored {
        let durable = batch.complete && self.0.sync() == SyncPolicy::Now;
        Stored { sealed_durable: if durable { batch.units.len() } else { 0 }, ..Stored::default() }
    }
}

impl Sink for Run {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let (store, plan) = (&self.0, self.0.plan());
        for (place, bytes) in batch.units() {
            let array = plan.array(batch.key.array);
            let path = plan.folder_of(array).join(array.form().object_key(place.coordinates()));
            store.make_folder_for(&path)?;
            // There whole or not at all, and again where readers have seen it half full.
            store.disk().put(&path, bytes, store.sync()).map_err(|error| Error::io("write", &path, error))?;
            store.count(bytes.len() as u64);
        }
        Ok(self.stored(batch))
    }

    /// A chunk without a file reads as zeros.
    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        Ok(self.stored(batch))
    }
}
