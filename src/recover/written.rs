//! Which frames an interrupted run had stored, by number: told by the records of planes in its log, as far as the chunks are
//! there now. It is noted in the store before the log goes, for whoever continues it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::index::{MISSING, last_index};
use crate::buffer::{Layout, Unit};
use crate::error::{Error, Result};
use crate::journal::format::{Planes, Record, Records};
use crate::plan::Plan;
use crate::platform::{Disk, Sync};
use crate::router::{Location, StorageIndex};
use crate::store::missing::{self, Missing, Stretch, Why};
use crate::store::record;

/// Most stretches of missing frames that are looked at: as many as a run of hours without room leaves.
const MAX_STRETCHES: usize = 1 << 20;

/// What became of the frames of an interrupted run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The number behind the highest frame that is stored, dropped or skipped: every one below it is that, or lost.
    pub(super) next: u64,
    /// Frames below `next` that are nowhere, and were not listed as missing before.
    pub(super) lost: Vec<Stretch>,
}

/// Finds out which frames the run stored whose log is the file `log`, kept by an engine that takes `unit`s, once everything
/// else is mended. Frames in `given_up` (ascending) held a part of a chunk that is lost.
///
/// # Errors
/// [`Error::Io`]; [`Error::Damaged`] where the record of the run, or the list of its missing frames, cannot be read.
pub(super) fn find(plan: &Plan, log: &Path, unit: Option<Unit>, given_up: &[u64]) -> Result<Written> {
    let root = plan.root();
    let base = record::read(root)?.unwrap_or(0);
    let stored = stored(plan, log, unit, base)?;
    let behind = stored.last().map_or(base, |last| last.end).max(base);
    let given_up: Vec<u64> = given_up.iter().copied().filter(|frame| *frame < behind).collect();
    let from = given_up.first().map_or(base, |first| base.min(*first));
    let listed = missing::read_from(root, from, MAX_STRETCHES)?.unwrap_or_default().stretches;
    // What follows without a gap was passed over: it needs no disk to be done.
    let next = listed.iter().fold(behind, |next, stretch| match stretch.first <= next {
        true => next.max(stretch.last.saturating_add(1)),
        false => next,
    });
    let mut gone: Vec<Range<u64>> = given_up.iter().map(|frame| *frame..frame + 1).collect();
    let mut at = base;
    for stored in &stored {
        gone.push(at..stored.start);
        at = stored.end;
    }
    gone.push(at..behind);
    let known: Vec<Range<u64>> = listed.iter().map(|stretch| stretch.first..stretch.last.saturating_add(1)).collect();
    let lost = without(joined(gone), &joined(known));
    let lost = lost.into_iter().map(|range| Stretch::new(range.start, range.end - 1, Why::Lost)).collect();
    Ok(Written { next, lost })
}

/// Notes it in the store: first what is lost, then how far the run came.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn note(plan: &Plan, written: &Written, disk: &dyn Disk) -> Result<()> {
    if !written.lost.is_empty() {
        let missing = Missing::new(plan.root(), plan.router());
        missing.add(written.lost.iter().copied());
        missing.flush(disk, Sync::Now)?;
    }
    if record::read(plan.root())? != Some(written.next) {
        record::write(plan.root(), disk, Sync::Now, written.next)?;
    }
    Ok(())
}

/// Frames from `base` on whose planes the log tells of, and whose chunks are there. Logs of earlier versions tell of no planes
/// and no unit.
fn stored(plan: &Plan, log: &Path, unit: Option<Unit>, base: u64) -> Result<Vec<Range<u64>>> {
    let Some(unit) = unit else { return Ok(Vec::new()) };
    let layout = plan.layout(unit);
    let mut chunks = Chunks::new(plan);
    let mut stored = Vec::new();
    for ((position, group), slots) in groups(plan, &layout, log, base)? {
        for (frame, index) in slots.into_iter().flat_map(|slots| frames(plan, &layout, position, group, slots)) {
            if frame >= base && chunks.are_there(position, &index)? {
                stored.push(frame..frame + 1);
            }
        }
    }
    Ok(joined(stored))
}

/// Slots by position and group.
type Groups = BTreeMap<(u32, StorageIndex), Vec<Range<u32>>>;

