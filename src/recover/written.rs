//! Which frames an interrupted run had stored, by number: told by the entries of planes in its log, as far as the
//! chunks are there now. It is noted in the store before the log goes, for whoever continues it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::journal::format::{Entries, Entry, Planes, SlotRun};
use crate::journal::record::{self, Come};
use crate::plan::{ArrayId, Plan, PlannedSource, ShardGrid, SlabKey, StorageUnit};
use crate::platform::{Disk, Source, SyncPolicy};
use crate::reader::{self, last_index};
use crate::router::StorageIndex;
use crate::store::missing::{self, Missing, Stretch, Why};
use crate::zarr::index::MISSING;

/// Most stretches of missing frames that are looked at: as many as a run of hours without room leaves.
const MAX_STRETCHES: usize = 1 << 20;

/// What became of the frames of a source of an interrupted run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The number behind the highest frame that is stored, dropped or skipped: every one below it is that, or lost.
    pub(crate) come: Come,
    /// Frames that are nowhere, and were not listed as missing before.
    pub(crate) lost: Vec<Stretch>,
}

/// Finds out which frames of each source the run stored whose log is the file `log`, kept by an engine that takes
/// `unit`s, once everything else is mended. Frames in `given_up` (by source, ascending) held a part of a chunk that is
/// lost.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] where the entry of the run, or the list of its missing frames, cannot be read.
pub(super) fn find(
    source: &dyn Source,
    plan: &Plan,
    log: &Path,
    unit: Option<StorageUnit>,
    given_up: &[Vec<u64>],
) -> Result<Vec<Written>> {
    let mut base = record::read(source, plan.root())?.unwrap_or_default();
    base.resize(plan.sources().len(), Come::default());
    let stored = stored(source, plan, log, unit, &base)?;
    let none = Vec::new();
    plan.sources()
        .iter()
        .zip(base.iter().zip(&stored))
        .enumerate()
        .map(|(nth, (of, (base, stored)))| {
            of_source(source, (plan, of), *base, (stored, 0), given_up.get(nth).unwrap_or(&none))
        })
        .collect()
}

/// What became of the frames of a source of which every one below `come.frames` is done: those in `stored` are there, no
/// other is, but for what is listed as missing. Frames below `accepted` that are neither are lost.
///
/// # Errors
/// As for [`find`].
pub(crate) fn of_source(
    from_where: &dyn Source,
    (plan, source): (&Plan, &PlannedSource),
    come: Come,
    (stored, accepted): (&[Range<u64>], u64),
    given_up: &[u64],
) -> Result<Written> {
    let base = come.frames;
    let behind = stored.last().map_or(base, |last| last.end).max(base);
    let given_up: Vec<u64> = given_up.iter().copied().filter(|frame| *frame < behind).collect();
    let from = given_up.first().map_or(base, |first| base.min(*first));
    let listed =
        missing::read_from(from_where, plan.root(), source.id(), from, MAX_STRETCHES)?.unwrap_or_default().stretches;
    // What follows without a gap was passed over: it needs no disk to be done.
    let next = listed.iter().fold(behind, |next, stretch| match stretch.first <= next {
        true => next.max(stretch.last.saturating_add(1)),
        false => next,
    });
    let mut gone: Vec<Range<u64>> = given_up.iter().map(|frame| *frame..frame + 1).collect();
    let mut at = base;
    for stored in stored {
        gone.push(at..stored.start);
        at = stored.end;
    }
    gone.push(at..behind.max(accepted));
    let known: Vec<Range<u64>> = listed.iter().map(|stretch| stretch.first..stretch.last.saturating_add(1)).collect();
    let lost = without(joined(gone), &joined(known));
    let lost = lost.into_iter().map(|range| Stretch::new(range.start, range.end - 1, Why::Lost)).collect();
    Ok(Written { come: Come { frames: next, ..come }, lost })
}

