//! Downsampled levels.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dtype::DataType;
use super::limits::MAX_LEVELS;
use crate::error::{Error, Result};
use crate::shown::quoted;

/// How the pixels of a window, a block of a level, become one pixel of the level below. Windows at an edge are made of
/// the pixels that exist.
///
/// A window with a NaN becomes a NaN by [`Mean`](Self::Mean), [`Min`](Self::Min), [`Max`](Self::Max) and
/// [`Median`](Self::Median), as with NumPy: what is not known is not covered up. It is a quiet one, without sign or
/// payload. [`Nearest`](Self::Nearest) keeps the bits of the pixel that it takes.
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

    /// That pixels of this type can be combined by it.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`].
    pub(crate) fn check(self, dtype: DataType) -> Result<()> {
        if self.takes(dtype) {
            return Ok(());
        }
        let problem = format!("the most frequent of {dtype} pixels says nothing: hardly any two are equal");
        let remedy = "use \"median\", which keeps edges, or an integer data type";
        Err(Error::settings("pyramid.method", self.name(), problem, remedy))
    }

    /// Whether the pixel that it makes lies in the center of its window; else it lies where the first one lies.
    #[must_use]
    pub const fn is_centered(self) -> bool {
        !matches!(self, Self::Nearest)
    }
}

/// Downsampled levels beside the full resolution.
///
/// Each is made of the one above, while frames come in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with method, levels, smallest, factors, chunks, shards")]
pub struct Pyramid {
    /// How pixels are combined.
    #[serde(default)]
    pub method: PyramidMethod,
    /// Number of levels, the full resolution included. Not given: as `smallest` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_LEVELS))]
    pub levels: Option<u32>,
    /// In place of `levels`: levels end with the first that has fewer rows or columns than so many, or where nothing is
    /// left to become smaller. Neither given: [`Pyramid::SMALLEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub smallest: Option<u64>,
    /// By how much each level is smaller than the one above, by name of a space dimension; 1 keeps the size. Rows and
    /// columns not given: 2. Planes (z) given: at every level; not given: 2, from the level on at which the spacing of
    /// rows and columns has caught up with their own. Other dimensions never become smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<BTreeMap<String, u64>>,
    /// Pixels of a chunk along each dimension, by its name, for each level below full resolution. Dimensions that are
    /// left out, and levels behind the last entry: as full resolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<BTreeMap<String, u64>>,
    /// Chunks of a shard along each dimension, in the same form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<BTreeMap<String, u64>>,
}

impl Pyramid {
    /// `smallest` where neither it nor `levels` is given: the last level is a thumbnail.
    pub const SMALLEST: u64 = 256;

    /// Pixels that become one along an axis that becomes smaller, where nothing is said.
    pub const FACTOR: u64 = 2;

    /// Levels made by this method, with every default.
    #[must_use]
    pub fn by(method: PyramidMethod) -> Self {
        Self { method, ..Self::default() }
    }

    /// Pixels that become one along the space dimension of this name, where it is said.
    #[must_use]
    pub fn factor(&self, name: &str) -> Option<u64> {
        self.factors.as_ref().and_then(|factors| factors.get(name)).copied()
    }
}

/// `method` or `method:levels`, such as `mean` or `max:4`.
impl FromStr for Pyramid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, levels) = text.split_once(':').map_or((text, None), |(name, levels)| (name, Some(levels)));
        let method = PyramidMethod::ALL.iter().copied().find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<&str> = PyramidMethod::ALL.iter().map(|method| method.name()).collect();
            let remedy = format!("use {}, with a number of levels as in max:4", names.join(", "));
            Error::settings("pyramid.method", quoted(name), "unknown method", remedy)
        })?;
        let levels = levels.map(|levels| {
            let refuse = |_| {
                let remedy = "write it as in mean:4, full resolution included";
                Error::settings("pyramid.levels", quoted(levels), "not a whole number", remedy)
            };
            levels.parse().map_err(refuse)
        });
        Ok(Self { levels: levels.transpose()?, ..Self::by(method) })
    }
}
