//! The arrays of a run: what grows on disk, one for each position and level of each source.

use std::sync::Arc;

use super::depth::Depth;
use super::layout::Layout;
use super::memory::Need;
use super::{Geometry, SourceId};
use crate::pyramid::Reducer;
use crate::settings::{Compression, DataType};
use crate::zarr::ZarrFormat;

/// An array of a plan. The arrays of full resolution come first, in the order of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ArrayId(pub u32);

impl ArrayId {
    /// Place among [`super::Plan::arrays`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What arrays have in common that differ only in their place: those of one level of one source, a position each.
#[derive(Debug)]
pub struct Form {
    pub(super) nth: usize,
    pub(super) source: SourceId,
    pub(super) level: u8,
    pub(super) zarr: ZarrFormat,
    pub(super) geometry: Geometry,
    pub(super) dtype: DataType,
    pub(super) compression: Compression,
    pub(super) axis_names: Vec<String>,
    pub(super) layout: Layout,
    pub(super) need: Need,
    pub(super) depth: Depth,
    pub(super) reducer: Option<Reducer>,
    pub(super) windows: Option<Windows>,
}

/// Planes of the level above that wait until all of those that become one plane have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Their class of buffers: those of forms come first.
    pub(super) class: usize,
    pub(super) need: Need,
}

impl Windows {
    /// Their class of buffers in the budget of a run.
    #[must_use]
    pub fn class(&self) -> usize {
        self.class
    }

    /// All memory that they can take.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }
}

impl Form {
    /// Place among [`super::Plan::forms`].
    #[must_use]
    pub fn nth(&self) -> usize {
        self.nth
    }

    /// Where the frames come from.
    #[must_use]
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Resolution level; 0 is full.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Format of the arrays, the same in the whole plan.
    #[must_use]
    pub fn zarr(&self) -> ZarrFormat {
        self.zarr
    }

    /// Shape, chunks and shards.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Data type of a pixel.
    #[must_use]
    pub fn dtype(&self) -> DataType {
        self.dtype
    }

    /// How chunks are encoded.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// True where chunks are stored as they lie in memory: neither compressed nor with a checksum.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.compression.is_verbatim()
    }

    /// Names of the axes in storage order.
    #[must_use]
    pub fn axis_names(&self) -> &[String] {
        &self.axis_names
    }

    /// How a slab of planes lies in memory, in the unit that the engine takes.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// All memory that the arrays of this form can take.
    #[must_use]
    pub fn need(&self) -> &Need {
        &self.need
    }

    /// Which planes of full resolution become a plane.
    #[must_use]
    pub fn depth(&self) -> &Depth {
        &self.depth
    }

    /// What makes a plane of those of the level above; `None` at full resolution.
    #[must_use]
    pub fn reducer(&self) -> Option<&Reducer> {
        self.reducer.as_ref()
    }

    /// What waits until all planes that become one have come; `None` where each plane becomes one.
    #[must_use]
    pub fn windows(&self) -> Option<&Windows> {
        self.windows.as_ref()
    }
}

/// What fills an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Frames of a source.
    Source(SourceId),
    /// Planes of the level above.
    Level {
        /// That level's array.
        of: ArrayId,
        /// Pixels of it that become one: planes, rows, columns.
        factors: [u64; 3],
    },
}

/// An array that is fixed before the first frame.
#[derive(Debug, Clone)]
pub struct PlannedArray {
    pub(super) id: ArrayId,
    pub(super) key: String,
    pub(super) image: usize,
    pub(super) feed: Feed,
    pub(super) form: Arc<Form>,
}

impl PlannedArray {
    /// Which array this is.
    #[must_use]
    pub fn id(&self) -> ArrayId {
        self.id
    }

    /// Its path below the root of the store, with `/`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The image that it belongs to: its place among [`super::Plan::positions`].
    #[must_use]
    pub fn image(&self) -> usize {
        self.image
    }

    /// Resolution level; 0 is full.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.form.level
    }

    /// What fills it.
    #[must_use]
    pub fn feed(&self) -> Feed {
        self.feed
    }

    /// What it has in common with others.
    #[must_use]
    pub fn form(&self) -> &Arc<Form> {
        &self.form
    }

    /// Shape, chunks and shards.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.form.geometry
    }

    /// How a slab of its planes lies in memory.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.form.layout
    }
}
