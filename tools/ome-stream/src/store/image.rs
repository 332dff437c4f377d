//! An image group: axes, levels, channels, frame metadata.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ome_stream::ngff::found;
use ome_stream::ngff::frame_metadata::FILE_NAME;
use ome_stream::platform::{Kind as FileKind, Source};
use ome_stream::reader::{self, below};
use serde::Serialize;
use serde_json::Value;

use super::array::Array;
use super::node::{Kind, Node};
use crate::report::text::clean;

/// Most levels, axes and channels of one image that are looked at.
const MAX_ENTRIES: usize = 1000;

/// An image; also an array that belongs to none.
#[derive(Debug, Serialize)]
pub struct Image {
    /// Folder of the image, relative to the root; empty where it is the root.
    pub path: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Axes in the order of the arrays' dimensions.
    pub axes: Vec<Axis>,
    /// Resolution levels, full resolution first.
    pub levels: Vec<Level>,
    /// How the levels below full resolution were made (`type` of OME-NGFF section "multiscales"), where it is said.
    pub downscaled_by: Option<String>,
    /// Channels as they are to be shown.
    pub channels: Vec<Channel>,
    /// What came with the frames.
    pub frame_metadata: Option<FrameMetadata>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What could not be read, or contradicts itself.
    pub problems: Vec<String>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// Its name.
    pub name: String,
    /// space, time, channel or another type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
}

/// A resolution level.
#[derive(Debug, Serialize)]
pub struct Level {
    /// Folder of the array, relative to the image.
    pub path: String,
    /// Size of a pixel along each axis, in the axis' unit.
    pub scale: Option<Vec<f64>>,
    /// Place of the first pixel along each axis, in the axis' unit.
    pub translation: Option<Vec<f64>>,
    /// The array, if it can be read.
    pub array: Option<Array>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Channel {
    /// Its label.
    pub label: String,
    /// Its color, as RRGGBB.
    pub color: Option<String>,
}

/// What came with the frames of an image.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct FrameMetadata {
    /// Frames that came with metadata.
    pub frames: u64,
    /// Lines of the file that are none.
    pub damaged: u64,
}

