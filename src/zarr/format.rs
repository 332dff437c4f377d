//! An array of a kind that the engines of this project write, and where its chunks lie.

use serde_json::{Map, Value};

use super::array::ArrayDocument;
use super::codec::Chain;
use super::data_type::DataType;
use super::zarr_format::ZarrFormat;
use crate::settings::MAX_CHUNKS_PER_SHARD;
use crate::shown;

/// Most bytes of a chunk: Zarr readers and blosc address chunks with 31 bits.
pub const MAX_CHUNK_BYTES: u64 = 1 << 31;

/// An array of such a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayFormat {
    /// Format of its document, and so the names of its objects.
    pub zarr: ZarrFormat,
    /// Pixels along each axis.
    pub shape: Vec<u64>,
    /// Pixels of a chunk along each axis.
    pub chunk: Vec<u64>,
    /// Chunks of a shard along each axis.
    pub shard: Option<Vec<u64>>,
    /// Bytes of a stored chunk, where chunks are stored as they are.
    pub fixed: Option<u64>,
    /// Bytes of a stored chunk, where all have as many: as they are, or with a checksum behind.
    pub stored_bytes: Option<u64>,
    /// Bytes of a decoded chunk.
    pub chunk_bytes: u64,
    /// Names of the axes; of those that have one.
    pub names: Vec<String>,
    /// What encodes a chunk.
    pub codecs: Chain,
    /// Type of a pixel.
    pub data_type: DataType,
    /// What pixels read as that were not written.
    pub fill_value: Value,
}

impl ArrayFormat {
    /// Of a document of such a Zarr format.
    ///
    /// # Errors
    /// What is of another writer's kind.
    pub fn of(zarr: ZarrFormat, document: ArrayDocument) -> Result<Self, String> {
        if document.keys != zarr.keys() {
            return Err(match zarr {
                ZarrFormat::V2 => "dimension_separator is not /".into(),
                ZarrFormat::V3 => "chunk_key_encoding is not default with /".into(),
            });
        }
        if document.codecs.sharding().is_some_and(|sharding| !sharding.is_indexed_last()) {
            return Err("the shard index is not little-endian with crc32c at the end".into());
        }
        Self::of_anyone(zarr, document)
    }

    /// As [`ArrayFormat::of`] an array of any writer's, however its objects are named and wherever a shard has its
    /// index.
    ///
    /// # Errors
    /// Why its chunks cannot be told apart.
    pub fn of_anyone(zarr: ZarrFormat, document: ArrayDocument) -> Result<Self, String> {
        let item = document.data_type.size();
        let item = item.ok_or_else(|| format!("data_type {} is not known", shown::value(&document.data_type.name)))?;
        let chunk = document.chunk().to_vec();
        let chunk_bytes = product(&chunk)
            .and_then(|pixels| pixels.checked_mul(item))
            .filter(|bytes| *bytes <= MAX_CHUNK_BYTES)
            .ok_or("a chunk is larger than any writer makes it")?;
        let (shard, codecs) = match document.codecs.sharding() {
            None if document.is_sharded() => return Err("sharding_indexed is not the only codec".into()),
            None => (None, document.codecs),
            Some(sharding) => {
                if document.object.iter().zip(&chunk).any(|(outer, inner)| outer % inner != 0) {
                    return Err("chunks do not divide shards".into());
                }
                let shard: Vec<u64> = document.object.iter().zip(&chunk).map(|(outer, inner)| outer / inner).collect();
                product(&shard)
                    .filter(|chunks| *chunks <= MAX_CHUNKS_PER_SHARD)
                    .ok_or("a shard has more chunks than any writer gives it")?;
                (Some(shard), sharding.codecs.clone())
            }
        };
        Ok(Self {
            zarr,
            shape: document.shape,
            chunk,
            shard,
            fixed: codecs.added_bytes().filter(|added| *added == 0).map(|_| chunk_bytes),
            stored_bytes: codecs.added_bytes().map(|added| chunk_bytes + added),
            chunk_bytes,
            names: document.dimension_names.into_iter().flatten().flatten().collect(),
            codecs,
            data_type: document.data_type,
            fill_value: document.fill_value,
        })
    }

    /// As [`ArrayFormat::of`] a document of the format that it says it has.
    ///
    /// # Errors
    /// What is missing, impossible or of another writer's kind.
    pub fn of_object(document: &Map<String, Value>) -> Result<Self, String> {
        let array = ArrayDocument::of_object(document)?;
        Self::of(ZarrFormat::of_array(document), array)
    }

