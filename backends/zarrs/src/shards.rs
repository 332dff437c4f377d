//! With shards: which shard a batch belongs to, and the shards that are open.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Stored};
use ome_stream::buffer::{ALIGNMENT, GroupKey, Layout, Unit, UnitPlace};
use ome_stream::plan::Geometry;
use ome_stream::router::{Location, StorageIndex};
use ome_stream::{Plan, Result};

use crate::scratch::Scratch;
use crate::shard_file::{Batches, Kind, NEVER_COMPLETE, ShardFile, ShardShape};
use crate::shard_index::block_bytes;
use crate::sink::Common;
use crate::spares::{Spares, ask};

/// Shard files that stay open between writes. Each takes two descriptors, and a process has 1024 by default; a run
/// with more open shards than this opens and closes their files as it goes.
const MAX_OPEN_FILES: usize = 128;

/// Open shards that one round of the live thread looks after, in turn.
const LOOKED_AFTER: usize = 128;

/// Batches of at least this size start on aligned offsets and may go past the page cache: padding is then below 2 %.
const ALIGNED_FROM: usize = 256 << 10;

/// Most open shards of compressed chunks that get room for all they could hold: what is reserved may not fill the disk.
const MAX_AHEAD: usize = 4;

/// Most sealed shards that wait for their final length, and most chunks in their indices (16 bytes each): beyond, the
/// oldest gets it at once.
const MAX_WAITING: usize = 64;
const MAX_WAITING_CHUNKS: usize = 1 << 18;

/// A compressed chunk takes at most so much more than its pixels: this part of them and these bytes. What codecs add to
/// noise is below a tenth of it.
const GROWTH_SHARE: usize = 64;
const GROWTH_BYTES: usize = 1 << 10;

/// Indices up to this size are written as often as readers want them: in each round up to a page, in each second one above.
const SMALL_INDEX: u64 = 32 << 10;

/// Time that readers get at least to find the last index of a shard, however short `live_interval` is: a slow reader looks
/// into an index and only then for what it lists.
const SHORTEST_WAIT: Duration = Duration::from_secs(5);

type Key = (u32, Vec<u64>);

/// The open shards of a run.
pub(crate) struct Shards {
    grid: Arc<Grid>,
    shape: ShardShape,
    /// In order, so that those of one position are found without a look at all others.
    open: Mutex<BTreeMap<Key, Arc<ShardFile>>>,
    /// The last that was looked after, until the end of them.
    looked_after: Mutex<Option<Key>>,
    /// Sealed shards that are longer than they have to be, and since when.
    waiting: Mutex<VecDeque<(Key, Arc<ShardFile>, Instant)>>,
    /// How long readers get to find the last index of a shard.
    wait: Duration,
    /// Memory in which workers put encoded chunks together.
    scratch: Spares<Scratch>,
    /// Where a store is continued: the number of frames that are there.
    resumed: Option<u64>,
}

/// Where chunks and shards lie in the array.
struct Grid {
    plan: Arc<Plan>,
    layout: Layout,
    /// Chunks of a shard along each axis.
    shard: Vec<u64>,
    /// Chunks of the array along each axis; `u64::MAX` along an unbounded one.
    chunks: Vec<u64>,
    chunks_per_shard: usize,
}

impl Shards {
    /// `None` where the plan has no shards.
    pub(crate) fn new(plan: &Arc<Plan>, common: &Common, resumed: Option<u64>) -> Option<Self> {
        let geometry = plan.geometry();
        let shard = geometry.shard()?.to_vec();
        let layout = plan.layout(Unit::Chunk);
        let identity = common.encoder.is_identity();
        let unit = layout.unit_bytes();
        let chunks = shard.iter().product::<u64>();
        let smallest_batch = layout.jobs(identity).iter().map(|job| job.len() * unit).min().unwrap_or(0);
        let interval = Duration::from_secs_f64(plan.settings().live_interval);
        Some(Self {
            shape: ShardShape {
                chunks: chunks as usize,
                aligned: smallest_batch >= ALIGNED_FROM,
                chunk_bytes: identity.then_some(unit as u64),
                largest: (unit + unit / GROWTH_SHARE + GROWTH_BYTES).next_multiple_of(ALIGNMENT) as u64,
                ahead: if identity || smallest_batch < ALIGNED_FROM { 0 } else { chunks.saturating_mul(unit as u64) },
                sync: common.sync,
                pace: pace(block_bytes(chunks as usize, false), interval),
            },
            grid: Arc::new(Grid {
                chunks: chunks_of(geometry),
                plan: Arc::clone(plan),
                layout,
                shard,
                chunks_per_shard: chunks as usize,
            }),
            open: Mutex::default(),
            looked_after: Mutex::default(),
            waiting: Mutex::default(),
            wait: interval.max(SHORTEST_WAIT),
            scratch: Spares::default(),
            resumed,
        })
    }

