//! Pixels of a page: the strips or tiles of the file, behind a directory that is made for the decoder.
//!
//! The decoder never sees the file's own directory. It gets one with the tags that were judged and nothing else, and so
//! takes pages that have none of their own, samples one by one, and pixels that it has no type for (as bytes).

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tiff::decoder::{Decoder, Limits};
use tiff::{TiffError, TiffFormatError};

use super::super::window::Window;
use super::codec;
use super::directory::Tags;
use super::lzw::{self, Unpacked};
use super::page_layout::{JPEG_TABLES, PageLayout};
use super::segments::Segments;

/// Most bytes of one strip or tile as it lies in the file, where a frame is smaller; else twice the frame.
const MIN_SEGMENT_LIMIT: usize = 128 << 20;

/// Decodes sample `sample` of a planar page, or all samples of another, into `into`: rows of pixels in the machine's
/// byte order, samples side by side.
///
/// # Errors
/// Why the pixels cannot be decoded.
pub fn decode<R: Read + Seek>(
    tags: &mut Tags<R>,
    layout: &PageLayout,
    segments: &Segments,
    sample: u16,
    scratch: &mut Vec<u8>,
    into: &mut [u8],
) -> Result<(), String> {
    if layout.compression == codec::LZW {
        let Unpacked { offsets, counts, bytes } = lzw::unpack(tags, layout, segments, sample)?;
        let segments = Segments { offsets, counts, jpeg_tables: None };
        let plain = PageLayout { compression: codec::NONE, reversed: false, ..*layout };
        let mut window = Window::new(Cursor::new(bytes)).map_err(|problem| problem.to_string())?;
        let head = head(tags.big_endian, &plain, &segments, 0)?;
        return shown(Seen { head: &head, file: &mut window, position: 0, reversed: false }, &plain, scratch, into);
    }
    let head = head(tags.big_endian, layout, segments, sample)?;
    let reversed = layout.reversed;
    shown(Seen { head: &head, file: tags.file(), position: 0, reversed }, layout, scratch, into)
}

/// Whether pixels are of parts of bytes, which the decoder sees as bytes.
fn packed(layout: &PageLayout) -> bool {
    !matches!(layout.page.bits, 8 | 16 | 32 | 64)
}

/// Makes sure that the decoder can be shown such a page.
///
/// # Errors
/// What is in the way, to be put behind "page N ".
pub fn check(layout: &PageLayout) -> Result<(), String> {
    let remedy = "convert the file with `tiffcp -s -c zip:p1 IN.tif OUT.tif`";
    Shown::of(layout).map(drop).map_err(|problem| format!("cannot be read: {problem}; {remedy}"))
}

fn shown<R: Read + Seek>(
    seen: Seen<'_, R>,
    layout: &PageLayout,
    scratch: &mut Vec<u8>,
    into: &mut [u8],
) -> Result<(), String> {
    let shown = Shown::of(layout)?;
    if !packed(layout) {
        return read(seen, into);
    }
    scratch.clear();
    let bytes = shown.columns as usize * layout.page.rows as usize;
    scratch.try_reserve_exact(bytes).map_err(|_| format!("there is no memory for its {bytes} bytes"))?;
    scratch.resize(bytes, 0);
    read(seen, scratch)?;
    let values = usize::from(if layout.planar { 1 } else { layout.page.samples }) * layout.page.columns as usize;
    let size = layout.page.dtype.size();
    let rows = scratch.chunks_exact((shown.columns as usize).max(1));
    for (row, into) in rows.zip(into.chunks_exact_mut((values * size).max(1))) {
        unpack(row, layout.page.bits, size, into);
    }
    Ok(())
}

fn read<R: Read + Seek>(seen: Seen<'_, R>, into: &mut [u8]) -> Result<(), String> {
    let mut limits = Limits::default();
    limits.intermediate_buffer_size = into.len().saturating_mul(2).max(MIN_SEGMENT_LIMIT);
    limits.ifd_value_size = limits.intermediate_buffer_size;
    guarded(|| Decoder::new(seen)?.with_limits(limits).read_image_bytes(into)).map_err(|problem| match problem {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the file ends before its end".to_owned()
        }
        problem => problem.to_string(),
    })
}

/// Runs the foreign decoder: a panic in it, which a damaged file may cause, is an error like any other.
fn guarded<T>(decode: impl FnOnce() -> Result<T, TiffError>) -> Result<T, TiffError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(TiffError::FormatError(TiffFormatError::CompressedDataCorrupt("the decoder gave up".into())))
    })
}

