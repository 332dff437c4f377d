//! Levels below full resolution: their slabs, and the planes that wait until all that become one have come.
//!
//! `append` takes the buffers of a frame's whole family at once and opens the slabs and windows of all levels; a worker
//! finds them open ([`super::reduce`]). What `append` has to know of them it keeps by itself ([`LevelSlabs`]): it never
//! waits for a worker's copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reduce::lost;
use super::shared::Shared;
use crate::buffer::{Arrival, Buffer, Claim, Open, Plane, Sealed};
use crate::error::Result;
use crate::plan::{ArrayId, Form, Plan, PlannedArray, SlabKey};
use crate::pyramid::Accumulator;
use crate::router::StorageIndex;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// A plane of an array: which one, and its storage index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PlaneKey {
    pub(super) array: ArrayId,
    pub(super) index: StorageIndex,
}

/// What is open of all levels below full resolution.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Locked, as `windows`, for no longer than it takes to find one.
    slabs: Mutex<BTreeMap<SlabKey, Arc<LevelSlab>>>,
    windows: Mutex<BTreeMap<PlaneKey, Arc<Mutex<Window>>>>,
}

/// An open slab of a level; `None` once it is complete.
pub(super) type LevelSlab = Mutex<Option<Open>>;

/// Planes of the level above that become one.
#[derive(Debug)]
pub(super) struct Window {
    /// Those that are still to come.
    pub(super) left: usize,
    /// What is kept of those that have come; `None` as long as all were passed over.
    pub(super) sum: Option<Accumulator<Buffer>>,
    /// The latest frame of full resolution in it.
    pub(super) latest: Option<(Arrival, StorageIndex)>,
}

/// What a source knows of what is open of the levels that its frames feed.
#[derive(Debug, Default)]
pub(super) struct LevelSlabs {
    /// Planes that are still to come, and whether there is a buffer.
    slabs: BTreeMap<SlabKey, (usize, bool)>,
    /// Whether there is a buffer.
    windows: BTreeMap<PlaneKey, bool>,
}

/// What may lack a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lacking {
    /// A slab of any level.
    Slab(SlabKey),
    /// Planes that become the plane of a level.
    Window(PlaneKey),
}

/// A plane of a level that a plane of full resolution is a part of.
pub(super) struct Place<'a> {
    pub(super) array: &'a PlannedArray,
    pub(super) index: StorageIndex,
    pub(super) slab: SlabKey,
    pub(super) slot: usize,
}

impl<'a> Place<'a> {
    /// Of a level, for a plane of full resolution.
    pub(super) fn of(array: &'a PlannedArray, full: &StorageIndex) -> Self {
        let index = array.form().depth().plane_of(full);
        let (slab, slot) = array.layout().slot(&index);
        Self { array, index, slab: SlabKey { array: array.id(), index: slab }, slot }
    }

    pub(super) fn form(&self) -> &Form {
        self.array.form()
    }

    /// Its window, where it has one.
    pub(super) fn window(&self) -> Option<PlaneKey> {
        self.form().windows().map(|_| PlaneKey { array: self.array.id(), index: self.index })
    }
}

/// The levels below an array of full resolution, with the plane that a plane of full resolution is a part of.
pub(super) fn places<'a>(
    plan: &'a Plan,
    array: ArrayId,
    full: &'a StorageIndex,
) -> impl Iterator<Item = Place<'a>> + use<'a> {
    plan.levels_of(plan.array(array).image()).map(move |level| Place::of(level, full))
}

impl LevelSlabs {
    /// Of what earlier frames left open.
    pub(super) fn of<'a>(
        slabs: impl Iterator<Item = &'a Open>,
        windows: impl Iterator<Item = (PlaneKey, &'a Window)>,
    ) -> Self {
        Self {
            slabs: slabs.map(|open| (open.key(), (open.left(), open.has_buffer()))).collect(),
            windows: windows.map(|(key, window)| (key, window.sum.is_some())).collect(),
        }
    }

