//! One run of the TensorStore engine.

use std::path::PathBuf;
use std::sync::Arc;

use ome_stream::backend::{Batch, Sink, Stored, TimeSpent};
use ome_stream::plan::ArrayId;
use ome_stream::platform::Clock;
use ome_stream::zarr::ZarrFormat;
use ome_stream::{Error, Result};
use ome_stream_tensorstore_sys::{self as sys, Context, Region, Transaction};

use crate::files::{ArrayFiles, Files};
use crate::gate::Gate;
use crate::{NAME, spec};

/// Units of one batch that are on their way at once. Core's workers write several batches at a time; this is for many
/// small chunks in one.
const IN_FLIGHT: usize = 16;

/// An array of the plan.
struct Array {
    folder: PathBuf,
    store: sys::Store,
    unit_shape: Vec<i64>,
    transaction: Transaction,
}

impl Array {
    /// Where TensorStore stores the unit at these places of the array's grid: the key of Zarr's `default` encoding.
    fn file(&self, coordinates: &[u64]) -> PathBuf {
        self.folder.join(ZarrFormat::V3.keys().key(coordinates).unwrap_or_default())
    }
}

/// TensorStore's side of a run.
pub(crate) struct TensorStoreSink {
    files: Arc<Files>,
    arrays: Vec<Array>,
    gate: Gate,
    writing: Clock,
}

impl TensorStoreSink {
    pub(crate) fn create(store: &Arc<ome_stream::store::Store>) -> Result<Self> {
        let plan = store.plan();
        let context = Context::new(&spec::context(plan).to_string()).map_err(engine)?;
        let files = Arc::new(Files::new(store));
        let arrays = plan
            .arrays()
            .iter()
            .map(|array| {
                let (folder, form) = (plan.folder_of(array), array.form());
                let keep = ArrayFiles { files: Arc::clone(&files), folder: folder.clone() };
                let store =
                    sys::Store::open_kept(&context, &spec::array(form)?.to_string(), Box::new(keep)).map_err(engine)?;
                let unit_shape = form.geometry().object().into_iter().map(signed).collect::<Result<_>>()?;
                let transaction = match form.geometry().shard() {
                    Some(_) => Transaction::PerRegion,
                    None => Transaction::None,
                };
                Ok(Array { folder, store, unit_shape, transaction })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { files, arrays, gate: Gate::of(spec::files_at_once()), writing: Clock::default() })
    }

    fn array(&self, id: ArrayId) -> Result<&Array> {
        self.arrays
            .get(id.index())
            .ok_or_else(|| Error::Engine { backend: NAME.into(), message: format!("there is no {id:?}") })
    }
}

impl Sink for TensorStoreSink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let array = self.array(batch.key.array)?;
        let mut origins = Vec::with_capacity(batch.units.len());
        for (place, _) in batch.units() {
            let origin = place.coordinates().iter().zip(&array.unit_shape).map(|(at, unit)| origin(*at, *unit));
            origins.push(origin.collect::<Result<Vec<_>>>()?);
        }
        let regions = origins
            .iter()
            .zip(batch.units())
            .map(|(origin, (_, pixels))| (Region { origin, shape: &array.unit_shape }, pixels));
        let inside = self.gate.enter();
        self.writing.time(|| array.store.write_all(regions, array.transaction, IN_FLIGHT)).map_err(|error| {
            let files = batch.units().map(|(place, _)| array.file(place.coordinates()));
            self.files.failure(files).unwrap_or_else(|| engine(error))
        })?;
        drop(inside);
        let durable = batch.complete && self.files.syncs_now();
        Ok(Stored { sealed_durable: if durable { batch.units.len() } else { 0 }, ..Stored::default() })
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        // Nothing is stored, and what is not stored needs no medium.
        Ok(Stored { sealed_durable: if self.files.syncs_now() { batch.units.len() } else { 0 }, ..Stored::default() })
    }

    fn time_spent(&self) -> TimeSpent {
        // Encoding happens on TensorStore's own threads, within this.
        TimeSpent { write: self.writing.total(), ..TimeSpent::default() }
    }
}

fn origin(at: u64, unit: i64) -> Result<i64> {
    signed(at)?.checked_mul(unit).ok_or_else(|| too_far(at))
}

fn signed(pixels: u64) -> Result<i64> {
    i64::try_from(pixels).map_err(|_| too_far(pixels))
}

fn too_far(at: u64) -> Error {
    Error::Engine { backend: NAME.into(), message: format!("{at} is past what TensorStore can address") }
}

fn engine(error: sys::Error) -> Error {
    Error::Engine { backend: NAME.into(), message: error.message }
}
