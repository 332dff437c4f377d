//! Pixels of a chunk -> bytes as they are stored: what zarrs' codec chain makes of them.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ome_stream::{Plan, Result};
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;
use zarrs::array::{ArrayBytes, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use crate::array::{codecs, engine};
use crate::direct::{Context, Direct};

/// The codecs of a plan; shared by all workers.
pub(crate) struct Encoder {
    chain: CodecChain,
    shape: Vec<NonZeroU64>,
    data_type: DataType,
    fill_value: FillValue,
    options: CodecOptions,
    /// The same without zarrs, where that saves something.
    direct: Option<Direct>,
    /// True where what lies in memory is what is stored.
    identity: bool,
    /// Benches that nobody works at: altogether at most one for each thread that encodes at the same time.
    benches: Mutex<Vec<Bench>>,
}

/// What is kept from chunk to chunk by whoever encodes: memory for one encoded chunk, and the codec's context.
#[derive(Default)]
pub(crate) struct Bench {
    memory: Vec<u8>,
    context: Context,
}

impl Encoder {
    pub(crate) fn new(plan: &Plan) -> Result<Self> {
        let metadata: MetadataV3 = serde_json::from_value(plan.dtype().name().into()).map_err(engine)?;
        let codecs = codecs(plan)?;
        Ok(Self {
            chain: CodecChain::from_metadata(&codecs).map_err(engine)?,
            shape: plan.geometry().chunk().iter().copied().filter_map(NonZeroU64::new).collect(),
            data_type: DataType::from_metadata(&metadata).map_err(engine)?,
            fill_value: FillValue::new(vec![0; plan.dtype().size()]),
            // Our workers are the parallelism.
            options: CodecOptions::default().with_concurrent_target(1),
            direct: Direct::of(&codecs),
            identity: plan.is_uncompressed() && cfg!(target_endian = "little"),
            benches: Mutex::default(),
        })
    }

    /// True where chunks are stored as they lie in memory.
    pub(crate) fn is_identity(&self) -> bool {
        self.identity
    }

    /// A bench: the one that was put away last, which is most likely still in a cache.
    pub(crate) fn bench(&self) -> Bench {
        self.benches().pop().unwrap_or_default()
    }

    /// Keeps a bench for whoever encodes next.
    pub(crate) fn put_away(&self, bench: Bench) {
        self.benches().push(bench);
    }

    /// Encodes one chunk, `pixels` in native byte order.
    pub(crate) fn encode<'a>(&self, pixels: &'a [u8], bench: &'a mut Bench) -> Result<Cow<'a, [u8]>> {
        if self.identity {
            return Ok(Cow::Borrowed(pixels));
        }
        let Some(direct) = &self.direct else {
            let bytes = ArrayBytes::new_flen(Cow::Borrowed(pixels));
            return self
                .chain
                .encode(bytes, &self.shape, &self.data_type, &self.fill_value, &self.options)
                .map_err(engine);
        };
        let room = direct.bound(pixels.len());
        if bench.memory.len() < room {
            bench.memory.resize(room, 0);
        }
        let target = &mut bench.memory[..room];
        let length = direct.encode(&mut bench.context, pixels, target)?;
        Ok(Cow::Borrowed(&target[..length]))
    }

    /// Decodes what [`Encoder::encode`] made; the message says what is wrong with it.
    pub(crate) fn decode(&self, stored: Vec<u8>) -> Result<Vec<u8>, String> {
        let pixels = self
            .chain
            .decode(Cow::Owned(stored), &self.shape, &self.data_type, &self.fill_value, &self.options)
            .map_err(|error| error.to_string())?;
        Ok(pixels.into_fixed().map_err(|error| error.to_string())?.into_owned())
    }

    fn benches(&self) -> MutexGuard<'_, Vec<Bench>> {
        self.benches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
