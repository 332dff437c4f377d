//! Pixels of a plane, made fewer: chunk by chunk, each pixel of the picture the mean of those that it stands for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use half::f16;
use ome_stream::platform::Source;
use ome_stream::reader::limits::stored_chunk_bytes;
use ome_stream::zarr::{ArrayDocument, MAX_CHUNK_BYTES, ZarrFormat};
use serde_json::Value;
use zarrs::array::{Array, ArrayBytes, ArrayMetadataV2, ArrayMetadataV3, ArraySubset, CodecOptions};
use zarrs::metadata::ArrayMetadata;

use super::document::array_document;
use super::storage::Folder;

/// Most bytes of pixels that are decoded together, unless a single chunk has more: chunks of a shard that are neighbors
/// are read in one call, which saves a look into the index for each.
const BLOCK_BYTES: u64 = 32 << 20;

/// Most chunks of a shard: an index of 256 MiB.
const MAX_CHUNKS_PER_SHARD: u64 = 1 << 24;

/// Most parts of a plane that are read one after another, as metadata have them: a plane of a million pixels a side in
/// chunks of a thousand.
const MAX_BLOCKS: u64 = 1 << 20;

/// What a shard file may hold beside the chunks that are read of it, in bytes: copies for live readers.
const BESIDE: u64 = 64 << 20;

/// How often a chunk is read before it counts as unreadable, and what is waited in between: whoever writes the store
/// may be replacing the file.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// An array whose planes can be read.
pub struct Pixels {
    array: Array<Folder>,
    document: ArrayDocument,
    item: Item,
}

/// A plane, made fewer.
pub struct Plane {
    /// Row by row; NaN where there is no pixel that is a number.
    pub values: Vec<f64>,
    /// Whether any of its chunks is stored.
    pub stored: bool,
    /// Why parts of it could not be read, of the first.
    pub problem: Option<String>,
}

/// Types of pixels that can be shown.
#[derive(Debug, Clone, Copy)]
enum Item {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
}

impl Item {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "uint8" => Self::U8,
            "uint16" => Self::U16,
            "uint32" => Self::U32,
            "uint64" => Self::U64,
            "int8" => Self::I8,
            "int16" => Self::I16,
            "int32" => Self::I32,
            "int64" => Self::I64,
            "float16" => Self::F16,
            "float32" => Self::F32,
            "float64" => Self::F64,
            _ => return None,
        })
    }
}

impl Pixels {
    /// Opens the array in `folder`.
    ///
    /// # Errors
    /// Why its pixels cannot be shown.
    pub fn open(source: &Arc<dyn Source>, folder: &Path) -> Result<Self, String> {
        let (object, format) = array_document(&**source, folder)?;
        let document = match format {
            ZarrFormat::V2 => ArrayDocument::of_v2(&object)?,
            ZarrFormat::V3 => ArrayDocument::of_object(&object)?,
        };
        let name = &document.data_type.name;
        let item = Item::of(name).ok_or_else(|| format!("pixels of type {name} cannot be shown"))?;
        if document.shape.len() < 2 {
            return Err(format!("it has {} axis, and an image has two", document.shape.len()));
        }
        let chunk = bytes_of(document.chunk(), &document);
        if chunk > MAX_CHUNK_BYTES {
            return Err(format!("chunks of {chunk} bytes; those of up to {MAX_CHUNK_BYTES} are decoded"));
        }
        let in_shard = document.object.iter().zip(document.chunk()).map(|(all, part)| all / part);
        let in_shard = in_shard.fold(1, u64::saturating_mul);
        if in_shard > MAX_CHUNKS_PER_SHARD {
            return Err(format!("shards of {in_shard} chunks; those of up to {MAX_CHUNKS_PER_SHARD} are read"));
        }
        let most = stored_chunk_bytes(chunk.max(BLOCK_BYTES)).saturating_add(in_shard * 16).saturating_add(BESIDE);
        let storage = Arc::new(Folder::new(Arc::clone(source), folder.to_path_buf(), most));
        let value = Value::Object(object);
        let opened = guarded(|| {
            let metadata = match format {
                ZarrFormat::V2 => serde_json::from_value::<ArrayMetadataV2>(value).map(ArrayMetadata::V2),
                ZarrFormat::V3 => serde_json::from_value::<ArrayMetadataV3>(value).map(ArrayMetadata::V3),
            };
            let metadata = metadata.map_err(|error| error.to_string())?;
            Array::new_with_metadata(storage, "/", metadata).map_err(|error| error.to_string())
        });
        let pixels = Self { array: opened?, document, item };
        let [all, object, step] = pixels.grid();
        let along = |axis: usize| all[axis].div_ceil(object[axis]).saturating_mul(object[axis].div_ceil(step[axis]));
        let blocks = along(0).saturating_mul(along(1));
        if blocks > MAX_BLOCKS {
            return Err(format!("a plane of {blocks} parts; up to {MAX_BLOCKS} are read"));
        }
        Ok(pixels)
    }