    /// Stores the chunks of a batch, all in one shard.
    pub(crate) fn write(&self, common: &Common, batch: &Batch<'_>) -> Result<Stored> {
        let Some((key, chunks)) = self.locate(batch) else { return Ok(Stored::default()) };
        let file = self.open(common, &key)?;
        let sealed = if common.encoder.is_identity() {
            let plane = batch.layout.plane_bytes();
            let write = || file.write_planes(&chunks, batch.bytes, plane, batch.new_planes, batch.complete);
            let (sealed, written) = common.writing.time(write)?;
            common.account.count(written);
            sealed
        } else {
            match self.write_encoded(common, batch, &file, &chunks)? {
                Some(sealed) => sealed,
                None => return Ok(Stored { refused: true, ..Stored::default() }),
            }
        };
        self.close_some(common, &key, &file, sealed)?;
        Ok(Stored { sealed_durable: usize::from(sealed && common.syncs_now()), ..Stored::default() })
    }

    /// Takes note of chunks that will never come.
    pub(crate) fn skip(&self, common: &Common, batch: &Batch<'_>) -> Result<Stored> {
        let Some((key, chunks)) = self.locate(batch) else { return Ok(Stored::default()) };
        let file = self.open(common, &key)?;
        let sealed = file.skip(chunks.len())?;
        self.close_some(common, &key, &file, sealed)?;
        Ok(Stored { sealed_durable: usize::from(sealed && common.syncs_now()), ..Stored::default() })
    }

    /// Lets readers see every complete chunk of a position's open shards; goes on after an error, which it returns. False
    /// where that would cost more than it may now.
    pub(crate) fn publish(&self, position: usize) -> Result<bool> {
        let mut outcome = Ok(true);
        for (_, file) in self.open_of(position) {
            let published = file.publish(false);
            outcome = outcome.and_then(|all| published.map(|seen| all && seen));
        }
        outcome
    }

    /// Gives sealed shards their final length whose last index readers had the time to find; goes on after an error, which
    /// it returns.
    pub(crate) fn shorten_due(&self, common: &Common) -> Result<()> {
        let mut outcome = Ok(());
        loop {
            let due = {
                let waiting = self.waiting();
                let due = waiting.front().is_some_and(|(_, _, since)| since.elapsed() >= self.wait);
                if due { waiting.front().map(|(_, file, _)| Arc::clone(file)) } else { None }
            };
            let Some(file) = due else { return outcome };
            outcome = outcome.and(self.shorten(common, &file));
        }
    }

    /// Gives one shard that waits its final length.
    fn shorten(&self, common: &Common, file: &Arc<ShardFile>) -> Result<()> {
        // Whoever replaces a chunk must not write behind the new end.
        let _nobody_replaces = common.replacing();
        let outcome = common.writing.time(|| file.shorten());
        self.waiting().retain(|(_, other, _)| !Arc::ptr_eq(other, file));
        outcome
    }

    /// Seals every open shard of a position as it is; goes on after an error, which it returns. A disk that fails once
    /// may take the index the second time: then readers have what was written, and the error is told all the same.
    pub(crate) fn seal(&self, common: &Common, position: usize) -> Result<()> {
        let _nobody_replaces = common.replacing();
        let mut outcome = Ok(());
        for (key, file) in self.open_of(position) {
            let sealed = file.seal(true).inspect_err(|_| drop(file.seal(true)));
            self.lock().remove(&key);
            outcome = outcome.and(sealed);
        }
        outcome
    }