    /// Chunks in a shard.
    #[must_use]
    pub fn chunks_per_shard(&self) -> usize {
        self.shard.as_ref().and_then(|shard| product(shard)).map_or(1, |chunks| chunks as usize)
    }

    /// Coordinates of a chunk, in chunks, by its place in the index of a shard.
    #[must_use]
    pub fn coordinates(&self, object: &[u64], place: usize) -> Vec<u64> {
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
    #[must_use]
    pub fn outside(&self, coordinates: &[u64]) -> Vec<usize> {
        let axes = coordinates.iter().zip(&self.chunk).zip(&self.shape).enumerate();
        axes.filter(|(_, ((at, chunk), extent))| at.saturating_mul(**chunk) >= **extent).map(|(axis, _)| axis).collect()
    }

    /// Where a chunk ends along an axis, in pixels.
    #[must_use]
    pub fn end_of(&self, coordinates: &[u64], axis: usize) -> Option<u64> {
        coordinates.get(axis)?.checked_add(1)?.checked_mul(*self.chunk.get(axis)?)
    }

    /// Where a chunk begins along an axis, in pixels.
    #[must_use]
    pub fn start_of(&self, coordinates: &[u64], axis: usize) -> Option<u64> {
        coordinates.get(axis)?.checked_mul(*self.chunk.get(axis)?)
    }

    /// Number of axes before the frame's two.
    #[must_use]
    pub fn index_axes(&self) -> usize {
        self.shape.len().saturating_sub(2)
    }
}

fn product(factors: &[u64]) -> Option<u64> {
    factors.iter().try_fold(1u64, |all, each| all.checked_mul(*each))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::array::tests::sharded;
    use super::super::codec::Codec;
    use super::*;

    #[test]
    fn an_array_of_ours_is_known() {
        let format = ArrayFormat::of(ZarrFormat::V3, sharded()).expect("ours");
        assert_eq!((format.shard.as_deref(), format.chunks_per_shard()), (Some(&[3, 1, 2][..]), 6));
        assert_eq!((format.fixed, format.chunk_bytes), (None, 2 * 64 * 16 * 2));
        assert_eq!(format.names, ["t", "x"]);
        assert_eq!(format.coordinates(&[1, 0, 2], 5), [5, 0, 5]);
        assert_eq!(format.outside(&[4, 1, 1]), [0]);
        let plain = ArrayDocument { codecs: Chain(vec![Codec::Bytes { endian: None }]), ..sharded() };
        let format = ArrayFormat::of(ZarrFormat::V3, plain).expect("ours");
        assert_eq!((format.shard.clone(), format.fixed), (None, Some(6 * 64 * 32 * 2)));
        assert_eq!(format.stored_bytes, format.fixed);
        assert_eq!(format.coordinates(&[1, 0, 2], 5), [1, 0, 2]);
        let summed = ArrayDocument { codecs: Chain(vec![Codec::Bytes { endian: None }, Codec::Crc32c]), ..sharded() };
        let format = ArrayFormat::of(ZarrFormat::V3, summed).expect("ours");
        assert_eq!((format.fixed, format.stored_bytes), (None, Some(6 * 64 * 32 * 2 + 4)));
    }

    #[test]
    fn what_others_write_is_told() {
        let with = |pointer: &str, value: Value| {
            let mut json = sharded().json();
            *json.pointer_mut(pointer).expect(pointer) = value;
            let document = ArrayDocument::of(|name| json.get(name)).expect("an array");
            ArrayFormat::of(ZarrFormat::V3, document).expect_err(pointer)
        };
        let beside = json!([sharded().codecs.json()[0], {"name": "gzip", "configuration": {"level": 1}}]);
        let inside = "/codecs/0/configuration";
        for (pointer, value, part) in [
            ("/chunk_key_encoding/configuration/separator", json!("."), "chunk_key_encoding"),
            ("/chunk_key_encoding", json!({"name": "v2", "configuration": {"separator": "/"}}), "chunk_key_encoding"),
            ("/data_type", json!("string"), "data_type string"),
            ("/codecs", beside, "not the only codec"),
            (&format!("{inside}/index_location"), json!("start"), "index"),
            (&format!("{inside}/chunk_shape"), json!([2, 64, 15]), "do not divide"),
            (&format!("{inside}/chunk_shape"), json!([2, 1 << 20, 1 << 20]), "larger than any"),
            ("/chunk_grid/configuration/chunk_shape", json!([2 << 20, 64, 32]), "more chunks"),
        ] {
            let why = with(pointer, value);
            assert!(why.contains(part), "{pointer}: {why}");
        }
    }
}
