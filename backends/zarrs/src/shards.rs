//! With shards: which shard a batch belongs to, and the shards that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ome_stream::backend::{Batch, Stored};
use ome_stream::buffer::{ALIGNMENT, AlignedBuffer, Unit, UnitPlace};
use ome_stream::plan::Geometry;
use ome_stream::{Plan, Result};

use crate::shard_file::{ShardFile, ShardShape};
use crate::sink::Common;

/// Shard files that stay open between writes. Each takes two descriptors, and a process has 1024 by default; a run
/// with more open shards than this opens and closes their files as it goes.
const MAX_OPEN_FILES: usize = 128;

/// Batches of at least this size start on aligned offsets and may go past the page cache: padding is then below 2 %.
const ALIGNED_FROM: usize = 256 << 10;

type Key = (u32, Vec<u64>);

/// The open shards of a run.
pub(crate) struct Shards {
    /// Chunks of a shard along each axis.
    shard: Vec<u64>,
    /// Chunks of the array along each axis; `u64::MAX` along an unbounded one.
    chunks: Vec<u64>,
    shape: ShardShape,
    open: Mutex<HashMap<Key, Arc<ShardFile>>>,
    scratch: Mutex<Vec<AlignedBuffer>>,
}

impl Shards {
    /// `None` where the plan has no shards.
    pub(crate) fn new(plan: &Plan, common: &Common) -> Option<Self> {
        let geometry = plan.geometry();
        let shard = geometry.shard()?.to_vec();
        let layout = plan.layout(Unit::Chunk);
        let identity = common.encoder.is_identity();
        let unit = layout.unit_bytes();
        let smallest_batch = layout.jobs(identity).iter().map(|job| job.len() * unit).min().unwrap_or(0);
        Some(Self {
            chunks: chunks_of(geometry),
            shape: ShardShape {
                chunks: shard.iter().product::<u64>() as usize,
                aligned: smallest_batch >= ALIGNED_FROM,
                chunk_bytes: identity.then_some(unit as u64),
                sync: common.sync,
            },
            shard,
            open: Mutex::default(),
            scratch: Mutex::default(),
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

    /// Lets readers see every complete chunk of a position's open shards.
    pub(crate) fn publish(&self, position: usize) -> Result<()> {
        let open: Vec<_> = {
            let open = self.lock();
            open.iter().filter(|(key, _)| key.0 as usize == position).map(|(_, file)| Arc::clone(file)).collect()
        };
        open.iter().try_for_each(|file| file.publish())
    }

    /// Seals every open shard as it is; goes on after an error, which it returns.
    pub(crate) fn seal_all(&self, common: &Common) -> Result<()> {
        let rest: Vec<_> = self.lock().drain().map(|(_, file)| file).collect();
        let mut outcome = Ok(());
        for file in rest {
            let sealed = file.seal();
            common.count(file.overhead() as usize);
            outcome = outcome.and(sealed);
        }
        outcome
    }

    /// Encodes the batch into one stretch of aligned memory and stores it with one write.
    fn write_encoded(&self, common: &Common, batch: &Batch<'_>, file: &ShardFile, chunks: &[usize]) -> Result<bool> {
        let mut scratch = self.scratch().pop().unwrap_or_else(|| AlignedBuffer::zeroed(batch.bytes.len()));
        let mut places = Vec::with_capacity(chunks.len());
        let mut end = 0;
        for (chunk, (_, pixels)) in chunks.iter().zip(batch.units()) {
            let bytes = common.encoding.time(|| common.encoder.encode(pixels))?;
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

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<ShardFile>>> {
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

    fn shard_of(&self, place: &UnitPlace) -> Vec<u64> {
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
        let expected = self.expected(&key.1);
        let mut open = self.lock();
        let file = open
            .entry(key.clone())
            .or_insert_with(|| Arc::new(ShardFile::new(path, self.shape, expected, &common.disk)));
        Ok(Arc::clone(file))
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
