//! How much memory and how many threads a run takes, decided before it starts.

use super::layout::{Layout, StorageUnit};
use super::{Depth, Form, Geometry};
use crate::error::{Error, Result};
use crate::pyramid::{Accumulator, Reducer};
use crate::router::{Loop, MAX_INDEX_DIMENSIONS, Router, StorageIndex};
use crate::settings::{Codec, Compression, Durability, MAX_THREADS, Settings};
use crate::zarr::checksum;

/// Workers when whole shards are written as they lie: they wait for the disk, and so many keep it busy (measured: 2
/// reach 0.9 of it, 8 all, 16 no more).
const DIRECT_THREADS: usize = 8;

/// Workers for each core when every chunk is a file: creating files is work for the kernel, not waiting.
const FILE_THREADS_PER_CORE: usize = 2;

/// Workers beyond the number of cores when something is compressed: while so many wait for the disk, all cores encode.
/// The faster the codec, the more wait (measured on 2 cores: blosc-lz4 2.3 GB/s with 2 more and 2.7 with 6; zstd 2 %
/// less).
const COMPRESSED_EXTRA_THREADS: usize = 2;
const LZ4_EXTRA_THREADS: usize = 6;

/// Most slabs that wait in the queue or are being written: a bound where the limit would allow absurdly many small
/// ones.
const MAX_BUFFERS: u64 = 65_536;

/// Bytes beside the buffer of every slab that is held: the slab itself, its places in the tables of open, free and
/// waiting ones, the allocator's own (measured with 16,000 to 65,000 slabs of one plane on a disk that stood still).
const SLAB_BYTES: u64 = 640;

/// Bytes for each plane of a slab: its arrival and state, and how many of its planes are written and durable.
const PLANE_BYTES: u64 = 12;

/// Bytes of what is still to be made of a plane of full resolution: what it is, and its places in two tables.
const REDUCTION_BYTES: u64 = 256;

/// Bytes beside the planes that wait for others: what they are, and their places in two tables.
const WINDOW_BYTES: u64 = 384;

/// Bytes of a job that waits for a worker.
const JOB_BYTES: u64 = 40;

/// Bytes of an open shard without its index: names, locks, an open file.
const SHARD_BYTES: u64 = 2 << 10;

/// Bytes of a chunk in the index of an open shard.
const ENTRY_BYTES: u64 = 16;

/// Bytes for the place of a chunk that live readers were shown before it was complete.
const PLACE_BYTES: u64 = 8;

/// Bytes for each frame of an open shard that becomes durable with it: its arrival, and how far readers must see.
const DURABLE_FRAME_BYTES: u64 = 32;

/// All memory that the arrays of one form can take, in bytes: those that one source fills share it, as one frame comes
/// after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Need {
    /// A buffer: a slab of planes that are completed together.
    pub buffer_bytes: u64,
    /// What is counted for each slab beside its buffer.
    pub slab_bytes: u64,
    /// Slabs that are open at once in acquisition order.
    pub open_slabs: u64,
    /// Slabs of the whole run; `None` where it is unbounded.
    pub slabs_ever: Option<u64>,
    /// Shards that are open at once, without those that workers begin and end; 0 where there are none.
    pub open_shards: u64,
    /// Shards of the whole run.
    pub shards_ever: u64,
    /// An open shard.
    pub shard_bytes: u64,
    /// Tables of the layout.
    pub table_bytes: u64,
    /// What one worker needs to store a job.
    pub scratch_bytes: u64,
    /// What is needed where planes of a level are made anew.
    pub anew_bytes: u64,
}

