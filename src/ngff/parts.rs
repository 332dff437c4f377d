//! Pieces of JSON that several NGFF versions write alike.

use serde::Serialize;

use super::display;
use super::model::{Axis, AxisKind, Channel, Dataset, Image};

/// One entry of `axes` (OME-NGFF 0.4 and 0.5 `multiscales`, 0.6 `coordinateSystems`).
#[derive(Serialize)]
pub(super) struct AxisPart<'a> {
    name: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl<'a> From<&'a Axis> for AxisPart<'a> {
    fn from(axis: &'a Axis) -> Self {
        let r#type = match &axis.kind {
            AxisKind::Space => "space",
            AxisKind::Time => "time",
            AxisKind::Channel => "channel",
            AxisKind::Other(name) => name,
        };
        Self { name: &axis.name, r#type, unit: axis.unit.as_deref() }
    }
}

/// One entry of `datasets` (0.4 and 0.5): exactly one scale, then at most one translation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DatasetPart<'a> {
    path: &'a str,
    coordinate_transformations: Vec<Transformation<'a>>,
}

/// A transformation without its ends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Transformation<'a> {
    Scale { scale: &'a [f64] },
    Translation { translation: &'a [f64] },
}

impl<'a> From<&'a Dataset> for DatasetPart<'a> {
    fn from(dataset: &'a Dataset) -> Self {
        let scale = Transformation::Scale { scale: &dataset.scale };
        let translation = dataset.translation.as_deref().map(|translation| Transformation::Translation { translation });
        Self { path: &dataset.path, coordinate_transformations: [scale].into_iter().chain(translation).collect() }
    }
}

/// `type` and `metadata` of an entry of `multiscales` (0.4 to 0.6): how each level is made of the one before.
#[derive(Serialize)]
pub(super) struct Downscaling {
    r#type: &'static str,
    metadata: Maker,
}

/// `metadata` beside `type`: free in the specification, whose example tells a method, its version and a description.
#[derive(Serialize)]
struct Maker {
    method: &'static str,
    version: &'static str,
    description: &'static str,
}

impl Downscaling {
    /// By a method of this name.
    pub(super) fn of(method: &'static str) -> Self {
        let description = "of the pixels of a window of the level before, a window of which none came is fill value";
        Self { r#type: method, metadata: Maker { method: "ome-stream", version: crate::VERSION, description } }
    }
}

/// `omero` (0.4 to 0.6): how to show each channel.
#[derive(Serialize)]
pub(super) struct Omero<'a> {
    channels: Vec<OmeroChannel<'a>>,
}

#[derive(Serialize)]
struct OmeroChannel<'a> {
    label: &'a str,
    color: String,
    window: display::Shown,
    active: bool,
}

impl<'a> Omero<'a> {
    /// `None` where no channel was declared.
    pub(super) fn of(image: &'a Image) -> Option<Self> {
        if image.channels.is_empty() {
            return None;
        }
        let channels = display::colors(&image.channels)
            .into_iter()
            .zip(&image.channels)
            .map(|([red, green, blue], channel)| OmeroChannel {
                label: &channel.label,
                color: format!("{red:02X}{green:02X}{blue:02X}"),
                window: display::shown(&image.dtype, channel.window),
                active: true,
            })
            .collect();
        Some(Self { channels })
    }
}

/// `ome_stream`, our own attribute in every group: who wrote it, and what NGFF has no place for. The fields of
/// `channels` are named as in the settings.
#[derive(Serialize)]
pub(super) struct Writer<'a> {
    version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<WriterChannel<'a>>,
}

#[derive(Serialize)]
struct WriterChannel<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    excitation_wavelength_nm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emission_wavelength_nm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fluorophore: Option<&'a str>,
}

impl<'a> Writer<'a> {
    /// For a group that holds these channels: all of them, in their order, if any has more to tell than its label.
    pub(super) fn of(channels: &'a [Channel]) -> Self {
        let tells = |channel: &Channel| {
            channel.excitation_nm.is_some() || channel.emission_nm.is_some() || channel.fluorophore.is_some()
        };
        let told = if channels.iter().any(tells) { channels } else { &[] };
        let channels = told
            .iter()
            .map(|channel| WriterChannel {
                name: &channel.label,
                excitation_wavelength_nm: channel.excitation_nm,
                emission_wavelength_nm: channel.emission_nm,
                fluorophore: channel.fluorophore.as_deref(),
            })
            .collect();
        Self { version: crate::VERSION, channels }
    }
}
