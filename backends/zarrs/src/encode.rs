//! Pixels of a chunk -> bytes as they are stored: what zarrs' codec chain makes of them.

use std::borrow::Cow;
use std::num::NonZeroU64;

use ome_stream::Result;
use ome_stream::plan::Form;
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;
use zarrs::array::{ArrayBytes, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use crate::array;
use crate::direct::{Context, Direct};
use crate::error::engine;
use crate::options;
use crate::spares::{Spare, Spares, ask, grow};

/// What memory is asked for here.
const PURPOSE: &str = "encoding a chunk";

/// Bytes of its own that a codec takes at most for a chunk, beside a copy.
const BESIDE_A_CHUNK: usize = 1 << 20;

/// The codecs of a form of array; shared by all workers.
pub(crate) struct Encoder {
    chain: CodecChain,
    shape: Vec<NonZeroU64>,
    data_type: DataType,
    fill_value: FillValue,
    /// What zarrs encodes with; `None` where it encodes nothing.
    options: Option<CodecOptions>,
    /// The same without zarrs, where that saves something.
    direct: Option<Direct>,
    /// True where what lies in memory is what is stored.
    identity: bool,
    workspaces: Spares<Workspace>,
}

/// What is kept from chunk to chunk by whoever encodes: memory for one encoded chunk, and the codec's context.
#[derive(Default)]
pub(crate) struct Workspace {
    memory: Vec<u8>,
    context: Context,
}

impl Encoder {
    pub(crate) fn new(form: &Form) -> Result<Self> {
        let data_type = MetadataV3::new(form.dtype().name());
        let codecs = form.codecs();
        let direct = Direct::of(&codecs);
        let identity = form.is_uncompressed() && cfg!(target_endian = "little");
        // What will be needed is made now: a worker could only fail with it.
        let options = if identity || direct.is_some() { None } else { Some(options::options()?) };
        Ok(Self {
            chain: array::metadata(&codecs)
                .map_err(engine)
                .and_then(|codecs| CodecChain::from_metadata(&codecs).map_err(engine))?,
            shape: form.geometry().chunk().iter().copied().filter_map(NonZeroU64::new).collect(),
            data_type: DataType::from_metadata(&data_type).map_err(engine)?,
            fill_value: FillValue::new(vec![0; form.dtype().size()]),
            direct,
            identity,
            options,
            workspaces: Spares::default(),
        })
    }

    /// True where chunks are stored as they lie in memory.
    pub(crate) fn is_identity(&self) -> bool {
        self.identity
    }

    /// A workspace with memory for a chunk of `length` bytes; waits for one where there is no memory for more.
    pub(crate) fn workspace(&self, length: usize) -> Result<Spare<'_, Workspace>> {
        self.workspaces.take(|workspace| self.ready(workspace, length))
    }

    fn ready(&self, workspace: &mut Workspace, length: usize) -> Result<()> {
        match &self.direct {
            _ if self.identity => Ok(()),
            Some(direct) => grow(&mut workspace.memory, direct.bound(length), PURPOSE),
            // zarrs takes what it needs by itself: a copy of the chunk that doubles as it grows.
            None => ask(length.saturating_mul(2).saturating_add(BESIDE_A_CHUNK), PURPOSE),
        }
    }

    /// Encodes one chunk, `pixels` in native byte order.
    pub(crate) fn encode<'a>(&self, pixels: &'a [u8], workspace: &'a mut Workspace) -> Result<Cow<'a, [u8]>> {
        if self.identity {
            return Ok(Cow::Borrowed(pixels));
        }
        let Some(direct) = &self.direct else {
            let bytes = ArrayBytes::new_flen(Cow::Borrowed(pixels));
            let options = self.options.map_or_else(options::options, Ok)?;
            return self.chain.encode(bytes, &self.shape, &self.data_type, &self.fill_value, &options).map_err(engine);
        };
        let room = direct.bound(pixels.len());
        grow(&mut workspace.memory, room, PURPOSE)?;
        let target = &mut workspace.memory[..room];
        let length = direct.encode(&mut workspace.context, pixels, target)?;
        Ok(Cow::Borrowed(&target[..length]))
    }

    /// Decodes what [`Encoder::encode`] made with [`options::options`]; the message says what is wrong with it.
    pub(crate) fn decode(&self, stored: Vec<u8>, options: &CodecOptions) -> Result<Vec<u8>, String> {
        let pixels: usize = self.shape.iter().map(|each| each.get() as usize).product();
        ask(pixels.saturating_mul(self.fill_value.size()).saturating_add(BESIDE_A_CHUNK), PURPOSE)
            .map_err(|error| error.to_string())?;
        let pixels = self
            .chain
            .decode(Cow::Owned(stored), &self.shape, &self.data_type, &self.fill_value, options)
            .map_err(|error| error.to_string())?;
        Ok(pixels.into_fixed().map_err(|error| error.to_string())?.into_owned())
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
