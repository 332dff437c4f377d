//! How much memory and how many threads a run takes, decided before it starts.

use super::Plan;
use crate::buffer::{Layout, Unit};
use crate::error::{Error, Result};
use crate::router::{Loop, StorageIndex};
use crate::settings::{Codec, Compression, Durability};

/// Most worker threads a stream starts: beyond this, memory for their scratch grows and throughput does not.
pub const MAX_THREADS: usize = 256;

/// Workers when whole shards are written as they lie: they wait for the disk, and so many keep it busy (measured: 2 reach
/// 0.9 of it, 8 all, 16 no more).
const DIRECT_THREADS: usize = 8;

/// Workers for each core when every chunk is a file: creating files is work for the kernel, not waiting.
const FILE_THREADS_PER_CORE: usize = 2;

/// Workers beyond the number of cores when something is compressed: while so many wait for the disk, all cores encode. The
/// faster the codec, the more wait (measured on 2 cores: blosc-lz4 2.3 GB/s with 2 more and 2.7 with 6; zstd 2 % less).
const COMPRESSED_EXTRA_THREADS: usize = 2;
const LZ4_EXTRA_THREADS: usize = 6;

/// Most groups that wait in the queue or are being written: a bound where the limit would allow absurdly many small ones.
const MAX_BUFFERS: u64 = 65_536;

/// Bytes beside the buffer of every group that is held: the group itself, its places in the tables of open, free and
/// waiting ones, the allocator's own (measured with 16,000 to 65,000 groups of one plane on a disk that stood still).
const GROUP_BYTES: u64 = 640;

/// Bytes for each plane of a group: its state, and whether it is written and durable.
const PLANE_BYTES: u64 = 3;

/// Bytes of a job that waits for a worker.
const JOB_BYTES: u64 = 40;

/// Bytes of an open shard without its index: names, locks, an open file.
const SHARD_BYTES: u64 = 2 << 10;

/// Bytes of a chunk in the index of an open shard.
const ENTRY_BYTES: u64 = 16;

/// Bytes for the place of a chunk that live readers were shown before it was complete.
const PLACE_BYTES: u64 = 8;

/// Bytes for each frame of an open shard that becomes durable with it.
const DURABLE_FRAME_BYTES: u64 = 16;

/// Memory and threads of one run, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Bytes of one buffer: a group of planes that are completed together.
    pub buffer_bytes: u64,
    /// Bytes that are counted for each group beside its buffer.
    pub group_bytes: u64,
    /// Groups that are open at once in acquisition order.
    pub open_groups: u64,
    /// Buffers that the pool may make: the open groups and those on their way to disk.
    pub buffers: u64,
    /// Worker threads.
    pub threads: usize,
    /// Bytes that workers need for encoding and placing, all together.
    pub scratch_bytes: u64,
    /// Shards that are open at once.
    pub open_shards: u64,
    /// Bytes of the indices of open shards and of the tables of the layout.
    pub table_bytes: u64,
    /// Most bytes that this run will hold: buffers and what goes with them, scratch, tables.
    pub total_bytes: u64,
    /// Least bytes with which it could run: no smaller `memory_limit` is accepted.
    pub least_bytes: u64,
}

