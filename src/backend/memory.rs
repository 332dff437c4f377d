//! A backend that keeps everything in memory and is stricter than any disk: for tests of core and of hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::plan::{ArrayId, Form, GroupKey, Plan, Unit};
use crate::platform::Disk;
use crate::router::StorageIndex;

/// Keeps units in memory and refuses what a sloppy caller might get away with elsewhere: a unit written twice, written
/// after it was skipped, of the wrong size, out of order, outside the array, or after `finish`.
#[derive(Debug, Clone)]
pub struct MemoryBackend {
    unit: Unit,
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
    order: Vec<GroupKey>,
    published: BTreeMap<ArrayId, u64>,
    extents: Option<Vec<Option<u64>>>,
}

/// Array and coordinates, counted in units.
type UnitKey = (ArrayId, Vec<u64>);

impl MemoryBackend {
    /// A backend that takes `unit`s; `in_order` asks for them in arrival order.
    #[must_use]
    pub fn new(unit: Unit, in_order: bool) -> Self {
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
            writes_groups: false,
            version: format!("memory {}", crate::VERSION),
        }
    }

    fn check(&self, _plan: &Plan) -> Result<(), Unsupported> {
        Ok(())
    }

    fn create(&self, plan: &Arc<Plan>, _disk: &Arc<dyn Disk>, _log: &Arc<Log>) -> Result<Box<dyn Sink>> {
        *self.store.lock() = Contents {
            forms: plan.arrays().iter().map(|array| Arc::clone(array.form())).collect(),
            ..Contents::default()
        };
        Ok(Box::new(MemorySink { store: self.store.clone(), bytes: AtomicU64::new(0) }))
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the plane at `index` of an array, rows without padding; fill value where nothing was written. `None` before a
    /// run or outside the array.
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
        let (group, slot) = layout.slot(&index);
        let shape: Vec<u64> = layout.unit_shape().collect();
        let (tile_rows, tile_row) = (shape[shape.len() - 2] as usize, shape[shape.len() - 1] as usize * item);
        for nth in 0..layout.units() {
            let place = layout.place(&group, nth);
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
        self.lock().extents.clone()
    }

    /// Last published extent of an array.
    #[must_use]
    pub fn published(&self, array: ArrayId) -> Option<u64> {
        self.lock().published.get(&array).copied()
    }

    /// Groups in the order in which they were stored or skipped.
    #[must_use]
    pub fn order(&self) -> Vec<GroupKey> {
        self.lock().order.clone()
    }

    /// Number of complete units held.
    #[must_use]
    pub fn units(&self) -> usize {
        self.lock().units.len()
    }
}

struct MemorySink {
    store: MemoryStore,
    bytes: AtomicU64,
}

impl MemorySink {
    fn refuse<T>(&self, message: String) -> Result<T> {
        Err(Error::Engine { backend: "memory".into(), message })
    }

    fn checked<'a>(&self, batch: &Batch<'_>, contents: &'a mut Contents) -> Result<&'a mut Contents> {
        if contents.extents.is_some() {
            return self.refuse(format!("{:?} came after finish", batch.key));
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
        let mut guard = self.store.lock();
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
            self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(Stored::default())
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        let mut guard = self.store.lock();
        let contents = self.checked(batch, &mut guard)?;
        for (place, _) in batch.units() {
            let key = (batch.key.array, place.coordinates().to_vec());
            if contents.units.contains_key(&key) || !contents.skipped.insert(key.clone()) {
                return self.refuse(format!("unit {key:?} was already complete"));
            }
        }
        Ok(Stored::default())
    }

    fn publish(&self, changed: &[(ArrayId, Option<u64>)]) -> Result<()> {
        let mut contents = self.store.lock();
        for (array, extent) in changed {
            let Some(extent) = extent else { continue };
            let before = contents.published.insert(*array, *extent);
            if before.is_some_and(|before| before > *extent) {
                return self.refuse(format!("{array:?} shrinks from {before:?} to {extent}"));
            }
        }
        Ok(())
    }

    fn finish(&self, extents: &[Option<u64>]) -> Result<()> {
        let mut contents = self.store.lock();
        if contents.extents.replace(extents.to_vec()).is_some() {
            return self.refuse("finish was asked twice".into());
        }
        Ok(())
    }

    fn bytes_written(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
