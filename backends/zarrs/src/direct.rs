//! The C libraries inside zarrs' `blosc` and `zstd` codecs, called straight: into memory and with a context that the
//! caller keeps from chunk to chunk. zarrs makes both anew for each chunk. The bytes are the same.

use std::ffi::c_int;

use ome_stream::Result;
use ome_stream::zarr::{Blosc, Chain, Codec, Endian};
use zstd::bulk::Compressor;

use crate::error::engine;

/// A compressor, as array metadata declare it.
#[derive(Debug)]
pub(crate) enum Direct {
    Blosc { level: c_int, shuffle: c_int, item: usize, block: usize, compressor: &'static [u8] },
    Zstd { level: i32, checksum: bool },
}

/// The context of [`Direct::Zstd`]; blosc has none that could be kept.
pub(crate) type Context = Option<Compressor<'static>>;

impl Direct {
    /// The compressor of a chain that does nothing else to a chunk; `None` for any other chain.
    pub(crate) fn of(codecs: &Chain) -> Option<Self> {
        let [Codec::Bytes { endian: None | Some(Endian::Little) }, compressor] = codecs.0.as_slice() else {
            return None;
        };
        // Elsewhere `bytes` has something to do.
        if cfg!(not(target_endian = "little")) {
            return None;
        }
        match compressor {
            Codec::Blosc(blosc) => Self::blosc(blosc),
            Codec::Zstd(zstd) => Some(Self::Zstd { level: zstd.level, checksum: zstd.checksum.unwrap_or(false) }),
            _ => None,
        }
    }

    fn blosc(blosc: &Blosc) -> Option<Self> {
        let compressor: &[u8] = match blosc.cname.as_str() {
            "lz4" => blosc_src::BLOSC_LZ4_COMPNAME,
            "zstd" => blosc_src::BLOSC_ZSTD_COMPNAME,
            _ => return None,
        };
        Some(Self::Blosc {
            level: blosc.clevel,
            shuffle: blosc.shuffle as c_int,
            item: usize::try_from(blosc.typesize?).ok()?.max(1),
            block: usize::try_from(blosc.blocksize?).ok()?,
            compressor,
        })
    }

    /// Room that encoding `length` bytes takes at most.
    pub(crate) fn bound(&self, length: usize) -> usize {
        match self {
            Self::Blosc { .. } => length.saturating_add(blosc_src::BLOSC_MAX_OVERHEAD as usize),
            Self::Zstd { .. } => zstd::zstd_safe::compress_bound(length),
        }
    }

    /// Encodes `pixels` to the start of `target`, which has room for [`Self::bound`]. Returns the length.
    pub(crate) fn encode(&self, context: &mut Context, pixels: &[u8], target: &mut [u8]) -> Result<usize> {
        match self {
            Self::Blosc { level, shuffle, item, block, compressor } => {
                // SAFETY: source and target are slices of the lengths that are given and cannot overlap; the name ends
                // with a zero byte; the call is documented as safe for any of these numbers and from several threads.
                let length = unsafe {
                    blosc_src::blosc_compress_ctx(
                        *level,
                        *shuffle,
                        *item,
                        pixels.len(),
                        pixels.as_ptr().cast(),
                        target.as_mut_ptr().cast(),
                        target.len(),
                        compressor.as_ptr().cast(),
                        *block,
                        1,
                    )
                };
                match usize::try_from(length) {
                    Ok(length) if length > 0 => Ok(length),
                    _ => Err(engine(format!("blosc cannot encode a chunk of {} bytes: {length}", pixels.len()))),
                }
            }
            Self::Zstd { level, checksum } => {
                let compressor = match context {
                    Some(kept) => kept,
                    None => context.insert(compressor(*level, *checksum).map_err(engine)?),
                };
                compressor.compress_to_buffer(pixels, target).map_err(engine)
            }
        }
    }
}

fn compressor(level: i32, checksum: bool) -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.include_checksum(checksum)?;
    Ok(compressor)
}
