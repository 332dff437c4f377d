//! How far the run has come: which frames are written, which are durable, how far readers may look.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::buffer::{GroupKey, Layout, SlotState, Unit};
use crate::plan::Plan;
use crate::router::{Location, MAX_INDEX_DIMENSIONS, StorageIndex};
use crate::settings::Durability;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Book-keeping of completed groups. Workers report once a group, never once a frame of the append path.
#[derive(Debug)]
pub(super) struct Progress {
    inner: Mutex<Inner>,
    /// Chunks of a shard along the index dimensions; 1 without shards.
    shard_groups: StorageIndex,
    /// Sealed shards (or durable units) that make one row of groups durable.
    seals_needed: usize,
    track_shards: bool,
    append_axis: Option<usize>,
    /// Frames of one plane along the append axis, all positions together.
    round: u64,
}

#[derive(Debug)]
struct Inner {
    written: Watermark,
    durable: Watermark,
    /// Planes along the append axis that hold written data, for each position.
    extents: Vec<u64>,
    /// Positions with planes that were written since they were last asked for.
    changed: BTreeSet<u32>,
    /// Planes along the append axis that the metadata of each position say.
    shown: Shown,
    shards: HashMap<(u32, StorageIndex), Shard>,
}

/// Planes along the append axis that readers of each position may look for; no position where that is no matter.
#[derive(Debug, Default)]
struct Shown {
    extents: Vec<u64>,
    /// The smallest, and how many have it: asked for at every look, by positions in their thousands.
    least: u64,
    at_least: usize,
}

impl Shown {
    fn new(extents: Vec<u64>) -> Self {
        let mut shown = Self { extents, ..Self::default() };
        shown.find_least();
        shown
    }

    fn find_least(&mut self) {
        self.least = self.extents.iter().copied().min().unwrap_or(u64::MAX);
        self.at_least = self.extents.iter().filter(|extent| **extent == self.least).count();
    }

    fn set(&mut self, position: usize, extent: u64) {
        let Some(shown) = self.extents.get_mut(position) else { return };
        let before = std::mem::replace(shown, extent);
        if extent > before && before == self.least && self.at_least > 1 {
            self.at_least -= 1;
        } else if extent < before || extent > before && before == self.least {
            self.find_least();
        }
    }
}

/// Groups of one row of shards: their frames become durable together.
#[derive(Debug, Default)]
struct Shard {
    frames: Vec<u64>,
    seals: usize,
    groups: u64,
}

/// The number of frames of which all are done: every frame below it is.
#[derive(Debug, Default)]
struct Watermark {
    base: u64,
    ahead: VecDeque<bool>,
}

impl Watermark {
    fn mark(&mut self, frame: u64) {
        let Some(distance) = frame.checked_sub(self.base) else { return };
        let distance = distance as usize;
        if distance >= self.ahead.len() {
            self.ahead.resize(distance + 1, false);
        }
        self.ahead[distance] = true;
        while self.ahead.front() == Some(&true) {
            self.ahead.pop_front();
            self.base += 1;
        }
    }
}