impl Memory {
    /// `layout` may be an outline: nothing is made before it is judged.
    pub(super) fn new(plan: &Plan, layout: &Layout) -> Result<Self> {
        let settings = plan.settings();
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let wanted = settings.threads.unwrap_or(match (plan.is_uncompressed(), plan.geometry().shard()) {
            (true, Some(_)) => DIRECT_THREADS,
            (true, None) => cores * FILE_THREADS_PER_CORE,
            (false, _) if settings.compression.codec == Codec::BloscLz4 => cores + LZ4_EXTRA_THREADS,
            (false, _) => cores + COMPRESSED_EXTRA_THREADS,
        });
        let buffer_bytes = layout.buffer_bytes() as u64;
        let group_bytes = group_bytes(layout);
        let group = buffer_bytes.saturating_add(group_bytes);
        let open_groups = open_groups(plan, layout);
        let limit = settings.memory_limit;
        let scratch_each = scratch_bytes(plan, layout);
        // The live reader's provisional copies use one scratch more.
        let scratch = |threads: usize| scratch_each.saturating_mul(threads as u64 + 1);
        let shards = |threads: usize| open_shards(plan, layout, threads);
        let tables = |threads: usize| {
            layout.table_bytes().saturating_add(shards(threads).saturating_mul(shard_bytes(plan, layout)))
        };
        let need = |threads: usize| {
            let groups = open_groups.saturating_add(1).saturating_mul(group);
            groups.saturating_add(scratch(threads)).saturating_add(tables(threads))
        };
        let least_bytes = need(1);
        let mut threads = wanted.clamp(1, MAX_THREADS);
        if settings.threads.is_none() {
            // Fewer workers rather than a refusal, where only their scratch would break the limit.
            while threads > 1 && need(threads) > limit {
                threads -= 1;
            }
        }
        if need(threads) > limit {
            return Err(Error::MemoryLimit {
                needed: need(threads),
                limit,
                explanation: format!(
                    "{open_groups} open group(s) and 1 being written, of {buffer_bytes} bytes each and {group_bytes} beside \
                     them, {} bytes of scratch for {threads} worker thread(s), and {} bytes of tables and the indices of {} \
                     open shard(s)",
                    scratch(threads),
                    tables(threads),
                    shards(threads),
                ),
            });
        }
        let (scratch_bytes, table_bytes) = (scratch(threads), tables(threads));
        let ever = groups_ever(plan, layout).unwrap_or(MAX_BUFFERS).max(1);
        let least = open_groups.saturating_add(1);
        let buffers = (limit.saturating_sub(scratch_bytes).saturating_sub(table_bytes) / group.max(1))
            .min(MAX_BUFFERS.max(least))
            .min(ever.max(least));
        Ok(Self {
            buffer_bytes,
            group_bytes,
            open_groups,
            buffers,
            threads,
            scratch_bytes,
            open_shards: shards(threads),
            table_bytes,
            total_bytes: buffers.saturating_mul(group).saturating_add(scratch_bytes).saturating_add(table_bytes),
            least_bytes,
        })
    }
}

/// What goes with the buffer of a group.
fn group_bytes(layout: &Layout) -> u64 {
    let planes = (layout.planes() as u64).saturating_mul(PLANE_BYTES);
    GROUP_BYTES.saturating_add(planes).saturating_add(layout.most_jobs().saturating_mul(JOB_BYTES))
}

/// Shards that are open at once, those that `threads` workers begin and end included; 0 where an engine takes whole ones
/// or there are none.
fn open_shards(plan: &Plan, layout: &Layout, threads: usize) -> u64 {
    let (Unit::Chunk, Some(_)) = (layout.unit(), plan.geometry().shard()) else { return 0 };
    let planes = plan.geometry().index_part(&plan.geometry().object());
    let ever = counted_ever(plan, &planes).unwrap_or(u64::MAX);
    let of_frame = layout.shards_of_frame();
    let open = counted_open(plan, &planes).saturating_mul(of_frame).saturating_add(threads as u64);
    open.min(ever.saturating_mul(of_frame))
}

/// Bytes of one open shard.
fn shard_bytes(plan: &Plan, layout: &Layout) -> u64 {
    let geometry = plan.geometry();
    let partly_shown = plan.is_uncompressed() && layout.planes() > 1;
    let entry = ENTRY_BYTES + if partly_shown { PLACE_BYTES } else { 0 };
    let frames = match plan.settings().durability {
        Durability::Shard => {
            let planes: u64 = geometry.index_part(&geometry.object()).iter().product();
            planes.saturating_mul(DURABLE_FRAME_BYTES) / layout.shards_of_frame()
        }
        Durability::Finish | Durability::None => 0,
    };
    SHARD_BYTES.saturating_add(geometry.chunks_per_shard().saturating_mul(entry)).saturating_add(frames)
}

/// Groups that are open at once.
fn open_groups(plan: &Plan, layout: &Layout) -> u64 {
    counted_open(plan, layout.index_unit())
}

/// Groups of the whole run; `None` where it is unbounded.
fn groups_ever(plan: &Plan, layout: &Layout) -> Option<u64> {
    counted_ever(plan, layout.index_unit())
}

/// Sets of `planes` along the index dimensions that are open at once: everything inside the outermost loop that gathers
/// several planes in one set.
///
/// One iteration of that loop runs through all faster loops, so each of their sets is open until its last iteration.
fn counted_open(plan: &Plan, planes: &StorageIndex) -> u64 {
    let gathered = |each: &Loop| each.storage_axis.map_or(1, |axis| planes[axis]);
    let loops = plan.router().loops();
    let Some(outermost) = loops.iter().position(|each| gathered(each) > 1 && each.count.is_none_or(|count| count > 1))
    else {
        return 1;
    };
    loops[outermost + 1..]
        .iter()
        .map(|each| each.count.unwrap_or(1).div_ceil(gathered(each)))
        .fold(1, u64::saturating_mul)
}

