//! Where the strips or tiles of a page lie.

use std::io::{Read, Seek};

use super::codec;
use super::directory::{Broken, Directory, Tags};
use super::page_layout::{JPEG_TABLES, PageLayout, STRIP_COUNTS, STRIP_OFFSETS, TILE_COUNTS, TILE_OFFSETS};

/// Where the pixels of a page lie.
#[derive(Debug, Clone, Default)]
pub struct Segments {
    pub offsets: Vec<u64>,
    pub counts: Vec<u64>,
    pub jpeg_tables: Option<Vec<u8>>,
}

impl Segments {
    /// From the tags of a page.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn read<R: Read + Seek>(
        tags: &mut Tags<R>,
        directory: &Directory,
        layout: &PageLayout,
    ) -> Result<Self, Broken> {
        let (offsets, counts) = match layout.tile {
            Some(_) => (TILE_OFFSETS, TILE_COUNTS),
            None => (STRIP_OFFSETS, STRIP_COUNTS),
        };
        let missing = || Broken::Damaged("it has no pixels".into());
        let offsets = tags.unsigned(&directory.get(offsets).copied().ok_or_else(missing)?)?;
        let counts = match directory.get(counts).copied() {
            Some(entry) => tags.unsigned(&entry)?,
            None => plain_counts(layout),
        };
        let jpeg_tables = match directory.get(JPEG_TABLES).copied() {
            Some(entry) if layout.compression == codec::JPEG => Some(tags.bytes(&entry)?),
            _ => None,
        };
        if offsets.len() != counts.len() {
            return Err(missing());
        }
        Ok(Self { offsets, counts, jpeg_tables })
    }

    /// Uncompressed pixels from `offset` on: a piece for each sample that lies on its own.
    pub fn plain(offset: u64, layout: &PageLayout) -> Self {
        let pieces = if layout.planar { u64::from(layout.page.samples) } else { 1 };
        let bytes = layout.plain_bytes() / pieces;
        let offsets = (0..pieces).map(|nth| offset.saturating_add(nth * bytes)).collect();
        Self { offsets, counts: vec![bytes; pieces as usize], jpeg_tables: None }
    }

    /// LSM files tell lengths before compression, which compression may exceed.
    pub fn widen(&mut self, file: u64) {
        for (offset, count) in self.offsets.iter().zip(&mut self.counts) {
            *count = count.saturating_mul(2).saturating_add(1024).min(file.saturating_sub(*offset));
        }
    }

    /// Where each strip or tile lies, and its bytes.
    pub fn places(&self) -> impl Iterator<Item = (u64, u64)> {
        self.offsets.iter().copied().zip(self.counts.iter().copied())
    }

    /// A strip or tile that was never written: some programs mean the fill value by it, others were interrupted.
    pub fn unwritten(&self) -> Option<usize> {
        self.offsets.iter().zip(&self.counts).position(|(offset, count)| *offset == 0 || *count == 0)
    }

    /// Where the first byte lies, and how many follow without a gap; `None` where there are gaps.
    pub fn in_one_piece(&self) -> Option<(u64, u64)> {
        let first = *self.offsets.first()?;
        let mut end = first;
        for (offset, count) in self.offsets.iter().zip(&self.counts) {
            if *offset != end {
                return None;
            }
            end = end.checked_add(*count)?;
        }
        Some((first, end - first))
    }
}

/// Lengths of strips or tiles without compression, where they are not told or will be unpacked.
pub fn plain_counts(layout: &PageLayout) -> Vec<u64> {
    let samples = if layout.planar { 1 } else { u64::from(layout.page.samples) };
    let bytes = |columns: u32, rows: u32| {
        let bits = (u64::from(columns) * u64::from(layout.page.bits)).saturating_mul(samples);
        bits.div_ceil(8).saturating_mul(u64::from(rows))
    };
    let sweep = layout.segments();
    let sweeps = if layout.planar { u64::from(layout.page.samples) } else { 1 };
    let count = |nth: u64| match layout.tile {
        Some((columns, rows)) => bytes(columns, rows),
        None => {
            let before = (nth % sweep.max(1)) as u32 * layout.strip_rows;
            bytes(layout.page.columns, layout.strip_rows.min(layout.page.rows.saturating_sub(before)))
        }
    };
    (0..sweep * sweeps).map(count).collect()
}
