//! Validated settings -> fixed geometry, router and memory; every check before anything touches disk.

mod array_metadata;
mod geometry;
mod memory;
mod metadata_size;
mod positions;

pub use geometry::{Geometry, MAX_AXES};
pub use memory::{MAX_THREADS, Memory};
pub use positions::PlannedPosition;

use std::path::{Path, PathBuf};

use crate::buffer::{GroupKey, Layout, Unit};
use crate::error::{Error, Result};
use crate::ngff;
use crate::router::{Location, Loop, Router};
use crate::settings::{Codec, DataType, DimensionType, Settings};

/// Everything that is fixed before the first frame: where frames go, what lies on disk, how much memory it takes.
///
/// Making a plan touches no disk, so that a host can ask it for memory and refuse early.
#[derive(Debug, Clone)]
pub struct Plan {
    settings: Settings,
    root: PathBuf,
    geometry: Geometry,
    positions: Vec<PlannedPosition>,
    axes: Vec<ngff::Axis>,
    scale: Vec<f64>,
    translation: Vec<Option<f64>>,
    router: Router,
    notes: Vec<String>,
}

impl Plan {
    /// Validates `settings` and fixes the plan.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] naming the field, the value and what would work. Memory is judged later, by
    /// [`Plan::memory`], because it depends on the unit that an engine takes.
    pub fn new(settings: &Settings) -> Result<Self> {
        let mut settings = settings.clone();
        let notes = settings.validate()?;
        let path = settings.output_path();
        // The host may change its working folder while the run goes on.
        let root = std::path::absolute(&path).map_err(|source| Error::io("find", &path, source))?;
        Self::of(settings, root, notes)
    }

    /// As [`Plan::new`], for a store that lies at `root`, whatever name its settings would give it.
    pub(crate) fn at(settings: &Settings, root: &Path) -> Result<Self> {
        let mut settings = settings.clone();
        let notes = settings.validate()?;
        Self::of(settings, root.to_path_buf(), notes)
    }

    /// The plan of validated settings.
    fn of(settings: Settings, root: PathBuf, mut notes: Vec<String>) -> Result<Self> {
        let geometry = Geometry::new(&settings)?;
        metadata_size::check(&settings)?;
        let storage = settings.storage_index_dimensions();
        let loops: Vec<Loop> = settings
            .dimensions
            .iter()
            .take(settings.dimensions.len() - 2)
            .map(|dimension| Loop {
                count: dimension.count,
                storage_axis: storage.iter().position(|other| other.name == dimension.name),
            })
            .collect();
        let router = Router::new(&loops).ok_or_else(|| {
            Error::settings(
                "dimensions",
                settings.dimensions.len(),
                "the loops cannot be counted in 64 bits",
                "use smaller counts",
            )
        })?;
        let (rows, columns) = settings.frame_dimensions();
        let dimensions: Vec<_> = storage.iter().copied().chain([rows, columns]).collect();
        let axes: Vec<_> = dimensions
            .iter()
            .map(|dimension| ngff::Axis {
                name: dimension.name.clone(),
                kind: match dimension.kind {
                    Some(DimensionType::Space) => ngff::AxisKind::Space,
                    Some(DimensionType::Time) => ngff::AxisKind::Time,
                    Some(DimensionType::Channel) => ngff::AxisKind::Channel,
                    _ => ngff::AxisKind::Other("other".into()),
                },
                unit: dimension.unit.clone(),
            })
            .collect();
        let scale = dimensions.iter().map(|each| each.scale.unwrap_or(1.0)).collect();
        let translation = dimensions.iter().map(|each| each.translation).collect();
        let positions = positions::plan(&settings)?;
        let plan = Self { root, geometry, positions, axes, scale, translation, router, notes: Vec::new(), settings };
        let metadata = plan.ngff(None);
        metadata.validate()?;
        notes.extend(metadata.order_violation());
        Ok(Self { notes, ..plan })
    }

    /// The settings, validated and normalised.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the store will be.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Shape, chunks and shards of every position's array.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Positions in the order in which they are declared; one where no position dimension is.
    #[must_use]
    pub fn positions(&self) -> &[PlannedPosition] {
        &self.positions
    }

    /// Data type of a pixel.
    #[must_use]
    pub fn dtype(&self) -> DataType {
        self.settings.dtype
    }

    /// Names of the array's axes in storage order.
    pub fn axis_names(&self) -> impl Iterator<Item = &str> {
        self.axes.iter().map(|axis| axis.name.as_str())
    }

    /// Frame number <-> place.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// What was changed or is worth knowing about the settings, for a person to read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How one group of planes lies in memory for an engine that takes `unit`s.
    #[must_use]
    pub fn layout(&self, unit: Unit) -> Layout {
        Layout::new(&self.geometry, unit)
    }

    /// Memory and threads for an engine that takes `unit`s.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`] with the numbers where the limit cannot hold the least this acquisition needs.
    pub fn memory(&self, unit: Unit) -> Result<Memory> {
        Memory::new(self, &Layout::outline(&self.geometry, unit))
    }

    /// True where all frames of a group are among the first `frames`.
    #[must_use]
    pub fn is_group_done(&self, layout: &Layout, key: GroupKey, frames: u64) -> bool {
        // A frame's number grows with each of its coordinates, so the group's last plane has the highest.
        let last = (0..layout.planes()).rev().find_map(|slot| layout.plane(&key.index, slot));
        last.is_none_or(|index| {
            let location = Location { position: key.position, index };
            self.router.frame_number(location).is_some_and(|number| number < frames)
        })
    }

    /// Most frames that can come between the first and the last of a group.
    #[must_use]
    pub fn group_span(&self, layout: &Layout) -> u64 {
        let gathered = |each: &Loop| each.storage_axis.map_or(1, |axis| layout.index_unit()[axis]);
        let loops = self.router.loops();
        let Some(outermost) = loops.iter().position(|each| gathered(each) > 1) else { return 1 };
        let inside = loops[outermost + 1..].iter().filter_map(|each| each.count).fold(1, u64::saturating_mul);
        inside.saturating_mul(gathered(&loops[outermost]))
    }

    /// Folder of the array of `level` of a position.
    #[must_use]
    pub fn array_path(&self, position: usize, level: u32) -> PathBuf {
        self.group_path(position).join(level.to_string())
    }

    /// Folder of a position's image group.
    #[must_use]
    pub fn group_path(&self, position: usize) -> PathBuf {
        match self.positions.get(position) {
            Some(place) if !place.path.is_empty() => self.root.join(&place.path),
            _ => self.root.clone(),
        }
    }

    /// True where chunks are stored as they are, without a codec that changes their size.
    #[must_use]
    pub fn is_uncompressed(&self) -> bool {
        self.settings.compression.codec == Codec::None
    }

    /// The NGFF model of the whole store, with `extents[position]` planes along the append axis where they are known.
    #[must_use]
    pub fn ngff(&self, extents: Option<&[Option<u64>]>) -> ngff::Layout {
        positions::ngff_layout(self, extents)
    }

    pub(crate) fn axes(&self) -> &[ngff::Axis] {
        &self.axes
    }

    pub(crate) fn scale(&self) -> &[f64] {
        &self.scale
    }

    pub(crate) fn translation(&self) -> &[Option<f64>] {
        &self.translation
    }
}
