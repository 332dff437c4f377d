//! What a stream promises about the medium, and what it does when memory is full.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tree;
use crate::error::{Error, Result};

/// When data must be durable: on the medium, where it survives a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Everything is durable when `finish` returns.
    #[default]
    Finish,
    /// Each shard (each chunk, where there are no shards) is durable as soon as it is sealed.
    Shard,
    /// The operating system writes it when it likes.
    None,
}

/// What `append` does when the memory limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// Waits until there is room.
    #[default]
    Block,
    /// Refuses the frame; it uses no frame number.
    Error,
    /// Drops the frame and counts it; its place keeps the fill value. A disk that stands still so long that 65,536
    /// slabs of planes of dropped frames wait for it has the next frame refused, as [`WhenFull::Error`] does.
    Drop,
}

impl Durability {
    /// The name in JSON and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Shard => "shard",
            Self::None => "none",
        }
    }
}

impl FromStr for Durability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        tree::word("durability", text)
    }
}

impl FromStr for WhenFull {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        tree::word("when_full", text)
    }
}