/// Groups with frames from `base` on that the log tells of.
fn groups(plan: &Plan, layout: &Layout, log: &Path, base: u64) -> Result<Groups> {
    let fail = |source| Error::io("read", log, source);
    let mut records = Records::new(BufReader::new(File::open(log).map_err(fail)?));
    let mut groups = Groups::new();
    while let Some(record) = records.next_record().map_err(fail)? {
        let Record::Planes(Planes { position, group, slots }) = record else { continue };
        for slots in slots {
            if frames(plan, layout, position, group, slots.clone()).any(|(frame, _)| frame >= base) {
                let known = groups.entry((position, group)).or_default();
                known.push(slots);
                // Each copy of an open group tells of the planes before as well.
                *known = joined(std::mem::take(known));
            }
        }
    }
    Ok(groups)
}

/// Numbers and storage indices of the frames in `slots` of a group.
fn frames<'a>(
    plan: &'a Plan,
    layout: &'a Layout,
    position: u32,
    group: StorageIndex,
    slots: Range<u32>,
) -> impl Iterator<Item = (u64, StorageIndex)> + 'a {
    let end = usize::try_from(slots.end).unwrap_or(usize::MAX).min(layout.planes());
    let positions = plan.positions().len();
    (slots.start as usize..end).filter(move |_| (position as usize) < positions).filter_map(move |slot| {
        let index = layout.plane(&group, slot)?;
        Some((plan.router().frame_number(Location { position, index })?, index))
    })
}

/// The chunks of a store: which are there, looked up once each.
struct Chunks<'a> {
    plan: &'a Plan,
    /// Whether all chunks of the planes in these chunks along the index dimensions are there; those looked at last.
    known: HashMap<(u32, Vec<u64>), bool>,
    /// Shard files of the row that was looked at last, and which of their chunks they have.
    shards: HashMap<PathBuf, Vec<bool>>,
    row: Option<(u32, Vec<u64>)>,
}

/// Answers that are kept: planes of one chunk are asked for one after another.
const MAX_KNOWN: usize = 1 << 12;

impl<'a> Chunks<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, known: HashMap::new(), shards: HashMap::new(), row: None }
    }

    /// Whether every chunk that holds a part of a plane is there.
    fn are_there(&mut self, position: u32, index: &StorageIndex) -> Result<bool> {
        let geometry = self.plan.geometry();
        let chunk = geometry.chunk();
        let along: Vec<u64> =
            index.iter().zip(chunk).take(geometry.index_dimensions()).map(|(at, size)| at / size).collect();
        let key = (position, along);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let (rows, columns) = geometry.frame();
        let tiles = |axis: usize, extent: u64| extent.div_ceil(chunk[chunk.len() - 2 + axis]);
        let mut there = true;
        'all: for row in 0..tiles(0, rows) {
            for column in 0..tiles(1, columns) {
                let coordinates: Vec<u64> = key.1.iter().copied().chain([row, column]).collect();
                if !self.is_there(position, &coordinates)? {
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

    fn is_there(&mut self, position: u32, coordinates: &[u64]) -> Result<bool> {
        let mut path = self.plan.array_path(position as usize, 0);
        path.push("c");
        let Some(shard) = self.plan.geometry().shard() else {
            path.extend(coordinates.iter().map(u64::to_string));
            return Ok(fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()));
        };
        let object: Vec<u64> = coordinates.iter().zip(shard).map(|(at, chunks)| at / chunks).collect();
        path.extend(object.iter().map(u64::to_string));
        let row = (position, object.get(..object.len().saturating_sub(2)).unwrap_or_default().to_vec());
        if self.row.as_ref() != Some(&row) {
            self.shards.clear();
            self.row = Some(row);
        }
        let place = coordinates.iter().zip(shard).fold(0, |all, (at, chunks)| all * chunks + at % chunks);
        let there = match self.shards.get(&path) {
            Some(there) => there,
            None => {
                let there = listed(&path, self.plan.geometry().chunks_per_shard() as usize)?;
                self.shards.entry(path).or_insert(there)
            }
        };
        Ok(there.get(place as usize).copied().unwrap_or(false))
    }
}

/// Which chunks the index of a shard file lists.
fn listed(path: &Path, chunks: usize) -> Result<Vec<bool>> {
    let fail = |source| Error::io("read", path, source);
    let Ok(file) = File::open(path) else { return Ok(Vec::new()) };
    let length = file.metadata().map_err(fail)?.len();
    let index = last_index(&file, length, chunks).map_err(fail)?;
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
        assert_eq!(without(vec![0..10, 20..21], &[]), [0..10, 20..21]);
        assert_eq!(without(vec![3..5, 6..9], &[0..5, 5..9]), []);
    }
}