/// Notes it in the store: first what is lost, then how far the run came.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn note(plan: &Plan, written: &[Written], disk: &dyn Disk) -> Result<()> {
    let reads = &*disk.source();
    for (source, written) in plan.sources().iter().zip(written).filter(|(_, written)| !written.lost.is_empty()) {
        let missing = Missing::new(reads, plan.root(), source.id(), source.router())?;
        missing.add(written.lost.iter().copied());
        missing.flush(disk, SyncPolicy::Now)?;
    }
    let has_levels = plan.forms().len() > plan.sources().len();
    // Without levels there are none that could lag behind.
    let come = |each: &Written| if has_levels { each.come } else { Come::all(each.come.frames) };
    let come: Vec<Come> = written.iter().map(come).collect();
    if record::read(reads, plan.root())?.as_ref() != Some(&come) {
        record::write(plan, disk, SyncPolicy::Now, &come)?;
    }
    Ok(())
}

/// For each source its frames from `base` on whose planes the log tells of, and whose chunks are there. Logs of earlier
/// versions tell of no planes and no unit.
fn stored(
    reads: &dyn Source,
    plan: &Plan,
    log: &Path,
    unit: Option<StorageUnit>,
    base: &[Come],
) -> Result<Vec<Vec<Range<u64>>>> {
    let mut stored = vec![Vec::new(); plan.sources().len()];
    if unit.is_none() {
        return Ok(stored);
    }
    let mut chunks = Chunks::new(reads, plan);
    for (key, slots) in slabs(reads, plan, log, base)? {
        let source = plan.source_of(key.array).id().index();
        for (frame, index) in slots.into_iter().flat_map(|slots| frames(plan, key, slots)) {
            if frame >= base[source].frames && chunks.are_there(key.array, &index)? {
                stored[source].push(frame..frame + 1);
            }
        }
    }
    Ok(stored.into_iter().map(joined).collect())
}

/// Slots by slab.
type Slabs = BTreeMap<SlabKey, Vec<Range<u32>>>;

/// Slabs of full resolution with frames from `base` on that the log tells of.
fn slabs(reads: &dyn Source, plan: &Plan, log: &Path, base: &[Come]) -> Result<Slabs> {
    let fail = |source| Error::io("read", log, source);
    let mut entries = Entries::new(reader::whole(reads, log)?.stream());
    let mut slabs = Slabs::new();
    while let Some(entry) = entries.next_entry().map_err(fail)? {
        let Entry::Planes(Planes { array, slab, runs }) = entry else { continue };
        if plan.arrays().get(array.index()).is_none_or(|array| array.level() != 0) {
            continue;
        }
        let key = SlabKey { array, index: slab };
        let base = base[plan.source_of(array).id().index()].frames;
        for SlotRun { slots, .. } in runs {
            if frames(plan, key, slots.clone()).any(|(frame, _)| frame >= base) {
                let known = slabs.entry(key).or_default();
                known.push(slots);
                // Each copy of an open slab tells of the planes before as well.
                *known = joined(std::mem::take(known));
            }
        }
    }
    Ok(slabs)
}

/// Numbers and storage indices of the frames in `slots` of a slab of full resolution.
fn frames(plan: &Plan, key: SlabKey, slots: Range<u32>) -> impl Iterator<Item = (u64, StorageIndex)> {
    let end = usize::try_from(slots.end).unwrap_or(usize::MAX).min(plan.array(key.array).layout().planes());
    plan.frames_of(key, slots.start as usize..end)
}

/// The chunks of a store: which are there, looked up once each.
struct Chunks<'a> {
    reads: &'a dyn Source,
    plan: &'a Plan,
    /// By form of array.
    grids: Vec<Option<ShardGrid>>,
    /// Whether all chunks of the planes in these chunks along the index dimensions are there; those looked at last.
    known: HashMap<(ArrayId, Vec<u64>), bool>,
    /// Shard files of the row that was looked at last, and which of their chunks they have.
    shards: HashMap<PathBuf, Vec<bool>>,
    row: Option<(ArrayId, Vec<u64>)>,
}

/// Answers that are kept: planes of one chunk are asked for one after another.
const MAX_KNOWN: usize = 1 << 12;

