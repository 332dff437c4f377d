//! What is true of the images in a store, in no NGFF version's words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plate::Plate;

/// Attributes of one group, beside `ome` and `ome_stream`: namespace -> JSON value.
pub type Attributes = BTreeMap<String, Value>;

/// One image: an array of pixels, at one or more levels, and what its axes and channels mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Name for people; any text.
    pub name: String,
    /// Axes in storage order, one for each dimension of the arrays; the last two are those of a frame.
    pub axes: Vec<Axis>,
    /// Pixels along each axis at level 0; 0 along an unbounded axis that holds no frame yet.
    pub shape: Vec<u64>,
    /// Zarr data type name: `uint16`, `float32`.
    pub dtype: String,
    /// Levels, finest first.
    pub datasets: Vec<Dataset>,
    /// How each is made of the one before, where that is known.
    pub method: Option<&'static str>,
    /// Channels in the order of the channel axis; empty where the host declared none.
    pub channels: Vec<Channel>,
    /// True where its origin was given as a place on the stage, which it shares with the other images of which this is
    /// true.
    pub on_stage: bool,
}

impl Image {
    /// Gives every level this step along the axis of that number, and the axis its unit, where one is known.
    pub fn set_step(&mut self, axis: usize, unit: Option<&str>, step: f64) {
        if let (Some(axis), Some(unit)) = (self.axes.get_mut(axis), unit) {
            axis.unit = Some(unit.to_owned());
        }
        self.datasets.iter_mut().filter_map(|dataset| dataset.scale.get_mut(axis)).for_each(|scale| *scale = step);
    }
}

/// One axis of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Unique name: also the array's dimension name.
    pub name: String,
    /// What it runs along.
    pub kind: AxisKind,
    /// Unit in NGFF's spelling: `micrometer`, `second`.
    pub unit: Option<String>,
}

/// What an axis runs along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AxisKind {
    /// A direction in space.
    Space,
    /// Time.
    Time,
    /// Channels: wavelengths, contrasts.
    Channel,
    /// Anything else, by its own name: `angle`, `phase`.
    Other(String),
}

/// One level of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name of the array in the image's group: `0` for full resolution.
    pub path: String,
    /// Step from one pixel to the next along each axis, in the axis's unit; 1 where it has none. Positive.
    pub scale: Vec<f64>,
    /// Where the first pixel lies along each axis, in the axis's unit.
    pub translation: Option<Vec<f64>>,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Channel {
    /// Name for people.
    pub label: String,
    /// Color to show it in, red green blue; chosen where there is none (see `display`).
    pub color: Option<[u8; 3]>,
    /// Excitation wavelength in nanometers.
    pub excitation_nm: Option<f64>,
    /// Emission wavelength in nanometers.
    pub emission_nm: Option<f64>,
    /// Name of the fluorophore.
    pub fluorophore: Option<String>,
    /// Intensities between which to show it; all that the data type can hold where there is none.
    pub window: Option<Window>,
}

/// Intensities between which a channel is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Shown black.
    pub start: f64,
    /// Shown in full color.
    pub end: f64,
    /// Least and greatest that were seen, where that is known.
    pub range: Option<[f64; 2]>,
}

/// How the images of a store lie in its groups.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Hierarchy {
    /// One image, in the root group.
    Single(Image),
    /// Several images, each in a group of its own under the root, in order: name of the group, image. Written as
    /// bioformats2raw layout 3.
    Series(Vec<(String, Image)>),
    /// The images of a well plate, in the order in which they are declared, each in the group of its field: path of
    /// that group, image.
    Plate(Plate, Vec<(String, Image)>),
}

impl Hierarchy {
    /// The images in order, each with the path of its group relative to the root (empty for the root itself).
    pub fn images(&self) -> impl Iterator<Item = (&str, &Image)> {
        let (single, series) = match self {
            Self::Single(image) => (Some(("", image)), [].as_slice()),
            Self::Series(images) | Self::Plate(_, images) => (None, images.as_slice()),
        };
        let series = series.iter().map(|(path, image)| (path.as_str(), image));
        single.into_iter().chain(series)
    }

    /// The images in order, to be changed.
    pub fn images_mut(&mut self) -> impl Iterator<Item = &mut Image> {
        let (single, series) = match self {
            Self::Single(image) => (Some(image), [].as_mut_slice()),
            Self::Series(images) | Self::Plate(_, images) => (None, images.as_mut_slice()),
        };
        single.into_iter().chain(series.iter_mut().map(|(_, image)| image))
    }
}