impl Progress {
    /// Starts after `frames` frames that are on the medium already, with `extents` planes along the append axis.
    pub(super) fn new(plan: &Plan, layout: &Layout, frames: u64, extents: Vec<u64>) -> Self {
        let geometry = plan.geometry();
        let mut shard_groups = [1; MAX_INDEX_DIMENSIONS];
        let sharded = layout.unit() == Unit::Chunk && geometry.shard().is_some();
        if let (true, Some(shard)) = (sharded, geometry.shard()) {
            shard_groups = geometry.index_part(shard);
        }
        Self {
            inner: Mutex::new(Inner {
                written: Watermark { base: frames, ahead: VecDeque::new() },
                durable: Watermark { base: frames, ahead: VecDeque::new() },
                changed: BTreeSet::new(),
                shown: Shown::new(if geometry.append_axis().is_some() { extents.clone() } else { Vec::new() }),
                extents,
                shards: HashMap::new(),
            }),
            shard_groups,
            seals_needed: if sharded { layout.jobs(true).len() } else { layout.units() },
            track_shards: plan.settings().durability == Durability::Shard,
            append_axis: geometry.append_axis(),
            round: geometry.append_axis().map_or(u64::MAX, |axis| frames_of_round(plan, axis)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Plain numbers stay consistent enough to be told even after a panic elsewhere.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames below the first are written, below the second durable.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inner = self.lock();
        let within = inner.shown.least.saturating_mul(self.round);
        (inner.written.base, inner.durable.base.min(within))
    }

    /// Positions with planes that were written since this was last asked, each with its planes along the append axis.
    pub(super) fn take_changed(&self) -> Vec<(usize, Option<u64>)> {
        let mut inner = self.lock();
        let changed = std::mem::take(&mut inner.changed);
        changed
            .into_iter()
            .map(|position| (position as usize, self.append_axis.map(|_| inner.extents[position as usize])))
            .collect()
    }

    /// Readers were not shown these: they come again with the next [`Progress::take_changed`].
    pub(super) fn not_published(&self, changed: &[(usize, Option<u64>)]) {
        let mut inner = self.lock();
        inner.changed.extend(changed.iter().filter_map(|(position, _)| u32::try_from(*position).ok()));
    }

    /// The metadata of unbounded arrays say that they have these planes along their append axis: frames beyond are not
    /// durable, for after a loss of power no reader would look there.
    pub(super) fn published(&self, changed: &[(usize, Option<u64>)]) {
        let mut inner = self.lock();
        for (position, extent) in changed {
            if let Some(extent) = extent {
                inner.shown.set(*position, *extent);
            }
        }
    }

    /// A frame that will never hold data needs no disk.
    pub(super) fn skipped(&self, frame: u64) {
        let mut inner = self.lock();
        inner.written.mark(frame);
        inner.durable.mark(frame);
    }

    /// The frames in these slots of a group are given to the operating system.
    pub(super) fn written(&self, plan: &Plan, layout: &Layout, key: GroupKey, slots: impl Iterator<Item = usize>) {
        let mut inner = self.lock();
        for (frame, index) in frames(plan, layout, key, slots) {
            inner.written.mark(frame);
            inner.changed.insert(key.position);
            if let Some(axis) = self.append_axis {
                let extent = &mut inner.extents[key.position as usize];
                *extent = (*extent).max(index[axis] + 1);
            }
        }
    }

    /// A group is complete and `seals` of its shards are on the medium.
    pub(super) fn group_stored(&self, plan: &Plan, layout: &Layout, key: GroupKey, slots: impl Iterator<Item = usize>) {
        if !self.track_shards {
            return;
        }
        let shard_key = self.shard_key(key);
        let expected = self.groups_in_shard(layout, &shard_key.1);
        let mut inner = self.lock();
        let inner = &mut *inner;
        let shard = inner.shards.entry(shard_key).or_default();
        shard.groups += 1;
        shard.frames.extend(frames(plan, layout, key, slots).map(|(frame, _)| frame));
        if shard.seals >= self.seals_needed {
            shard.frames.drain(..).for_each(|frame| inner.durable.mark(frame));
            if shard.groups >= expected {
                inner.shards.remove(&shard_key);
            }
        }
    }

    /// `seals` more shards of the row that `key` belongs to are on the medium.
    pub(super) fn sealed(&self, layout: &Layout, key: GroupKey, seals: usize) {
        if !self.track_shards || seals == 0 {
            return;
        }
        let shard_key = self.shard_key(key);
        let expected = self.groups_in_shard(layout, &shard_key.1);
        let mut inner = self.lock();
        let inner = &mut *inner;
        let shard = inner.shards.entry(shard_key).or_default();
        shard.seals += seals;
        if shard.seals >= self.seals_needed {
            shard.frames.drain(..).for_each(|frame| inner.durable.mark(frame));
            if shard.groups >= expected {
                inner.shards.remove(&shard_key);
            }
        }
    }

    /// Everything accepted so far is on the medium.
    pub(super) fn all_durable(&self) {
        let mut inner = self.lock();
        inner.shown = Shown::new(Vec::new());
        inner.durable.base = inner.written.base;
        inner.durable.ahead.clear();
        inner.shards.clear();
    }

    /// Planes along the append axis that hold written data.
    pub(super) fn extent(&self, position: usize) -> Option<u64> {
        self.append_axis.map(|_| self.lock().extents[position])
    }

    fn shard_key(&self, key: GroupKey) -> (u32, StorageIndex) {
        let mut shard = key.index;
        shard.iter_mut().zip(self.shard_groups).for_each(|(at, groups)| *at /= groups);
        (key.position, shard)
    }

    /// Groups of a row of shards that lie within the array.
    fn groups_in_shard(&self, layout: &Layout, shard: &StorageIndex) -> u64 {
        (0..MAX_INDEX_DIMENSIONS)
            .map(|axis| {
                let all = layout.groups_along(axis);
                let start = shard[axis].saturating_mul(self.shard_groups[axis]);
                self.shard_groups[axis].min(all.saturating_sub(start))
            })
            .product()
    }
}

/// Frame numbers and storage indices of some slots of a group.
fn frames(
    plan: &Plan,
    layout: &Layout,
    key: GroupKey,
    slots: impl Iterator<Item = usize>,
) -> impl Iterator<Item = (u64, StorageIndex)> {
    slots.filter_map(move |slot| {
        let index = layout.plane(&key.index, slot)?;
        let location = Location { position: key.position, index };
        Some((plan.router().frame_number(location)?, index))
    })
}

/// Frames that come before the append axis moves on: the unbounded loop is the outermost.
fn frames_of_round(plan: &Plan, append_axis: usize) -> u64 {
    let mut second = Location { position: 0, index: [0; MAX_INDEX_DIMENSIONS] };
    second.index[append_axis] = 1;
    plan.router().frame_number(second).unwrap_or(u64::MAX)
}

/// Number of the first frame of a group, for error messages.
pub(super) fn first_frame(plan: &Plan, layout: &Layout, group: &crate::buffer::Group) -> u64 {
    let slots = (0..layout.planes()).filter(|slot| group.slot(*slot) != SlotState::Empty);
    frames(plan, layout, group.key(), slots).map(|(frame, _)| frame).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_shown_is_known_at_every_step() {
        let mut shown = Shown::new(vec![0; 3]);
        for (position, extent) in [(0, 2), (2, 1), (2, 1), (1, 5), (2, 6), (0, 2), (0, 7), (1, 5), (1, 9), (2, 8)] {
            shown.set(position, extent);
            let least = shown.extents.iter().min().copied();
            assert_eq!(Some(shown.least), least, "{shown:?}");
            assert_eq!(
                Some(shown.at_least),
                least.map(|least| shown.extents.iter().filter(|each| **each == least).count())
            );
        }
        assert_eq!(Shown::new(Vec::new()).least, u64::MAX);
    }

    #[test]
    fn the_watermark_waits_for_the_first_gap() {
        let mut mark = Watermark::default();
        mark.mark(1);
        mark.mark(2);
        assert_eq!(mark.base, 0);
        mark.mark(0);
        assert_eq!(mark.base, 3);
        mark.mark(0);
        mark.mark(3);
        assert_eq!((mark.base, mark.ahead.len()), (4, 0));
    }
}
