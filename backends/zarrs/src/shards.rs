//! With shards: which shard a batch belongs to, and the shards that are open.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Done, Stored};
use ome_stream::buffer::ALIGNMENT;
use ome_stream::plan::{ArrayId, Form, ShardGrid, SlabKey, UnitPlace};
use ome_stream::router::StorageIndex;
use ome_stream::settings::Codec;
use ome_stream::{Plan, Result};

use crate::common::Common;
use crate::encode::Encoder;
use crate::scratch::Scratch;
use crate::shard_file::{Batches, Kind, NEVER_COMPLETE, ShardFile, ShardShape};
use crate::shard_index::block_bytes;
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

/// Indices up to this size are written as often as readers want them: in each round up to a page, in each second one
/// above.
const SMALL_INDEX: u64 = 32 << 10;

/// Time that readers get at least to find the last index of a shard, however short `live_interval` is: a slow reader
/// looks into an index and only then for what it lists.
const SHORTEST_WAIT: Duration = Duration::from_secs(5);

type Key = (ArrayId, Vec<u64>);

/// The open shards of the arrays of one form.
pub(crate) struct Shards {
    grid: Arc<Grid>,
    shape: ShardShape,
    /// In order, so that those of one array are found without a look at all others.
    open: Mutex<BTreeMap<Key, Arc<ShardFile>>>,
    /// The last that was looked after, until the end of them.
    looked_after: Mutex<Option<Key>>,
    /// Sealed shards that are longer than they have to be, and since when.
    waiting: Mutex<VecDeque<(Key, Arc<ShardFile>, Instant)>>,
    /// How long readers get to find the last index of a shard.
    wait: Duration,
    /// Memory in which workers put encoded chunks together.
    scratch: Spares<Scratch>,
    /// Where a store is continued: what is there.
    resumed: Option<Done>,
    encoder: Arc<Encoder>,
    /// Forms of arrays with shards: each has its part of what is limited.
    forms: usize,
}

/// Where chunks and shards lie in the arrays, and when their planes are acquired.
struct Grid {
    plan: Arc<Plan>,
    shards: ShardGrid,
}

impl Shards {
    /// `None` where the form has no shards.
    pub(crate) fn new(
        plan: &Arc<Plan>,
        form: &Form,
        common: &Common,
        encoder: &Arc<Encoder>,
        resumed: Option<&Done>,
    ) -> Option<Self> {
        let grid = Grid { shards: ShardGrid::of(form.geometry())?, plan: Arc::clone(plan) };
        let layout = form.layout();
        let identity = encoder.is_identity();
        let unit = layout.unit_bytes();
        let chunks = grid.shards.chunks_per_shard();
        let smallest_batch = layout.jobs(identity).iter().map(|job| job.len() * unit).min().unwrap_or(0);
        let interval = Duration::from_secs_f64(plan.settings().live_interval);
        // What stands behind uncompressed chunks, and behind their batches, needs room beside them.
        let room = if form.compression().codec == Codec::None { unit + unit / GROWTH_SHARE } else { unit };
        let whole = (chunks as u64).saturating_mul(room as u64);
        Some(Self {
            shape: ShardShape {
                chunks,
                aligned: smallest_batch >= ALIGNED_FROM,
                chunk_bytes: identity.then_some(unit as u64),
                largest: (unit + unit / GROWTH_SHARE + GROWTH_BYTES).next_multiple_of(ALIGNMENT) as u64,
                ahead: if identity || smallest_batch < ALIGNED_FROM { 0 } else { whole },
                sync: common.store.sync(),
                pace: pace(block_bytes(chunks, false), interval),
            },
            grid: Arc::new(grid),
            open: Mutex::default(),
            looked_after: Mutex::default(),
            waiting: Mutex::default(),
            wait: interval.max(SHORTEST_WAIT),
            scratch: Spares::default(),
            resumed: resumed.cloned(),
            encoder: Arc::clone(encoder),
            forms: plan.forms().iter().filter(|form| form.geometry().shard().is_some()).count().max(1),
        })
    }

