//! OME-NGFF 0.6: coordinate systems, and transformations that name their two ends.

use serde::Serialize;

use super::model::{Axis, Dataset, Image};
use super::parts::{AxisPart, Downscaling, Transformation};

/// Name of the coordinate system that the images of a scene share.
const STAGE: &str = "stage";

/// Most images of a scene: each takes about 130 bytes of the root's document, which every reader parses whole before it
/// shows a pixel.
const MAX_SCENE_IMAGES: usize = 20_000;

/// Name of the coordinate system that every level of an image leads to (spec: the "intrinsic" one; its examples call it
/// so, and other writers do).
pub(super) const PHYSICAL: &str = "physical";

/// One entry of `multiscales`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Multiscale<'a> {
    name: &'a str,
    coordinate_systems: [CoordinateSystem<'a>; 1],
    datasets: Vec<DatasetPart<'a>>,
    #[serde(flatten)]
    downscaling: Option<Downscaling>,
}

/// One entry of `coordinateSystems`.
#[derive(Serialize)]
pub(super) struct CoordinateSystem<'a> {
    name: &'static str,
    axes: Vec<AxisPart<'a>>,
}

impl<'a> CoordinateSystem<'a> {
    fn of(name: &'static str, axes: &'a [Axis]) -> Self {
        Self { name, axes: axes.iter().map(AxisPart::from).collect() }
    }
}

/// One entry of `datasets`: exactly one transformation, from the array to the image's coordinate system.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DatasetPart<'a> {
    path: &'a str,
    coordinate_transformations: [Placed<'a>; 1],
}

/// A transformation between two ends.
#[derive(Serialize)]
struct Placed<'a> {
    #[serde(flatten)]
    transformation: Level<'a>,
    input: Array<'a>,
    output: System,
}

/// What takes a level to its place: a scale, or a scale and then a translation (spec: "multiscales" metadata).
#[derive(Serialize)]
#[serde(untagged)]
enum Level<'a> {
    Scale(Transformation<'a>),
    Sequence(Sequence<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "sequence")]
struct Sequence<'a> {
    transformations: [Transformation<'a>; 2],
}

/// The end of a transformation that is an array.
#[derive(Serialize)]
struct Array<'a> {
    path: &'a str,
}

/// The end that is a coordinate system of the same group.
#[derive(Serialize)]
struct System {
    name: &'static str,
}

impl<'a> From<&'a Dataset> for DatasetPart<'a> {
    fn from(dataset: &'a Dataset) -> Self {
        let scale = Transformation::Scale { scale: &dataset.scale };
        let transformation = match &dataset.translation {
            None => Level::Scale(scale),
            Some(translation) => {
                Level::Sequence(Sequence { transformations: [scale, Transformation::Translation { translation }] })
            }
        };
        let (input, output) = (Array { path: &dataset.path }, System { name: PHYSICAL });
        Self { path: &dataset.path, coordinate_transformations: [Placed { transformation, input, output }] }
    }
}

impl<'a> From<&'a Image> for Multiscale<'a> {
    fn from(image: &'a Image) -> Self {
        Self {
            name: &image.name,
            coordinate_systems: [CoordinateSystem::of(PHYSICAL, &image.axes)],
            datasets: image.datasets.iter().map(DatasetPart::from).collect(),
            downscaling: image.method.map(Downscaling::of),
        }
    }
}

/// Where the images of a store lie to each other (spec: "scene" metadata).
///
/// The origin of each stands in the image itself, as in the versions before, so that it lies right by itself too: its
/// own coordinate system is that of the stage.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scene<'a> {
    coordinate_systems: [CoordinateSystem<'a>; 1],
    coordinate_transformations: Vec<Link<'a>>,
}

/// That the coordinate system of an image is that of the scene.
#[derive(Serialize)]
struct Link<'a> {
    r#type: &'static str,
    input: SystemOf<'a>,
    output: System,
}

/// The end of a transformation that is a coordinate system of an image.
#[derive(Serialize)]
struct SystemOf<'a> {
    path: &'a str,
    name: &'static str,
}

impl<'a> Scene<'a> {
    /// Of the images whose place on the stage is known, where there are several; with their axes, which all must have.
    pub(super) fn of(series: &'a [(String, Image)]) -> Option<Self> {
        let mut placed = series.iter().filter(|(_, image)| image.on_stage);
        let axes = &placed.next()?.1.axes;
        let linked = |(path, image): &'a (String, Image)| {
            let (input, output) = (SystemOf { path, name: PHYSICAL }, System { name: STAGE });
            (image.on_stage && image.axes == *axes).then_some(Link { r#type: "identity", input, output })
        };
        let coordinate_transformations: Vec<Link<'_>> =
            series.iter().filter_map(linked).take(MAX_SCENE_IMAGES + 1).collect();
        let fits = (2..=MAX_SCENE_IMAGES).contains(&coordinate_transformations.len());
        let coordinate_systems = [CoordinateSystem::of(STAGE, axes)];
        fits.then_some(Self { coordinate_systems, coordinate_transformations })
    }
}