    /// What of a frame's levels lacks a buffer, each with its class of buffers.
    pub(super) fn lacking<'a>(
        &'a self,
        shared: &'a Shared,
        array: ArrayId,
        full: &'a StorageIndex,
    ) -> impl Iterator<Item = (Lacking, usize)> {
        places(&shared.plan, array, full).flat_map(|place| {
            let has_slab = self.slabs.get(&place.slab).is_some_and(|(_, buffer)| *buffer);
            let slab = (!has_slab).then(|| (Lacking::Slab(place.slab), place.form().nth()));
            let lacks = place.window().filter(|key| !self.windows.get(key).is_some_and(|buffer| *buffer));
            let window = lacks.zip(place.form().windows()).map(|(key, of)| (Lacking::Window(key), of.class()));
            slab.into_iter().chain(window)
        })
    }

    /// Whether more planes come to it.
    pub(super) fn is_open(&self, what: Lacking) -> bool {
        match what {
            Lacking::Slab(key) => self.slabs.contains_key(&key),
            Lacking::Window(key) => self.windows.contains_key(&key),
        }
    }

    /// Opens what of a frame's levels was lacking, unless it is open, with a buffer where there is one.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`]; nothing has changed then.
    pub(super) fn open(&mut self, shared: &Shared, what: Lacking, buffer: Option<Buffer>) -> Result<()> {
        let has_buffer = buffer.is_some();
        match what {
            Lacking::Slab(key) => {
                shared.levels.open(shared, key, buffer)?;
                let expected = shared.plan.array(key.array).layout().expected_planes(&key.index);
                self.slabs.entry(key).or_insert((expected, false)).1 |= has_buffer;
            }
            Lacking::Window(key) => {
                shared.levels.open_window(&shared.plan, key, buffer)?;
                *self.windows.entry(key).or_insert(false) |= has_buffer;
            }
        }
        Ok(())
    }

    /// Opens all that is to be open of a frame's levels, unless it is.
    ///
    /// # Errors
    /// As for [`LevelSlabs::open`].
    pub(super) fn open_all(&mut self, shared: &Shared, array: ArrayId, full: &StorageIndex) -> Result<()> {
        for place in places(&shared.plan, array, full) {
            if !self.slabs.contains_key(&place.slab) {
                self.open(shared, Lacking::Slab(place.slab), None)?;
            }
            if let Some(key) = place.window().filter(|key| !self.windows.contains_key(key)) {
                self.open(shared, Lacking::Window(key), None)?;
            }
        }
        Ok(())
    }

    /// A frame is handed on: nothing more comes to the planes of levels that it completes.
    pub(super) fn advance(&mut self, shared: &Shared, array: ArrayId, full: &StorageIndex) {
        for place in places(&shared.plan, array, full).filter(|place| place.form().depth().completes(full)) {
            place.window().and_then(|key| self.windows.remove(&key));
            if let Some((left, _)) = self.slabs.get_mut(&place.slab) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.slabs.remove(&place.slab);
                }
            }
        }
    }
}

impl Window {
    /// Planes that become the plane `index` of an array of `form`; with a buffer for them where there is one.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] for a buffer of another class.
    pub(super) fn new(form: &Form, index: &StorageIndex, buffer: Option<Buffer>) -> Result<Self> {
        let mut window = Self { left: form.depth().expected(index), sum: None, latest: None };
        window.attach(form, buffer)?;
        Ok(window)
    }

    pub(super) fn attach(&mut self, form: &Form, buffer: Option<Buffer>) -> Result<()> {
        if let (None, Some(buffer), Some(reducer)) = (&self.sum, buffer, form.reducer()) {
            self.sum = Some(Accumulator::new(reducer, buffer)?);
        }
        Ok(())
    }
}

impl Levels {
    /// Starts with what earlier frames left open.
    pub(super) fn start_with(&self, slabs: BTreeMap<SlabKey, Open>, windows: BTreeMap<PlaneKey, Window>) {
        *self.slabs() = slabs.into_iter().map(|(key, open)| (key, Arc::new(Mutex::new(Some(open))))).collect();
        *self.windows() = windows.into_iter().map(|(key, window)| (key, Arc::new(Mutex::new(window)))).collect();
    }

    fn slabs(&self) -> MutexGuard<'_, BTreeMap<SlabKey, Arc<LevelSlab>>> {
        locked(&self.slabs)
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<PlaneKey, Arc<Mutex<Window>>>> {
        locked(&self.windows)
    }

