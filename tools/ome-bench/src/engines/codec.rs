//! The codec alone: every chunk encoded by the codec chain that the native engine declares, on all cores, and nothing
//! written. What no engine with this codec can exceed.

use std::borrow::Cow;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use ome_stream::Stream;
use ome_stream::buffer::{AlignedBuffer, lay_out};
use serde_json::Value;
use zarrs::array::{ArrayBytes, ArrayToBytesCodecTraits, CodecChain, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use super::{Engine, Job, Role};
use crate::frames::Frames;
use crate::measure::Run;
use crate::workload::Workload;

/// Most bytes of chunks that are laid out beforehand and encoded in turn.
const MOST_BYTES: usize = 128 << 20;

/// The codec of one workload.
pub struct Codec {
    chain: CodecChain,
    data_type: DataType,
    fill_value: FillValue,
    chunk_shape: Vec<NonZeroU64>,
    groups: Vec<AlignedBuffer>,
    chunk_bytes: usize,
    chunks_per_group: usize,
    chunks: u64,
    threads: usize,
    name: String,
}

impl Codec {
    /// Lays out chunks and reads the codec chain from an empty store that the native engine makes in `folder`.
    pub fn new(workload: &Workload, frames: &Frames, folder: &Path) -> Result<Self> {
        let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
        let settings = workload.settings_in(folder, ome_stream_backends::DEFAULT);
        let stream = Stream::create(&settings, &*backend)?;
        let path = stream.plan().array_path(0, 0).join("zarr.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        stream.finish()?;
        let declared = Declared::read(&text)?;

        let plan = workload.plan();
        let layout = plan.forms()[0].layout();
        let chunk = plan.geometry().chunk();
        let per_position: u64 =
            plan.geometry().shape().iter().zip(chunk).map(|(extent, chunk)| extent.div_ceil(*chunk)).product();
        let chunks = per_position * plan.positions().len() as u64;
        let wanted = chunks.div_ceil(layout.units() as u64) as usize;
        let fitting = (MOST_BYTES / layout.buffer_bytes().max(1)).max(1);
        let groups = (0..wanted.min(fitting))
            .map(|group| {
                let mut buffer = AlignedBuffer::zeroed(layout.buffer_bytes(), "chunks to encode")?;
                for slot in 0..layout.planes() {
                    let number = group * layout.planes() + slot;
                    lay_out(layout, frames.frame(number as u64), slot, &mut buffer);
                }
                Ok(buffer)
            })
            .collect::<ome_stream::Result<_>>()?;
        Ok(Self {
            chain: declared.chain,
            data_type: declared.data_type,
            fill_value: FillValue::new(vec![0; plan.dtype().size()]),
            chunk_shape: layout.unit_shape().filter_map(NonZeroU64::new).collect(),
            groups,
            chunk_bytes: layout.unit_bytes(),
            chunks_per_group: layout.units(),
            chunks,
            threads: thread::available_parallelism().map_or(1, std::num::NonZero::get),
            name: "codec".into(),
        })
    }

    /// Encodes chunk `number`; returns its encoded length.
    fn encode(&self, groups: &[&[u8]], number: u64, options: &CodecOptions) -> Result<u64> {
        let (group, nth) = (number / self.chunks_per_group as u64, number % self.chunks_per_group as u64);
        let start = nth as usize * self.chunk_bytes;
        let bytes = groups
            .get((group % groups.len().max(1) as u64) as usize)
            .and_then(|group| group.get(start..start + self.chunk_bytes))
            .ok_or_else(|| anyhow!("chunk {number} was not laid out"))?;
        let bytes = ArrayBytes::new_flen(Cow::Borrowed(bytes));
        let encoded = self.chain.encode(bytes, &self.chunk_shape, &self.data_type, &self.fill_value, options)?;
        Ok(encoded.len() as u64)
    }
}

impl Engine for Codec {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        Role::Limit
    }

    fn version(&self) -> Option<String> {
        Some(format!("the codec alone on {} thread(s), nothing written", self.threads))
    }

    fn durability(&self, _workload: &Workload) -> &'static str {
        "-"
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        let mut groups = std::mem::take(&mut self.groups);
        let slices: Vec<&[u8]> = groups.iter_mut().map(|group| &*group.as_mut_slice()).collect();
        let chunks = self.chunks_of(job.workload);
        let (next, stored) = (AtomicU64::new(0), AtomicU64::new(0));
        let (ready, clock) = (Barrier::new(self.threads), OnceLock::new());
        let work = || -> Result<()> {
            let options = CodecOptions::default().with_concurrent_target(1);
            ready.wait();
            // By whichever thread goes first: one that comes late, on a busy core, may find everything encoded.
            clock.get_or_init(Instant::now);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= chunks {
                    return Ok(());
                }
                stored.fetch_add(self.encode(&slices, number, &options)?, Ordering::Relaxed);
            }
        };
        let (outcome, write) = thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            let outcome = workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a codec thread panicked")));
            (outcome, clock.get().map_or(0.0, |clock: &Instant| clock.elapsed().as_secs_f64()))
        });
        drop(slices);
        self.groups = groups;
        outcome?;
        Ok(Run::of_limit(write, stored.into_inner()))
    }
}

impl Codec {
    /// Chunks of `workload`, which may be shorter than the one that this was made for.
    fn chunks_of(&self, workload: &Workload) -> u64 {
        let geometry = workload.plan().geometry();
        let per_position: u64 =
            geometry.shape().iter().zip(geometry.chunk()).map(|(extent, chunk)| extent.div_ceil(*chunk)).product();
        (per_position * workload.plan().positions().len() as u64).min(self.chunks)
    }
}

/// What the metadata of an array say about its chunks.
struct Declared {
    chain: CodecChain,
    data_type: DataType,
}

impl Declared {
    /// Reads `zarr.json`; with shards, the codecs inside them.
    fn read(text: &str) -> Result<Self> {
        let array: Value = serde_json::from_str(text)?;
        let codecs = array.get("codecs").ok_or_else(|| anyhow!("array metadata without codecs"))?;
        let inner = codecs
            .as_array()
            .and_then(|list| list.iter().find(|codec| codec["name"] == "sharding_indexed"))
            .and_then(|sharding| sharding.pointer("/configuration/codecs"));
        let codecs: Vec<MetadataV3> = serde_json::from_value(inner.unwrap_or(codecs).clone())?;
        let data_type: MetadataV3 = serde_json::from_value(array.get("data_type").cloned().unwrap_or_default())?;
        Ok(Self { chain: CodecChain::from_metadata(&codecs)?, data_type: DataType::from_metadata(&data_type)? })
    }
}
