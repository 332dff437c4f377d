//! Levels below full resolution: workers make their planes of the planes of the level above, and fill their slabs.
//!
//! `append` takes the buffers of a frame's whole family at once and opens the slabs of all levels; a worker finds them
//! open. What `append` has to know of them it keeps by itself ([`LevelSlabs`]): it never waits for a worker's copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shared::Shared;
use crate::buffer::{Arrival, Buffer, Open, Plane, Sealed};
use crate::error::{Error, Result};
use crate::plan::{ArrayId, Feed, PlannedArray, SlabKey};
use crate::pyramid::{Method, Piece, Reducer};
use crate::router::StorageIndex;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The open slabs of all levels below full resolution.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Locked for no longer than it takes to find one.
    open: Mutex<BTreeMap<SlabKey, Arc<LevelSlab>>>,
}

/// An open slab of a level; `None` once it is complete.
type LevelSlab = Mutex<Option<Open>>;

/// What a source knows of the slabs of levels that its frames feed: planes that are still to come, and whether there
/// is a buffer.
#[derive(Debug, Default)]
pub(super) struct LevelSlabs(BTreeMap<SlabKey, (usize, bool)>);

/// What is to be made of a plane of full resolution.
#[derive(Debug)]
pub(super) struct Reduction {
    /// `None` for one that is passed over.
    pub(super) plane: Option<Plane>,
    pub(super) array: ArrayId,
    pub(super) index: StorageIndex,
    pub(super) arrival: Arrival,
}

/// The slab and the slot that a plane of a level goes to.
fn place(array: &PlannedArray, index: &StorageIndex) -> (SlabKey, usize) {
    let (slab, slot) = array.layout().slot(index);
    (SlabKey { array: array.id(), index: slab }, slot)
}

/// The levels below an array of full resolution, with the slab and the slot of a plane.
fn places<'a>(
    shared: &'a Shared,
    array: ArrayId,
    index: &'a StorageIndex,
) -> impl Iterator<Item = (&'a PlannedArray, SlabKey, usize)> {
    let image = shared.plan.array(array).image();
    shared.plan.levels_of(image).map(move |level| {
        let (key, slot) = place(level, index);
        (level, key, slot)
    })
}

impl LevelSlabs {
    /// Of slabs that earlier frames left open.
    pub(super) fn of<'a>(open: impl Iterator<Item = &'a Open>) -> Self {
        Self(open.map(|open| (open.key(), (open.left(), open.has_buffer()))).collect())
    }

    /// Slabs of a frame's levels that lack a buffer.
    pub(super) fn lacking<'a>(
        &'a self,
        shared: &'a Shared,
        array: ArrayId,
        index: &'a StorageIndex,
    ) -> impl Iterator<Item = (&'a PlannedArray, SlabKey)> {
        let has = |key: &SlabKey| self.0.get(key).is_some_and(|(_, buffer)| *buffer);
        places(shared, array, index).filter(move |(_, key, _)| !has(key)).map(|(level, key, _)| (level, key))
    }

    /// Opens a slab, unless it is open, with a buffer where there is one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; nothing has changed then.
    pub(super) fn open(&mut self, shared: &Shared, key: SlabKey, buffer: Option<Buffer>) -> Result<()> {
        let has_buffer = buffer.is_some();
        shared.levels.open(shared, key, buffer)?;
        let expected = shared.plan.array(key.array).layout().expected_planes(&key.index);
        let known = self.0.entry(key).or_insert((expected, false));
        known.1 |= has_buffer;
        Ok(())
    }

    /// Opens the slabs of all levels of a frame, unless they are open.
    ///
    /// # Errors
    /// As for [`LevelSlabs::open`].
    pub(super) fn open_all(&mut self, shared: &Shared, array: ArrayId, index: &StorageIndex) -> Result<()> {
        let unknown: Vec<SlabKey> =
            places(shared, array, index).map(|(_, key, _)| key).filter(|key| !self.0.contains_key(key)).collect();
        unknown.into_iter().try_for_each(|key| self.open(shared, key, None))
    }

    /// A frame is handed on: its slabs have one plane less to come.
    pub(super) fn advance(&mut self, shared: &Shared, array: ArrayId, index: &StorageIndex) {
        for (_, key, _) in places(shared, array, index) {
            if let Some((left, _)) = self.0.get_mut(&key) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.0.remove(&key);
                }
            }
        }
    }
}

