//! How far the run has come: which frames are written, which are durable, how far readers may look.
//!
//! Frames are told apart by their arrival, which each slot of a slab keeps: nothing here is derived from a place but
//! the extent that it reaches.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use crate::buffer::Arrival;
use crate::error::Result;
use crate::plan::{ArrayId, Plan, ShardGrid, SlabKey, SourceId, StorageUnit};
use crate::router::StorageIndex;
use crate::settings::Durability;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far a frame has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameState {
    /// The operating system has it: it survives the death of this process.
    Written,
    /// It is on the medium: it survives a loss of power. Before `finish` only with durability `shard`.
    Durable,
    /// Who opens the store sees it.
    Readable,
}

/// Book-keeping of planes that were stored. Workers report once a slab, never once a frame of the append path.
#[derive(Debug)]
pub(super) struct Progress {
    inner: Mutex<Inner>,
    /// Told when a source has come further, and when the run has ended, where somebody waits for it.
    moved: Condvar,
    /// Calls that wait for that.
    waiting: AtomicUsize,
    /// By form of array.
    rows: Vec<Rows>,
    track_durable: bool,
}

/// What makes frames of arrays of one form durable.
#[derive(Debug)]
struct Rows {
    /// `None` where each slab is sealed by itself.
    grid: Option<ShardGrid>,
    /// Sealed shards (or durable units) that make a row of slabs durable.
    seals_needed: usize,
}

#[derive(Debug)]
struct Inner {
    /// Nothing moves any more.
    ended: bool,
    sources: Vec<OfSource>,
    arrays: Vec<OfArray>,
    /// Arrays with planes that were written since they were last asked for.
    changed: BTreeSet<ArrayId>,
    rows: HashMap<(ArrayId, StorageIndex), Row>,
}

#[derive(Debug)]
struct OfSource {
    written: Watermark,
    durable: Watermark,
    /// The number behind the highest frame whose plane of full resolution is written.
    stored_end: u64,
    /// Every frame below this is there for readers.
    readable: u64,
    /// Levels whose planes are made of one each.
    of_one: u16,
}

#[derive(Debug, Default)]
struct OfArray {
    /// Planes along the append axis that hold written data.
    extent: u64,
    /// Planes along the append axis that readers may look for.
    shown: u64,
    /// Frames on the medium beyond `shown`: not durable until the array's shape reaches them.
    beyond: Vec<Beyond>,
}

/// Durable frames that follow one another in equal steps: many, where readers are shown what is new once an hour.
#[derive(Debug)]
struct Beyond {
    /// Planes along the append axis that readers must look for to see the first, and its arrival.
    first: (u64, Arrival),
    /// From one to the next.
    step: (u64, u64),
    count: u64,
}

impl Beyond {
    fn nth(&self, nth: u64) -> (u64, Arrival) {
        let ((end, Arrival(arrival)), (ends, arrivals)) = (self.first, self.step);
        (end + nth * ends, Arrival(arrival + nth * arrivals))
    }

    /// Takes in a frame if it is the next; the second fixes the step.
    fn take(&mut self, (end, arrival): (u64, Arrival)) -> bool {
        let (first_end, first_arrival) = self.first;
        if self.count == 1 && end >= first_end && arrival > first_arrival {
            self.step = (end - first_end, arrival.0 - first_arrival.0);
        }
        let is_next = self.step.1 > 0 && self.nth(self.count) == (end, arrival);
        self.count += u64::from(is_next);
        is_next
    }
}

/// Slabs of one row of shards: their frames become durable together.
#[derive(Debug, Default)]
struct Row {
    frames: Vec<(u64, Arrival)>,
    seals: usize,
    slabs: u64,
}

/// The number of frames of which all are done: every one that arrived before is, on all levels.
#[derive(Debug)]
struct Watermark {
    base: u64,
    /// Levels of each later frame that are done, a bit each.
    ahead: VecDeque<u16>,
    /// All levels.
    all: u16,
}

impl Watermark {
    fn new(base: u64, levels: usize) -> Self {
        // A plan has at most as many levels as there are bits.
        let all = u16::MAX >> (u16::BITS as usize - levels.clamp(1, u16::BITS as usize));
        Self { base, ahead: VecDeque::new(), all }
    }

    /// Marks the levels in `levels` of a frame.
    fn mark(&mut self, Arrival(frame): Arrival, levels: u16) {
        let Some(distance) = frame.checked_sub(self.base) else { return };
        let distance = distance as usize;
        if distance >= self.ahead.len() {
            self.ahead.resize(distance + 1, 0);
        }
        self.ahead[distance] |= levels;
        while self.ahead.front() == Some(&self.all) {
            self.ahead.pop_front();
            self.base += 1;
        }
    }
}