    /// Gives every sealed shard its final length, at the end of a run; goes on after an error, which it returns.
    pub(crate) fn shorten_all(&self, common: &Common) -> Result<()> {
        let waiting: Vec<_> = self.waiting().iter().map(|(_, file, _)| Arc::clone(file)).collect();
        let mut outcome = Ok(());
        for file in &waiting {
            outcome = outcome.and(self.shorten(common, file));
        }
        outcome
    }

    /// Looks after some of the open shards, the next ones each time: fails where somebody removed one that readers know.
    pub(crate) fn look_after(&self) -> Result<()> {
        let next: Vec<_> = {
            let mut last = self.looked_after.lock().unwrap_or_else(PoisonError::into_inner);
            let open = self.lock();
            let from = last.take().map_or(Bound::Unbounded, Bound::Excluded);
            let next: Vec<_> = open.range((from, Bound::Unbounded)).take(LOOKED_AFTER).collect();
            // At the end of them it begins anew.
            *last = next.get(LOOKED_AFTER - 1).map(|(key, _)| (*key).clone());
            next.into_iter().map(|(_, file)| Arc::clone(file)).collect()
        };
        let mut outcome = Ok(());
        for file in &next {
            outcome = outcome.and(file.check_still_there());
        }
        outcome
    }

    fn open_of(&self, position: usize) -> Vec<(Key, Arc<ShardFile>)> {
        let Ok(position) = u32::try_from(position) else { return Vec::new() };
        let open = self.lock();
        let mine = open.range((position, Vec::new())..).take_while(|(key, _)| key.0 == position);
        mine.map(|(key, file)| (key.clone(), Arc::clone(file))).collect()
    }

    /// Encodes the batch into one stretch of aligned memory and stores it with one write; `None` where it is a copy that
    /// costs more than live readers may.
    fn write_encoded(
        &self,
        common: &Common,
        batch: &Batch<'_>,
        file: &ShardFile,
        chunks: &[usize],
    ) -> Result<Option<bool>> {
        let mut bench = common.encoder.bench(batch.layout.unit_bytes())?;
        let mut scratch = self.scratch.take(|scratch| scratch.ready(batch.bytes.len()))?;
        let mut places = Vec::with_capacity(chunks.len());
        let mut end = 0;
        for (chunk, (_, pixels)) in chunks.iter().zip(batch.units()) {
            let bytes = common.encoding.time(|| common.encoder.encode(pixels, &mut bench))?;
            let start = end;
            end += bytes.len();
            scratch.put(start, &bytes)?;
            places.push((*chunk, bytes.len() as u64));
        }
        // Others encode while this one waits for the disk: with so few benches, theirs stay in the caches.
        drop(bench);
        let memory = scratch.memory();
        let length = if self.shape.aligned { end.next_multiple_of(ALIGNMENT) } else { end };
        memory[end..length].fill(0);
        common.account.encoded(batch.bytes.len() as u64, end as u64);
        let kind = if batch.complete { Kind::Complete } else { Kind::Copy };
        let allowed = kind == Kind::Complete || common.account.try_spend(length as u64);
        let sealed = allowed.then(|| common.writing.time(|| file.write(&places, &memory[..length], kind)));
        drop(scratch);
        let sealed = sealed.transpose()?;
        if sealed.is_some() {
            common.account.count(length as u64);
        }
        if kind == Kind::Complete {
            common.account.earn(length as u64);
        }
        Ok(sealed)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Key, Arc<ShardFile>, Instant)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<ShardFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shard of a batch, and the place of each of its chunks in the shard's index.
    fn locate(&self, batch: &Batch<'_>) -> Option<(Key, Vec<usize>)> {
        let mut shard = None;
        let chunks = batch
            .units
            .clone()
            .map(|unit| {
                let place = batch.layout.place(&batch.key.index, unit);
                shard.get_or_insert_with(|| self.grid.shard_of(&place));
                self.grid.chunk_in_shard(&place)
            })
            .collect();
        Some(((batch.key.position, shard?), chunks))
    }

