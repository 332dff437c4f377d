//! What the host declares: dimensions, positions, channels, codec, limits.
//!
//! Names and meaning follow `AcquisitionSettings` of the Python package ome-writers (0.3.2), so that its JSON settings
//! files can be read here; `docs/SETTINGS.md` lists what of them is refused, and why. The fields after `overwrite` are ours.
//! Unknown fields are refused.

mod color;
mod compression;
mod coords;
mod dimension;
mod dims;
mod dtype;
mod format;
mod json;
mod plate;
mod policy;
mod pyramid;
mod root_path;
mod storage_order;
mod unit;
mod validate;

#[cfg(test)]
mod tests;

pub use color::Color;
pub use compression::{Codec, Compression, Shuffle};
pub use coords::{Channel, Coord, Position};
pub use dimension::{Dimension, DimensionType};
pub use dims::parse_dims;
pub use dtype::DataType;
pub use format::{Format, NgffVersion};
pub use plate::Plate;
pub use policy::{Durability, WhenFull};
pub use pyramid::{Pyramid, PyramidMethod};
pub(crate) use root_path::check_folders_to_make;
pub use storage_order::StorageOrder;
pub use validate::{
    LIVE_INTERVAL_RANGE, MAX_ACQUISITION_BYTES, MAX_NAME_BYTES, MAX_POSITIONS, MAX_THREADS, MIN_MEMORY_LIMIT,
};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Everything that a host declares about an acquisition before its first frame.
///
/// The fields up to `overwrite` are those of ome-writers. The others are left out of the JSON while they hold their
/// default, so that settings which use none of them can be read by ome-writers too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the store is made: a local folder, relative or absolute; `~/` is the home folder. Without a `.zarr`
    /// suffix, [`Format::suffix`] is added.
    pub root_path: String,
    /// The loops of the acquisition, slowest first; the last two are a frame's rows and columns.
    ///
    /// At most one position dimension and two to five others; only the first may be unbounded.
    pub dimensions: Vec<Dimension>,
    /// Type of a pixel.
    pub dtype: DataType,
    /// Format version, engine and suffix.
    #[serde(default)]
    pub format: Format,
    /// How chunks are compressed; not at all by default.
    #[serde(default)]
    pub compression: Compression,
    /// Order of the axes on disk.
    #[serde(default)]
    pub storage_order: StorageOrder,
    /// The well plate that the positions belong to.
    #[serde(default)]
    pub plate: Option<Plate>,
    /// Replace a store that is already there; otherwise an existing path is refused and left untouched.
    #[serde(default)]
    pub overwrite: bool,
    /// Go on with a store of the same settings that is already there, behind its last stored frame; where there is none,
    /// start one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resume: bool,
    /// Downsampled levels beside the full resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pyramid: Option<Pyramid>,
    /// Most bytes that a stream may hold in memory, at least [`MIN_MEMORY_LIMIT`].
    #[serde(default = "default_memory_limit", skip_serializing_if = "is_default_memory_limit")]
    pub memory_limit: u64,
    /// Worker threads, 1 to [`MAX_THREADS`]; chosen for the machine where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// When data must be on the medium.
    #[serde(default, skip_serializing_if = "is_default")]
    pub durability: Durability,
    /// What `append` does when the memory limit is reached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when_full: WhenFull,
    /// Seconds after which a written frame is visible to readers even if its shard is still open, within
    /// [`LIVE_INTERVAL_RANGE`].
    #[serde(default = "default_live_interval", skip_serializing_if = "is_default_live_interval")]
    pub live_interval: f64,
}

impl Settings {
    /// `memory_limit` where none is given: 1 GiB.
    pub const DEFAULT_MEMORY_LIMIT: u64 = 1 << 30;

    /// `live_interval` where none is given, in seconds.
    pub const DEFAULT_LIVE_INTERVAL: f64 = 1.0;

