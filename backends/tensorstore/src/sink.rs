//! One run of the TensorStore engine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Sink, Stored, TimeSpent};
use ome_stream::plan::{ArrayId, Form};
use ome_stream::platform::{Disk, Sync};
use ome_stream::settings::Durability;
use ome_stream::{Error, Plan, Result};
use ome_stream_tensorstore_sys::{self as sys, Context, Region, Store, Transaction};

use crate::files::{ArrayFiles, Files};
use crate::gate::Gate;
use crate::{NAME, spec};

/// Units of one batch that are on their way at once. Core's workers write several batches at a time; this is for many small
/// chunks in one.
const IN_FLIGHT: usize = 16;

/// An array of the plan.
struct Array {
    folder: PathBuf,
    form: Arc<Form>,
    store: Store,
    unit_shape: Vec<i64>,
    transaction: Transaction,
    /// Planes along the append axis that its metadata show.
    shown: Mutex<Option<u64>>,
}

/// TensorStore's side of a run.
pub(crate) struct TensorStoreSink {
    disk: Arc<dyn Disk>,
    sync: Sync,
    files: Arc<Files>,
    arrays: Vec<Array>,
    gate: Gate,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
}

impl TensorStoreSink {
    pub(crate) fn create(plan: &Arc<Plan>, disk: &Arc<dyn Disk>) -> Result<Self> {
        let sync = match plan.settings().durability {
            Durability::Finish => Sync::Later,
            Durability::Shard => Sync::Now,
            Durability::None => Sync::Never,
        };
        let context = Context::new(&spec::context(plan).to_string()).map_err(engine)?;
        let files = Arc::new(Files::new(disk, plan.root(), sync));
        let arrays = plan
            .arrays()
            .iter()
            .map(|array| {
                let (folder, form) = (plan.folder_of(array), Arc::clone(array.form()));
                files.folders().make(&folder)?;
                let keep = ArrayFiles { files: Arc::clone(&files), folder: folder.clone() };
                let store =
                    Store::open_kept(&context, &spec::array(&form)?.to_string(), Box::new(keep)).map_err(engine)?;
                let unit_shape = form.geometry().object().into_iter().map(signed).collect::<Result<_>>()?;
                let transaction = match form.geometry().shard() {
                    Some(_) => Transaction::PerRegion,
                    None => Transaction::None,
                };
                Ok(Array { folder, form, store, unit_shape, transaction, shown: Mutex::new(None) })
            })
            .collect::<Result<Vec<_>>>()?;
        let sink = Self {
            disk: Arc::clone(disk),
            sync,
            files,
            arrays,
            gate: Gate::of(spec::files_at_once()),
            bytes: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
        };
        sink.arrays.iter().try_for_each(|array| {
            let empty = array.form.geometry().append_axis().map(|_| 0);
            sink.reshape(array, empty, |_| true)
        })?;
        Ok(sink)
    }

    fn write_metadata(&self, array: &Array, extent: Option<u64>) -> Result<()> {
        let path = metadata_path(array);
        let document = serde_json::to_vec_pretty(&array.form.metadata(extent))
            .map_err(|error| Error::Engine { backend: NAME.into(), message: error.to_string() })?;
        self.timed(|| self.disk.put(&path, &document, self.sync))
            .map_err(|source| Error::io("write", &path, source))?;
        self.bytes.fetch_add(document.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Gives an array this extent where `wanted` holds for the one that it shows. Held meanwhile: a round of the live
    /// thread may come while the run is being finished.
    fn reshape(&self, array: &Array, extent: Option<u64>, wanted: impl FnOnce(Option<u64>) -> bool) -> Result<()> {
        let mut shown = array.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted(*shown) {
            self.write_metadata(array, extent)?;
            *shown = extent;
        }
        Ok(())
    }

    fn array(&self, id: ArrayId) -> Result<&Array> {
        self.arrays
            .get(id.index())
            .ok_or_else(|| Error::Engine { backend: NAME.into(), message: format!("there is no {id:?}") })
    }

    fn timed<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.nanoseconds.fetch_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        done
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
        self.timed(|| array.store.write_all(regions, array.transaction, IN_FLIGHT))
            .map_err(|error| self.files.failure(&error.message).unwrap_or_else(|| engine(error)))?;
        drop(inside);
        let durable = batch.complete && self.sync == Sync::Now;
        Ok(Stored { sealed_durable: if durable { batch.units.len() } else { 0 }, ..Stored::default() })
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        // Nothing is stored, and what is not stored needs no medium.
        Ok(Stored { sealed_durable: if self.sync == Sync::Now { batch.units.len() } else { 0 }, ..Stored::default() })
    }

    fn publish(&self, changed: &[(ArrayId, Option<u64>)]) -> Result<()> {
        let mut outcome = Ok(());
        for (array, extent) in changed {
            let array = self.array(*array);
            outcome = outcome.and(array.and_then(|array| self.reshape(array, *extent, |shown| *extent > shown)));
        }
        outcome
    }

    fn finish(&self, extents: &[Option<u64>]) -> Result<()> {
        let mut outcome = Ok(());
        for (array, extent) in self.arrays.iter().zip(extents) {
            outcome = outcome.and(self.reshape(array, *extent, |shown| *extent != shown));
        }
        outcome
    }

    fn bytes_written(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.files.bytes()
    }

    fn time_spent(&self) -> TimeSpent {
        // Encoding happens on TensorStore's own threads, within this.
        TimeSpent { write: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)), ..TimeSpent::default() }
    }
}

fn metadata_path(array: &Array) -> PathBuf {
    array.folder.join("zarr.json")
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
