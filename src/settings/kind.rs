//! What a dimension counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a dimension counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DimensionType {
    /// A length: x, y, z.
    Space,
    /// Time.
    Time,
    /// Channels.
    Channel,
    /// Stage locations; each becomes an image of its own.
    Position,
    /// Anything else.
    Other,
}

impl DimensionType {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Time => "time",
            Self::Channel => "channel",
            Self::Position => "position",
            Self::Other => "other",
        }
    }

    /// The type of the standard axes x, y, z, t, c, p, in either letter case.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "x" | "X" | "y" | "Y" | "z" | "Z" => Some(Self::Space),
            "t" | "T" => Some(Self::Time),
            "c" | "C" => Some(Self::Channel),
            "p" | "P" => Some(Self::Position),
            _ => None,
        }
    }
}
