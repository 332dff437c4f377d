//! An array's metadata as far as its chunk and shard files depend on them.

use serde_json::{Map, Value};

use crate::backend::ChunkFormat;

/// Most axes of an array that is looked at; OME-NGFF allows five.
const MAX_AXES: usize = 16;

/// Most chunks in a shard that is looked at: what the writer itself allows.
const MAX_CHUNKS_PER_SHARD: u64 = 1 << 20;

/// Most bytes of a chunk: Zarr readers and blosc address chunks with 31 bits.
const MAX_CHUNK_BYTES: u64 = 1 << 31;

/// An array of a kind that the engines of this project write.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ArrayFormat {
    pub(super) shape: Vec<u64>,
    /// Pixels of a chunk along each axis.
    pub(super) chunk: Vec<u64>,
    /// Chunks of a shard along each axis.
    pub(super) shard: Option<Vec<u64>>,
    /// Bytes of a stored chunk, where chunks are stored as they are.
    pub(super) fixed: Option<u64>,
    /// Bytes of a decoded chunk.
    pub(super) chunk_bytes: u64,
    pub(super) names: Vec<String>,
    codecs: Vec<Value>,
    data_type: Value,
    fill_value: Value,
}

impl ArrayFormat {
    /// # Errors
    /// What is missing, impossible or of another writer's kind.
    pub(super) fn of(document: &Map<String, Value>) -> Result<Self, String> {
        let field = |name: &str| document.get(name).ok_or_else(|| format!("no {name}"));
        let shape = extents("shape", field("shape")?)?;
        let grid = field("chunk_grid")?;
        if grid.get("name").and_then(Value::as_str) != Some("regular") {
            return Err("chunk_grid is not regular".into());
        }
        let stored = grid.pointer("/configuration/chunk_shape").ok_or("chunk_grid without chunk_shape")?;
        let stored = extents("chunk_shape", stored)?;
        let keys = field("chunk_key_encoding")?;
        let separator = keys.pointer("/configuration/separator").and_then(Value::as_str).unwrap_or("/");
        if keys.get("name").and_then(Value::as_str) != Some("default") || separator != "/" {
            return Err("chunk_key_encoding is not default with /".into());
        }
        let codecs = field("codecs")?.as_array().ok_or("codecs is not a list")?;
        let name = |codec: &Value| codec.as_str().or_else(|| codec.get("name")?.as_str()).map(str::to_owned);
        let sharding = codecs.iter().find(|codec| name(codec).as_deref() == Some("sharding_indexed"));
        let (chunk, codecs) = match sharding {
            None => (stored.clone(), codecs.clone()),
            Some(_) if codecs.len() != 1 => return Err("sharding_indexed is not the only codec".into()),
            Some(sharding) => inside_shards(sharding)?,
        };
        for (name, part) in [("chunk_shape", &stored), ("chunk_shape of sharding_indexed", &chunk)] {
            if part.len() != shape.len() {
                return Err(format!("{name} has {} axes, shape has {}", part.len(), shape.len()));
            }
            if part.contains(&0) {
                return Err(format!("{name} is zero along an axis"));
            }
        }
        let data_type = field("data_type")?;
        let item =
            data_type.as_str().and_then(item_bytes).ok_or_else(|| format!("data_type {data_type} is not known"))?;
        let chunk_bytes = product(&chunk)
            .and_then(|pixels| pixels.checked_mul(item))
            .filter(|bytes| *bytes <= MAX_CHUNK_BYTES)
            .ok_or("a chunk is larger than any writer makes it")?;
        let shard = match sharding {
            None => None,
            Some(_) => {
                if stored.iter().zip(&chunk).any(|(outer, inner)| outer % inner != 0) {
                    return Err("chunks do not divide shards".into());
                }
                let shard: Vec<u64> = stored.iter().zip(&chunk).map(|(outer, inner)| outer / inner).collect();
                product(&shard)
                    .filter(|chunks| *chunks <= MAX_CHUNKS_PER_SHARD)
                    .ok_or("a shard has more chunks than any writer gives it")?;
                Some(shard)
            }
        };
        let plain = codecs.iter().all(|codec| matches!(name(codec).as_deref(), Some("bytes" | "transpose")));
        let names = document.get("dimension_names").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self {
            shape,
            chunk,
            shard,
            fixed: plain.then_some(chunk_bytes),
            chunk_bytes,
            names,
            codecs,
            data_type: data_type.clone(),
            fill_value: document.get("fill_value").cloned().unwrap_or(Value::Null),
        })
    }

    /// How a chunk becomes bytes.
    pub(super) fn chunk_format(&self) -> ChunkFormat<'_> {
        ChunkFormat {
            codecs: &self.codecs,
            shape: &self.chunk,
            data_type: &self.data_type,
            fill_value: &self.fill_value,
        }
    }

    /// Pixel type, where it has a plain name.
    pub(super) fn dtype(&self) -> &str {
        self.data_type.as_str().unwrap_or_default()
    }

    /// Chunks in a shard.
    pub(super) fn chunks_per_shard(&self) -> usize {
        self.shard.as_ref().and_then(|shard| product(shard)).map_or(1, |chunks| chunks as usize)
    }

    /// Coordinates of a chunk, in chunks, by its place in the index of a shard.
    pub(super) fn coordinates(&self, object: &[u64], place: usize) -> Vec<u64> {
        let Some(shard) = &self.shard else { return object.to_vec() };
        let mut rest = place as u64;
        let mut coordinates: Vec<u64> = object
            .iter()
            .zip(shard)
            .rev()
            .map(|(at, chunks)| {
                let inside = rest % chunks;
                rest /= chunks;
                at.saturating_mul(*chunks).saturating_add(inside)
            })
            .collect();
        coordinates.reverse();
        coordinates
    }

    /// Axes along which a chunk begins past the array's end.
    pub(super) fn outside(&self, coordinates: &[u64]) -> Vec<usize> {
        let axes = coordinates.iter().zip(&self.chunk).zip(&self.shape).enumerate();
        axes.filter(|(_, ((at, chunk), extent))| at.saturating_mul(**chunk) >= **extent).map(|(axis, _)| axis).collect()
    }

    /// Where a chunk ends along an axis, in pixels.
    pub(super) fn end_of(&self, coordinates: &[u64], axis: usize) -> Option<u64> {
        coordinates.get(axis)?.checked_add(1)?.checked_mul(*self.chunk.get(axis)?)
    }

    /// Where a chunk begins along an axis, in pixels.
    pub(super) fn start_of(&self, coordinates: &[u64], axis: usize) -> Option<u64> {
        coordinates.get(axis)?.checked_mul(*self.chunk.get(axis)?)
    }

    /// Number of axes before the frame's two.
    pub(super) fn index_axes(&self) -> usize {
        self.shape.len().saturating_sub(2)
    }
}

