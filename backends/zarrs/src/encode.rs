//! Pixels of a chunk -> bytes as they are stored: what zarrs' codec chain makes of them.

use std::borrow::Cow;
use std::num::NonZeroU64;

use ome_stream::Result;
use ome_stream::plan::Form;
use ome_stream::zarr::{Chain, Codec, checksum};
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
    /// All of them but the checksum.
    chain: CodecChain,
    /// True where a checksum stands behind each chunk.
    summed: bool,
    shape: Vec<NonZeroU64>,
    data_type: DataType,
    fill_value: FillValue,
    /// What zarrs encodes with; `None` where it encodes nothing.
    options: Option<CodecOptions>,
    /// The same without zarrs, where that saves something.
    direct: Option<Direct>,
    /// True where no codec changes the pixels as they lie in memory.
    untouched: bool,
    workspaces: Spares<Workspace>,
}

/// What is kept from chunk to chunk by whoever encodes: memory for one encoded chunk, and the codec's context.
#[derive(Default)]
pub(crate) struct Workspace {
    memory: Vec<u8>,
    context: Context,
    /// For a chunk and its checksum, where they are wanted in one piece.
    whole: Vec<u8>,
}

/// A chunk as it is stored.
pub(crate) struct Encoded<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// What stands behind the bytes.
    pub(crate) checksum: Option<[u8; checksum::BYTES]>,
}

impl Encoded<'_> {
    /// Bytes of it in the store.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len() + self.checksum.map_or(0, |checksum| checksum.len())
    }
}

impl Encoder {
    pub(crate) fn new(form: &Form) -> Result<Self> {
        let data_type = MetadataV3::new(form.dtype().name());
        let (codecs, summed) = without_checksum(form.codecs());
        let direct = Direct::of(&codecs);
        // Of a chunk with a checksum, what stands in front of it.
        let untouched = matches!(codecs.0.as_slice(), [Codec::Bytes { .. }]) && cfg!(target_endian = "little");
        // What will be needed is made now: a worker could only fail with it.
        let options = if untouched || direct.is_some() { None } else { Some(options::options()?) };
        Ok(Self {
            chain: array::metadata(&codecs)
                .map_err(engine)
                .and_then(|codecs| CodecChain::from_metadata(&codecs).map_err(engine))?,
            shape: form.geometry().chunk().iter().copied().filter_map(NonZeroU64::new).collect(),
            data_type: DataType::from_metadata(&data_type).map_err(engine)?,
            fill_value: FillValue::new(vec![0; form.dtype().size()]),
            direct,
            untouched,
            summed,
            options,
            workspaces: Spares::default(),
        })
    }

    /// True where chunks are stored as they lie in memory.
    pub(crate) fn is_identity(&self) -> bool {
        self.untouched && !self.summed
    }

    /// Bytes of the checksums behind so many chunks.
    pub(crate) fn checksum_bytes(&self, chunks: usize) -> usize {
        if self.summed { chunks * checksum::BYTES } else { 0 }
    }

    /// A workspace with memory for a chunk of `length` bytes; waits for one where there is no memory for more.
    pub(crate) fn workspace(&self, length: usize) -> Result<Spare<'_, Workspace>> {
        self.workspaces.take(|workspace| self.ready(workspace, length))
    }

    /// As [`Encoder::workspace`], for [`Encoder::encode_whole`].
    pub(crate) fn workspace_for_whole(&self, length: usize) -> Result<Spare<'_, Workspace>> {
        let most = self.direct.as_ref().map_or(length, |direct| direct.bound(length)) + checksum::BYTES;
        self.workspaces.take(|workspace| {
            self.ready(workspace, length)?;
            if self.summed { grow(&mut workspace.whole, most, PURPOSE) } else { Ok(()) }
        })
    }

    fn ready(&self, workspace: &mut Workspace, length: usize) -> Result<()> {
        match &self.direct {
            _ if self.untouched => Ok(()),
            Some(direct) => grow(&mut workspace.memory, direct.bound(length), PURPOSE),
            // zarrs takes what it needs by itself: a copy of the chunk that doubles as it grows.
            None => ask(length.saturating_mul(2).saturating_add(BESIDE_A_CHUNK), PURPOSE),
        }
    }

    /// Encodes one chunk, `pixels` in native byte order.
    pub(crate) fn encode<'a>(&self, pixels: &'a [u8], workspace: &'a mut Workspace) -> Result<Encoded<'a>> {
        let Workspace { memory, context, .. } = workspace;
        self.encode_with(pixels, memory, context)
    }

    /// As [`Encoder::encode`], with the checksum directly behind the bytes.
    pub(crate) fn encode_whole<'a>(&self, pixels: &'a [u8], workspace: &'a mut Workspace) -> Result<Cow<'a, [u8]>> {
        let Workspace { memory, context, whole } = workspace;
        let Encoded { bytes, checksum } = self.encode_with(pixels, memory, context)?;
        let Some(checksum) = checksum else { return Ok(bytes) };
        let length = bytes.len() + checksum.len();
        grow(whole, length, PURPOSE)?;
        let (front, behind) = whole[..length].split_at_mut(bytes.len());
        front.copy_from_slice(&bytes);
        behind.copy_from_slice(&checksum);
        Ok(Cow::Borrowed(&whole[..length]))
    }

    fn encode_with<'a>(&self, pixels: &'a [u8], memory: &'a mut Vec<u8>, context: &mut Context) -> Result<Encoded<'a>> {
        let bytes = self.compress(pixels, memory, context)?;
        let checksum = self.summed.then(|| checksum::of(&bytes));
        Ok(Encoded { bytes, checksum })
    }

    /// All codecs but the checksum.
    fn compress<'a>(&self, pixels: &'a [u8], memory: &'a mut Vec<u8>, context: &mut Context) -> Result<Cow<'a, [u8]>> {
        if self.untouched {
            return Ok(Cow::Borrowed(pixels));
        }
        let Some(direct) = &self.direct else {
            let bytes = ArrayBytes::new_flen(Cow::Borrowed(pixels));
            let options = self.options.map_or_else(options::options, Ok)?;
            return self.chain.encode(bytes, &self.shape, &self.data_type, &self.fill_value, &options).map_err(engine);
        };
        let room = direct.bound(pixels.len());
        grow(memory, room, PURPOSE)?;
        let target = &mut memory[..room];
        let length = direct.encode(context, pixels, target)?;
        Ok(Cow::Borrowed(&target[..length]))
    }

    /// Decodes what [`Encoder::encode`] made with [`options::options`]; the message says what is wrong with it.
    pub(crate) fn decode(&self, mut stored: Vec<u8>, options: &CodecOptions) -> Result<Vec<u8>, String> {
        if self.summed {
            let front = checksum::checked(&stored).ok_or("the checksum of a chunk is wrong")?.len();
            stored.truncate(front);
        }
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

/// A chain without the checksum behind all else, and whether there was one.
fn without_checksum(Chain(mut codecs): Chain) -> (Chain, bool) {
    let summed = codecs.pop_if(|last| *last == Codec::Crc32c).is_some();
    (Chain(codecs), summed)
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