    /// Pixels along each axis.
    pub fn shape(&self) -> &[u64] {
        &self.document.shape
    }

    /// Rows and columns of a plane.
    pub fn frame(&self) -> (u64, u64) {
        match self.document.shape.as_slice() {
            [.., rows, columns] => (*rows, *columns),
            _ => (0, 0),
        }
    }

    /// The name that the array gives an axis.
    pub fn axis_name(&self, nth: usize) -> Option<&str> {
        self.document.dimension_names.as_ref()?.get(nth)?.as_deref()
    }

    /// Name of the data type.
    pub fn dtype(&self) -> &str {
        &self.document.data_type.name
    }

    /// Bytes of a pixel.
    pub fn item_size(&self) -> u64 {
        self.document.data_type.size().unwrap_or(1)
    }

    /// The plane at `index` (all axes but rows and columns), as `rows` x `columns` pixels, no more than it has.
    pub fn plane(&self, index: &[u64], (rows, columns): (usize, usize)) -> Plane {
        let mut means = Means::new(self.frame(), (rows, columns));
        let before = self.array.storage().found();
        let mut problem = None;
        for (start, extent) in self.blocks() {
            let subset = [index, &start].concat();
            let shape: Vec<u64> = index.iter().map(|_| 1).chain(extent).collect();
            match self.block(&subset, &shape) {
                Ok(bytes) => self.add(&bytes, start, extent, &mut means),
                Err(why) => problem = problem.or(Some(why)),
            }
        }
        Plane { values: means.values(), stored: self.array.storage().found() > before, problem }
    }

    /// Rows and columns of a plane, of a stored object, and of what is read of one at a time.
    fn grid(&self) -> [[u64; 2]; 3] {
        let last_two = |list: &[u64]| match list {
            [.., rows, columns] => [*rows, *columns],
            _ => [1, 1],
        };
        let (all, object, chunk) =
            (last_two(&self.document.shape), last_two(&self.document.object), last_two(self.document.chunk()));
        let item = self.document.data_type.size().unwrap_or(1);
        // As many chunks as go into a block, side by side first.
        let fit = |each: u64, along: u64| (BLOCK_BYTES / each.max(1)).clamp(1, along.max(1));
        let in_plane = chunk[0].saturating_mul(chunk[1]).saturating_mul(item);
        let across = fit(in_plane, object[1] / chunk[1]);
        let down = fit(in_plane.saturating_mul(across), object[0] / chunk[0]);
        [all, object, [chunk[0].saturating_mul(down), chunk[1].saturating_mul(across)]]
    }

    /// Parts of a plane that are read one after another: where they start, and rows and columns of each.
    pub fn blocks(&self) -> impl Iterator<Item = ([u64; 2], [u64; 2])> + use<> {
        let [all, object, step] = self.grid();
        let starts = move |axis: usize| {
            let objects = (0..all[axis]).step_by(usize::try_from(object[axis]).unwrap_or(usize::MAX));
            objects.flat_map(move |from: u64| {
                let end = from.saturating_add(object[axis]).min(all[axis]);
                let steps = (from..end).step_by(usize::try_from(step[axis]).unwrap_or(usize::MAX));
                steps.map(move |start| (start, step[axis].min(end - start)))
            })
        };
        starts(0).flat_map(move |(top, height)| starts(1).map(move |(left, width)| ([top, left], [height, width])))
    }