impl Progress {
    /// Starts after `frames` frames of each source that are on the medium already.
    pub(super) fn new(plan: &Plan, frames: &[u64]) -> Self {
        let levels = |source: SourceId| plan.forms().iter().filter(|form| form.source() == source).count();
        let come = |source: SourceId| frames.get(source.index()).copied().unwrap_or(0);
        let sources = plan.sources().iter().map(|source| {
            let (base, levels) = (come(source.id()), levels(source.id()));
            let of_source = plan.forms().iter().filter(|form| form.source() == source.id());
            let of_one = of_source.filter(|form| form.depth().planes() == 1).map(|form| level_bit(form.level()));
            let of_one = of_one.fold(0, |all, level| all | level);
            let mark = || Watermark::new(base, levels);
            OfSource { written: mark(), durable: mark(), stored_end: base, readable: base, of_one }
        });
        let arrays = plan.arrays().iter().map(|array| {
            let source = plan.source_of(array.id());
            let position = source.position(array.image()).unwrap_or(0);
            let extent = source.extent(array.form(), position, come(source.id()));
            OfArray { extent: extent.unwrap_or(0), shown: extent.unwrap_or(u64::MAX), beyond: Vec::new() }
        });
        let rows = plan.forms().iter().map(|form| {
            let grid = ShardGrid::of(form.geometry()).filter(|_| form.layout().unit() == StorageUnit::Chunk);
            let seals_needed = if grid.is_some() { form.layout().jobs(true).len() } else { form.layout().units() };
            Rows { grid, seals_needed }
        });
        Self {
            moved: Condvar::new(),
            waiting: AtomicUsize::new(0),
            inner: Mutex::new(Inner {
                ended: false,
                sources: sources.collect(),
                arrays: arrays.collect(),
                changed: BTreeSet::new(),
                rows: HashMap::new(),
            }),
            rows: rows.collect(),
            track_durable: plan.settings().durability == Durability::Shard,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Plain numbers stay consistent enough to be told even after a panic elsewhere.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait.
    fn tell(&self) {
        if self.waiting.load(Ordering::Acquire) > 0 {
            self.moved.notify_all();
        }
    }

    /// Wakes those who wait, for them to ask again how long they may.
    pub(super) fn wake(&self) {
        let _inner = self.lock();
        self.moved.notify_all();
    }

    /// Readers see so many frames of each source.
    pub(super) fn readable(&self, come: impl Iterator<Item = u64>) {
        let mut inner = self.lock();
        inner.sources.iter_mut().zip(come).for_each(|(source, come)| source.readable = source.readable.max(come));
        drop(inner);
        self.tell();
    }

    /// The run has ended, `well` or not: what has not come will not come.
    pub(super) fn end(&self, well: bool) {
        let mut inner = self.lock();
        inner.ended = true;
        for source in inner.sources.iter_mut().filter(|_| well) {
            source.readable = source.written.base;
        }
        drop(inner);
        self.tell();
    }

    /// Waits until a source has come as far as `state` says with all frames below `frames`, as long as `left` says; false
    /// where the run ended before.
    ///
    /// # Errors
    /// Those of `left`.
    pub(super) fn wait(
        &self,
        source: SourceId,
        state: FrameState,
        frames: u64,
        left: impl Fn() -> Result<Option<Duration>>,
    ) -> Result<bool> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut inner = self.lock();
        let outcome = loop {
            let of = &inner.sources[source.index()];
            let come = match state {
                FrameState::Written => of.written.base,
                FrameState::Durable => of.durable.base,
                FrameState::Readable => of.readable,
            };
            if come >= frames || inner.ended {
                break Ok(come >= frames);
            }
            inner = match left() {
                Err(error) => break Err(error),
                Ok(None) => self.moved.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Ok(Some(left)) => self.moved.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        };
        drop(inner);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        outcome
    }

    /// How many frames are written, and how many durable, of all sources together.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inner = self.lock();
        let sum = |each: fn(&OfSource) -> u64| inner.sources.iter().map(each).sum();
        (sum(|source| source.written.base), sum(|source| source.durable.base))
    }

    /// For each source how many of its frames are written, and how many durable.
    pub(super) fn by_source(&self) -> Vec<(u64, u64)> {
        self.lock().sources.iter().map(|source| (source.written.base, source.durable.base)).collect()
    }

    /// For each source how many of its frames are done, and which later ones have their plane of full resolution written,
    /// or were passed over in between.
    pub(super) fn stored(&self) -> Vec<(u64, Vec<Range<u64>>)> {
        let inner = self.lock();
        let of_source = |source: &OfSource| {
            let base = source.written.base;
            let mut stored: Vec<Range<u64>> = Vec::new();
            for (frame, levels) in (base..source.stored_end).zip(&source.written.ahead) {
                match stored.last_mut() {
                    _ if levels & level_bit(0) == 0 => {}
                    Some(last) if last.end == frame => last.end += 1,
                    _ => stored.push(frame..frame + 1),
                }
            }
            (base, stored)
        };
        inner.sources.iter().map(of_source).collect()
    }

    /// Arrays with planes that were written since this was last asked, each with its planes along the append axis.
    pub(super) fn take_changed(&self, plan: &Plan) -> Vec<(ArrayId, Option<u64>)> {
        let mut inner = self.lock();
        let changed = std::mem::take(&mut inner.changed);
        let extent =
            |array: ArrayId| plan.array(array).geometry().append_axis().map(|_| inner.arrays[array.index()].extent);
        changed.into_iter().map(|array| (array, extent(array))).collect()
    }

    /// Readers were not shown these: they come again with the next [`Progress::take_changed`].
    pub(super) fn not_published(&self, changed: &[(ArrayId, Option<u64>)]) {
        self.lock().changed.extend(changed.iter().map(|(array, _)| *array));
    }

    /// The metadata of unbounded arrays say that they have these planes along their append axis: frames beyond are not
    /// durable, for after a loss of power no reader would look there.
    pub(super) fn published(&self, plan: &Plan, changed: &[(ArrayId, Option<u64>)]) {
        let mut inner = self.lock();
        for (array, extent) in changed {
            let Some(extent) = extent else { continue };
            let known = &mut inner.arrays[array.index()];
            known.shown = known.shown.max(*extent);
            let waiting = std::mem::take(&mut known.beyond);
            for run in waiting {
                inner.durable(plan, *array, (0..run.count).map(|nth| run.nth(nth)));
            }
        }
        drop(inner);
        self.tell();
    }

    /// A frame that will never hold data needs no disk, on no level whose planes are made of one each. A plane of
    /// several, of which it is one, may.
    pub(super) fn passed_over(&self, source: SourceId, arrival: Arrival) {
        self.lock().sources[source.index()].needs_no_disk(arrival, |source| source.of_one);
        self.tell();
    }

    /// The plane of a level that a frame completes will never hold data.
    pub(super) fn passed_over_level(&self, source: SourceId, arrival: Arrival, level: u8) {
        self.lock().sources[source.index()].needs_no_disk(arrival, |_| level_bit(level));
        self.tell();
    }

    /// From a level on, the planes that a frame becomes a part of wait for later ones, with which they are stored.
    pub(super) fn waits(&self, source: SourceId, arrival: Arrival, level: u8) {
        let from = u16::MAX.checked_shl(level.into()).unwrap_or(0);
        self.lock().sources[source.index()].needs_no_disk(arrival, |source| source.written.all & from);
        self.tell();
    }

    /// The planes in these slots of a slab are given to the operating system.
    pub(super) fn written(&self, plan: &Plan, key: SlabKey, planes: &[(usize, Arrival)]) {
        let Some(first) = planes.first() else { return };
        let array = plan.array(key.array);
        let (level, layout) = (level_bit(array.level()), array.layout());
        let ends = array.geometry().append_axis().map(|axis| {
            let end = |slot: usize| layout.plane(&key.index, slot).map_or(0, |index| index[axis] + 1);
            planes.iter().map(|(slot, _)| end(*slot)).fold(end(first.0), u64::max)
        });
        let mut inner = self.lock();
        let source = &mut inner.sources[array.form().source().index()];
        planes.iter().for_each(|(_, arrival)| source.written.mark(*arrival, level));
        if array.level() == 0 {
            let end = planes.iter().map(|(_, Arrival(arrival))| arrival + 1).max().unwrap_or(0);
            source.stored_end = source.stored_end.max(end);
        }
        inner.changed.insert(key.array);
        let known = &mut inner.arrays[key.array.index()];
        known.extent = known.extent.max(ends.unwrap_or(0));
        drop(inner);
        self.tell();
    }

    /// A slab with these planes is complete and stored.
    pub(super) fn slab_stored(&self, plan: &Plan, key: SlabKey, planes: &[(usize, Arrival)]) {
        if !self.track_durable {
            return;
        }
        let array = plan.array(key.array);
        let axis = array.geometry().append_axis();
        let frames = planes.iter().filter_map(|(slot, arrival)| {
            let index = array.layout().plane(&key.index, *slot)?;
            Some((axis.map_or(0, |axis| index[axis] + 1), *arrival))
        });
        self.row(plan, key, |row| {
            row.slabs += 1;
            row.frames.extend(frames);
        });
    }

    /// `seals` more shards of the row that a slab belongs to are on the medium.
    pub(super) fn sealed(&self, plan: &Plan, key: SlabKey, seals: usize) {
        if self.track_durable && seals > 0 {
            self.row(plan, key, |row| row.seals += seals);
        }
    }

    /// Changes the row of shards that a slab belongs to; its frames are durable once all its shards are.
    fn row(&self, plan: &Plan, key: SlabKey, change: impl FnOnce(&mut Row)) {
        let rows = &self.rows[plan.array(key.array).form().nth()];
        let row_key = (key.array, rows.grid.as_ref().map_or(key.index, |grid| grid.row_of(&key.index)));
        let slabs = rows.grid.as_ref().map_or(1, |grid| grid.slabs_in_row(&row_key.1));
        let mut inner = self.lock();
        let row = inner.rows.entry(row_key).or_default();
        change(row);
        if row.seals >= rows.seals_needed {
            let (frames, over) = (std::mem::take(&mut row.frames), row.slabs >= slabs);
            if over {
                inner.rows.remove(&row_key);
            }
            inner.durable(plan, key.array, frames);
            drop(inner);
            self.tell();
        }
    }

    /// Everything accepted so far is on the medium.
    pub(super) fn all_durable(&self) {
        let mut inner = self.lock();
        for source in &mut inner.sources {
            source.durable.base = source.written.base;
            source.durable.ahead.clear();
        }
        inner.arrays.iter_mut().for_each(|array| array.beyond.clear());
        inner.rows.clear();
        drop(inner);
        self.tell();
    }

    /// Planes along the append axis of each array that hold written data; `None` where its shape is fixed.
    pub(super) fn extents(&self, plan: &Plan) -> Vec<Option<u64>> {
        let inner = self.lock();
        let extent = |(array, known): (&crate::plan::PlannedArray, &OfArray)| {
            array.geometry().append_axis().map(|_| known.extent)
        };
        plan.arrays().iter().zip(&inner.arrays).map(extent).collect()
    }
}

impl OfSource {
    /// A frame is done on these levels.
    fn needs_no_disk(&mut self, arrival: Arrival, levels: impl FnOnce(&Self) -> u16) {
        let levels = levels(self);
        self.written.mark(arrival, levels);
        self.durable.mark(arrival, levels);
    }
}

impl Inner {
    /// These frames of an array are on the medium: durable, where readers may look for them.
    fn durable(&mut self, plan: &Plan, array: ArrayId, frames: impl IntoIterator<Item = (u64, Arrival)>) {
        let planned = plan.array(array);
        let (level, source) = (level_bit(planned.level()), planned.form().source().index());
        let known = &mut self.arrays[array.index()];
        for (end, arrival) in frames {
            if end <= known.shown {
                self.sources[source].durable.mark(arrival, level);
            } else if !known.beyond.last_mut().is_some_and(|last| last.take((end, arrival))) {
                known.beyond.push(Beyond { first: (end, arrival), step: (0, 0), count: 1 });
            }
        }
    }
}

fn level_bit(level: u8) -> u16 {
    1_u16.checked_shl(level.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_waits_for_the_first_gap() {
        let mut mark = Watermark::new(0, 1);
        mark.mark(Arrival(1), 1);
        mark.mark(Arrival(2), 1);
        assert_eq!(mark.base, 0);
        mark.mark(Arrival(0), 1);
        assert_eq!(mark.base, 3);
        mark.mark(Arrival(0), 1);
        mark.mark(Arrival(3), 1);
        assert_eq!((mark.base, mark.ahead.len()), (4, 0));
    }

    #[test]
    fn durable_frames_not_yet_shown_come_back() {
        let mut runs: Vec<Beyond> = Vec::new();
        let frames: Vec<_> =
            (0..1000).map(|t| (t + 1, Arrival(2 * t))).chain([(3, Arrival(5)), (9, Arrival(1))]).collect();
        for frame in &frames {
            if !runs.last_mut().is_some_and(|last| last.take(*frame)) {
                runs.push(Beyond { first: *frame, step: (0, 0), count: 1 });
            }
        }
        assert_eq!(runs.len(), 3);
        let back: Vec<_> = runs.iter().flat_map(|run| (0..run.count).map(|nth| run.nth(nth))).collect();
        assert_eq!(back, frames);
    }

    #[test]
    fn a_frame_is_done_when_all_its_levels_are() {
        let mut mark = Watermark::new(5, 3);
        for (arrival, level, base) in [(5, 0, 5), (5, 0, 5), (5, 2, 5), (6, 1, 5), (5, 1, 6), (6, 0, 6), (6, 2, 7)] {
            mark.mark(Arrival(arrival), level_bit(level));
            assert_eq!(mark.base, base, "after level {level} of {arrival}");
        }
        assert_eq!((Watermark::new(0, 16).all, Watermark::new(0, 1).all), (u16::MAX, 1));
    }
}