/// Numbers of `bits` bits, highest bit first, become numbers of `size` bytes.
fn unpack(row: &[u8], bits: u16, size: usize, into: &mut [u8]) {
    let (mut held, mut count) = (0u32, 0);
    let mut bytes = row.iter();
    for value in into.chunks_exact_mut(size) {
        while count < bits {
            held = held << 8 | u32::from(*bytes.next().unwrap_or(&0));
            count += 8;
        }
        count -= bits;
        let number = (held >> count) & ((1 << bits) - 1);
        held &= (1 << count) - 1;
        match value {
            [one] => *one = number as u8,
            value => value.copy_from_slice(&(number as u16).to_ne_bytes()),
        }
    }
}

/// The page as the decoder sees it.
struct Shown {
    columns: u32,
    bits: u16,
    format: u16,
    samples: u16,
    tile_columns: u32,
}

impl Shown {
    /// A page of packed pixels is shown as one of bytes.
    fn of(layout: &PageLayout) -> Result<Self, &'static str> {
        let samples = if layout.planar { 1 } else { layout.page.samples };
        let tile_columns = layout.tile.map_or(0, |(columns, _)| columns);
        if !packed(layout) {
            let (bits, format) = (layout.page.bits, layout.format);
            return Ok(Self { columns: layout.page.columns, bits, format, samples, tile_columns });
        }
        let too_wide = "its rows are too wide";
        let bytes = |columns: u32| {
            let bits = u64::from(columns) * u64::from(layout.page.bits) * u64::from(samples);
            u32::try_from(bits.div_ceil(8)).map_err(|_| too_wide)
        };
        let shown = |columns, tile_columns| Self { columns, bits: 8, format: 1, samples: 1, tile_columns };
        match layout.tile {
            None => Ok(shown(bytes(layout.page.columns)?, 0)),
            // Every row of a tile is padded to whole bytes, which then lie between its neighbors' pixels.
            Some((columns, _)) if u64::from(columns) * u64::from(layout.page.bits) * u64::from(samples) % 8 != 0 => {
                Err("its tiles have rows of parts of bytes")
            }
            Some((columns, _)) => {
                let across = layout.page.columns.div_ceil(columns);
                let tile = bytes(columns)?;
                Ok(shown(tile.checked_mul(across).ok_or(too_wide)?, tile))
            }
        }
    }
}

/// Tags of the made directory: number, type (3 short, 4 long, 16 long of 64 bits, 7 bytes), values.
enum Made<'a> {
    Number(u64),
    Shorts(u16, u64),
    Places(Vec<u64>),
    Bytes(&'a [u8]),
}

/// A BigTIFF header and a directory in the file's byte order; places in the file are moved behind it.
fn head(big_endian: bool, layout: &PageLayout, segments: &Segments, sample: u16) -> Result<Vec<u8>, String> {
    let shown = Shown::of(layout)?;
    let head = head_of(big_endian, layout, &shown, segments, sample);
    head.ok_or_else(|| "its strips or tiles are not where they should be".to_owned())
}

