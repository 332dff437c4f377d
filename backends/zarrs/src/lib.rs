//! The native engine: zarrs encodes each chunk, we place it in its chunk file or at its place in a shard file.
//!
//! While frames come, nothing is read back, and no byte of a complete chunk is written twice (provisional copies of
//! incomplete chunks for live readers aside). A chunk file appears whole, by renaming. A shard file is written under
//! another name until its first index is in it; from then on its last bytes are a valid index at every moment (see
//! `shard_file`).

mod account;
mod array;
mod chunk_files;
mod common;
mod direct;
mod encode;
mod error;
mod file_slot;
mod of_form;
mod options;
mod random_access;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod scratch;
mod shard_file;
mod shard_growth;
mod shard_index;
mod shard_sealing;
mod shards;
mod sink;
mod spares;
mod verify;

use std::sync::Arc;

use ome_stream::backend::{Backend, Capabilities, Done, Sink, Unsupported, Verifier};
use ome_stream::plan::StorageUnit;
use ome_stream::store::Store;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Plan, Result};

pub use error::NAME;
pub use verify::ZarrsVerifier;

/// Version of the zarrs library whose codecs and metadata are used.
pub const ZARRS_VERSION: &str = "0.23";

/// The native engine; always available.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZarrsBackend;

impl Backend for ZarrsBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: StorageUnit::Chunk,
            in_order: false,
            provisional: true,
            bounded_memory: true,
            random_access: true,
            own_documents: false,
            checksums: true,
            zarr_formats: &ZarrFormat::ALL,
            version: format!("zarrs {ZARRS_VERSION} codecs, ome-stream {} placing", ome_stream::VERSION),
        }
    }

    fn check(&self, _plan: &Plan) -> Result<(), Unsupported> {
        // Every valid plan can be written.
        Ok(())
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(sink::ZarrsSink::open(store, None)?))
    }

    fn resume(&self, store: &Arc<Store>, done: &Done) -> Result<Box<dyn Sink>> {
        Ok(Box::new(sink::ZarrsSink::open(store, Some(done))?))
    }

    fn verifier(&self) -> Option<&dyn Verifier> {
        Some(&ZarrsVerifier)
    }
}