impl<'a> Chunks<'a> {
    fn new(reads: &'a dyn Source, plan: &'a Plan) -> Self {
        let grids = plan.forms().iter().map(|form| ShardGrid::of(form.geometry())).collect();
        Self { reads, plan, grids, known: HashMap::new(), shards: HashMap::new(), row: None }
    }

    /// Whether every chunk that holds a part of a plane is there.
    fn are_there(&mut self, array: ArrayId, index: &StorageIndex) -> Result<bool> {
        let geometry = self.plan.array(array).geometry();
        let chunk = geometry.chunk();
        let along: Vec<u64> =
            index.iter().zip(chunk).take(geometry.index_dimensions()).map(|(at, size)| at / size).collect();
        let key = (array, along);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let (rows, columns) = geometry.frame();
        let tiles = |axis: usize, extent: u64| extent.div_ceil(chunk[chunk.len() - 2 + axis]);
        let mut there = true;
        'all: for row in 0..tiles(0, rows) {
            for column in 0..tiles(1, columns) {
                let coordinates: Vec<u64> = key.1.iter().copied().chain([row, column]).collect();
                if !self.is_there(array, &coordinates)? {
                    there = false;
                    break 'all;
                }
            }
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(key, there);
        Ok(there)
    }

    fn is_there(&mut self, array: ArrayId, coordinates: &[u64]) -> Result<bool> {
        let planned = self.plan.array(array);
        let mut path = self.plan.folder_of(planned);
        let Some(grid) = &self.grids[planned.form().nth()] else {
            path.extend(planned.form().object_key(coordinates).split('/'));
            return reader::is_file(self.reads, &path);
        };
        let object = grid.shard_of(coordinates);
        path.extend(planned.form().object_key(&object).split('/'));
        let row = (array, object.get(..object.len().saturating_sub(2)).unwrap_or_default().to_vec());
        if self.row.as_ref() != Some(&row) {
            self.shards.clear();
            self.row = Some(row);
        }
        let place = grid.place_in_shard(coordinates);
        let there = match self.shards.get(&path) {
            Some(there) => there,
            None => {
                let there = listed(self.reads, &path, grid.chunks_per_shard())?;
                self.shards.entry(path).or_insert(there)
            }
        };
        Ok(there.get(place).copied().unwrap_or(false))
    }
}

/// Which chunks the index of a shard file lists.
fn listed(reads: &dyn Source, path: &Path, chunks: usize) -> Result<Vec<bool>> {
    // What is no file holds no chunk.
    if !reader::is_file(reads, path)? {
        return Ok(Vec::new());
    }
    let Some(file) = reader::open(reads, path)? else { return Ok(Vec::new()) };
    let index = last_index(&file, file.length(), chunks)?;
    Ok(index.map(|(entries, _)| entries.iter().map(|entry| *entry != MISSING).collect()).unwrap_or_default())
}

/// The same numbers in ascending ranges that do not touch.
fn joined<T: Copy + Ord>(mut ranges: Vec<Range<T>>) -> Vec<Range<T>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<T>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// `ranges` without what is in `others`, both ascending.
fn without(ranges: Vec<Range<u64>>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut rest = Vec::new();
    for range in ranges {
        let first = others.partition_point(|other| other.end <= range.start);
        let mut at = range.start;
        for other in others.iter().skip(first).take_while(|other| other.start < range.end) {
            rest.push(at..other.start);
            at = at.max(other.end);
        }
        rest.push(at..range.end);
    }
    joined(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_and_taken_out() {
        assert_eq!(joined(vec![5..6, 0..2, 2..3, 4..4, 1..3]), [0..3, 5..6]);
        assert_eq!(without(vec![0..10, 20..30], &[2..4, 9..22, 29..40]), [0..2, 4..9, 22..29]);
        assert_eq!(without(vec![0..10, 12..13], &[]), [0..10, 12..13]);
        assert_eq!(without(vec![3..5, 8..9], &[0..6, 8..9]), []);
    }
}