    /// The pixels of a block, in the byte order of this machine.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn block(&self, start: &[u64], shape: &[u64]) -> Result<Vec<u8>, String> {
        let subset = ArraySubset::new_with_start_shape(start.to_vec(), shape.to_vec());
        let subset = subset.map_err(|error| error.to_string())?;
        let options = CodecOptions::default().with_concurrent_target(1);
        let read = || {
            let bytes = self.array.retrieve_array_subset_opt::<ArrayBytes<'_>>(&subset, &options);
            let bytes = bytes.and_then(|bytes| Ok(bytes.into_fixed()?.into_owned()));
            bytes.map_err(|error| error.to_string())
        };
        let read_once = || guarded(read);
        for _ in 1..TRIES {
            if let Ok(bytes) = read_once() {
                return Ok(bytes);
            }
            std::thread::sleep(PAUSE);
        }
        read_once()
    }

    fn add(&self, bytes: &[u8], start: [u64; 2], extent: [u64; 2], means: &mut Means) {
        match self.item {
            Item::Bool => means.add(bytes, start, extent, |[byte]| f64::from(u8::from(byte != 0))),
            Item::U8 => means.add(bytes, start, extent, |[byte]| f64::from(byte)),
            Item::I8 => means.add(bytes, start, extent, |byte| f64::from(i8::from_ne_bytes(byte))),
            Item::U16 => means.add(bytes, start, extent, |bytes| f64::from(u16::from_ne_bytes(bytes))),
            Item::I16 => means.add(bytes, start, extent, |bytes| f64::from(i16::from_ne_bytes(bytes))),
            Item::U32 => means.add(bytes, start, extent, |bytes| f64::from(u32::from_ne_bytes(bytes))),
            Item::I32 => means.add(bytes, start, extent, |bytes| f64::from(i32::from_ne_bytes(bytes))),
            Item::U64 => means.add(bytes, start, extent, |bytes| u64::from_ne_bytes(bytes) as f64),
            Item::I64 => means.add(bytes, start, extent, |bytes| i64::from_ne_bytes(bytes) as f64),
            Item::F16 => means.add(bytes, start, extent, |bytes| f16::from_ne_bytes(bytes).to_f64()),
            Item::F32 => means.add(bytes, start, extent, |bytes| f64::from(f32::from_ne_bytes(bytes))),
            Item::F64 => means.add(bytes, start, extent, f64::from_ne_bytes),
        }
    }
}

/// Bytes of so many pixels along each axis.
fn bytes_of(extents: &[u64], document: &ArrayDocument) -> u64 {
    extents.iter().fold(document.data_type.size().unwrap_or(1), |all, each| all.saturating_mul(*each))
}

/// Decoders see what nobody of ours wrote; one that panics fails.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("the decoder panicked".into()))
}

/// The means of blocks of pixels.
struct Means {
    frame: (u64, u64),
    rows: usize,
    columns: usize,
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl Means {
    fn new(frame: (u64, u64), (rows, columns): (usize, usize)) -> Self {
        Self { frame, rows, columns, sums: vec![0.0; rows * columns], counts: vec![0; rows * columns] }
    }

    /// Adds the pixels of a part of the plane.
    fn add<const N: usize>(
        &mut self,
        bytes: &[u8],
        [top, left]: [u64; 2],
        [height, width]: [u64; 2],
        value: impl Fn([u8; N]) -> f64,
    ) {
        let place = |at: u64, all: u64, made: usize| (u128::from(at) * made as u128 / u128::from(all.max(1))) as usize;
        let columns: Vec<usize> = (left..left + width).map(|x| place(x, self.frame.1, self.columns)).collect();
        let line = columns.len() * N;
        if line == 0 {
            return;
        }
        for (y, row) in (top..top + height).zip(bytes.chunks_exact(line)) {
            let from = place(y, self.frame.0, self.rows) * self.columns;
            let (pixels, _) = row.as_chunks::<N>();
            for (pixel, column) in pixels.iter().zip(&columns) {
                let value = value(*pixel);
                let Some((sum, count)) = self.sums.get_mut(from + column).zip(self.counts.get_mut(from + column))
                else {
                    continue;
                };
                if value.is_finite() {
                    *sum += value;
                    *count += 1;
                }
            }
        }
    }

    fn values(self) -> Vec<f64> {
        self.sums.iter().zip(self.counts).map(|(sum, count)| sum / f64::from(count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_the_pixels_that_each_stands_for() {
        let mut means = Means::new((2, 5), (1, 2));
        let pixels = [1.0, 2.0, f32::NAN, 10.0, 20.0, 3.0, 4.0, 5.0, f32::INFINITY, 30.0];
        let bytes: Vec<u8> = pixels.into_iter().flat_map(f32::to_ne_bytes).collect();
        means.add(&bytes, [0, 0], [2, 5], |bytes| f64::from(f32::from_ne_bytes(bytes)));
        assert_eq!(means.values(), [3.0, 20.0]);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut means = Means::new((3, 4), (3, 4));
        for (start, bytes) in [([0, 0], [1u8, 2, 5, 6]), ([0, 2], [3, 4, 7, 8])] {
            means.add(&bytes, start, [2, 2], |[byte]| f64::from(byte));
        }
        let values = means.values();
        assert_eq!(values[..8], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert!(values[8..].iter().all(|value| value.is_nan()));
    }
}