impl Need {
    /// The need of arrays that `router` brings frames to, laid out as `layout` says, which may be an outline. Their
    /// planes are made of those of the form `above`, if there is one.
    pub(super) fn new(
        settings: &Settings,
        router: &Router,
        geometry: &Geometry,
        layout: &Layout,
        depth: &Depth,
        above: Option<&Form>,
    ) -> Self {
        let (open_shards, shards_ever) = shards(router, geometry, layout, depth);
        let unit = depth.in_full(layout.index_unit());
        // One for each plane of full resolution, counted where the first level is fed.
        let reductions = match above {
            Some(above) if above.level() == 0 => (layout.planes() as u64).saturating_mul(depth.planes()),
            _ => 0,
        };
        Self {
            buffer_bytes: layout.buffer_bytes() as u64,
            slab_bytes: slab_bytes(layout).saturating_add(reductions.saturating_mul(REDUCTION_BYTES)),
            open_slabs: counted_open(router, &unit),
            slabs_ever: counted_ever(router, &unit),
            open_shards,
            shards_ever,
            shard_bytes: shard_bytes(settings, geometry, layout),
            table_bytes: layout.table_bytes(),
            scratch_bytes: scratch_bytes(settings, geometry, layout)
                // A plane of the level above in one piece, what is made of it, and the room for the next.
                .saturating_add(
                    above.map_or(0, |above| (above.layout().frame_bytes() + 2 * layout.frame_bytes()) as u64),
                ),
            anew_bytes: above
                .map_or(0, |above| above.layout().frame_bytes().saturating_add(above.layout().unit_bytes()) as u64),
        }
    }

    /// The need of planes that wait until all that become one plane of this depth have come.
    pub(super) fn of_windows(router: &Router, depth: &Depth, reducer: &Reducer) -> Self {
        let window = depth.in_full(&[1; MAX_INDEX_DIMENSIONS]);
        Self {
            buffer_bytes: Accumulator::bytes(reducer),
            slab_bytes: WINDOW_BYTES,
            open_slabs: counted_open(router, &window),
            slabs_ever: counted_ever(router, &window),
            anew_bytes: Accumulator::bytes(reducer),
            ..Self::default()
        }
    }

    /// A slab with its buffer.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.buffer_bytes.saturating_add(self.slab_bytes)
    }

    /// What these arrays must be able to take to go on, whatever others do: the slabs that are open, and one that is
    /// being written.
    #[must_use]
    pub fn sure_bytes(&self) -> u64 {
        self.open_slabs.saturating_add(1).saturating_mul(self.cost())
    }

    /// Most slabs that could be of use.
    fn most_slabs(&self) -> u64 {
        let least = self.open_slabs.saturating_add(1);
        MAX_BUFFERS.max(least).min(self.slabs_ever.unwrap_or(MAX_BUFFERS).max(1).max(least))
    }

    fn shards_with(&self, threads: usize) -> u64 {
        if self.open_shards == 0 { 0 } else { self.open_shards.saturating_add(threads as u64).min(self.shards_ever) }
    }
}

/// Memory and threads of one run, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// Bytes of one buffer, of the array whose buffers are largest: a slab of planes that are completed together.
    pub buffer_bytes: u64,
    /// Bytes that are counted for each such slab beside its buffer.
    pub slab_bytes: u64,
    /// Slabs that are open at once in acquisition order, of all arrays.
    pub open_slabs: u64,
    /// Bytes of slabs that may be held at once, with their buffers: those that are open and those on their way to
    /// disk.
    pub budget_bytes: u64,
    /// Bytes that slabs and what waits beside them may take together.
    pub pool_bytes: u64,
    /// Worker threads.
    pub threads: usize,
    /// Bytes that workers need for encoding and placing, all together.
    pub scratch_bytes: u64,
    /// Shards that are open at once.
    pub open_shards: u64,
    /// Bytes of the indices of open shards, of the tables of layouts, and of planes that are made anew.
    pub table_bytes: u64,
    /// Most bytes that this run will hold: slabs, scratch, tables.
    pub total_bytes: u64,
    /// Least bytes with which it could run: no smaller `memory_limit` is accepted.
    pub least_bytes: u64,
}

/// What the forms of a plan need: first their slabs, in their order, then the planes that wait for others.
pub(super) struct Needs {
    all: Vec<Need>,
    /// Forms among them.
    forms: usize,
}

impl Needs {
    pub(super) fn of(forms: &[Form]) -> Self {
        let windows = forms.iter().filter_map(|form| Some(*form.windows()?.need()));
        Self { all: forms.iter().map(|form| *form.need()).chain(windows).collect(), forms: forms.len() }
    }

    /// What a person should know of the planes that wait for others.
    fn windows(&self) -> String {
        let windows = Sum(&self.all[self.forms..]);
        match windows.slabs() {
            0 => String::new(),
            bytes => format!(
                ", {bytes} bytes for planes of {} window(s) that wait for others (none with pyramid.factors.z 1, few with z \
                 as the fastest dimension)",
                windows.of(|need| need.open_slabs)
            ),
        }
    }
}

