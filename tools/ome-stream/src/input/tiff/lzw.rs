//! LZW: strips and tiles are unpacked before the decoder of TIFF sees them.
//!
//! Its own way of calling the unpacker takes the end of the bytes for the end of the pixels, although some are left in
//! the unpacker's hands: one good tile in a hundred was called cut off.

use std::io::{Read, Seek};

use weezl::decode::Configuration;
use weezl::{BitOrder, LzwStatus};

use super::directory::Tags;
use super::page_layout::PageLayout;
use super::segments::{Segments, plain_counts};

/// Bytes of pixels to a byte of the file, at most: a code of 12 bits stands for up to 3837 bytes.
const MAX_RATIO: u64 = 1 << 12;

/// Strips or tiles without compression, and all their bytes.
pub struct Unpacked {
    pub offsets: Vec<u64>,
    pub counts: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// Unpacks the strips or tiles of sample `sample` of a planar page, or all of another.
///
/// # Errors
/// Which of them is damaged or too short.
pub fn unpack<R: Read + Seek>(
    tags: &mut Tags<R>,
    layout: &PageLayout,
    segments: &Segments,
    sample: u16,
) -> Result<Unpacked, String> {
    let sweep = usize::try_from(layout.segments()).unwrap_or(usize::MAX);
    let from = if layout.planar { sweep.saturating_mul(usize::from(sample)) } else { 0 };
    let counts: Vec<u64> = plain_counts(layout).into_iter().skip(from).take(sweep).collect();
    let whole = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count)).unwrap_or(u64::MAX);
    if whole / MAX_RATIO > tags.length() {
        return Err(format!("its strips or tiles would have {whole} bytes, which LZW does not pack into the file"));
    }
    let mut bytes = Vec::new();
    usize::try_from(whole)
        .ok()
        .and_then(|whole| bytes.try_reserve_exact(whole).ok())
        .ok_or_else(|| format!("there is no memory for its {whole} bytes"))?;
    let mut offsets = Vec::with_capacity(counts.len());
    for (nth, ((place, packed), count)) in segments.places().skip(from).zip(&counts).enumerate() {
        let start = bytes.len();
        offsets.push(start as u64);
        bytes.resize(start + *count as usize, 0);
        let mut input = tags.bytes_at(place, packed).map_err(|broken| match broken {
            super::directory::Broken::End => "the file ends before its end".to_owned(),
            broken => broken.to_string(),
        })?;
        if layout.reversed {
            input.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        let into = bytes.get_mut(start..).unwrap_or_default();
        let got =
            unpack_one(&input, into).map_err(|problem| format!("its strip or tile {nth} is damaged: {problem}"))?;
        if got < *count {
            return Err(format!("its strip or tile {nth} ends after {got} of {count} bytes"));
        }
    }
    if offsets.len() < sweep {
        return Err("its strips or tiles are not where they should be".to_owned());
    }
    Ok(Unpacked { offsets, counts, bytes })
}

/// Fills `into` as far as the input goes; returns how far. What comes after is not looked at, as in libtiff.
fn unpack_one(mut input: &[u8], into: &mut [u8]) -> Result<u64, String> {
    let switch = Configuration::with_tiff_size_switch(BitOrder::Msb, 8).with_yield_on_full_buffer(true);
    let mut unpacker = switch.build();
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let step = unpacker.decode_bytes(input, rest);
        input = input.get(step.consumed_in..).unwrap_or_default();
        filled += step.consumed_out;
        match step.status.map_err(|problem| problem.to_string())? {
            LzwStatus::Done => break,
            // The status says nothing of bytes that were held back and came now.
            _ if step.consumed_in == 0 && step.consumed_out == 0 => break,
            _ => {}
        }
    }
    Ok(filled as u64)
}
