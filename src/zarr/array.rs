//! An array as its document describes it, of either format, whoever wrote it.

use serde_json::{Map, Value, json};

use super::codec::{Chain, Codec};
use super::data_type::DataType;
use super::keys::Keys;
use super::zarr_format::ZarrFormat;
use crate::shown;

/// Most axes of an array that is looked at: what NumPy had for long. OME-NGFF allows five.
pub const MAX_AXES: usize = 32;

/// What a document says of an array but for its attributes, which are made and read elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayDocument {
    /// Pixels along each axis.
    pub shape: Vec<u64>,
    /// Type of a pixel.
    pub data_type: DataType,
    /// Pixels of a stored object along each axis: of a shard, or of a chunk where there are no shards.
    pub object: Vec<u64>,
    /// How objects are named.
    pub keys: Keys,
    /// What pixels read as that were not written.
    pub fill_value: Value,
    /// What makes an object of its pixels.
    pub codecs: Chain,
    /// Names of the axes, which Zarr v2 has not.
    pub dimension_names: Option<Vec<Option<String>>>,
}

impl ArrayDocument {
    /// Reads the members of a Zarr v3 array document, each by its name.
    ///
    /// # Errors
    /// What is missing or impossible.
    pub fn of<'a>(member: impl Fn(&str) -> Option<&'a Value>) -> Result<Self, String> {
        let needed = |name: &str| member(name).ok_or_else(|| format!("the array has no {name}"));
        let shape = extents("shape", needed("shape")?)?;
        let grid = needed("chunk_grid")?;
        if grid.get("name").and_then(Value::as_str) != Some("regular") {
            return Err("chunk_grid is not regular".into());
        }
        let object = grid.pointer("/configuration/chunk_shape").ok_or("chunk_grid has no chunk_shape")?;
        let names = member("dimension_names").and_then(Value::as_array);
        let document = Self {
            shape,
            object: extents("chunk_shape", object)?,
            codecs: Chain::of(needed("codecs")?)?,
            data_type: DataType::of(needed("data_type")?)?,
            keys: Keys::of(needed("chunk_key_encoding")?),
            fill_value: member("fill_value").cloned().unwrap_or(Value::Null),
            dimension_names: names
                .map(|names| names.iter().take(MAX_AXES).map(|name| name.as_str().map(str::to_owned)).collect()),
        };
        document.fits("chunk_shape", &document.object)?;
        if document.sharding().is_some() {
            document.fits("chunk_shape of sharding_indexed", document.chunk())?;
        }
        Ok(document)
    }

    /// Reads an array document of the format that it says it has; of version 3 where it says none.
    ///
    /// # Errors
    /// As [`ArrayDocument::of`] and [`ArrayDocument::of_v2`].
    pub fn of_object(document: &Map<String, Value>) -> Result<Self, String> {
        match ZarrFormat::of_array(document) {
            ZarrFormat::V2 => Self::of_v2(document),
            ZarrFormat::V3 => Self::of(|name| document.get(name)),
        }
    }

    /// The document of a format, without attributes.
    ///
    /// # Errors
    /// What format 2 has no place for.
    pub fn of_format(&self, format: ZarrFormat) -> Result<Value, String> {
        match format {
            ZarrFormat::V2 => self.v2(),
            ZarrFormat::V3 => Ok(self.json()),
        }
    }

    /// Whether `part` is a part of the shape.
    pub(super) fn fits(&self, name: &str, part: &[u64]) -> Result<(), String> {
        if part.len() != self.shape.len() {
            return Err(format!("{name} has {} axes, shape has {}", part.len(), self.shape.len()));
        }
        if part.contains(&0) {
            return Err(format!("{name} is zero along an axis"));
        }
        Ok(())
    }

    /// The document of Zarr v3 (core specification, "Array metadata"), without attributes.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut document = json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": self.data_type.json(),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.object}},
            "chunk_key_encoding": self.keys.json(),
            "fill_value": self.fill_value,
            "codecs": self.codecs.json(),
            "attributes": {},
        });
        if let Some(names) = &self.dimension_names {
            document["dimension_names"] = json!(names);
        }
        document
    }

    /// The codec that keeps chunks in shards: the first, where others stand beside it.
    fn sharding(&self) -> Option<&super::Sharding> {
        self.codecs.0.iter().find_map(|codec| match codec {
            Codec::Sharding(sharding) => Some(&**sharding),
            _ => None,
        })
    }

    /// Whether its chunks lie in shards.
    #[must_use]
    pub fn is_sharded(&self) -> bool {
        self.sharding().is_some()
    }

    /// Pixels of a chunk along each axis: the unit of compression.
    #[must_use]
    pub fn chunk(&self) -> &[u64] {
        self.sharding().map_or(&self.object, |sharding| &sharding.chunk_shape)
    }
}

