//! What the write log tells of shards: only what their indices do not say already is kept in memory.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::error::Result;
use crate::journal::format::{Placed, Planes};
use crate::plan::{ArrayId, Plan};
use crate::platform::Source;
use crate::reader::{last_index, open};
use crate::zarr::ArrayFormat;
use crate::zarr::index::index_bytes;

/// Entries of shard indices that are held at once: 64 MiB.
const MAX_HELD_ENTRIES: usize = 1 << 22;

/// Bytes of indices that are read to find out what need not be kept. The log of one run goes from shard to shard, so
/// that each index is read about once; where it does not, more is kept instead.
const READ_BUDGET: u64 = 16 << 30;

/// A chunk that the write log tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoggedChunk {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) complete: bool,
}

/// Copies of chunks by their place in the shard's index, each in the order in which they were written.
pub(super) type Copies = HashMap<u32, Vec<LoggedChunk>>;

/// A shard file that has its name.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) path: PathBuf,
    pub(super) length: u64,
    /// Which of [`Logged::arrays`] it belongs to.
    pub(super) array: usize,
    /// Its coordinates, counted in shards.
    pub(super) coordinates: Vec<u64>,
}

/// An array of shards.
#[derive(Debug)]
pub(super) struct LoggedArray {
    /// Path below the store.
    pub(super) path: String,
    pub(super) format: ArrayFormat,
    /// Its unbounded axis.
    pub(super) append_axis: Option<usize>,
}

/// Gathers the log's entries.
#[derive(Debug)]
pub(super) struct Logged<'a> {
    source: &'a dyn Source,
    /// Arrays of shards.
    pub(super) arrays: Vec<LoggedArray>,
    /// Shard files that have their name, by path below the store.
    pub(super) published: HashMap<String, Published>,
    /// The plan of the run, where it is known: how slabs of planes lie in the arrays.
    plan: Option<&'a Plan>,
    copies: HashMap<String, Copies>,
    /// Planes along the unbounded axis that chunks reach which are in an index, by array.
    reach: HashMap<usize, u64>,
    extents: HashMap<ArrayId, u64>,
    indices: HashMap<String, Option<Vec<(u64, u64)>>>,
    held: usize,
    read: u64,
}

/// What remains to be looked at.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Copies of chunks by shard.
    pub(super) shards: HashMap<String, Copies>,
    /// Planes along the unbounded axis that hold frames, by array, where an index and the log say so.
    pub(super) reach: HashMap<String, u64>,
    /// Planes along the unbounded axis that were written, by array.
    pub(super) extents: HashMap<ArrayId, u64>,
}

impl<'a> Logged<'a> {
    /// Nothing yet, of the run of `plan`.
    pub(super) fn new(source: &'a dyn Source, plan: Option<&'a Plan>) -> Self {
        Self {
            source,
            plan,
            arrays: Vec::new(),
            published: HashMap::new(),
            copies: HashMap::new(),
            reach: HashMap::new(),
            extents: HashMap::new(),
            indices: HashMap::new(),
            held: 0,
            read: 0,
        }
    }

    /// Takes note of an entry. A complete chunk that the shard's present index shows where the log has it needs no
    /// more; neither do its earlier copies.
    pub(super) fn take(&mut self, placed: Placed) -> Result<()> {
        self.hold_index(&placed.shard)?;
        let mut offset = placed.offset;
        for chunk in &placed.chunks {
            let copy = LoggedChunk { offset, length: chunk.length, complete: placed.complete };
            offset = offset.saturating_add(u64::from(chunk.length));
            let shown = self.indices.get(&placed.shard).and_then(Option::as_ref);
            let entry = shown.and_then(|entries| entries.get(chunk.place as usize));
            let is_shown = copy.complete && entry == Some(&(copy.offset, u64::from(copy.length)));
            if is_shown {
                self.note_reach(&placed.shard, chunk.place);
                if let Some(copies) = self.copies.get_mut(&placed.shard) {
                    copies.remove(&chunk.place);
                }
            } else {
                let copies = self.copies.entry(placed.shard.clone()).or_default();
                copies.entry(chunk.place).or_default().push(copy);
            }
        }
        Ok(())
    }

    /// Takes note of planes that were written.
    pub(super) fn take_planes(&mut self, planes: &Planes) {
        let Some(array) = self.plan.and_then(|plan| plan.arrays().get(planes.array.index())) else { return };
        let (Some(axis), layout) = (array.geometry().append_axis(), array.layout()) else { return };
        let all = u32::try_from(layout.planes()).unwrap_or(u32::MAX);
        // Of a range the last slot is the furthest along some axis, but not along each.
        let slots = planes.runs.iter().flat_map(|run| run.slots.start.min(all)..run.slots.end.min(all));
        let ends = slots.filter_map(|slot| layout.plane(&planes.slab, slot as usize)?.get(axis)?.checked_add(1));
        if let Some(end) = ends.max() {
            let extent = self.extents.entry(planes.array).or_default();
            *extent = (*extent).max(end);
        }
    }

    /// What the log told.
    pub(super) fn kept(mut self) -> Kept {
        self.copies.retain(|_, copies| !copies.is_empty());
        let arrays = &self.arrays;
        let reach = self.reach.iter().filter_map(|(nth, end)| Some((arrays.get(*nth)?.path.clone(), *end))).collect();
        Kept { shards: self.copies, reach, extents: self.extents }
    }

    fn note_reach(&mut self, shard: &str, place: u32) {
        let Some(published) = self.published.get(shard) else { return };
        let Some(LoggedArray { format, append_axis: Some(axis), .. }) = self.arrays.get(published.array) else {
            return;
        };
        let at = format.coordinates(&published.coordinates, place as usize);
        if let Some(end) = format.end_of(&at, *axis) {
            let reach = self.reach.entry(published.array).or_default();
            *reach = (*reach).max(end);
        }
    }

    /// Has the index of a published shard at hand, unless too much was read for that already.
    fn hold_index(&mut self, shard: &str) -> Result<()> {
        if self.indices.contains_key(shard) || self.read > READ_BUDGET {
            return Ok(());
        }
        let Some(published) = self.published.get(shard) else { return Ok(()) };
        let Some(LoggedArray { format, .. }) = self.arrays.get(published.array) else { return Ok(()) };
        let chunks = format.chunks_per_shard();
        if self.held.saturating_add(chunks) > MAX_HELD_ENTRIES {
            self.indices.clear();
            self.held = 0;
        }
        let entries = match open(self.source, &published.path)? {
            Some(file) => last_index(&file, published.length, chunks)?.ok().map(|(entries, _)| entries),
            None => None,
        };
        self.read = self.read.saturating_add(index_bytes(chunks));
        self.held = self.held.saturating_add(chunks);
        self.indices.insert(shard.to_owned(), entries);
        Ok(())
    }
}
