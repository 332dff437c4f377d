//! An axis of the arrays on disk, with every size known.

use super::declared::Settings;
use super::dimension::Dimension;
use super::kind::DimensionType;

/// An axis of the arrays on disk: a dimension other than the position, with what is not given filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Place of its dimension among those of the settings.
    pub dimension: usize,
    /// Unique.
    pub name: String,
    /// What it counts; never positions.
    pub kind: DimensionType,
    /// As in OME-NGFF for lengths and times.
    pub unit: Option<String>,
    /// Elements; `None` where it is unbounded.
    pub count: Option<u64>,
    /// Elements of a chunk.
    pub chunk: u64,
    /// Chunks of a shard; 1 where there are no shards.
    pub shard: u64,
    /// Size of an element in `unit`; 1 where none is given. Above 0.
    pub scale: f64,
    /// Place of the first element in `unit`.
    pub translation: Option<f64>,
}

impl Axis {
    fn of(settings: &Settings, dimension: &Dimension) -> Self {
        let place = settings.dimensions.iter().position(|each| each.name == dimension.name).unwrap_or_default();
        let in_frame = place + 2 >= settings.dimensions.len();
        Self {
            dimension: place,
            name: dimension.name.clone(),
            kind: dimension.kind.unwrap_or(DimensionType::Other),
            unit: dimension.unit.clone(),
            count: dimension.count,
            chunk: dimension.chunk_size.unwrap_or(if in_frame { dimension.count.unwrap_or(1) } else { 1 }),
            shard: dimension.shard_size_chunks.unwrap_or(1),
            scale: dimension.scale.unwrap_or(1.0),
            translation: dimension.translation,
        }
    }

    /// Chunks along it; `None` where it is unbounded.
    #[must_use]
    pub fn chunks(&self) -> Option<u64> {
        self.count.map(|count| count.div_ceil(self.chunk))
    }
}

/// The axes in storage order, the frame's two last, of settings in their normal form.
pub(super) fn of(settings: &Settings) -> Vec<Axis> {
    let (rows, columns) = settings.frame_dimensions();
    let dimensions = settings.storage_index_dimensions().into_iter().chain([rows, columns]);
    dimensions.map(|dimension| Axis::of(settings, dimension)).collect()
}