/// The needs of all forms together, with so many threads.
struct Sum<'a>(&'a [Need]);

impl Sum<'_> {
    fn of(&self, each: impl Fn(&Need) -> u64) -> u64 {
        self.0.iter().map(each).fold(0, u64::saturating_add)
    }

    fn slabs(&self) -> u64 {
        self.of(Need::sure_bytes)
    }

    fn scratch(&self, threads: usize) -> u64 {
        // The live reader's provisional copies use one scratch more.
        self.of(|need| need.scratch_bytes.saturating_mul(threads as u64 + 1))
    }

    fn shards(&self, threads: usize) -> u64 {
        self.of(|need| need.shards_with(threads))
    }

    fn tables(&self, threads: usize) -> u64 {
        let shards = |need: &Need| need.shards_with(threads).saturating_mul(need.shard_bytes);
        self.of(|need| need.table_bytes.saturating_add(need.anew_bytes).saturating_add(shards(need)))
    }

    fn least(&self, threads: usize) -> u64 {
        self.slabs().saturating_add(self.scratch(threads)).saturating_add(self.tables(threads))
    }
}

impl Memory {
    /// Nothing is made before it is judged: `needs` come from outlines of layouts.
    pub(super) fn new(settings: &Settings, needs: &Needs, threads: usize) -> Result<Self> {
        let (sum, slabs) = (Sum(&needs.all), Sum(&needs.all[..needs.forms]));
        let limit = settings.memory_limit;
        let largest = slabs.0.iter().max_by_key(|need| need.cost()).copied().unwrap_or_default();
        let least_bytes = sum.least(1);
        let mut threads = threads.clamp(1, MAX_THREADS);
        if settings.threads.is_none() {
            // Fewer workers rather than a refusal, where only their scratch would break the limit.
            while threads > 1 && sum.least(threads) > limit {
                threads -= 1;
            }
        }
        let open_slabs = slabs.of(|need| need.open_slabs);
        let (scratch_bytes, table_bytes) = (sum.scratch(threads), sum.tables(threads));
        if sum.least(threads) > limit {
            return Err(Error::MemoryLimit {
                needed: sum.least(threads),
                limit,
                explanation: format!(
                    "{open_slabs} open slab(s) and {} being written, of {} bytes each and {} beside them, \
                     {scratch_bytes} bytes of scratch for {threads} worker thread(s), and {table_bytes} bytes of tables and \
                     the indices of {} open shard(s){}",
                    needs.forms,
                    largest.buffer_bytes,
                    largest.slab_bytes,
                    sum.shards(threads),
                    needs.windows(),
                ),
            });
        }
        let left = limit.saturating_sub(scratch_bytes).saturating_sub(table_bytes);
        let useful = sum.of(|need| need.most_slabs().saturating_mul(need.cost()));
        let mut budget_bytes = left.min(useful);
        if let [only] = needs.all[..] {
            budget_bytes -= budget_bytes % only.cost().max(1);
        }
        Ok(Self {
            buffer_bytes: largest.buffer_bytes,
            slab_bytes: largest.slab_bytes,
            open_slabs,
            budget_bytes,
            pool_bytes: left,
            threads,
            scratch_bytes,
            open_shards: sum.shards(threads),
            table_bytes,
            total_bytes: budget_bytes.saturating_add(scratch_bytes).saturating_add(table_bytes),
            least_bytes,
        })
    }
}

/// Workers that pay for arrays of these forms.
pub(super) fn useful_threads(settings: &Settings, forms: &[Form]) -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let of_form = |form: &Form| match (form.is_verbatim(), form.geometry().shard()) {
        (true, Some(_)) => DIRECT_THREADS,
        (true, None) => cores * FILE_THREADS_PER_CORE,
        // A checksum alone is no slower than that.
        (false, _) if matches!(form.compression().codec, Codec::BloscLz4 | Codec::None) => cores + LZ4_EXTRA_THREADS,
        (false, _) => cores + COMPRESSED_EXTRA_THREADS,
    };
    settings.threads.unwrap_or_else(|| forms.iter().map(of_form).max().unwrap_or(1))
}