    /// Stores the chunks of a batch, all in one shard.
    pub(crate) fn write(&self, common: &Common, batch: &Batch<'_>) -> Result<Stored> {
        let Some((key, chunks)) = self.locate(batch) else { return Ok(Stored::default()) };
        let file = self.open(common, &key)?;
        let sealed = if self.encoder.is_identity() {
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

    /// Lets readers see every complete chunk of an array's open shards; goes on after an error, which it returns. False
    /// where that would cost more than it may now.
    pub(crate) fn publish(&self, array: ArrayId) -> Result<bool> {
        let mut outcome = Ok(true);
        for (_, file) in self.open_of(array) {
            let published = file.publish(false);
            outcome = outcome.and_then(|all| published.map(|seen| all && seen));
        }
        outcome
    }

    /// Gives sealed shards their final length whose last index readers had the time to find; goes on after an error,
    /// which it returns.
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

    /// Seals every open shard of an array as it is; goes on after an error, which it returns. A disk that fails once
    /// may take the index the second time: then readers have what was written, and the error is told all the same.
    pub(crate) fn seal(&self, common: &Common, array: ArrayId) -> Result<()> {
        let _nobody_replaces = common.replacing();
        let mut outcome = Ok(());
        for (key, file) in self.open_of(array) {
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
        for file in waiting {
            outcome = outcome.and(self.shorten(common, &file));
        }
        outcome
    }

    /// Looks after some of the open shards, the next ones each time: fails where somebody removed one that readers
    /// know.
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
        for file in next {
            outcome = outcome.and(file.check_still_there());
        }
        outcome
    }

    fn open_of(&self, array: ArrayId) -> Vec<(Key, Arc<ShardFile>)> {
        let open = self.lock();
        let mine = open.range((array, Vec::new())..).take_while(|(key, _)| key.0 == array);
        mine.map(|(key, file)| (key.clone(), Arc::clone(file))).collect()
    }

    /// Encodes the batch into one stretch of aligned memory and stores it with one write; `None` where it is a copy
    /// that costs more than live readers may.
    fn write_encoded(
        &self,
        common: &Common,
        batch: &Batch<'_>,
        file: &ShardFile,
        chunks: &[usize],
    ) -> Result<Option<bool>> {
        let mut workspace = self.encoder.workspace(batch.layout.unit_bytes())?;
        let most = batch.bytes.len() + self.encoder.checksum_bytes(chunks.len());
        let mut scratch = self.scratch.take(|scratch| scratch.ready(most))?;
        let mut places = Vec::with_capacity(chunks.len());
        let mut end = 0;
        for (chunk, (_, pixels)) in chunks.iter().zip(batch.units()) {
            let encoded = common.encoding.time(|| self.encoder.encode(pixels, &mut workspace))?;
            let start = end;
            end += encoded.length();
            scratch.put(start, &encoded.bytes)?;
            if let Some(checksum) = encoded.checksum {
                scratch.put(start + encoded.bytes.len(), &checksum)?;
            }
            places.push((*chunk, encoded.length() as u64));
        }
        // Others encode while this one waits for the disk: with so few workspaces, theirs stay in the caches.
        drop(workspace);
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
                shard.get_or_insert_with(|| self.grid.shards.shard_of(place.coordinates()));
                self.grid.shards.place_in_shard(place.coordinates())
            })
            .collect();
        Some(((batch.key.array, shard?), chunks))
    }

    pub(crate) fn shard_of(&self, place: &UnitPlace) -> Vec<u64> {
        self.grid.shards.shard_of(place.coordinates())
    }

    fn open(&self, common: &Common, key: &Key) -> Result<Arc<ShardFile>> {
        if let Some(file) = self.lock().get(key) {
            return Ok(Arc::clone(file));
        }
        let path = common.object_path(key.0, &key.1);
        common.store.make_folder_for(&path)?;
        let mut open = self.lock();
        if let Some(file) = open.get(key) {
            return Ok(Arc::clone(file));
        }
        let shape = ShardShape {
            ahead: if open.len() < (MAX_AHEAD / self.forms).max(1) { self.shape.ahead } else { 0 },
            ..self.shape
        };
        let file = self.shard_file(common, key, shape)?;
        let file = Arc::new(match &self.resumed {
            None => file,
            Some(done) => {
                let pending = |chunk: usize| self.grid.is_pending(key, chunk, done);
                let remaining = self.grid.shards.inside(&key.1).filter(|chunk| pending(*chunk)).count();
                file.reopen(remaining, pending)?
            }
        });
        open.insert(key.clone(), Arc::clone(&file));
        Ok(file)
    }