fn inside_shards(sharding: &Value) -> Result<(Vec<u64>, Vec<Value>), String> {
    let part = |name: &str| {
        let value = sharding.pointer(&format!("/configuration/{name}"));
        value.ok_or_else(|| format!("sharding_indexed without {name}"))
    };
    let at_end = sharding.pointer("/configuration/index_location").is_none_or(|location| location == "end");
    let index_codecs = part("index_codecs")?.as_array().ok_or("index_codecs is not a list")?;
    let name = |codec: &Value| codec.as_str().or_else(|| codec.get("name")?.as_str()).map(str::to_owned);
    let names: Vec<_> = index_codecs.iter().filter_map(name).collect();
    let little = index_codecs.first().and_then(|bytes| bytes.pointer("/configuration/endian"));
    if !at_end || names != ["bytes", "crc32c"] || little.is_none_or(|endian| endian != "little") {
        return Err("the shard index is not little-endian with crc32c at the end".into());
    }
    let codecs = part("codecs")?.as_array().ok_or("codecs of sharding_indexed is not a list")?;
    Ok((extents("chunk_shape of sharding_indexed", part("chunk_shape")?)?, codecs.clone()))
}

fn extents(name: &str, value: &Value) -> Result<Vec<u64>, String> {
    let list =
        value.as_array().filter(|list| list.len() <= MAX_AXES).ok_or_else(|| format!("{name} is no list of axes"))?;
    list.iter().map(|extent| extent.as_u64().ok_or_else(|| format!("{name} holds {extent}"))).collect()
}

fn product(factors: &[u64]) -> Option<u64> {
    factors.iter().try_fold(1u64, |all, each| all.checked_mul(*each))
}

/// Bytes of a pixel of a core data type (Zarr v3, "Data types").
fn item_bytes(name: &str) -> Option<u64> {
    Some(match name {
        "bool" | "int8" | "uint8" => 1,
        "int16" | "uint16" | "float16" => 2,
        "int32" | "uint32" | "float32" => 4,
        "int64" | "uint64" | "float64" => 8,
        _ => return None,
    })
}
