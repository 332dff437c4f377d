//! An array's metadata, and what of it is on disk.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::codec;
use super::node::{Field, Node};
use super::usage::Usage;
use crate::report::text::clean;

/// Most axes of an array that are looked at; OME-NGFF allows five.
const MAX_AXES: usize = 32;

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
    pub fn read(node: &Node, folder: &Path, notes: &mut Vec<String>) -> Result<(Self, Usage), String> {
        let shape = extents("shape", node.required(Field::Shape)?)?;
        let grid = node.required(Field::ChunkGrid)?;
        if grid.get("name").and_then(Value::as_str) != Some("regular") {
            return Err("chunk_grid is not regular".into());
        }
        let grid_shape = grid.pointer("/configuration/chunk_shape").ok_or("chunk_grid has no chunk_shape")?;
        let stored = extents("chunk_shape", grid_shape)?;
        let chain = codec::chain(node.required(Field::Codecs)?)?;
        let inner = chain.inner_chunk.map(|inner| extents("chunk_shape of sharding_indexed", &inner)).transpose()?;
        for (name, part) in [("chunk_shape", Some(&stored)), ("chunk_shape of sharding_indexed", inner.as_ref())] {
            let Some(part) = part else { continue };
            if part.len() != shape.len() {
                return Err(format!("{name} has {} axes, shape has {}", part.len(), shape.len()));
            }
            if part.contains(&0) {
                return Err(format!("{name} is zero along an axis"));
            }
        }
        let data_type = node.required(Field::DataType)?;
        let dtype = data_type.as_str().or_else(|| data_type.get("name")?.as_str());
        let dtype = clean(dtype.ok_or("data_type is neither a name nor an object with one")?);
        let item = item_size(&dtype);
        let pixel_bytes = item.and_then(|item| product(shape.iter().copied(), item));
        let usage = Usage::of_array(folder);
        usage.notes(notes);
        let places = product(shape.iter().zip(&stored).map(|(all, part)| all.div_ceil(*part)), 1);
        let each = item.and_then(|item| product(stored.iter().copied(), item));
        let there =
            each.and_then(|each| each.checked_mul(usage.objects)).zip(pixel_bytes).map(|(sum, all)| sum.min(all));
        let ratio = there.filter(|_| usage.object_bytes > 0).map(|there| there as f64 / usage.object_bytes as f64);
        if let Some(places) = places
            && usage.objects > places
        {
            notes.push(format!("{} stored objects, but the shape has places for {places}", usage.objects));
        }
        let (chunk, shard) = match inner {
            Some(inner) => (inner, Some(stored)),
            None => (stored, None),
        };
        let array = Self {
            shape,
            chunk,
            shard,
            dtype,
            codec: chain.text,
            fill_value: fill_value(node.field(Field::FillValue)),
            dimension_names: dimension_names(node.field(Field::DimensionNames)),
            pixel_bytes,
            stored: Objects { objects: usage.objects, places, bytes: usage.object_bytes, ratio },
        };
        Ok((array, usage))
    }
}

/// A list of extents.
fn extents(name: &str, value: &Value) -> Result<Vec<u64>, String> {
    let list = value.as_array().ok_or_else(|| format!("{name} is not a list"))?;
    if list.len() > MAX_AXES {
        return Err(format!("{name} has {} axes; up to {MAX_AXES} are looked at", list.len()));
    }
    list.iter()
        .map(|extent| extent.as_u64().ok_or_else(|| format!("{name}: {} is no extent", clean(&extent.to_string()))))
        .collect()
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

/// Bytes of a pixel of a core data type (Zarr v3, "Data types").
fn item_size(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "bool" | "int8" | "uint8" => 1,
        "int16" | "uint16" | "float16" => 2,
        "int32" | "uint32" | "float32" => 4,
        "int64" | "uint64" | "float64" | "complex64" => 8,
        "complex128" => 16,
        raw => return raw.strip_prefix('r')?.parse::<u64>().ok().filter(|bits| bits % 8 == 0).map(|bits| bits / 8),
    })
}

/// Numbers and short texts as they are; anything else is not worth showing.
fn fill_value(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => Value::String(clean(text)),
        Some(simple @ (Value::Number(_) | Value::Bool(_))) => simple.clone(),
        _ => Value::Null,
    }
}

fn dimension_names(value: Option<&Value>) -> Option<Vec<Option<String>>> {
    let names = value?.as_array()?.iter().take(MAX_AXES).map(|name| name.as_str().map(clean)).collect();
    Some(names)
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

    #[test]
    fn sizes_of_pixels_are_those_of_the_specification() {
        for (name, size) in
            [("uint16", Some(2)), ("float64", Some(8)), ("r24", Some(3)), ("r7", None), ("string", None)]
        {
            assert_eq!(item_size(name), size, "{name}");
        }
    }
}