/// Sets of `planes` of the whole run; `None` where it is unbounded.
fn counted_ever(plan: &Plan, planes: &StorageIndex) -> Option<u64> {
    plan.router()
        .loops()
        .iter()
        .map(|each| {
            let unit = each.storage_axis.map_or(1, |axis| planes[axis]);
            each.count.map(|count| count.div_ceil(unit))
        })
        .try_fold(1u64, |all, each| Some(all.saturating_mul(each?)))
}

/// What one worker needs beside the buffer: an encoded copy of what it writes at once, which may be a little larger
/// than its input, and the codec's own state.
fn scratch_bytes(plan: &Plan, layout: &Layout) -> u64 {
    // The index of a shard, and the blocks in which it is written.
    let index = plan.geometry().chunks_per_shard().saturating_mul(2 * ENTRY_BYTES);
    if plan.is_uncompressed() {
        return index.saturating_add(64 << 10);
    }
    let job = layout.job_bytes() as u64;
    let chunk = plan.geometry().chunk().iter().product::<u64>().saturating_mul(plan.geometry().item_size() as u64);
    job.saturating_mul(2)
        .saturating_add(job / 8)
        .saturating_add(codec_state(plan.settings().compression, chunk))
        .saturating_add(index)
}

/// Most bytes that a codec itself takes for chunks of `chunk` bytes.
fn codec_state(compression: Compression, chunk: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    // zstd's tables grow with the chunk, up to a size for each level (`ZSTD_estimateCCtxSize` of zstd 1.5.7 at all levels
    // and powers of two).
    let zstd = |level: i32, length: u64| {
        let most = match level {
            ..=8 => 7,
            9 => 13,
            10..=11 => 25,
            12..=18 => 65,
            19 => 82,
            20 => 162,
            21 => 322,
            _ => 706,
        };
        length.next_power_of_two().saturating_mul(16).saturating_add(2 * MIB).min(most * MIB)
    };
    let Compression { codec, level, .. } = compression;
    match codec {
        Codec::None => 0,
        Codec::Zstd => zstd(level, chunk),
        // Blosc (1.21) cuts chunks in blocks of at most 1 MiB, keeps one shuffled beside one more, and doubles the level.
        Codec::BloscZstd => 2 * MIB + zstd(if level < 9 { 2 * level } else { 22 }, chunk.min(MIB)),
        Codec::BloscLz4 => 2 * MIB,
        // What is encoded is gathered in memory that doubles as it grows.
        Codec::Gzip => MIB + chunk.saturating_mul(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads_and_scratch(dims: &str, codec: Codec, level: i32) -> (usize, u64) {
        let dimensions = crate::settings::parse_dims(dims).expect("valid dimensions");
        let mut settings = crate::settings::Settings::new("a", dimensions, crate::settings::DataType::UInt16);
        settings.compression = Compression::new(codec).with_level(level);
        settings.threads = Some(1);
        settings.memory_limit = 4 << 30;
        let plan = Plan::new(&settings).expect("a valid plan");
        let memory = Memory::new(&plan, &plan.layout(crate::buffer::Unit::Chunk)).expect("within the limit");
        (memory.threads, memory.scratch_bytes)
    }

    /// Figures of `ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(level, size, 0))`, zstd 1.5.7, in tenths of a MiB.
    #[test]
    fn scratch_has_room_for_the_tables_of_zstd() {
        for (level, chunk, tenths) in [
            (1, 512 << 10, 6),
            (3, 512 << 10, 12),
            (8, 8 << 20, 65),
            (9, 8 << 20, 125),
            (12, 4 << 20, 485),
            (15, 64 << 20, 645),
            (19, 256 << 10, 53),
            (19, 8 << 20, 813),
            (22, 4 << 10, 3),
            (22, 512 << 10, 93),
            (22, 8 << 20, 1293),
            (22, 64 << 20, 6413),
            (22, 1 << 30, 7053),
        ] {
            let state = codec_state(Compression::new(Codec::Zstd).with_level(level), chunk);
            assert!(state * 10 >= tenths << 20, "level {level}, chunks of {chunk} bytes: {state}");
            assert!(state <= (tenths << 20) / 10 * 2 + (7 << 20), "level {level}, chunks of {chunk} bytes: {state}");
        }
    }

    #[test]
    fn scratch_counts_what_workers_write_at_once_and_the_state_of_the_codec() {
        let (threads, scratch) = threads_and_scratch("t:20:1:10,y:2048:512:4,x:2048:512:4", Codec::Zstd, 19);
        assert_eq!(threads, 1);
        // A worker and the live reader, each: two jobs of 2 MiB and an eighth, the tables for 512 KiB, the
        // index of 160 chunks twice.
        assert_eq!(scratch, 2 * ((4 << 20) + (256 << 10) + (10 << 20) + 160 * 32));
    }
}
