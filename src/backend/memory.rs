//! A backend that keeps everything in memory and is stricter than any disk: for tests of core and of hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use crate::error::{Error, Result};
use crate::plan::{ArrayId, Form, Plan, SlabKey, StorageUnit};
use crate::router::StorageIndex;
use crate::store::Store;
use crate::zarr::ZarrFormat;

/// Keeps units in memory and refuses what a sloppy caller might get away with elsewhere: a unit written twice, written
/// after it was skipped, of the wrong size, out of order, outside the array, or after its array was sealed.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    unit: StorageUnit,
    in_order: bool,
    store: MemoryStore,
}

/// What a [`MemoryBackend`] holds; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    /// By array.
    forms: Vec<Arc<Form>>,
    units: BTreeMap<UnitKey, Vec<u8>>,
    provisional: BTreeMap<UnitKey, Vec<u8>>,
    skipped: BTreeSet<UnitKey>,
    order: Vec<SlabKey>,
    /// Whose documents tell how far the arrays reach.
    written_to: Option<Arc<Store>>,
    sealed: BTreeSet<ArrayId>,
    finished: bool,
}

/// Array and coordinates, counted in units.
type UnitKey = (ArrayId, Vec<u64>);

impl MemoryBackend {
    /// A backend that takes `unit`s; `in_order` asks for them in arrival order.
    #[must_use]
    pub fn new(unit: StorageUnit, in_order: bool) -> Self {
        Self { unit, in_order, store: MemoryStore::default() }
    }

    /// What it holds.
    #[must_use]
    pub fn store(&self) -> MemoryStore {
        self.store.clone()
    }
}

impl Backend for MemoryBackend {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: self.unit,
            in_order: self.in_order,
            provisional: !self.in_order,
            bounded_memory: false,
            random_access: false,
            own_documents: false,
            checksums: true,
            zarr_formats: &ZarrFormat::ALL,
            version: format!("memory {}", crate::VERSION),
        }
    }

    fn check(&self, _plan: &Plan) -> Result<(), Unsupported> {
        Ok(())
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        *self.store.lock() = Contents {
            written_to: Some(Arc::clone(store)),
            forms: store.plan().arrays().iter().map(|array| Arc::clone(array.form())).collect(),
            ..Contents::default()
        };
        Ok(Box::new(MemorySink { contents: self.store.clone(), store: Arc::clone(store) }))
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the plane at `index` of an array, rows without padding; fill value where nothing was written. `None`
    /// before a run or outside the array.
    #[must_use]
    pub fn plane(&self, array: ArrayId, index: StorageIndex) -> Option<Vec<u8>> {
        let contents = self.lock();
        let form = contents.forms.get(array.index())?;
        let (geometry, layout) = (form.geometry(), form.layout());
        let extent = geometry.index_extent();
        if index.iter().zip(extent).any(|(at, extent)| *at >= extent) {
            return None;
        }
        let (rows, columns) = geometry.frame();
        let item = geometry.item_size();
        let row_bytes = columns as usize * item;
        let mut plane = vec![0; rows as usize * row_bytes];
        let (slab, slot) = layout.slot(&index);
        let shape: Vec<u64> = layout.unit_shape().collect();
        let (tile_rows, tile_row) = (shape[shape.len() - 2] as usize, shape[shape.len() - 1] as usize * item);
        for nth in 0..layout.units() {
            let place = layout.place(&slab, nth);
            let key = (array, place.coordinates().to_vec());
            let Some(unit) = contents.units.get(&key).or_else(|| contents.provisional.get(&key)) else {
                continue;
            };
            let [.., down, across] = key.1[..] else { continue };
            let (top, left) = (down as usize * tile_rows, across as usize * tile_row);
            for row in 0..tile_rows.min(rows as usize - top) {
                let width = tile_row.min(row_bytes - left);
                let source = slot * layout.plane_bytes() + row * tile_row;
                let target = (top + row) * row_bytes + left;
                plane[target..target + width].copy_from_slice(&unit[source..source + width]);
            }
        }
        Some(plane)
    }

    /// Extent along the append axis of each array, after `finish`.
    #[must_use]
    pub fn extents(&self) -> Option<Vec<Option<u64>>> {
        let contents = self.lock();
        let store = contents.written_to.as_ref().filter(|_| contents.finished)?;
        Some(store.plan().arrays().iter().map(|array| store.extent(array.id())).collect())
    }

    /// Slabs in the order in which they were stored or skipped.
    #[must_use]
    pub fn order(&self) -> Vec<SlabKey> {
        self.lock().order.clone()
    }

    /// Number of complete units held.
    #[must_use]
    pub fn units(&self) -> usize {
        self.lock().units.len()
    }
}

struct MemorySink {
    contents: MemoryStore,
    store: Arc<Store>,
}

impl MemorySink {
    fn refuse<T>(&self, message: String) -> Result<T> {
        Err(Error::Engine { backend: "memory".into(), message })
    }

    fn checked<'a>(&self, batch: &Batch<'_>, contents: &'a mut Contents) -> Result<&'a mut Contents> {
        if contents.finished {
            return self.refuse(format!("{:?} came after finish", batch.key));
        }
        if contents.sealed.contains(&batch.key.array) {
            return self.refuse(format!("{:?} came after its array was sealed", batch.key));
        }
        if batch.key.array.index() >= contents.forms.len() {
            return self.refuse(format!("there is no array {}", batch.key.array.0));
        }
        if batch.layout.expected_planes(&batch.key.index) == 0 {
            return self.refuse(format!("{:?} lies outside the array", batch.key));
        }
        contents.order.push(batch.key);
        Ok(contents)
    }
}

impl Sink for MemorySink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let mut guard = self.contents.lock();
        let contents = self.checked(batch, &mut guard)?;
        if batch.bytes.len() != batch.units.len() * batch.layout.unit_bytes() {
            return self.refuse(format!(
                "{} bytes for {} units of {}",
                batch.bytes.len(),
                batch.units.len(),
                batch.layout.unit_bytes()
            ));
        }
        for (place, bytes) in batch.units() {
            let key = (batch.key.array, place.coordinates().to_vec());
            if contents.units.contains_key(&key) || contents.skipped.contains(&key) {
                return self.refuse(format!("unit {key:?} was already complete"));
            }
            if batch.complete {
                contents.provisional.remove(&key);
                contents.units.insert(key, bytes.to_vec());
            } else {
                contents.provisional.insert(key, bytes.to_vec());
            }
            self.store.count(bytes.len() as u64);
        }
        Ok(Stored::default())
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        let mut guard = self.contents.lock();
        let contents = self.checked(batch, &mut guard)?;
        for (place, _) in batch.units() {
            let key = (batch.key.array, place.coordinates().to_vec());
            if contents.units.contains_key(&key) || !contents.skipped.insert(key.clone()) {
                return self.refuse(format!("unit {key:?} was already complete"));
            }
        }
        Ok(Stored::default())
    }

    fn seal(&self, array: ArrayId) -> Result<()> {
        match self.contents.lock().sealed.insert(array) {
            true => Ok(()),
            false => self.refuse(format!("{array:?} was sealed before")),
        }
    }

    fn finish(&self) -> Result<()> {
        let mut contents = self.contents.lock();
        if std::mem::replace(&mut contents.finished, true) {
            return self.refuse("finish was asked twice".into());
        }
        let (sealed, all) = (contents.sealed.len(), contents.forms.len());
        if sealed == all { Ok(()) } else { self.refuse(format!("finish came with {sealed} of {all} arrays sealed")) }
    }
}