    pub(crate) fn shard_of(&self, place: &UnitPlace) -> Vec<u64> {
        self.grid.shard_of(place)
    }

    fn open(&self, common: &Common, key: &Key) -> Result<Arc<ShardFile>> {
        if let Some(file) = self.lock().get(key) {
            return Ok(Arc::clone(file));
        }
        let path = common.object_path(key.0 as usize, &key.1);
        common.folders.for_file(&path)?;
        let mut open = self.lock();
        if let Some(file) = open.get(key) {
            return Ok(Arc::clone(file));
        }
        let shape = ShardShape { ahead: if open.len() < MAX_AHEAD { self.shape.ahead } else { 0 }, ..self.shape };
        let file = self.shard_file(common, key, shape)?;
        let file = Arc::new(match self.resumed {
            None => file,
            Some(frames) => {
                let pending = |chunk: usize| self.grid.is_pending(key, chunk, frames);
                let remaining = self.grid.inside(&key.1).filter(|chunk| pending(*chunk)).count();
                file.reopen(remaining, pending)?
            }
        });
        open.insert(key.clone(), Arc::clone(&file));
        Ok(file)
    }

    /// The shard that holds a chunk, as it is on disk (or open), and the chunk's place in it.
    pub(crate) fn find(&self, common: &Common, position: u32, place: &UnitPlace) -> Result<(Arc<ShardFile>, usize)> {
        let key = (position, self.grid.shard_of(place));
        let chunk = self.grid.chunk_in_shard(place);
        if let Some(open) = self.lock().get(&key) {
            return Ok((Arc::clone(open), chunk));
        }
        if let Some((_, file, _)) = self.waiting().iter().find(|(other, ..)| *other == key) {
            return Ok((Arc::clone(file), chunk));
        }
        if let Some(frames) = self.resumed
            && self.grid.inside(&key.1).any(|chunk| self.grid.is_pending(&key, chunk, frames))
        {
            // Chunks will still come to it, and two must not have one file each in mind.
            return Ok((self.open(common, &key)?, chunk));
        }
        let sealed = self.shard_file(common, &key, self.shape)?.reopen(NEVER_COMPLETE, |_| false)?;
        Ok((Arc::new(sealed), chunk))
    }

    fn shard_file(&self, common: &Common, key: &Key, shape: ShardShape) -> Result<ShardFile> {
        // Offset, length and place of each.
        ask(shape.chunks * 24, "the index of an open shard")?;
        let path = common.object_path(key.0 as usize, &key.1);
        let (grid, of) = (Arc::clone(&self.grid), key.clone());
        let batches: Batches = Arc::new(move || grid.batches(&of));
        Ok(ShardFile::new(path, shape, self.grid.expected(&key.1), common.surroundings(), batches))
    }

    fn close_some(&self, common: &Common, key: &Key, file: &Arc<ShardFile>, sealed: bool) -> Result<()> {
        if sealed {
            if file.waits() {
                // Before it leaves the open ones: whoever looks for it finds it in one of the two.
                self.waiting().push_back((key.clone(), Arc::clone(file), Instant::now()));
            }
            self.lock().remove(key);
            return self.wait_less(common);
        }
        if self.lock().len() > MAX_OPEN_FILES {
            file.release();
        }
        Ok(())
    }

    /// Keeps the number of shards bounded that wait for their final length.
    fn wait_less(&self, common: &Common) -> Result<()> {
        loop {
            let oldest = {
                let waiting = self.waiting();
                let chunks = waiting.len() * self.shape.chunks;
                let many = waiting.len() > MAX_WAITING || (chunks > MAX_WAITING_CHUNKS && !waiting.is_empty());
                if many { waiting.front().map(|(_, file, _)| Arc::clone(file)) } else { None }
            };
            let Some(file) = oldest else { return Ok(()) };
            self.shorten(common, &file)?;
        }
    }
}

