//! Where frames come from: a camera, or whatever sends frames of one shape and type in an order of its own.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{ArrayId, Geometry};
use crate::error::{Error, Result};
use crate::ngff;
use crate::router::{Location, Loop, Router};
use crate::settings::{Dimension, DimensionType, Settings};

/// A source of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u16);

impl SourceId {
    /// Place among [`super::Plan::sources`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a source sends, and the levels that are made of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SourceSettings {
    /// Dimensions, data type and codec. What concerns the whole run is taken from the first source.
    pub settings: Settings,
    /// For each level below full resolution the pixels of the level above that become one, down and across.
    #[serde(default)]
    pub levels: Vec<[u64; 2]>,
}

/// A source with its order of acquisition, fixed before the first frame.
#[derive(Debug, Clone)]
pub struct PlannedSource {
    pub(super) id: SourceId,
    pub(super) settings: Settings,
    pub(super) levels: Vec<[u64; 2]>,
    pub(super) router: Router,
    pub(super) images: Range<usize>,
    pub(super) axes: Vec<ngff::Axis>,
    pub(super) scale: Vec<f64>,
    pub(super) translation: Vec<Option<f64>>,
}

impl PlannedSource {
    pub(super) fn new(id: SourceId, from: &SourceSettings) -> Result<Self> {
        let SourceSettings { settings, levels } = from;
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
        let dimensions: Vec<&Dimension> = storage.iter().copied().chain([rows, columns]).collect();
        let axes = dimensions.iter().map(|dimension| axis(dimension)).collect();
        Ok(Self {
            id,
            router,
            images: 0..0,
            axes,
            scale: dimensions.iter().map(|each| each.scale.unwrap_or(1.0)).collect(),
            translation: dimensions.iter().map(|each| each.translation).collect(),
            settings: settings.clone(),
            levels: levels.clone(),
        })
    }

    /// Which source this is.
    #[must_use]
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// Frame number <-> place, of this source's frames.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// For each level below full resolution the pixels of the level above that become one, down and across.
    #[must_use]
    pub fn levels(&self) -> &[[u64; 2]] {
        &self.levels
    }

    /// Images that it fills: their places among [`super::Plan::positions`].
    #[must_use]
    pub fn images(&self) -> Range<usize> {
        self.images.clone()
    }

    /// The array of full resolution that a position's frames go to.
    #[must_use]
    pub fn array(&self, position: u32) -> ArrayId {
        // The plan has at most 2^32 arrays.
        ArrayId(u32::try_from(self.images.start).unwrap_or(u32::MAX).saturating_add(position))
    }

    /// The position of this source whose image is `image`; `None` for images of others.
    #[must_use]
    pub fn position(&self, image: usize) -> Option<u32> {
        if !self.images.contains(&image) {
            return None;
        }
        u32::try_from(image - self.images.start).ok()
    }

    /// Planes along the append axis that a position has after `frames` frames of this source; `None` where its shape is
    /// fixed.
    #[must_use]
    pub fn extent(&self, geometry: &Geometry, position: u32, frames: u64) -> Option<u64> {
        Some(self.router.extent(geometry.append_axis()?, position, frames))
    }

    /// The number of the frame at a plane of an image; `None` where there is none.
    #[must_use]
    pub fn frame_number(&self, image: usize, index: crate::router::StorageIndex) -> Option<u64> {
        self.router.frame_number(Location { position: self.position(image)?, index })
    }
}

fn axis(dimension: &Dimension) -> ngff::Axis {
    ngff::Axis {
        name: dimension.name.clone(),
        kind: match dimension.kind {
            Some(DimensionType::Space) => ngff::AxisKind::Space,
            Some(DimensionType::Time) => ngff::AxisKind::Time,
            Some(DimensionType::Channel) => ngff::AxisKind::Channel,
            _ => ngff::AxisKind::Other("other".into()),
        },
        unit: dimension.unit.clone(),
    }
}
