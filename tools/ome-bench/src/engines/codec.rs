//! The codec alone: every chunk encoded by the codec chain that arrays of this workload have, on all cores, and nothing
//! written. What no engine with this codec can exceed.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use ome_stream::buffer::{AlignedBuffer, lay_out};
use zarrs::array::{ArrayBytes, ArrayToBytesCodecTraits, CodecChain, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use super::{Engine, Job, Role};
use crate::frames::Frames;
use crate::measure::{Run, cores, race};
use crate::workload::Workload;

/// Most bytes of chunks that are laid out beforehand and encoded in turn.
const MOST_BYTES: usize = 128 << 20;

/// The codec of one workload.
pub struct Codec {
    chain: CodecChain,
    data_type: DataType,
    fill_value: FillValue,
    chunk_shape: Vec<NonZeroU64>,
    slabs: Vec<AlignedBuffer>,
    chunk_bytes: usize,
    chunks_per_slab: usize,
}

impl Codec {
    /// Lays out chunks.
    pub fn new(workload: &Workload, frames: &Frames) -> Result<Self> {
        let form = &workload.plan().forms()[0];
        let layout = form.layout();
        let codecs: Vec<MetadataV3> = serde_json::from_value(form.codecs().json())?;
        let data_type: MetadataV3 = serde_json::from_value(form.document(None).data_type.json())?;
        let wanted = chunks(workload).div_ceil(layout.units());
        let fitting = (MOST_BYTES / layout.buffer_bytes().max(1)).max(1);
        let slabs = (0..wanted.min(fitting))
            .map(|slab| {
                let mut buffer = AlignedBuffer::zeroed(layout.buffer_bytes(), "chunks to encode")?;
                for slot in 0..layout.planes() {
                    let number = slab * layout.planes() + slot;
                    lay_out(layout, frames.frame(number as u64), slot, &mut buffer);
                }
                Ok(buffer)
            })
            .collect::<ome_stream::Result<_>>()?;
        Ok(Self {
            chain: CodecChain::from_metadata(&codecs)?,
            data_type: DataType::from_metadata(&data_type)?,
            fill_value: FillValue::new(vec![0; form.dtype().size()]),
            chunk_shape: layout.unit_shape().filter_map(NonZeroU64::new).collect(),
            slabs,
            chunk_bytes: layout.unit_bytes(),
            chunks_per_slab: layout.units(),
        })
    }

    /// Encodes chunk `number`; returns its encoded length.
    fn encode(&self, slabs: &[&[u8]], number: usize) -> Result<u64> {
        let start = number % self.chunks_per_slab * self.chunk_bytes;
        let bytes = slabs
            .get(number / self.chunks_per_slab % slabs.len().max(1))
            .and_then(|slab| slab.get(start..start + self.chunk_bytes))
            .ok_or_else(|| anyhow!("chunk {number} was not laid out"))?;
        let bytes = ArrayBytes::new_flen(Cow::Borrowed(bytes));
        let options = CodecOptions::default().with_concurrent_target(1);
        let encoded = self.chain.encode(bytes, &self.chunk_shape, &self.data_type, &self.fill_value, &options)?;
        Ok(encoded.len() as u64)
    }
}

impl Engine for Codec {
    fn name(&self) -> &str {
        "codec"
    }

    fn role(&self) -> Role {
        Role::Limit
    }

    fn version(&self) -> Option<String> {
        Some(format!("the codec alone on {} thread(s), nothing written", cores()))
    }

    fn durability(&self, _workload: &Workload) -> &'static str {
        "-"
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        let mut slabs = std::mem::take(&mut self.slabs);
        let slices: Vec<&[u8]> = slabs.iter_mut().map(|slab| &*slab.as_mut_slice()).collect();
        let stored = AtomicU64::new(0);
        let encode = |number| {
            stored.fetch_add(self.encode(&slices, number)?, Ordering::Relaxed);
            Ok(())
        };
        let write = race(cores(), chunks(job.workload), encode, || Ok(()));
        self.slabs = slabs;
        Ok(Run::of_limit(write?, stored.into_inner()))
    }
}

/// Chunks of all positions.
fn chunks(workload: &Workload) -> usize {
    let geometry = workload.plan().geometry();
    let axes = geometry.shape().iter().zip(geometry.chunk());
    axes.map(|(extent, chunk)| extent.div_ceil(*chunk)).product::<u64>() as usize * workload.plan().positions().len()
}