fn head_of(big_endian: bool, layout: &PageLayout, shown: &Shown, segments: &Segments, sample: u16) -> Option<Vec<u8>> {
    let sweep = usize::try_from(layout.segments()).ok()?;
    let from = if layout.planar { sweep.checked_mul(usize::from(sample))? } else { 0 };
    let offsets = segments.offsets.get(from..from.checked_add(sweep)?)?;
    let counts = segments.counts.get(from..from + sweep)?;
    let compression = match layout.compression {
        codec::OLD_ZSTD => codec::ZSTD,
        other => other,
    };
    let mut made = vec![
        (256, Made::Number(shown.columns.into())),
        (257, Made::Number(layout.page.rows.into())),
        (258, Made::Shorts(shown.bits, shown.samples.into())),
        (259, Made::Number(compression.into())),
        // Grey, or several samples of no meaning: nothing is converted.
        (262, Made::Number(1)),
        (277, Made::Number(shown.samples.into())),
        (284, Made::Number(1)),
        (317, Made::Number(layout.predictor.into())),
        (339, Made::Shorts(shown.format, shown.samples.into())),
    ];
    match layout.tile {
        None => made.extend([
            (273, Made::Places(offsets.to_vec())),
            (278, Made::Number(layout.strip_rows.into())),
            (279, Made::Places(counts.to_vec())),
        ]),
        Some((_, rows)) => made.extend([
            (322, Made::Number(shown.tile_columns.into())),
            (323, Made::Number(rows.into())),
            (324, Made::Places(offsets.to_vec())),
            (325, Made::Places(counts.to_vec())),
        ]),
    }
    if let Some(tables) = &segments.jpeg_tables {
        made.push((JPEG_TABLES, Made::Bytes(tables)));
    }
    made.sort_by_key(|(tag, _)| *tag);

    let directory = 16 + 8 + made.len() * 20 + 8;
    let values: usize = made
        .iter()
        .map(|(_, value)| match value {
            Made::Number(_) => 0,
            Made::Shorts(_, count) => *count as usize * 2,
            Made::Places(places) => places.len() * 8,
            Made::Bytes(bytes) => bytes.len(),
        })
        .sum();
    let length = (directory + values).next_multiple_of(8);
    let put = |number: u64, bytes: usize| -> Vec<u8> {
        let all = if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let part = if big_endian { all.get(8 - bytes..) } else { all.get(..bytes) };
        part.unwrap_or_default().to_vec()
    };
    let mut head = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    for (number, bytes) in [(43, 2), (8, 2), (0, 2), (16, 8), (made.len() as u64, 8)] {
        head.extend(put(number, bytes));
    }
    let mut behind: Vec<u8> = Vec::with_capacity(values);
    for (tag, value) in &made {
        let (kind, count, bytes) = match value {
            Made::Number(number) => (4, 1, put(*number, 4)),
            Made::Shorts(number, count) => (3, *count, put((*number).into(), 2).repeat(*count as usize)),
            Made::Places(places) => {
                let moved = |place: &u64| {
                    if matches!(tag, 273 | 324) { place.checked_add(length as u64) } else { Some(*place) }
                };
                let mut bytes = Vec::with_capacity(places.len() * 8);
                for place in places {
                    bytes.extend(put(moved(place)?, 8));
                }
                (16, places.len() as u64, bytes)
            }
            Made::Bytes(bytes) => (7, bytes.len() as u64, bytes.to_vec()),
        };
        head.extend(put(u64::from(*tag), 2));
        head.extend(put(kind, 2));
        head.extend(put(count, 8));
        if bytes.len() <= 8 {
            head.extend(bytes.iter().copied().chain(std::iter::repeat(0)).take(8));
        } else {
            head.extend(put((directory + behind.len()) as u64, 8));
            behind.extend(bytes);
        }
    }
    head.extend(put(0, 8));
    head.extend(behind);
    head.resize(length, 0);
    Some(head)
}

/// The made directory with the file behind it.
struct Seen<'a, R> {
    head: &'a [u8],
    file: &'a mut Window<R>,
    position: u64,
    /// The lowest bit of each byte of the file comes first.
    reversed: bool,
}

impl<R: Read + Seek> Read for Seen<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(self.position).unwrap_or(usize::MAX);
        let got = match self.head.get(from..).filter(|rest| !rest.is_empty()) {
            Some(mut rest) => rest.read(into)?,
            None => {
                self.file.seek(SeekFrom::Start(self.position - self.head.len() as u64))?;
                let got = self.file.read(into)?;
                if self.reversed {
                    into.iter_mut().take(got).for_each(|byte| *byte = byte.reverse_bits());
                }
                got
            }
        };
        self.position += got as u64;
        Ok(got)
    }
}

impl<R: Read + Seek> Seek for Seen<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => (self.head.len() as u64 + self.file.length()).checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::plain_counts;
    use super::*;

    #[test]
    fn tiles_as_large_as_numbers_go_have_a_length() {
        let page = super::super::page_layout::Page {
            rows: 1,
            columns: 1,
            bits: 64,
            dtype: ome_stream::settings::DataType::UInt64,
            samples: u16::MAX,
        };
        let layout = PageLayout {
            page,
            format: 1,
            compression: codec::LZW,
            predictor: 1,
            planar: false,
            color: false,
            reversed: false,
            tile: Some((u32::MAX, u32::MAX)),
            strip_rows: 1,
        };
        assert_eq!(plain_counts(&layout), [u64::MAX]);
    }

    #[test]
    fn numbers_of_twelve_bits_and_of_one() {
        let mut twelve = [0; 6];
        unpack(&[0x12, 0x3a, 0xbc, 0xfe, 0xd0], 12, 2, &mut twelve);
        let numbers: Vec<u16> = twelve.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect();
        assert_eq!(numbers, [0x123, 0xabc, 0xfed]);
        let mut one = [0; 10];
        unpack(&[0b1010_0110, 0b0100_0000], 1, 1, &mut one);
        assert_eq!(one, [1, 0, 1, 0, 0, 1, 1, 0, 0, 1]);
    }
}