impl Grid {
    fn shard_of(&self, place: &UnitPlace) -> Vec<u64> {
        place.coordinates().iter().zip(&self.shard).map(|(at, chunks)| at / chunks).collect()
    }

    /// Place in the shard's index, which is in C order.
    fn chunk_in_shard(&self, place: &UnitPlace) -> usize {
        place.coordinates().iter().zip(&self.shard).fold(0, |all, (at, chunks)| all * chunks + at % chunks) as usize
    }

    /// Places in the index of the chunks of a shard that lie within the array.
    fn inside(&self, shard: &[u64]) -> impl Iterator<Item = usize> {
        (0..self.chunks_per_shard).filter(move |chunk| {
            let coordinates = self.coordinates(shard, *chunk);
            coordinates.iter().zip(&self.chunks).all(|(at, all)| at < all)
        })
    }

    /// Coordinates in the array, counted in chunks, of the chunk at a place in a shard's index.
    fn coordinates(&self, shard: &[u64], chunk: usize) -> Vec<u64> {
        let mut rest = chunk as u64;
        let mut coordinates: Vec<u64> = shard.iter().zip(&self.shard).map(|(at, chunks)| at * chunks).collect();
        for (at, chunks) in coordinates.iter_mut().zip(&self.shard).rev() {
            *at += rest % chunks;
            rest /= chunks;
        }
        coordinates
    }

    /// The group that the chunk at a place in a shard's index belongs to.
    fn group_of(&self, shard: &[u64], chunk: usize) -> StorageIndex {
        let coordinates = self.coordinates(shard, chunk);
        let mut index = StorageIndex::default();
        index.iter_mut().zip(&coordinates[..coordinates.len() - 2]).for_each(|(to, at)| *to = *at);
        index
    }

    /// True where a chunk is still to come after the first `frames` frames.
    fn is_pending(&self, key: &Key, chunk: usize, frames: u64) -> bool {
        let group = GroupKey { position: key.0, index: self.group_of(&key.1, chunk) };
        !self.plan.is_group_done(&self.layout, group, frames)
    }

    /// Chunks of a shard that lie within the array: those of a group together, in the order in which groups are acquired.
    fn batches(&self, key: &Key) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<StorageIndex, Vec<usize>> = BTreeMap::new();
        for chunk in self.inside(&key.1) {
            groups.entry(self.group_of(&key.1, chunk)).or_default().push(chunk);
        }
        let first_frame = |group: &StorageIndex| {
            let index = self.layout.plane(group, 0)?;
            self.plan.router().frame_number(Location { position: key.0, index })
        };
        let mut groups: Vec<_> = groups.into_iter().map(|(group, chunks)| (first_frame(&group), chunks)).collect();
        groups.sort_by_key(|(first, _)| first.unwrap_or(u64::MAX));
        groups.into_iter().map(|(_, chunks)| chunks).collect()
    }

    /// Chunks of a shard that lie within the array.
    fn expected(&self, shard: &[u64]) -> usize {
        shard
            .iter()
            .zip(&self.shard)
            .zip(&self.chunks)
            .map(|((at, chunks), all)| (*chunks).min(all.saturating_sub(at.saturating_mul(*chunks))))
            .product::<u64>() as usize
    }
}

/// Shortest time between two indices of a shard: a page is written in each round, a larger one in each second round, and
/// above [`SMALL_INDEX`] as much less often as it is larger.
fn pace(index: u64, interval: Duration) -> Duration {
    if index <= ALIGNMENT as u64 {
        return Duration::ZERO;
    }
    let times = (index / SMALL_INDEX).max(1);
    interval.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)).mul_f64(0.7)
}

/// Chunks of the array along each axis; `u64::MAX` along an unbounded one.
fn chunks_of(geometry: &Geometry) -> Vec<u64> {
    geometry
        .shape()
        .iter()
        .zip(geometry.chunk())
        .enumerate()
        .map(|(axis, (extent, chunk))| match geometry.append_axis() {
            Some(append) if append == axis => u64::MAX,
            _ => extent.div_ceil(*chunk),
        })
        .collect()
}