impl Levels {
    /// Starts with the slabs that earlier frames left open.
    pub(super) fn start_with(&self, open: BTreeMap<SlabKey, Open>) {
        *self.lock() = open.into_iter().map(|(key, open)| (key, Arc::new(Mutex::new(Some(open))))).collect();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SlabKey, Arc<LevelSlab>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, shared: &Shared, key: SlabKey, buffer: Option<Buffer>) -> Result<()> {
        let known = self.lock().get(&key).cloned();
        let mut new = if known.is_none() { Some(shared.new_slab(key, buffer.is_some())?) } else { None };
        let attach = |open: &mut Open| {
            if let Some(buffer) = buffer {
                open.attach(buffer);
                shared.show_open(open);
            }
        };
        match (&known, &mut new) {
            // It has no buffer yet: nobody copies into it.
            (Some(slab), _) => locked(slab).as_mut().map_or((), attach),
            (None, Some(open)) => attach(open),
            (None, None) => {}
        }
        if let Some(open) = new {
            self.lock().insert(key, Arc::new(Mutex::new(Some(open))));
        }
        Ok(())
    }

    /// Changes an open slab; the sealed one where that made it complete.
    fn change(&self, shared: &Shared, key: SlabKey, change: impl FnOnce(&mut Open) -> bool) -> Option<Sealed> {
        let slab = self.lock().get(&key).cloned()?;
        let complete = {
            let mut open = locked(&slab);
            let complete = change(open.as_mut()?);
            if complete { open.take() } else { None }
        }?;
        self.lock().remove(&key);
        shared.seal(Some(complete))
    }

    /// Ends all slabs as they are, at the end of a run, in the order in which their first frames came.
    pub(super) fn close(&self, shared: &Shared) -> Vec<Sealed> {
        let rest = std::mem::take(&mut *self.lock());
        let mut rest: Vec<Open> = rest.into_values().filter_map(|slab| locked(&slab).take()).collect();
        rest.sort_by_key(|open| (open.key().array, open.first_arrival()));
        rest.into_iter().filter_map(|open| shared.seal(Some(open))).collect()
    }
}

fn locked(slab: &LevelSlab) -> MutexGuard<'_, Option<Open>> {
    slab.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the planes of all levels of a plane of full resolution; returns the slabs that this made complete.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn reduce(shared: &Shared, reduction: &Reduction) -> Result<Vec<Sealed>> {
    let Reduction { plane: Some(plane), array, index, arrival } = reduction else {
        return Ok(pass_over(shared, reduction));
    };
    let full = shared.plan.array(*array);
    let mut above = memory(full)?;
    plane.copy_to(&mut above);
    let (mut above_of, mut complete) = (full, Vec::new());
    for (level, key, slot) in places(shared, *array, index) {
        let Feed::Level { factors, .. } = level.feed() else { continue };
        let below = smaller(above_of, &above, level, factors)?;
        complete.extend(shared.levels.change(shared, key, |open| open.fill(slot, *arrival, &below)));
        (above, above_of) = (below, level);
    }
    Ok(complete)
}

/// The plane of a level, of the plane `above` of the array that feeds it: the first of `factors` pixels, down and
/// across.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn smaller(of: &PlannedArray, above: &[u8], level: &PlannedArray, factors: [u64; 2]) -> Result<Vec<u8>> {
    let (frame, item) = (of.layout().frame(), of.layout().item_size());
    let [down, across] = factors;
    let reducer = Reducer::new(Method::Nearest, of.form().dtype(), frame, [1, down, across])?;
    let mut below = memory(level)?;
    reducer.reduce([Piece::whole(above, frame, item)], &mut below)?;
    Ok(below)
}

/// Passes over a plane of each level; returns the slabs that this made complete.
pub(super) fn pass_over(shared: &Shared, reduction: &Reduction) -> Vec<Sealed> {
    let Reduction { array, index, arrival, .. } = reduction;
    let skip = |(_, key, slot)| shared.levels.change(shared, key, |open| open.skip(slot, *arrival));
    places(shared, *array, index).filter_map(skip).collect()
}

/// Memory for a frame of an array.
fn memory(array: &PlannedArray) -> Result<Vec<u8>> {
    let bytes = array.layout().frame_bytes();
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(bytes)
        .map_err(|_| Error::OutOfMemory { bytes: bytes as u64, purpose: "a plane of a level" })?;
    memory.resize(bytes, 0);
    Ok(memory)
}
