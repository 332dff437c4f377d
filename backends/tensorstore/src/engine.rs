//! The engine as core sees it.

use std::sync::Arc;

use ome_stream::backend::{Backend, Capabilities, Sink, Unsupported};
use ome_stream::plan::StorageUnit;
use ome_stream::store::Store;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Error, Plan, Result};
use ome_stream_tensorstore_sys::BUILD;

use crate::sink::TensorStoreSink;
use crate::{NAME, spec};

/// The TensorStore engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct TensorStoreBackend;

impl Backend for TensorStoreBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: StorageUnit::Shard,
            in_order: false,
            // It would have to write the whole shard again each time.
            provisional: false,
            // It encodes a shard into memory of its own.
            bounded_memory: false,
            random_access: false,
            own_documents: false,
            checksums: true,
            // The driver of Zarr v2 is not in this library.
            zarr_formats: &[ZarrFormat::V3],
            version: BUILD.to_owned(),
        }
    }

    fn check(&self, plan: &Plan) -> Result<(), Unsupported> {
        plan.forms().iter().try_for_each(|form| match spec::array(form) {
            Ok(_) => Ok(()),
            Err(Error::Unsupported { reason, .. }) => Err(Unsupported(reason)),
            Err(other) => Err(Unsupported(other.to_string())),
        })
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(TensorStoreSink::create(store)?))
    }
}
