//! OME-NGFF 0.5, and 0.4, whose images differ in the place of the version alone: axes and transformations of an image.

use serde::Serialize;

use super::model::Image;
use super::parts::{AxisPart, DatasetPart, Downscaling};

/// One entry of `multiscales`.
#[derive(Serialize)]
pub(super) struct Multiscale<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    name: &'a str,
    axes: Vec<AxisPart<'a>>,
    datasets: Vec<DatasetPart<'a>>,
    #[serde(flatten)]
    downscaling: Option<Downscaling>,
}

impl<'a> Multiscale<'a> {
    /// Of an image; `version` where it stands in here (0.4) and not above.
    pub(super) fn of(image: &'a Image, version: Option<&'static str>) -> Self {
        Self {
            version,
            name: &image.name,
            axes: image.axes.iter().map(AxisPart::from).collect(),
            datasets: image.datasets.iter().map(DatasetPart::from).collect(),
            downscaling: image.method.map(Downscaling::of),
        }
    }
}
