//! What an image's metadata say of how it is to be shown.

use std::path::PathBuf;

use ome_stream::platform::Source;
use ome_stream::reader::below;
use ome_stream::settings::Color;
use serde_json::Value;

use super::find::Place;
use crate::report::text::clean;
use crate::store::image::{Axis, axes, transformation};
use crate::store::node::Node;

/// Most levels and channels of an image that are looked at.
const MAX_ENTRIES: usize = 1000;

/// An image.
#[derive(Debug, Clone)]
pub struct Image {
    /// Path below the store; empty where it is the root.
    pub title: String,
    /// Axes in the order of the arrays' dimensions; none where the metadata tell none.
    pub axes: Vec<Axis>,
    /// Levels, full resolution first.
    pub levels: Vec<Level>,
    /// Channels as they are to be shown; none where the metadata tell none.
    pub channels: Vec<Channel>,
}

/// A resolution level.
#[derive(Debug, Clone)]
pub struct Level {
    /// Folder of the array.
    pub folder: PathBuf,
    /// Size of a pixel along each axis, in the axis' unit.
    pub scale: Option<Vec<f64>>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its label.
    pub label: String,
    /// Its color, where it has one.
    pub color: Option<[u8; 3]>,
    /// Intensities that are shown black and in full color.
    pub window: Option<[f64; 2]>,
    /// Whether it is shown where nobody says which.
    pub active: bool,
}

/// The two axes of a plane.
const IN_PLANE: usize = 2;

impl Image {
    /// Reads the metadata of the image at `place`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(source: &dyn Source, place: &Place) -> Result<Self, String> {
        let title = clean(&place.path);
        if place.is_array {
            let levels = vec![Level { folder: place.folder.clone(), scale: None }];
            return Ok(Self { title, axes: Vec::new(), levels, channels: Vec::new() });
        }
        if let Some(problem) = &place.problem {
            return Err(problem.clone());
        }
        let node = Node::read(source, &place.folder)?.ok_or("there is no image")?;
        let ome = node.ome().ok_or("there is no image")?;
        let multiscale = ome.pointer("/multiscales/0").ok_or("multiscales is not a list of at least one")?;
        let datasets = multiscale.get("datasets").and_then(Value::as_array).ok_or("multiscales has no datasets")?;
        let level = |dataset: &Value| {
            let path = dataset.get("path").and_then(Value::as_str).ok_or("a dataset has no path")?;
            Ok(Level { folder: below(source, &place.folder, path)?, scale: transformation(dataset, "scale") })
        };
        let levels = datasets.iter().take(MAX_ENTRIES).map(level).collect::<Result<Vec<_>, String>>()?;
        if levels.is_empty() {
            return Err("multiscales has no datasets".into());
        }
        Ok(Self { title, axes: axes(multiscale).unwrap_or_default(), levels, channels: channels(ome) })
    }

    /// The axis of a type, or of a name where no type is told; never one of a plane's.
    pub fn axis(&self, kind: &str, name: &str) -> Option<usize> {
        let before = self.axes.len().saturating_sub(IN_PLANE);
        let is = |axis: &Axis| match axis.kind.as_deref() {
            Some("space") => kind == "space" && axis.name.eq_ignore_ascii_case(name),
            Some(told) => told == kind,
            None => axis.name.eq_ignore_ascii_case(name),
        };
        self.axes.iter().take(before).position(is)
    }

    /// Size of a pixel along x, with its unit; `None` where either is not known.
    pub fn pixel_width(&self) -> Option<(f64, &str)> {
        let unit = self.axes.last()?.unit.as_deref()?;
        let width = *self.levels.first()?.scale.as_ref()?.last()?;
        (width.is_finite() && width > 0.0).then_some((width, unit))
    }
}

fn channels(ome: &Value) -> Vec<Channel> {
    let list = ome.pointer("/omero/channels").and_then(Value::as_array);
    let channel = |(nth, channel): (usize, &Value)| {
        let text = |key: &str| channel.get(key).and_then(Value::as_str);
        let number = |key: &str| channel.pointer(key).and_then(Value::as_f64).filter(|number| number.is_finite());
        Channel {
            label: text("label").map_or_else(|| nth.to_string(), clean),
            color: text("color").and_then(|color| color.parse::<Color>().ok()).map(|color| color.rgb()),
            window: number("/window/start").zip(number("/window/end")).map(|(start, end)| [start, end]),
            active: channel.get("active").and_then(Value::as_bool).unwrap_or(true),
        }
    };
    list.into_iter().flatten().take(MAX_ENTRIES).enumerate().map(channel).collect()
}