    fn open(&self, shared: &Shared, key: SlabKey, buffer: Option<Buffer>) -> Result<()> {
        let known = self.slabs().get(&key).cloned();
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
            self.slabs().insert(key, Arc::new(Mutex::new(Some(open))));
        }
        Ok(())
    }

    fn open_window(&self, plan: &Plan, key: PlaneKey, buffer: Option<Buffer>) -> Result<()> {
        let form = plan.array(key.array).form();
        let known = self.windows().get(&key).cloned();
        match known {
            Some(window) => locked(&window).attach(form, buffer)?,
            None => {
                let window = Window::new(form, &key.index, buffer)?;
                self.windows().insert(key, Arc::new(Mutex::new(window)));
            }
        }
        Ok(())
    }

    /// The planes that become a plane, if they are open.
    pub(super) fn window(&self, key: PlaneKey) -> Option<Arc<Mutex<Window>>> {
        self.windows().get(&key).cloned()
    }

    /// An open slab; `None` once it is complete, or before.
    pub(super) fn slab(&self, key: SlabKey) -> Option<Arc<LevelSlab>> {
        self.slabs().get(&key).cloned()
    }

    /// Nothing more comes to these planes.
    pub(super) fn end_window(&self, key: PlaneKey) {
        self.windows().remove(&key);
    }

    /// Planes of a level that wait for others which will not come, in the order in which they would have been complete:
    /// engines that take planes in order are given these as all others.
    pub(super) fn waiting(&self, plan: &Plan, level: u8) -> Vec<PlaneKey> {
        let of_level = |key: &PlaneKey| plan.array(key.array).level() == level;
        let mut waiting: Vec<_> = self.windows().keys().copied().filter(of_level).collect();
        waiting.sort_by_cached_key(|key| (plan.last_frame(plan.array(key.array), &key.index), *key));
        waiting
    }

    /// The right to make a plane in a slab.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] where the slab is not open, or has no buffer.
    pub(super) fn claim(&self, key: SlabKey, slot: usize) -> Result<Claim> {
        let slab = self.slab(key).ok_or_else(lost)?;
        let mut open = locked(&slab);
        open.as_mut().and_then(|open| open.claim(slot)).ok_or_else(lost)
    }

    /// Fills a slot of an open slab; gives the plane to read, and the slab where that made it complete.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] where the slab is not open, or the slot stays empty.
    pub(super) fn fill(
        &self,
        shared: &Shared,
        (key, slot): (SlabKey, usize),
        fill: impl FnOnce(&mut Open) -> bool,
    ) -> Result<(Plane, Option<Sealed>)> {
        let mut plane = None;
        let complete = self.change(shared, key, |open| {
            let complete = fill(open);
            plane = open.plane(slot);
            Ok(complete)
        })?;
        Ok((plane.ok_or_else(lost)?, complete))
    }

    /// Changes an open slab; the sealed one where that made it complete.
    ///
    /// # Errors
    /// Of the change; [`crate::Error::Internal`] where the slab is not open.
    pub(super) fn change(
        &self,
        shared: &Shared,
        key: SlabKey,
        change: impl FnOnce(&mut Open) -> Result<bool>,
    ) -> Result<Option<Sealed>> {
        let slab = self.slab(key).ok_or_else(lost)?;
        let complete = {
            let mut open = locked(&slab);
            let complete = change(open.as_mut().ok_or_else(lost)?)?;
            if complete { open.take() } else { None }
        };
        if complete.is_some() {
            self.slabs().remove(&key);
        }
        Ok(shared.seal(complete))
    }

    /// Ends all slabs as they are, at the end of a run, in the order in which their first frames came; what waits is
    /// given up.
    pub(super) fn close(&self, shared: &Shared) -> Vec<Sealed> {
        self.windows().clear();
        let rest = std::mem::take(&mut *self.slabs());
        let mut rest: Vec<Open> = rest.into_values().filter_map(|slab| locked(&slab).take()).collect();
        rest.sort_by_key(|open| (open.key().array, open.first_arrival()));
        rest.into_iter().filter_map(|open| shared.seal(Some(open))).collect()
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
