//! An array's metadata, and what of it is on disk.

use std::path::Path;

use ome_stream::platform::Source;
use ome_stream::reader::Usage;
use serde::Serialize;
use serde_json::Value;

use super::codec;
use super::node::Node;
use crate::report::text::clean;

/// An array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Array {
    /// Extent of each axis, in pixels.
    pub shape: Vec<u64>,
    /// Pixels of a chunk, the unit of compression.
    pub chunk: Vec<u64>,
    /// Pixels of a shard along each axis, where there are shards.
    pub shard: Option<Vec<u64>>,
    /// Pixel type, as Zarr names it.
    pub dtype: String,
    /// Codecs, in words.
    pub codec: String,
    /// What pixels read as that were not written.
    pub fill_value: Value,
    /// Names of the axes, where the array tells them.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// Bytes of all pixels of the shape; `None` for a type of unknown size and beyond 64 bits.
    pub pixel_bytes: Option<u64>,
    /// What is on disk.
    pub stored: Objects,
}

/// Chunk or shard files of an array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objects {
    /// Chunk or shard files that are there.
    pub objects: u64,
    /// As many as the shape has places for; `None` beyond 64 bits.
    pub places: Option<u64>,
    /// Bytes of those that are there.
    pub bytes: u64,
    /// Bytes of pixels to bytes on disk, counting only what is there.
    pub ratio: Option<f64>,
}

impl Array {
    /// Reads the array of `node`, which lies in `folder`; adds what is odd about its files to `notes`.
    ///
    /// # Errors
    /// What is wrong with the metadata.
    pub fn read(
        source: &dyn Source,
        node: &Node,
        folder: &Path,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Usage), String> {
        let document = node.array()?;
        let item = document.data_type.size();
        let pixel_bytes = item.and_then(|item| product(document.shape.iter().copied(), item));
        let usage = Usage::of_array(source, folder);
        usage.notes(notes);
        let (shape, object) = (&document.shape, &document.object);
        let places = product(shape.iter().zip(object).map(|(all, part)| all.div_ceil(*part)), 1);
        let each = item.and_then(|item| product(object.iter().copied(), item));
        let there =
            each.and_then(|each| each.checked_mul(usage.objects)).zip(pixel_bytes).map(|(sum, all)| sum.min(all));
        let ratio = there.filter(|_| usage.object_bytes > 0).map(|there| there as f64 / usage.object_bytes as f64);
        if let Some(places) = places
            && usage.objects > places
        {
            notes.push(format!("{} stored objects, but the shape has places for {places}", usage.objects));
        }
        let array = Self {
            chunk: document.chunk().to_vec(),
            shard: document.is_sharded().then(|| object.clone()),
            dtype: clean(&document.data_type.name),
            codec: codec::in_words(&document.codecs),
            fill_value: shown_fill_value(&document.fill_value),
            dimension_names: document
                .dimension_names
                .map(|names| names.into_iter().map(|name| name.as_deref().map(clean)).collect()),
            shape: document.shape,
            pixel_bytes,
            stored: Objects { objects: usage.objects, places, bytes: usage.object_bytes, ratio },
        };
        Ok((array, usage))
    }
}

fn product(factors: impl Iterator<Item = u64>, first: u64) -> Option<u64> {
    let mut overflow = false;
    let product = factors.fold(first, |all, each| match all.checked_mul(each) {
        _ if each == 0 => {
            // Nothing, however large the others are.
            overflow = false;
            0
        }
        Some(product) => product,
        None => {
            overflow = true;
            all
        }
    });
    (!overflow).then_some(product)
}

/// Numbers and short texts as they are; anything else is not worth showing.
fn shown_fill_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Number(_) | Value::Bool(_) => value.clone(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_do_not_overflow() {
        assert_eq!(product([31, 61, 57].into_iter(), 2), Some(215_574));
        assert_eq!(product([u64::MAX, 2].into_iter(), 1), None);
        assert_eq!(product([u64::MAX, 2, 0].into_iter(), 1), Some(0));
        assert_eq!(product([0, u64::MAX, 2].into_iter(), 8), Some(0));
        assert_eq!(product([u64::MAX, 1, 1].into_iter(), 1), Some(u64::MAX));
    }
}
