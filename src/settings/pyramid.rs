//! Downsampled levels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::MAX_LEVELS;

/// How pixels of a level become one pixel of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PyramidMethod {
    /// Their mean: for intensities.
    #[default]
    Mean,
    /// The first of them: for labels, and the fastest.
    Nearest,
    /// The largest of them: keeps small bright spots visible.
    Max,
}

/// Downsampled levels beside the full resolution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with method, levels, factors")]
pub struct Pyramid {
    /// How pixels are combined.
    #[serde(default)]
    pub method: PyramidMethod,
    /// Number of levels, the full resolution included. Not given: until a level fits one chunk.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_LEVELS))]
    pub levels: Option<u32>,
    /// By how much each level is smaller than the one before, by name of a space dimension. Not given: 2 in Y and X,
    /// 1 elsewhere.
    #[serde(default)]
    pub factors: Option<BTreeMap<String, u64>>,
}