    /// Settings with every default; nothing is checked yet.
    pub fn new(root_path: impl Into<String>, dimensions: Vec<Dimension>, dtype: DataType) -> Self {
        Self {
            root_path: root_path.into(),
            dimensions,
            dtype,
            format: Format::default(),
            compression: Compression::default(),
            storage_order: StorageOrder::default(),
            plate: None,
            overwrite: false,
            resume: false,
            pyramid: None,
            memory_limit: Self::DEFAULT_MEMORY_LIMIT,
            threads: None,
            durability: Durability::default(),
            when_full: WhenFull::default(),
            live_interval: Self::DEFAULT_LIVE_INTERVAL,
        }
    }

    /// Reads, normalises and validates settings. What was changed on the way is told by [`Settings::parse_json`]
    /// followed by [`Settings::validate`].
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) with the path of the field, its value and what would
    /// work: for text that is not JSON, unknown fields, values of the wrong kind, and every rule of
    /// [`Settings::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut settings = Self::parse_json(text)?;
        settings.validate()?;
        Ok(settings)
    }

    /// Reads settings as they are written, without normalising or checking combinations.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) for text that is not JSON, unknown fields and values
    /// of the wrong kind.
    pub fn parse_json(text: &str) -> Result<Self> {
        json::parse(text)
    }

    /// Normalises in place and checks every rule that does not depend on an engine.
    ///
    /// Normalised are: `kind` (inferred from coordinates, then unit, then name), units (to OME-NGFF names), position
    /// counts and names (to coordinates), `count` (from coordinates), sizes of chunks and shards (clamped to the
    /// dimension) and the suffix. Asking again changes nothing and gives no notes.
    ///
    /// Returns notes for a person: what was changed in a way that they might not expect.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) naming the first field that cannot be used; the
    /// settings may then be partly normalised.
    pub fn validate(&mut self) -> Result<Vec<String>> {
        validate::run(self)
    }

    /// The folder of the store: `root_path` without its suffix, then [`Format::suffix`].
    ///
    /// `a/b` becomes `a/b.ome.zarr`; `a/b.zarr` and `a/b.ome.zarr` stay as they are unless another suffix is set.
    #[must_use]
    pub fn output_path(&self) -> PathBuf {
        root_path::output(&self.root_path, &self.format.suffix)
    }

    /// Positions in acquisition order; one named `0` where there is no position dimension.
    #[must_use]
    pub fn positions(&self) -> Vec<Position> {
        match self.position_dimension().and_then(|index| self.dimensions.get(index)) {
            Some(dimension) => coords::positions(dimension),
            None => vec![Position::new("0")],
        }
    }

    /// Index of the position dimension in `dimensions`.
    #[must_use]
    pub fn position_dimension(&self) -> Option<usize> {
        self.dimensions.iter().position(Dimension::is_position)
    }

    /// Rows and columns of a frame: the last two dimensions.
    ///
    /// Validated settings always have both; before that, a missing one is an unnamed dimension without a count.
    #[must_use]
    pub fn frame_dimensions(&self) -> (&Dimension, &Dimension) {
        match self.dimensions.as_slice() {
            [.., rows, columns] => (rows, columns),
            [columns] => (&dimension::UNNAMED, columns),
            [] => (&dimension::UNNAMED, &dimension::UNNAMED),
        }
    }

    /// Dimensions other than position and frame, in acquisition order.
    #[must_use]
    pub fn index_dimensions(&self) -> Vec<&Dimension> {
        let in_frame = self.dimensions.len().saturating_sub(2);
        self.dimensions.iter().take(in_frame).filter(|each| !each.is_position()).collect()
    }

    /// Dimensions other than position and frame, in the order of the axes on disk.
    #[must_use]
    pub fn storage_index_dimensions(&self) -> Vec<&Dimension> {
        self.storage_order.sort(self.index_dimensions())
    }
}

fn default_memory_limit() -> u64 {
    Settings::DEFAULT_MEMORY_LIMIT
}

fn is_default_memory_limit(value: &u64) -> bool {
    *value == Settings::DEFAULT_MEMORY_LIMIT
}

fn default_live_interval() -> f64 {
    Settings::DEFAULT_LIVE_INTERVAL
}

fn is_default_live_interval(value: &f64) -> bool {
    *value == Settings::DEFAULT_LIVE_INTERVAL
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