/// Pixels along each axis.
pub(super) fn extents(name: &str, value: &Value) -> Result<Vec<u64>, String> {
    let list = value.as_array().ok_or_else(|| format!("{name} is not a list"))?;
    if list.len() > MAX_AXES {
        return Err(format!("{name} has {} axes; up to {MAX_AXES} are looked at", list.len()));
    }
    let extent = |extent: &Value| {
        extent.as_u64().ok_or_else(|| format!("{name}: {} is no extent", shown::value(&extent.to_string())))
    };
    list.iter().map(extent).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::zarr::codec::{Endian, Gzip, Sharding};
    use crate::zarr::keys::Separator;

    pub(in crate::zarr) fn sharded() -> ArrayDocument {
        let codecs = Chain(vec![Codec::Bytes { endian: Some(Endian::Little) }, Codec::Gzip(Gzip { level: 5 })]);
        let sharding = Sharding::indexed_last(vec![2, 64, 16], codecs);
        ArrayDocument {
            shape: vec![7, 100, 30],
            data_type: DataType::named("uint16"),
            object: vec![6, 64, 32],
            keys: Keys::Default(Separator::Slash),
            fill_value: json!(0),
            codecs: Chain(vec![Codec::Sharding(Box::new(sharding))]),
            dimension_names: Some(vec![Some("t".into()), None, Some("x".into())]),
        }
    }

    #[test]
    fn documents_come_back() {
        let with_shards = sharded();
        let plain = ArrayDocument {
            codecs: Chain(vec![Codec::Bytes { endian: None }]),
            dimension_names: None,
            fill_value: json!(0.0),
            keys: Keys::V2(Separator::Dot),
            ..sharded()
        };
        for document in [with_shards, plain] {
            let json = document.json();
            assert_eq!(ArrayDocument::of(|name| json.get(name)), Ok(document));
        }
    }

    #[test]
    fn members_stand_in_the_order_of_the_specification() {
        let text = sharded().json().to_string();
        let at = |name: &str| text.find(&format!("\"{name}\":")).expect(name);
        let order =
            ["zarr_format", "node_type", "shape", "data_type", "chunk_grid", "chunk_key_encoding", "fill_value"];
        let order = [&order[..], &["codecs", "attributes", "dimension_names"]].concat();
        assert!(order.is_sorted_by_key(|name| at(name)), "{text}");
    }

    #[test]
    fn what_is_impossible_is_told() {
        let with = |pointer: &str, value: Value| {
            let mut json = sharded().json();
            *json.pointer_mut(pointer).expect(pointer) = value;
            ArrayDocument::of(|name| json.get(name)).expect_err(pointer)
        };
        for (pointer, value, part) in [
            ("/shape", json!("large"), "shape is not a list"),
            ("/shape", json!([2, 4]), "3 axes, shape has 2"),
            ("/shape/1", json!(4.5), "4.5 is no extent"),
            ("/shape", json!(vec![1; 33]), "33 axes"),
            ("/chunk_grid/name", json!("fractal"), "not regular"),
            ("/chunk_grid/configuration", json!({}), "no chunk_shape"),
            ("/chunk_grid/configuration/chunk_shape/0", json!(0), "zero along an axis"),
            ("/codecs/0/configuration/chunk_shape", json!([1]), "sharding_indexed has 1 axes"),
            ("/data_type", json!(7), "data_type"),
        ] {
            let why = with(pointer, value);
            assert!(why.contains(part), "{pointer}: {why}");
        }
        let json = sharded().json();
        let without = |left_out: &str| ArrayDocument::of(|name| json.get(name).filter(|_| name != left_out));
        assert_eq!(without("codecs"), Err("the array has no codecs".into()));
        assert!(without("fill_value").is_ok());
    }
}
