//! Where frames come from: a camera, or whatever sends frames of one shape and type in an order of its own.

use std::ops::Range;

use super::{ArrayId, Form, levels};
use crate::error::{Error, Result};
use crate::pyramid::{Level, Method};
use crate::router::{Location, Loop, Router};
use crate::settings::{Acquisition, Channel, Coord, DimensionType, Settings, named_unit};

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

/// A time axis of which nobody has said how far its time points are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenTime {
    /// Its place among the axes.
    pub axis: usize,
    /// The unit in which its step is to be told: the declared one, else the second.
    pub unit: &'static str,
    /// Whether that is declared.
    pub declared: bool,
    /// Seconds of that.
    pub seconds: f64,
}

/// A source with its order of acquisition, fixed before the first frame.
#[derive(Debug, Clone)]
pub struct PlannedSource {
    pub(super) id: SourceId,
    pub(super) acquisition: Acquisition,
    pub(super) levels: Vec<Level>,
    pub(super) router: Router,
    pub(super) images: Range<usize>,
}

impl PlannedSource {
    pub(super) fn new(id: SourceId, acquisition: Acquisition) -> Result<Self> {
        let levels = levels::below_full(&acquisition)?;
        let dimensions = acquisition.settings().dimensions.iter().enumerate();
        let loops: Vec<Loop> = dimensions
            .take(acquisition.settings().dimensions.len() - 2)
            .map(|(nth, dimension)| Loop {
                count: dimension.count,
                storage_axis: acquisition.axes().iter().position(|axis| axis.dimension == nth),
            })
            .collect();
        let router = Router::new(&loops).ok_or_else(|| {
            let (problem, remedy) = ("the loops cannot be counted in 64 bits", "use smaller counts");
            Error::settings("dimensions", acquisition.settings().dimensions.len(), problem, remedy)
        })?;
        Ok(Self { id, router, images: 0..0, acquisition, levels })
    }

    /// Which source this is.
    #[must_use]
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// What it sends, validated and normalized.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.acquisition.settings()
    }

    /// Frame number <-> place, of this source's frames.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The axis of channels among the index dimensions, with the channels that the host declared; `None` where it
    /// declared none.
    #[must_use]
    pub fn channels(&self) -> Option<(usize, impl Iterator<Item = &Channel>)> {
        let axes = self.acquisition.axes();
        let nth = axes.iter().position(|axis| axis.kind == DimensionType::Channel)?;
        let coords = self.settings().dimensions.get(axes.get(nth)?.dimension)?.coords.as_ref()?;
        Some((nth, coords.iter().filter_map(Coord::as_channel)))
    }

    /// The time axis, where the settings leave its step open. Nothing is said of one that has a place in no unit: its
    /// step must have that one.
    #[must_use]
    pub fn open_time(&self) -> Option<OpenTime> {
        let axes = self.acquisition.axes();
        let (nth, axis) = axes.iter().enumerate().find(|(_, axis)| axis.kind == DimensionType::Time)?;
        let dimension = self.settings().dimensions.get(axis.dimension)?;
        let is_open = nth + 2 < axes.len() && dimension.scale.is_none();
        let unit = dimension.unit.as_deref().or(dimension.translation.is_none().then_some("second"));
        let (unit, seconds) = named_unit(unit.filter(|_| is_open)?, DimensionType::Time)?;
        Some(OpenTime { axis: nth, unit, declared: dimension.unit.is_some(), seconds })
    }

    /// Levels below full resolution.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// How levels are made.
    #[must_use]
    pub fn method(&self) -> Method {
        self.settings().pyramid.as_ref().map(|pyramid| pyramid.method).unwrap_or_default()
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

    /// Planes along the append axis that a position's array of a form has after `frames` frames of this source; `None`
    /// where its shape is fixed.
    #[must_use]
    pub fn extent(&self, form: &Form, position: u32, frames: u64) -> Option<u64> {
        let axis = form.geometry().append_axis()?;
        Some(form.depth().extent_along(axis, self.router.extent(axis, position, frames)))
    }

    /// The number of the frame at a plane of an image; `None` where there is none.
    #[must_use]
    pub fn frame_number(&self, image: usize, index: crate::router::StorageIndex) -> Option<u64> {
        self.router.frame_number(Location { position: self.position(image)?, index })
    }
}
