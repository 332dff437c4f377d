//! Levels below full resolution: workers make their planes of the planes of the level above, and fill their groups.
//!
//! `append` takes the buffers of a frame's whole family at once and opens the groups of all levels; a worker finds them open.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::shared::Shared;
use crate::buffer::{Arrival, Beside, Buffer, Open, Plane, Sealed};
use crate::error::{Error, Result};
use crate::plan::{ArrayId, Feed, GroupKey, Plan, PlannedArray};
use crate::pyramid::first_of_each;
use crate::router::StorageIndex;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The open groups of all levels below full resolution.
#[derive(Debug, Default)]
pub(super) struct Levels {
    open: Mutex<BTreeMap<GroupKey, Open>>,
}

/// What is to be made of a filled plane of full resolution.
#[derive(Debug)]
pub(super) struct Reduction {
    pub(super) plane: Plane,
    pub(super) array: ArrayId,
    pub(super) index: StorageIndex,
    pub(super) arrival: Arrival,
}

/// The group and the slot that a plane of a level goes to.
pub(super) fn place(array: &PlannedArray, index: &StorageIndex) -> (GroupKey, usize) {
    let (group, slot) = array.layout().slot(index);
    (GroupKey { array: array.id(), index: group }, slot)
}

impl Levels {
    /// Starts with the groups that earlier frames left open.
    pub(super) fn start_with(&self, open: BTreeMap<GroupKey, Open>) {
        *self.lock() = open;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupKey, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where a group is open and has its buffer.
    pub(super) fn has_buffer(&self, key: GroupKey) -> bool {
        self.lock().get(&key).is_some_and(Open::has_buffer)
    }

    /// Opens a group, unless it is open, and gives it its buffer.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn open_with(&self, shared: &Shared, key: GroupKey, buffer: Buffer) -> Result<()> {
        let mut groups = self.lock();
        let open = entry(shared, &mut groups, key)?;
        open.attach(buffer);
        shared.show_open(open);
        Ok(())
    }

    /// Passes over a plane of each level below `array`; returns the groups that this made complete.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn pass_over(
        &self,
        shared: &Shared,
        image: usize,
        index: &StorageIndex,
        arrival: Arrival,
    ) -> Result<Vec<Sealed>> {
        let mut complete = Vec::new();
        for level in shared.plan.levels_of(image) {
            let (key, slot) = place(level, index);
            let mut groups = self.lock();
            if entry(shared, &mut groups, key)?.skip(slot, arrival) {
                complete.extend(shared.seal(groups.remove(&key)));
            }
        }
        Ok(complete)
    }

    /// Fills the plane of a level; the group where this made it complete.
    fn fill(&self, shared: &Shared, key: GroupKey, slot: usize, arrival: Arrival, frame: &[u8]) -> Option<Sealed> {
        let mut groups = self.lock();
        let complete = groups.get_mut(&key)?.fill(slot, arrival, frame);
        if complete { shared.seal(groups.remove(&key)) } else { None }
    }

    /// Ends all groups as they are, at the end of a run, in the order in which their first frames came.
    pub(super) fn close(&self, shared: &Shared) -> Vec<Sealed> {
        let mut rest: Vec<Open> = std::mem::take(&mut *self.lock()).into_values().collect();
        rest.sort_by_key(|open| (open.key().array, open.first_arrival()));
        rest.into_iter().filter_map(|open| shared.seal(Some(open))).collect()
    }
}

fn entry<'a>(shared: &Shared, groups: &'a mut BTreeMap<GroupKey, Open>, key: GroupKey) -> Result<&'a mut Open> {
    Ok(match groups.entry(key) {
        Entry::Occupied(open) => open.into_mut(),
        Entry::Vacant(free) => free.insert(shared.new_group(key)?),
    })
}

/// Makes the planes of all levels of a plane of full resolution; returns the groups that this made complete.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(super) fn reduce(shared: &Shared, reduction: &Reduction) -> Result<Vec<Sealed>> {
    let Reduction { plane, array, index, arrival } = reduction;
    let plan: &Plan = &shared.plan;
    let full = plan.array(*array);
    let mut above = memory(full)?;
    plane.copy_to(&mut above);
    let (mut above_of, mut complete) = (full, Vec::new());
    for level in plan.levels_of(full.image()) {
        let Feed::Level { factors, .. } = level.feed() else { continue };
        let mut below = memory(level)?;
        let item = level.layout().item_size();
        first_of_each(&above, above_of.layout().frame(), factors, item, &mut below);
        let (key, slot) = place(level, index);
        complete.extend(shared.levels.fill(shared, key, slot, *arrival, &below));
        (above, above_of) = (below, level);
    }
    Ok(complete)
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

/// Counts a group that has no buffer.
pub(super) fn beside(shared: &Shared, key: GroupKey) -> Beside {
    shared.budget.group_beside(shared.plan.array(key.array).form().nth())
}
