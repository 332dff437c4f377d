//! How much memory and how many threads a run takes, decided before it starts.

use super::Plan;
use crate::buffer::Layout;
use crate::error::{Error, Result};
use crate::settings::Codec;

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

/// Memory and threads of one run, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Bytes of one buffer: a group of planes that are completed together.
    pub buffer_bytes: u64,
    /// Groups that are open at once in acquisition order.
    pub open_groups: u64,
    /// Buffers that the pool may make: the open groups and those on their way to disk.
    pub buffers: u64,
    /// Worker threads.
    pub threads: usize,
    /// Bytes that workers need for encoding and placing, all together.
    pub scratch_bytes: u64,
    /// Most bytes that this run will hold: buffers and scratch.
    pub total_bytes: u64,
    /// Least bytes with which it could run: no smaller `memory_limit` is accepted.
    pub least_bytes: u64,
}

impl Memory {
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
        let open_groups = open_groups(plan, layout);
        let limit = settings.memory_limit;
        let scratch_each = scratch_bytes(plan, layout);
        // The live reader's provisional copies use one scratch more.
        let need = |threads: usize| {
            let scratch = scratch_each.saturating_mul(threads as u64 + 1);
            (open_groups + 1).saturating_mul(buffer_bytes).saturating_add(scratch)
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
                    "{open_groups} open group(s) and 1 being written, of {buffer_bytes} bytes each, and {} bytes of scratch for {threads} worker thread(s)",
                    scratch_each.saturating_mul(threads as u64 + 1)
                ),
            });
        }
        let scratch_bytes = scratch_each * (threads as u64 + 1);
        let ever = groups_ever(plan, layout).unwrap_or(MAX_BUFFERS).max(1);
        let buffers = ((limit - scratch_bytes) / buffer_bytes.max(1))
            .min(MAX_BUFFERS.max(open_groups + 1))
            .min(ever.max(open_groups + 1));
        Ok(Self {
            buffer_bytes,
            open_groups,
            buffers,
            threads,
            scratch_bytes,
            total_bytes: buffers * buffer_bytes + scratch_bytes,
            least_bytes,
        })
    }
}

/// Groups that are open at once: everything inside the outermost loop that gathers several planes in one group.
///
/// One iteration of that loop runs through all faster loops, so each of their groups is open until its last iteration.
fn open_groups(plan: &Plan, layout: &Layout) -> u64 {
    let index_unit = layout.index_unit();
    let gathered = |each: &crate::router::Loop| each.storage_axis.map_or(1, |axis| index_unit[axis]);
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

/// Groups of the whole run; `None` where it is unbounded.
fn groups_ever(plan: &Plan, layout: &Layout) -> Option<u64> {
    let index_unit = layout.index_unit();
    plan.router()
        .loops()
        .iter()
        .map(|each| {
            let unit = each.storage_axis.map_or(1, |axis| index_unit[axis]);
            each.count.map(|count| count.div_ceil(unit))
        })
        .try_fold(1u64, |all, each| Some(all.saturating_mul(each?)))
}

/// What one worker needs beside the buffer: an encoded copy of what it writes at once, which may be a little larger
/// than its input, and the codec's own state.
fn scratch_bytes(plan: &Plan, layout: &Layout) -> u64 {
    if plan.is_uncompressed() {
        // Shard indices and padding.
        return plan.geometry().chunks_per_shard() * 16 + (64 << 10);
    }
    let job = layout.job_bytes() as u64;
    // zstd's compression context at its highest levels takes tens of MiB.
    let context = if plan.settings().compression.level > 9 { 96 << 20 } else { 8 << 20 };
    2 * job + job / 8 + context
}
