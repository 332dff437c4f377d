//! Downsampled levels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DataType;
use super::limits::MAX_LEVELS;

/// How the pixels of a window, a block of a level, become one pixel of the level below. Windows at an edge are made of
/// the pixels that exist.
///
/// A window with a NaN becomes a NaN by [`Mean`](PyramidMethod::Mean), [`Min`](PyramidMethod::Min), [`Max`](PyramidMethod::Max) and
/// [`Median`](PyramidMethod::Median), as with NumPy: what is not known is not covered up. It is a quiet one, without sign or
/// payload. [`Nearest`](PyramidMethod::Nearest) keeps the bits of the pixel that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PyramidMethod {
    /// The mean, for intensities. Of integers the exact one, rounded half to even. Of floats the sum in 64 bits, of
    /// each row from left to right, then of the rows, then of the planes, divided and rounded to the data type.
    #[default]
    Mean,
    /// The smallest: keeps small dark spots visible. -0 is smaller than 0.
    Min,
    /// The largest: keeps small bright spots visible.
    Max,
    /// The one in the middle, or the mean of the two in the middle, rounded half to even.
    Median,
    /// The most frequent, of several the smallest: for labels. Not of floats.
    Mode,
    /// The first one: for labels, and the fastest.
    Nearest,
}

impl PyramidMethod {
    /// Every method.
    pub const ALL: &'static [Self] = &[Self::Mean, Self::Min, Self::Max, Self::Median, Self::Mode, Self::Nearest];

    /// Its name in settings, and as the `type` of an image's levels (OME-NGFF section "multiscales").
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Median => "median",
            Self::Mode => "mode",
            Self::Nearest => "nearest",
        }
    }

    /// Whether pixels of this type can be combined by it: floats are hardly ever equal, so that the most frequent one
    /// says nothing.
    #[must_use]
    pub const fn takes(self, dtype: DataType) -> bool {
        !matches!((self, dtype), (Self::Mode, DataType::Float16 | DataType::Float32 | DataType::Float64))
    }

    /// Whether the pixel that it makes lies in the center of its window; else it lies where the first one lies.
    #[must_use]
    pub const fn is_centered(self) -> bool {
        !matches!(self, Self::Nearest)
    }
}

/// Levels below full resolution, made while frames come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with method, levels, smallest, factors, chunks, shards")]
pub struct Pyramid {
    /// How pixels are combined.
    #[serde(default)]
    pub method: PyramidMethod,
    /// Number of levels, full resolution included. Neither this nor `smallest` given: as by `smallest` 256.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_LEVELS))]
    pub levels: Option<u32>,
    /// Levels follow one another until one has fewer rows or columns than so many.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub smallest: Option<u64>,
    /// By how much each level is smaller than the one before, by name of a space dimension. Not given: 2 for rows and
    /// columns; for others 2 from the level on at which pixels lie as far apart as theirs, by the scales. 1 is never.
    #[serde(default)]
    pub factors: Option<BTreeMap<String, u64>>,
    /// For each level below full resolution the pixels of its chunks, by name of a dimension; what is not given is as
    /// at full resolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<BTreeMap<String, u64>>,
    /// For each level below full resolution the chunks of its shards, by name of a dimension; what is not given is as
    /// at full resolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<BTreeMap<String, u64>>,
}