    /// The shard that holds a chunk, as it is on disk (or open), and the chunk's place in it.
    pub(crate) fn find(&self, common: &Common, array: ArrayId, place: &UnitPlace) -> Result<(Arc<ShardFile>, usize)> {
        let key = (array, self.grid.shards.shard_of(place.coordinates()));
        let chunk = self.grid.shards.place_in_shard(place.coordinates());
        if let Some(open) = self.lock().get(&key) {
            return Ok((Arc::clone(open), chunk));
        }
        if let Some((_, file, _)) = self.waiting().iter().find(|(other, ..)| *other == key) {
            return Ok((Arc::clone(file), chunk));
        }
        if let Some(done) = &self.resumed
            && self.grid.shards.inside(&key.1).any(|chunk| self.grid.is_pending(&key, chunk, done))
        {
            // More chunks will come, so there must be a single `ShardFile` for this path.
            return Ok((self.open(common, &key)?, chunk));
        }
        let sealed = self.shard_file(common, &key, self.shape)?.reopen(NEVER_COMPLETE, |_| false)?;
        Ok((Arc::new(sealed), chunk))
    }

    fn shard_file(&self, common: &Common, key: &Key, shape: ShardShape) -> Result<ShardFile> {
        // Offset, length and place of each.
        ask(shape.chunks * 24, "the index of an open shard")?;
        let path = common.object_path(key.0, &key.1);
        let (grid, of) = (Arc::clone(&self.grid), key.clone());
        let batches: Batches = Arc::new(move || grid.batches(&of));
        Ok(ShardFile::new(path, shape, self.grid.shards.expected(&key.1), common.surroundings(), batches))
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
        if self.lock().len() > MAX_OPEN_FILES / self.forms {
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
                let (most, most_chunks) = (MAX_WAITING / self.forms, MAX_WAITING_CHUNKS / self.forms);
                let many = waiting.len() > most || (chunks > most_chunks && !waiting.is_empty());
                if many { waiting.front().map(|(_, file, _)| Arc::clone(file)) } else { None }
            };
            let Some(file) = oldest else { return Ok(()) };
            self.shorten(common, &file)?;
        }
    }
}

impl Grid {
    /// The slab of the chunk at a place in a shard's index.
    fn slab_of(&self, key: &Key, chunk: usize) -> SlabKey {
        SlabKey { array: key.0, index: ShardGrid::slab_of(&self.shards.chunk_at(&key.1, chunk)) }
    }

    /// True where a chunk is still to come after what is `done`.
    fn is_pending(&self, key: &Key, chunk: usize, done: &Done) -> bool {
        !done.has(&self.plan, self.slab_of(key, chunk))
    }

    /// Chunks of a shard that lie within the array: those of a slab together, in the order in which slabs are
    /// acquired.
    fn batches(&self, key: &Key) -> Vec<Vec<usize>> {
        let mut slabs: BTreeMap<StorageIndex, Vec<usize>> = BTreeMap::new();
        for chunk in self.shards.inside(&key.1) {
            slabs.entry(self.slab_of(key, chunk).index).or_default().push(chunk);
        }
        let first_frame = |index: StorageIndex| self.plan.first_frame(SlabKey { array: key.0, index });
        let mut slabs: Vec<_> = slabs.into_iter().map(|(slab, chunks)| (first_frame(slab), chunks)).collect();
        slabs.sort_by_key(|(first, _)| first.unwrap_or(u64::MAX));
        slabs.into_iter().map(|(_, chunks)| chunks).collect()
    }
}

/// Shortest time between two indices of a shard: a page is written in each round, a larger one in each second round,
/// and above [`SMALL_INDEX`] as much less often as it is larger.
fn pace(index: u64, interval: Duration) -> Duration {
    if index <= ALIGNMENT as u64 {
        return Duration::ZERO;
    }
    let times = (index / SMALL_INDEX).max(1);
    interval.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)).mul_f64(0.7)
}
