//! One declared loop of the acquisition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::coords::{Coord, Position};
use super::kind::DimensionType;
use super::limits::{MAX_NAME_BYTES, MAX_POSITIONS};
use super::unit;

/// One declared loop of the acquisition, or one side of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with name and count")]
pub struct Dimension {
    /// Unique among the dimensions; `x`, `y`, `z`, `c`, `t`, `p` where they apply.
    #[schemars(length(min = 1, max = MAX_NAME_BYTES))]
    pub name: String,
    /// Number of elements, at least 1. `null` with coordinates: as many as those; `null` without: unbounded, which
    /// only the first dimension may be.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub count: Option<u64>,
    /// What is counted. Inferred where not given: from coordinates, then unit, then name.
    #[serde(rename = "type", default)]
    pub kind: Option<DimensionType>,
    /// What each element is: positions, channels, names or numbers.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub coords: Option<Vec<Coord>>,
    /// Pixels of a chunk along this dimension. Not given: the whole frame in the last two dimensions, 1 elsewhere.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub chunk_size: Option<u64>,
    /// Chunks (not pixels) of a shard along this dimension; needs `chunk_size`. Not given in any dimension: no shards;
    /// not given in this one: 1.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub shard_size_chunks: Option<u64>,
    /// Unit of length or time, as OME-NGFF name (`micrometer`), OME symbol (`µm`) or common alias (`um`); free text for
    /// other types.
    #[serde(default)]
    pub unit: Option<String>,
    /// Size of one element in `unit`: pixel size, time interval. Above 0.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub scale: Option<f64>,
    /// Place of the first element in `unit`.
    #[serde(default)]
    pub translation: Option<f64>,
}

/// Stands for a frame dimension that unvalidated settings do not have.
pub(super) static UNNAMED: Dimension = Dimension {
    name: String::new(),
    count: None,
    kind: None,
    coords: None,
    chunk_size: None,
    shard_size_chunks: None,
    unit: None,
    scale: None,
    translation: None,
};

impl Dimension {
    /// A dimension of `count` elements; its type will be inferred.
    #[must_use]
    pub fn new(name: &str, count: u64) -> Self {
        Self { name: name.to_owned(), count: Some(count), ..UNNAMED.clone() }
    }

    /// A dimension that ends when the acquisition does; only the first may.
    #[must_use]
    pub fn unbounded(name: &str) -> Self {
        Self { name: name.to_owned(), ..UNNAMED.clone() }
    }

    /// A dimension with the type and unit of the standard axis `name`: micrometer for x, y, z; second for t; none for
    /// c and p. Any other name is left to be inferred. `count` is a number, or `None` for unbounded.
    #[must_use]
    pub fn standard(name: &str, count: impl Into<Option<u64>>) -> Self {
        let kind = DimensionType::of_name(name);
        let unit = match kind {
            Some(DimensionType::Space) => Some("micrometer".to_owned()),
            Some(DimensionType::Time) => Some("second".to_owned()),
            _ => None,
        };
        Self { name: name.to_owned(), count: count.into(), kind, unit, ..UNNAMED.clone() }
    }

    /// With chunks of `pixels` along this dimension.
    #[must_use]
    pub fn with_chunk(mut self, pixels: u64) -> Self {
        self.chunk_size = Some(pixels);
        self
    }

    /// With shards of `chunks` chunks along this dimension.
    #[must_use]
    pub fn with_shard(mut self, chunks: u64) -> Self {
        self.shard_size_chunks = Some(chunks);
        self
    }

    /// With elements of this size in the dimension's unit.
    #[must_use]
    pub fn with_scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// With the first element at this place in the dimension's unit.
    #[must_use]
    pub fn with_translation(mut self, translation: f64) -> Self {
        self.translation = Some(translation);
        self
    }

    /// With this unit.
    #[must_use]
    pub fn with_unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.to_owned());
        self
    }

    /// Of this type.
    #[must_use]
    pub fn with_kind(mut self, kind: DimensionType) -> Self {
        self.kind = Some(kind);
        self
    }

    /// With these coordinates, one for each element; they set the count.
    #[must_use]
    pub fn with_coords(mut self, coords: impl IntoIterator<Item = impl Into<Coord>>) -> Self {
        let coords: Vec<Coord> = coords.into_iter().map(Into::into).collect();
        self.count = Some(coords.len() as u64);
        self.coords = Some(coords);
        self
    }

    /// What coordinates, unit and name say about the type, in that order.
    pub(super) fn inferred_kind(&self) -> Option<DimensionType> {
        self.kind_of_coords()
            .or_else(|| self.unit.as_deref().and_then(unit::kind))
            .or_else(|| DimensionType::of_name(&self.name))
    }

    /// What the coordinates say about the type.
    pub(super) fn kind_of_coords(&self) -> Option<DimensionType> {
        self.coords.iter().flatten().find_map(Coord::kind)
    }

    pub(super) fn is_position(&self) -> bool {
        self.kind.or_else(|| self.inferred_kind()) == Some(DimensionType::Position)
    }

    /// The positions that a position dimension declares, by coordinates or by count.
    pub(super) fn positions(&self) -> Vec<Position> {
        match &self.coords {
            Some(coords) => coords
                .iter()
                .map(|coord| match coord {
                    Coord::Position(position) => position.clone(),
                    Coord::Channel(channel) => Position::new(channel.name.clone()),
                    Coord::Name(name) => Position::new(name.clone()),
                    Coord::Number(number) => Position::new(number.to_string()),
                })
                .collect(),
            None => {
                let count = self.count.unwrap_or(0).min(MAX_POSITIONS as u64);
                (0..count).map(|nth| Position::new(nth.to_string())).collect()
            }
        }
    }
}
