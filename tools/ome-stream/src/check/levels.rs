//! The arrays of an image, against its metadata and one another.

use std::path::PathBuf;

use ome_stream::platform::Source;
use ome_stream::reader::below;
use ome_stream::zarr::{ArrayDocument, Keys, Separator, ZarrFormat};
use serde_json::Value;

use super::at::{At, Findings, short};
use super::rules::*;
use super::version::Version;
use crate::report::text::clean;
use crate::store::image::{self, Axis};
use crate::store::node::{Kind, Node};
use crate::store::tree::{Found, join};

/// An array whose files are to be looked at.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Path below the store.
    pub path: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Format of its document.
    pub zarr: ZarrFormat,
    /// What it is.
    pub document: ArrayDocument,
    /// Names of its axes.
    pub axes: Vec<String>,
}

/// What other images are held against.
#[derive(Debug, Default)]
pub struct Facts {
    /// Its levels.
    pub levels: usize,
    /// Shape of the first.
    pub shape: Option<Vec<u64>>,
    /// Data type of the first.
    pub data_type: Option<String>,
}

/// Looks at the arrays of the image `found`.
pub fn check(source: &dyn Source, found: &Found<'_>, findings: &mut Findings, arrays: &mut Vec<Stored>) -> Facts {
    let Some(ome) = found.node.ome().map(At::top) else { return Facts::default() };
    let mut facts: Option<Facts> = None;
    for multiscale in ome.list("multiscales") {
        let axes = image::axes(multiscale.value).unwrap_or_default();
        let mut levels: Vec<(At<'_>, ArrayDocument)> = Vec::new();
        for dataset in multiscale.list("datasets") {
            let Some(at) = dataset.get("path") else { continue };
            let Some(path) = at.value.as_str() else { continue };
            let full = join(found.path, path);
            let folder = match below(source, found.folder, path) {
                Ok(folder) => folder,
                Err(why) => {
                    findings.told(NODE_THERE, &at, why);
                    continue;
                }
            };
            let node = match Node::read(source, &folder) {
                Ok(Some(node)) => node,
                Ok(None) => {
                    findings.told(NODE_THERE, &at, format!("{}: there is no array", short(at.value)));
                    continue;
                }
                Err(why) => {
                    findings.node = full;
                    findings.add(DOCUMENT, "", why);
                    findings.node = found.path.to_owned();
                    continue;
                }
            };
            if node.kind != Kind::Array || node.zarr != found.node.zarr {
                let what = if node.kind == Kind::Array { "an array of Zarr v" } else { "a group of Zarr v" };
                findings.told(ARRAY_IS, &at, format!("{} is {what}{}", short(at.value), node.zarr.number()));
                continue;
            }
            findings.node.clone_from(&full);
            if !node.is_json {
                findings.add(DOCUMENT_JSON, "attributes", "NaN or Infinity");
            }
            let named =
                Some(axes.iter().map(|axis| axis.name.clone()).collect::<Vec<_>>()).filter(|_| !axes.is_empty());
            if let Some(document) = array(findings, &node, named.as_deref()) {
                let axes = named.unwrap_or_default();
                arrays.push(Stored { path: full, folder, zarr: node.zarr, document: document.clone(), axes });
                levels.push((dataset.clone(), document));
            }
            findings.node = found.path.to_owned();
        }
        compare(findings, &levels, &axes);
        channels(findings, &ome, &levels, &axes);
        let first = levels.first().map(|(_, document)| document);
        facts.get_or_insert(Facts {
            levels: multiscale.list("datasets").count(),
            shape: first.map(|first| first.shape.clone()),
            data_type: first.map(|first| first.data_type.name.clone()),
        });
    }
    facts.unwrap_or_default()
}

/// An array that no image names.
pub fn alone(found: &Found<'_>, findings: &mut Findings, arrays: &mut Vec<Stored>) {
    if let Some(document) = array(findings, found.node, None) {
        let (path, folder) = (found.path.to_owned(), found.folder.to_path_buf());
        arrays.push(Stored { path, folder, zarr: found.node.zarr, document, axes: Vec::new() });
    }
}

/// One array by itself, with the axes that its image has.
fn array(findings: &mut Findings, node: &Node, axes: Option<&[String]>) -> Option<ArrayDocument> {
    let document = match node.array() {
        Ok(document) => document,
        Err(why) => {
            findings.add(ARRAY_VALID, "", why);
            return None;
        }
    };
    if let Some(axes) = axes {
        let dimensions = document.shape.len();
        if dimensions != axes.len() {
            findings.add(ARRAY_AXES, "shape", format!("{dimensions} dimensions, {} axes", axes.len()));
        }
        let rule = match findings.version {
            Version::V04 => None,
            Version::V05 => Some(ARRAY_NAMES),
            Version::V06 => Some(ARRAY_NAMED),
        };
        let named = document.dimension_names.as_ref();
        let same = named.is_some_and(|names| {
            names.iter().map(|name| name.as_deref().map(clean)).eq(axes.iter().cloned().map(Some))
        });
        if let Some(rule) = rule
            && !same
        {
            let told = named.map_or_else(|| "missing".to_owned(), |names| short(&serde_json::json!(names)));
            findings.add(rule, "dimension_names", format!("{told}; the axes are {}", short(&serde_json::json!(axes))));
        }
    }
    if findings.version == Version::V04 && document.keys == Keys::V2(Separator::Dot) {
        findings.add(ARRAY_NESTED, "dimension_separator", "\".\"");
    }
    if document.is_sharded() && document.object.iter().zip(document.chunk()).any(|(shard, chunk)| shard % chunk != 0) {
        let told = format!("chunks of {:?} in shards of {:?}", document.chunk(), document.object);
        findings.add(SHARD_DIVIDED, "codecs", told);
    }
    Some(document)
}

/// The scale of a dataset.
fn scale(dataset: &At<'_>) -> Option<Vec<f64>> {
    image::transformation(dataset.value, "scale")
}

/// Levels against the first, and each against the one before it.
fn compare(findings: &mut Findings, levels: &[(At<'_>, ArrayDocument)], axes: &[Axis]) {
    let Some((first_at, first)) = levels.first() else { return };
    let base = scale(first_at);
    let mut before = first;
    for (dataset, level) in levels.iter().skip(1) {
        if level.data_type != first.data_type {
            let told =
                format!("{}; the first level is {}", short(&level.data_type.json()), short(&first.data_type.json()));
            findings.told(ARRAY_TYPE, dataset, told);
        }
        if level.shape.len() != first.shape.len() {
            // Told with the axes, unless those fit this one and not the first.
            if level.shape.len() == axes.len() {
                continue;
            }
            findings.told(ARRAY_AXES, dataset, format!("{:?}; the first level is {:?}", level.shape, first.shape));
            continue;
        }
        let grows = level.shape.iter().zip(&before.shape).any(|(now, before)| now > before);
        if grows {
            findings.told(LEVELS_ORDER, dataset, format!("{:?} after {:?}", level.shape, before.shape));
        }
        before = level;
        let (Some(base), Some(own), false) = (&base, scale(dataset), grows) else { continue };
        for (axis, ((base, own), (all, part))) in
            base.iter().zip(&own).zip(first.shape.iter().zip(&level.shape)).enumerate()
        {
            if *base > 0.0 && *own > 0.0 && !fits(own / base, *all, *part) {
                let name = axes.get(axis).map_or("?", |axis| &axis.name);
                let told = format!("along {name} {own} after {base}, for {part} pixels of {all}");
                findings.told(LEVELS_SCALE, dataset, ome_stream::shown::sentence(told));
            }
        }
    }
}

/// Whether `all` pixels made smaller by `factor` are `part`: rounded up or down, once for each level between.
fn fits(factor: f64, all: u64, part: u64) -> bool {
    let (all, part) = (all as f64, part as f64);
    // Rounding of up to sixteen levels, and of sizes that were measured.
    let least = all / (part + 1.0).max(1.0);
    let most = if part > 1.0 { all / (part - 1.0) } else { f64::INFINITY };
    factor >= least * 0.99 && factor <= most * 1.01
}

/// Channels as they are to be shown against those of the array.
fn channels(findings: &mut Findings, ome: &At<'_>, levels: &[(At<'_>, ArrayDocument)], axes: &[Axis]) {
    let told = ome.value.pointer("/omero/channels").and_then(Value::as_array).map(|list| list.len() as u64);
    let (Some(told), Some((_, first))) = (told, levels.first()) else { return };
    let axis = axes.iter().position(|axis| axis.kind.as_deref() == Some("channel"));
    let there = axis.map_or(Some(1), |axis| first.shape.get(axis).copied());
    if there.is_some_and(|there| there != told) {
        findings.add(OMERO_COUNT, "omero.channels", format!("{told}; the image has {}", there.unwrap_or(0)));
    }
}
