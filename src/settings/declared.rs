//! Settings as they are written, with what can be asked of them before they are checked.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::compression::Compression;
use super::coords::Position;
use super::dimension::{Dimension, UNNAMED};
use super::dtype::DataType;
use super::format::Format;
use super::limits::{LIVE_INTERVAL_RANGE, MAX_AXES, MAX_NAME_BYTES, MAX_THREADS, MIN_AXES, MIN_MEMORY_LIMIT};
use super::plate::Plate;
use super::policy::{Durability, WhenFull};
use super::pyramid::Pyramid;
use super::root_path;
use super::storage_order::StorageOrder;

/// Everything that a host declares about an acquisition before its first frame.
///
/// The fields up to `overwrite` are those of ome-writers. The others are left out of the JSON while they hold their
/// default, so that settings which use none of them can be read by ome-writers too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with root_path, dimensions, dtype")]
pub struct Settings {
    /// Where the store is made: a local folder, relative or absolute; `~/` is the home folder. Without a `.zarr`
    /// suffix, [`Format::suffix`] is added.
    #[schemars(length(min = 1))]
    pub root_path: String,
    /// The loops of the acquisition, slowest first; the last two are a frame's rows and columns.
    ///
    /// At most one position dimension and two to five others; only the first may be unbounded.
    #[schemars(length(min = MIN_AXES, max = MAX_AXES + 1))]
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
    /// Go on with a store of the same settings that is already there, behind its last stored frame; where there is
    /// none, start one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resume: bool,
    /// Downsampled levels beside the full resolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pyramid: Option<Pyramid>,
    /// Most bytes that a stream may hold in memory, at least [`MIN_MEMORY_LIMIT`].
    #[serde(default = "default_memory_limit", skip_serializing_if = "is_default_memory_limit")]
    #[schemars(range(min = MIN_MEMORY_LIMIT))]
    pub memory_limit: u64,
    /// Worker threads, 1 to [`MAX_THREADS`]; chosen for the machine where not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_THREADS))]
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
    #[schemars(range(min = *LIVE_INTERVAL_RANGE.start(), max = *LIVE_INTERVAL_RANGE.end()))]
    pub live_interval: f64,
    /// What the host program calls itself, with its version: told in the store when the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_NAME_BYTES))]
    pub program: Option<String>,
    /// Whether the time at which each frame was accepted is kept: of all frames (`true`), of none (`false`), or of those
    /// that come with metadata (where it is not said).
    ///
    /// `true` makes one more file for each image, with a line of about 90 bytes for each frame; `false` is for programs
    /// that convert files, whose times are not those of a camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_times: Option<bool>,
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
            program: None,
            frame_times: None,
        }
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
            Some(dimension) => dimension.positions(),
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
            [columns] => (&UNNAMED, columns),
            [] => (&UNNAMED, &UNNAMED),
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
