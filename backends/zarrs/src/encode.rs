//! Pixels of a chunk -> bytes as they are stored, by zarrs' codec chain.

use std::borrow::Cow;
use std::num::NonZeroU64;

use ome_stream::{Plan, Result};
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;
use zarrs::array::{ArrayBytes, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use crate::array::{codecs, engine};

/// The codec chain of a plan; shared by all workers.
#[derive(Debug)]
pub(crate) struct Encoder {
    chain: CodecChain,
    shape: Vec<NonZeroU64>,
    data_type: DataType,
    fill_value: FillValue,
    options: CodecOptions,
    /// True where what lies in memory is what is stored.
    identity: bool,
}

impl Encoder {
    pub(crate) fn new(plan: &Plan) -> Result<Self> {
        let metadata: MetadataV3 = serde_json::from_value(plan.dtype().name().into()).map_err(engine)?;
        Ok(Self {
            chain: CodecChain::from_metadata(&codecs(plan)?).map_err(engine)?,
            shape: plan.geometry().chunk().iter().copied().filter_map(NonZeroU64::new).collect(),
            data_type: DataType::from_metadata(&metadata).map_err(engine)?,
            fill_value: FillValue::new(vec![0; plan.dtype().size()]),
            // Our workers are the parallelism.
            options: CodecOptions::default().with_concurrent_target(1),
            identity: plan.is_uncompressed() && cfg!(target_endian = "little"),
        })
    }

    /// True where chunks are stored as they lie in memory.
    pub(crate) fn is_identity(&self) -> bool {
        self.identity
    }

    /// Encodes one chunk, `pixels` in native byte order.
    pub(crate) fn encode<'a>(&self, pixels: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        if self.identity {
            return Ok(Cow::Borrowed(pixels));
        }
        let bytes = ArrayBytes::new_flen(Cow::Borrowed(pixels));
        self.chain.encode(bytes, &self.shape, &self.data_type, &self.fill_value, &self.options).map_err(engine)
    }

    /// Decodes what [`Encoder::encode`] made; the message says what is wrong with it.
    pub(crate) fn decode(&self, stored: Vec<u8>) -> Result<Vec<u8>, String> {
        let pixels = self
            .chain
            .decode(Cow::Owned(stored), &self.shape, &self.data_type, &self.fill_value, &self.options)
            .map_err(|error| error.to_string())?;
        Ok(pixels.into_fixed().map_err(|error| error.to_string())?.into_owned())
    }
}
