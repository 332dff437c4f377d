//! With shards: which shard a batch belongs to, and the shards that are open.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ome_stream::backend::{Batch, Stored};
use ome_stream::buffer::{ALIGNMENT, AlignedBuffer, GroupKey, Unit, UnitPlace};
use ome_stream::plan::Geometry;
use ome_stream::router::StorageIndex;
use ome_stream::{Plan, Result};

use crate::shard_file::{NEVER_COMPLETE, ShardFile, ShardShape};
use crate::sink::Common;

/// Shard files that stay open between writes. Each takes two descriptors, and a process has 1024 by default; a run
/// with more open shards than this opens and closes their files as it goes.
const MAX_OPEN_FILES: usize = 128;

/// Open shards that one round of the live thread looks after, in turn.
const LOOKED_AFTER: usize = 128;

/// Batches of at least this size start on aligned offsets and may go past the page cache: padding is then below 2 %.
const ALIGNED_FROM: usize = 256 << 10;

/// Most open shards of compressed chunks that get room for all they could hold: what is reserved may not fill the disk.
const MAX_AHEAD: usize = 4;

type Key = (u32, Vec<u64>);

/// The open shards of a run.
pub(crate) struct Shards {
    /// Chunks of a shard along each axis.
    shard: Vec<u64>,
    /// Chunks of the array along each axis; `u64::MAX` along an unbounded one.
    chunks: Vec<u64>,
    shape: ShardShape,
    /// In order, so that those of one position are found without a look at all others.
    open: Mutex<BTreeMap<Key, Arc<ShardFile>>>,
    /// The last that was looked after, until the end of them.
    looked_after: Mutex<Option<Key>>,
    scratch: Mutex<Vec<AlignedBuffer>>,
    /// Where a store is continued: the plan and the number of frames that are there.
    resumed: Option<(Arc<Plan>, u64)>,
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
        Some(Self {
            chunks: chunks_of(geometry),
            shape: ShardShape {
                chunks: chunks as usize,
                aligned: smallest_batch >= ALIGNED_FROM,
                chunk_bytes: identity.then_some(unit as u64),
                ahead: if identity || smallest_batch < ALIGNED_FROM { 0 } else { chunks.saturating_mul(unit as u64) },
                sync: common.sync,
            },
            shard,
            open: Mutex::default(),
            looked_after: Mutex::default(),
            scratch: Mutex::default(),
            resumed: resumed.map(|frames| (Arc::clone(plan), frames)),
        })
    }

    /// Stores the chunks of a batch, all in one shard.
    pub(crate) fn write(&self, common: &Common, batch: &Batch<'_>) -> Result<Stored> {
        let Some((key, chunks)) = self.locate(batch) else { return Ok(Stored::default()) };
        let file = self.open(common, &key)?;
        let sealed = if common.encoder.is_identity() {
            if !batch.complete || file.has_place(chunks.iter().copied()) {
                let mut sealed = false;
                for (chunk, (_, pixels)) in chunks.iter().zip(batch.units()) {
                    sealed |= common.writing.time(|| file.write_in_place(*chunk, pixels, batch.complete))?;
                }
                sealed
            } else {
                let length = batch.layout.unit_bytes() as u64;
                let chunks: Vec<_> = chunks.into_iter().map(|chunk| (chunk, length)).collect();
                common.writing.time(|| file.write(&chunks, batch.bytes, true))?
            }
        } else {
            self.write_encoded(common, batch, &file, &chunks)?
        };
        self.close_some(common, &key, &file, sealed);
        Ok(Stored { sealed_durable: usize::from(sealed && common.syncs_now()) })
    }

    /// Takes note of chunks that will never come.
    pub(crate) fn skip(&self, common: &Common, batch: &Batch<'_>) -> Result<Stored> {
        let Some((key, chunks)) = self.locate(batch) else { return Ok(Stored::default()) };
        let file = self.open(common, &key)?;
        let sealed = file.skip(chunks.len())?;
        self.close_some(common, &key, &file, sealed);
        Ok(Stored { sealed_durable: usize::from(sealed && common.syncs_now()) })
    }

    /// Lets readers see every complete chunk of a position's open shards; goes on after an error, which it returns.
    pub(crate) fn publish(&self, position: usize) -> Result<()> {
        self.open_of(position).into_iter().fold(Ok(()), |outcome, (_, file)| outcome.and(file.publish()))
    }

    /// Seals every open shard of a position as it is; goes on after an error, which it returns. A disk that fails once
    /// may take the index the second time: then readers have what was written, and the error is told all the same.
    pub(crate) fn seal(&self, common: &Common, position: usize) -> Result<()> {
        let mut outcome = Ok(());
        for (key, file) in self.open_of(position) {
            let sealed = file.seal().inspect_err(|_| drop(file.seal()));
            common.count(file.overhead() as usize);
            self.lock().remove(&key);
            outcome = outcome.and(sealed);
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
        next.iter().fold(Ok(()), |outcome, file| outcome.and(file.check_still_there()))
    }

    fn open_of(&self, position: usize) -> Vec<(Key, Arc<ShardFile>)> {
        let Ok(position) = u32::try_from(position) else { return Vec::new() };
        let open = self.lock();
        let mine = open.range((position, Vec::new())..).take_while(|(key, _)| key.0 == position);
        mine.map(|(key, file)| (key.clone(), Arc::clone(file))).collect()
    }

    /// Encodes the batch into one stretch of aligned memory and stores it with one write.
    fn write_encoded(&self, common: &Common, batch: &Batch<'_>, file: &ShardFile, chunks: &[usize]) -> Result<bool> {
        let mut bench = common.encoder.bench();
        let mut scratch = self.scratch().pop().unwrap_or_else(|| AlignedBuffer::zeroed(batch.bytes.len()));
        let mut places = Vec::with_capacity(chunks.len());
        let mut end = 0;
        for (chunk, (_, pixels)) in chunks.iter().zip(batch.units()) {
            let bytes = common.encoding.time(|| common.encoder.encode(pixels, &mut bench))?;
            let start = end;
            end += bytes.len();
            if end > scratch.capacity() {
                // Rare: noise that a codec makes larger.
                let mut larger = AlignedBuffer::zeroed(end + end / 8);
                larger.as_mut_slice()[..start].copy_from_slice(&scratch.as_mut_slice()[..start]);
                scratch = larger;
            }
            scratch.as_mut_slice()[start..end].copy_from_slice(&bytes);
            places.push((*chunk, bytes.len() as u64));
        }
        // Others encode while this one waits for the disk: with so few benches, theirs stay in the caches.
        common.encoder.put_away(bench);
        let memory = scratch.as_mut_slice();
        let length = if self.shape.aligned { end.next_multiple_of(ALIGNMENT) } else { end };
        memory[end..length].fill(0);
        common.count(length);
        let sealed = common.writing.time(|| file.write(&places, &memory[..length], batch.complete));
        self.scratch().push(scratch);
        sealed
    }

    /// Memory of workers that are not encoding now: at most one piece a worker.
    fn scratch(&self) -> MutexGuard<'_, Vec<AlignedBuffer>> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
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
                shard.get_or_insert_with(|| self.shard_of(&place));
                self.chunk_in_shard(&place)
            })
            .collect();
        Some(((batch.key.position, shard?), chunks))
    }

    pub(crate) fn shard_of(&self, place: &UnitPlace) -> Vec<u64> {
        place.coordinates().iter().zip(&self.shard).map(|(at, chunks)| at / chunks).collect()
    }

    /// Place in the shard's index, which is in C order.
    fn chunk_in_shard(&self, place: &UnitPlace) -> usize {
        place.coordinates().iter().zip(&self.shard).fold(0, |all, (at, chunks)| all * chunks + at % chunks) as usize
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
        let file = self.shard_file(common, key, shape);
        let file = Arc::new(match &self.resumed {
            None => file,
            Some((plan, frames)) => {
                let layout = plan.layout(Unit::Chunk);
                let pending = |chunk: usize| {
                    let group = GroupKey { position: key.0, index: self.group_of(&key.1, chunk) };
                    !plan.is_group_done(&layout, group, *frames)
                };
                let remaining = self.inside(&key.1).filter(|chunk| pending(*chunk)).count();
                file.reopen(remaining, |chunk| self.shape.chunk_bytes.is_some() && pending(chunk))?
            }
        });
        open.insert(key.clone(), Arc::clone(&file));
        Ok(file)
    }

    /// The shard that holds a chunk, as it is on disk (or open), and the chunk's place in it.
    pub(crate) fn find(&self, common: &Common, position: u32, place: &UnitPlace) -> Result<(Arc<ShardFile>, usize)> {
        let key = (position, self.shard_of(place));
        let chunk = self.chunk_in_shard(place);
        if let Some(open) = self.lock().get(&key) {
            return Ok((Arc::clone(open), chunk));
        }
        let sealed = self.shard_file(common, &key, self.shape).reopen(NEVER_COMPLETE, |_| false)?;
        Ok((Arc::new(sealed), chunk))
    }

    fn shard_file(&self, common: &Common, key: &Key, shape: ShardShape) -> ShardFile {
        let path = common.object_path(key.0 as usize, &key.1);
        ShardFile::new(path, shape, self.expected(&key.1), &common.disk, &common.log)
    }

    /// Places in the index of the chunks of a shard that lie within the array.
    fn inside(&self, shard: &[u64]) -> impl Iterator<Item = usize> {
        (0..self.shape.chunks).filter(move |chunk| {
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

    /// Chunks of a shard that lie within the array.
    fn expected(&self, shard: &[u64]) -> usize {
        shard
            .iter()
            .zip(&self.shard)
            .zip(&self.chunks)
            .map(|((at, chunks), all)| (*chunks).min(all.saturating_sub(at.saturating_mul(*chunks))))
            .product::<u64>() as usize
    }

    fn close_some(&self, common: &Common, key: &Key, file: &ShardFile, sealed: bool) {
        if sealed {
            common.count(file.overhead() as usize);
            self.lock().remove(key);
        } else if self.lock().len() > MAX_OPEN_FILES {
            file.release();
        }
    }
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