/// What goes with the buffer of a slab.
fn slab_bytes(layout: &Layout) -> u64 {
    let planes = (layout.planes() as u64).saturating_mul(PLANE_BYTES);
    SLAB_BYTES.saturating_add(planes).saturating_add(layout.most_jobs().saturating_mul(JOB_BYTES))
}

/// Shards that are open at once, and shards of the whole run; 0 where an engine takes whole ones or there are none.
fn shards(router: &Router, geometry: &Geometry, layout: &Layout, depth: &Depth) -> (u64, u64) {
    let (StorageUnit::Chunk, Some(_)) = (layout.unit(), geometry.shard()) else { return (0, 0) };
    let planes = depth.in_full(&geometry.index_part(&geometry.object()));
    let ever = counted_ever(router, &planes).unwrap_or(u64::MAX);
    let of_frame = layout.shards_of_frame();
    (counted_open(router, &planes).saturating_mul(of_frame), ever.saturating_mul(of_frame))
}

/// Bytes of one open shard.
fn shard_bytes(settings: &Settings, geometry: &Geometry, layout: &Layout) -> u64 {
    let partly_shown = settings.compression.is_verbatim() && layout.planes() > 1;
    let entry = ENTRY_BYTES + if partly_shown { PLACE_BYTES } else { 0 };
    let frames = match settings.durability {
        Durability::Shard => {
            let planes: u64 = geometry.index_part(&geometry.object()).iter().product();
            planes.saturating_mul(DURABLE_FRAME_BYTES) / layout.shards_of_frame()
        }
        Durability::Finish | Durability::None => 0,
    };
    SHARD_BYTES.saturating_add(geometry.chunks_per_shard().saturating_mul(entry)).saturating_add(frames)
}

/// Sets of `planes` along the index dimensions that are open at once: everything inside the outermost loop that gathers
/// several planes in one set.
///
/// One iteration of that loop runs through all faster loops, so each of their sets is open until its last iteration.
fn counted_open(router: &Router, planes: &StorageIndex) -> u64 {
    let gathered = |each: &Loop| each.storage_axis.map_or(1, |axis| planes[axis]);
    let loops = router.loops();
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
fn counted_ever(router: &Router, planes: &StorageIndex) -> Option<u64> {
    router
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
fn scratch_bytes(settings: &Settings, geometry: &Geometry, layout: &Layout) -> u64 {
    // The index of a shard, and the blocks in which it is written.
    let index = geometry.chunks_per_shard().saturating_mul(2 * ENTRY_BYTES);
    if settings.compression.is_verbatim() {
        return index.saturating_add(64 << 10);
    }
    let job = layout.job_bytes() as u64;
    let chunk = geometry.chunk().iter().product::<u64>().saturating_mul(geometry.item_size() as u64);
    let checksums = settings.compression.checksum.map_or(0, |_| job / chunk.max(1) * checksum::BYTES as u64);
    job.saturating_mul(2)
        .saturating_add(job / 8)
        .saturating_add(checksums)
        .saturating_add(codec_state(settings.compression, chunk))
        .saturating_add(index)
}

/// Most bytes that a codec itself takes for chunks of `chunk` bytes.
fn codec_state(compression: Compression, chunk: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    // zstd's tables grow with the chunk, up to a size for each level (`ZSTD_estimateCCtxSize` of zstd 1.5.7 at all
    // levels and powers of two).
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
        // Blosc (1.21) cuts chunks in blocks of at most 1 MiB, keeps one shuffled beside one more, and doubles the
        // level.
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
        let plan =
            crate::Plan::new(&settings, &crate::plan::Capabilities::taking(StorageUnit::Chunk)).expect("a valid plan");
        (plan.memory().threads, plan.memory().scratch_bytes)
    }

    /// Figures of `ZSTD_estimateCCtxSize_usingCParams(ZSTD_getCParams(level, size, 0))`, zstd 1.5.7, in tenths of a
    /// MiB.
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
    fn scratch_counts_writes_and_codec_state() {
        let (threads, scratch) = threads_and_scratch("t:20:1:10,y:2048:512:4,x:2048:512:4", Codec::Zstd, 19);
        assert_eq!(threads, 1);
        // A worker and the live reader, each: two jobs of 2 MiB and an eighth, the tables for 512 KiB, the
        // index of 160 chunks twice.
        assert_eq!(scratch, 2 * ((4 << 20) + (256 << 10) + (10 << 20) + 160 * 32));
    }
}