impl Image {
    fn empty(path: &str) -> Self {
        Self {
            path: clean(path),
            name: None,
            axes: Vec::new(),
            levels: Vec::new(),
            downscaled_by: None,
            channels: Vec::new(),
            frame_metadata: None,
            notes: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// An image that cannot be read.
    pub fn unreadable(path: &str, problem: String) -> Self {
        Self { problems: vec![problem], ..Self::empty(path) }
    }

    /// An array without an image around it.
    pub fn bare_array(path: &str, node: &Node, folder: &Path, counted: &mut Counted<'_>) -> Self {
        let mut image = Self::empty(path);
        let array = image.array(node, folder, counted);
        image.axes = named_axes(array.as_ref());
        image.levels.push(Level { path: String::new(), scale: None, translation: None, array });
        image.notes.push("an array without OME metadata".into());
        image
    }

    /// The image whose group is `node` in `folder`; `ome` are its OME attributes, `multiscales` in them.
    pub fn read(path: &str, ome: &Value, multiscales: &Value, folder: &Path, counted: &mut Counted<'_>) -> Self {
        let mut image = Self::empty(path);
        let Some(multiscale) = multiscales.as_array().and_then(|list| list.first()) else {
            image.problems.push("multiscales is not a list of at least one".into());
            return image;
        };
        let more = multiscales.as_array().map_or(0, Vec::len);
        if more > 1 {
            image.notes.push(format!("{} multiscales; the first is shown", more));
        }
        let text = |name: &str| multiscale.get(name).and_then(Value::as_str).filter(|it| !it.is_empty()).map(clean);
        image.name = text("name");
        image.downscaled_by = text("type");
        image.read_levels(multiscale, folder, counted);
        let first = image.levels.first().and_then(|level| level.array.as_ref());
        image.axes = axes(multiscale).unwrap_or_else(|| named_axes(first));
        if let Some(first) = first
            && first.shape.len() != image.axes.len()
        {
            let (axes, shape) = (image.axes.len(), first.shape.len());
            image.problems.push(format!("{axes} axes are declared, the array has {shape}"));
        }
        image.channels = channels(ome);
        image.read_frame_metadata(counted.source, folder);
        image
    }

    fn read_levels(&mut self, multiscale: &Value, folder: &Path, counted: &mut Counted<'_>) {
        let Some(datasets) = multiscale.get("datasets").and_then(Value::as_array) else {
            self.problems.push("multiscales has no datasets".into());
            return;
        };
        for dataset in datasets.iter().take(MAX_ENTRIES) {
            let Some(path) = dataset.get("path").and_then(Value::as_str) else {
                self.problems.push("a dataset has no path".into());
                continue;
            };
            let array = match below(counted.source, folder, path) {
                Ok(folder) => self.level_array(path, &folder, counted),
                Err(problem) => {
                    self.problems.push(problem);
                    None
                }
            };
            self.levels.push(Level {
                path: clean(path),
                scale: transformation(dataset, "scale"),
                translation: transformation(dataset, "translation"),
                array,
            });
        }
    }

    fn level_array(&mut self, path: &str, folder: &Path, counted: &mut Counted<'_>) -> Option<Array> {
        let problem = match Node::read(counted.source, folder) {
            Ok(Some(node)) if node.kind == Kind::Array => return self.array(&node, folder, counted),
            Ok(Some(_)) => "it is a group, not an array".to_owned(),
            Ok(None) => "there is no array".to_owned(),
            Err(problem) => problem,
        };
        self.problems.push(format!("level {:?}: {problem}", clean(path)));
        None
    }

    fn array(&mut self, node: &Node, folder: &Path, counted: &mut Counted<'_>) -> Option<Array> {
        match Array::read(counted.source, node, folder, &mut self.notes) {
            Ok((array, usage)) => {
                if counted.folders.insert(folder.to_path_buf()) {
                    counted.files += usage.files;
                    counted.bytes = counted.bytes.saturating_add(usage.bytes);
                }
                Some(array)
            }
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn read_frame_metadata(&mut self, source: &dyn Source, folder: &Path) {
        let path = folder.join(FILE_NAME);
        let log = reader::kind(source, &path).and_then(|kind| match kind {
            FileKind::Nothing => Ok(None),
            FileKind::File(_) => reader::frame_log(source, &path),
            FileKind::Folder | FileKind::Link | FileKind::Other => {
                self.notes.push(format!("{FILE_NAME} is not a file; it was not read"));
                Ok(None)
            }
        });
        match log {
            Ok(None) => {}
            Ok(Some(log)) => {
                let (frames, damaged) = (log.count(), log.damaged());
                self.frame_metadata = Some(FrameMetadata { frames, damaged });
                if damaged > 0 {
                    self.notes.push(format!("{damaged} line(s) of {FILE_NAME} are no frame metadata"));
                }
            }
            Err(error) => self.problems.push(error.to_string()),
        }
    }
}

/// Arrays whose files were counted already, and how many those are.
#[derive(Debug)]
pub struct Counted<'a> {
    /// Where the store is read from.
    pub source: &'a dyn Source,
    /// Their folders.
    pub folders: HashSet<PathBuf>,
    /// Files in them.
    pub files: u64,
    /// Bytes of those.
    pub bytes: u64,
}

/// Axes of the image, in whatever version they are told.
pub fn axes(multiscale: &Value) -> Option<Vec<Axis>> {
    let list = found::axes(multiscale)?;
    let text = |axis: &Value, key: &str| axis.get(key).and_then(Value::as_str).map(clean);
    let axes = list.iter().take(MAX_ENTRIES).map(|axis| Axis {
        name: text(axis, "name").unwrap_or_else(|| "?".into()),
        kind: text(axis, "type"),
        unit: text(axis, "unit"),
    });
    Some(axes.collect())
}

/// Axes by the names that the array itself gives them.
fn named_axes(array: Option<&Array>) -> Vec<Axis> {
    let Some(array) = array else { return Vec::new() };
    let name = |nth: usize| array.dimension_names.as_ref()?.get(nth)?.clone();
    (0..array.shape.len())
        .map(|nth| Axis { name: name(nth).unwrap_or_else(|| format!("axis {nth}")), kind: None, unit: None })
        .collect()
}

/// The numbers of a dataset's `scale` or `translation`; 0.6 may put them into a sequence.
pub fn transformation(dataset: &Value, kind: &str) -> Option<Vec<f64>> {
    let list = dataset.get("coordinateTransformations")?.as_array()?;
    let nested = list.iter().filter_map(|each| each.get("transformations")?.as_array()).flatten();
    let found = list.iter().chain(nested).find(|each| each.get("type").and_then(Value::as_str) == Some(kind))?;
    found.get(kind)?.as_array()?.iter().take(MAX_ENTRIES).map(Value::as_f64).collect()
}

fn channels(ome: &Value) -> Vec<Channel> {
    let list = ome.pointer("/omero/channels").and_then(Value::as_array);
    let text = |channel: &Value, key: &str| channel.get(key).and_then(Value::as_str).map(clean);
    list.into_iter()
        .flatten()
        .take(MAX_ENTRIES)
        .enumerate()
        .map(|(nth, channel)| Channel {
            label: text(channel, "label").unwrap_or_else(|| nth.to_string()),
            color: text(channel, "color"),
        })
        .collect()
}
