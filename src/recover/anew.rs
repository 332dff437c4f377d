//! Metadata documents made anew: as the settings of the run say where they are known, else from what lies beside them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::names::own::ATTRIBUTES;
use crate::ngff::{Attributes, Axis, AxisKind, Dataset, Document, Hierarchy, Image, documents, is_ngff};
use crate::plan::{ArrayId, Plan, PlannedArray, StorageUnit};
use crate::platform::Source;
use crate::reader::{self, Node};
use crate::settings::NgffVersion;
use crate::store::Mark;
use crate::zarr::{self, ArrayFormat, ZarrFormat};

/// OME-NGFF version of groups that are made anew where no other group tells it.
const VERSION: NgffVersion = NgffVersion::V0_5;

/// A document, how it came about, and whether something is lost with the one it replaces.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) document: Map<String, Value>,
    pub(super) how: String,
    pub(super) loses: bool,
}

/// What a run wrote down of itself where a torn document cannot take it along.
#[derive(Debug)]
pub(super) struct Run {
    plan: Plan,
    /// The host's metadata, which lie in the root group; `None` where nothing tells which there were.
    host: Option<Attributes>,
    /// Arrays by their path.
    arrays: HashMap<String, ArrayId>,
}

impl Run {
    /// What the mark of a store in `root` and the copy of the host's metadata tell, of a run whose engine takes
    /// `unit`s; `None` where the mark has no settings that this version understands.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(super) fn of(source: &dyn Source, mark: &Mark, root: &Path, unit: StorageUnit) -> Result<Option<Self>> {
        let host = match reader::Document::read(source, &root.join(ATTRIBUTES))? {
            reader::Document::Object(object) => Some(object.into_iter().collect()),
            reader::Document::Nothing => Some(Attributes::new()),
            _ => None,
        };
        Ok(mark.plan(root, unit).map(|plan| Self::new(plan, host)))
    }

    fn new(plan: Plan, host: Option<Attributes>) -> Self {
        let arrays = plan.arrays().iter().map(|array| (array.key().to_owned(), array.id())).collect();
        Self { plan, host, arrays }
    }

    /// Made from the run's settings.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The array at `path`; `None` where the run has none there.
    pub(super) fn array_at(&self, path: &str) -> Option<&PlannedArray> {
        self.arrays.get(path).map(|id| self.plan.array(*id))
    }

    /// The document that the array at `path` started with.
    pub(super) fn array(&self, path: &str) -> Option<Map<String, Value>> {
        self.array_at(path)?.form().empty_metadata().as_object().cloned()
    }

    /// Those of the documents that are called `names`, of groups as the run would write them, with `extents` planes
    /// along the unbounded axis by array; of groups that the run does not write there are none.
    pub(super) fn groups(&self, names: &HashSet<String>, extents: &[Option<u64>]) -> HashMap<String, Made> {
        if names.is_empty() {
            return HashMap::new();
        }
        let hierarchy = self.plan.ngff(Some(extents));
        let none = Attributes::new();
        let host = self.host.as_ref().unwrap_or(&none);
        let version = self.plan.settings().format.version;
        let documents = documents(version, &hierarchy, host, |_| Ok(Attributes::new())).into_iter().flatten();
        let made = |made: Document| {
            let document = serde_json::from_slice(&made.bytes).ok()?;
            let loses = !made.path.contains('/') && self.host.is_none();
            let lost = if loses { "; metadata that the host had put there are lost" } else { "" };
            let how = format!("made anew from the settings of the run{lost}");
            Some((made.path, Made { document, how, loses }))
        };
        documents.filter_map(Result::ok).filter(|document| names.contains(&document.path)).filter_map(made).collect()
    }
}

/// An array in a group: its folder's name and its metadata.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) metadata: &'a Map<String, Value>,
}

/// What lies beside a group whose document is to be made.
pub(super) struct Beside<'a> {
    /// Arrays in it.
    pub(super) members: Vec<Member<'a>>,
    /// Every group of the store that holds an image.
    pub(super) images: &'a [&'a Node],
    /// One of them, which is whole.
    pub(super) sibling: Option<&'a Node>,
    /// Images that the `OME` group lists; `None` where it cannot be read.
    pub(super) listed: Option<&'a [String]>,
    /// Its document as the run would write it.
    pub(super) planned: Option<&'a Made>,
}

/// The document of a group; `None` where nothing tells what was in it. What is known of the run comes first.
pub(super) fn group(node: &Node, beside: &Beside<'_>) -> Option<Made> {
    if let Some(made) = beside.planned {
        return Some(made.clone());
    }
    if !beside.members.is_empty() {
        return Some(image(node, &beside.members, beside.sibling));
    }
    let images = beside.images;
    if node.path == "OME" {
        let how = "made anew; the order of the images is that of their names".into();
        return Some(Made { document: series(node.zarr, images), how, loses: true });
    }
    if node.path.is_empty() && images.iter().all(|image| !image.path.contains('/')) && !images.is_empty() {
        let ome = json!({"version": version(images), "bioformats2raw.layout": 3});
        let how = "made anew; metadata that the host had put there are lost".into();
        return Some(Made { document: group_document(node.zarr, ome), how, loses: true });
    }
    None
}

/// A group's document with these metadata, which in 0.4, on Zarr v2, tell no version and stand among the others.
fn group_document(zarr: ZarrFormat, mut ome: Value) -> Map<String, Value> {
    let writer = json!({"version": crate::VERSION});
    match (zarr, &mut ome) {
        (ZarrFormat::V2, Value::Object(ome)) => {
            ome.remove("version");
            ome.insert("ome_stream".to_owned(), writer);
            std::mem::take(ome)
        }
        _ => zarr::group_object(json!({"ome": ome, "ome_stream": writer})),
    }
}

fn series(zarr: ZarrFormat, images: &[&Node]) -> Map<String, Value> {
    let mut paths: Vec<&str> = images.iter().map(|image| image.path.as_str()).collect();
    paths.sort_by_key(|path| natural(path));
    group_document(zarr, json!({"version": version(images), "series": paths}))
}

fn version<'a>(images: &[&'a Node]) -> &'a str {
    let told = images.iter().find_map(|image| image.ome("version")?.as_str());
    told.unwrap_or(VERSION.name())
}

/// Sorts `pos_10` behind `pos_9`.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = vec![(String::new(), 0)];
    for each in name.chars() {
        let Some((text, number)) = parts.last_mut() else { break };
        match each.to_digit(10) {
            Some(digit) => *number = number.saturating_mul(10).saturating_add(digit.into()),
            None if *number > 0 => parts.push((each.to_string(), 0)),
            None => text.push(each),
        }
    }
    parts
}

/// Leaves translations out of the transformations of a level; a sequence of 0.6 of which one is left becomes that one.
fn leave_place_out(steps: &mut Vec<Value>) {
    steps.retain(|step| step.get("type").is_none_or(|kind| kind != "translation"));
    let is_sequence = |step: &&mut Value| step.get("type").is_some_and(|kind| kind == "sequence");
    for step in steps.iter_mut().filter(is_sequence).filter_map(Value::as_object_mut) {
        let Some(Value::Array(mut inside)) = step.remove("transformations") else { continue };
        leave_place_out(&mut inside);
        match inside.as_mut_slice() {
            [Value::Object(only)] => {
                step.remove("type");
                only.append(step);
                *step = std::mem::take(only);
            }
            _ => drop(step.insert("transformations".to_owned(), inside.into())),
        }
    }
}

/// The document of an image, like that of a sibling where there is one.
fn image(node: &Node, members: &[Member<'_>], sibling: Option<&Node>) -> Made {
    let name = node.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".ome.zarr").map_or(name.clone(), str::to_owned);
    if let Some(mut document) = sibling.and_then(Node::metadata).cloned() {
        let (attributes, multiscale) = match node.zarr {
            ZarrFormat::V2 => (Some(&mut document), "/multiscales/0"),
            ZarrFormat::V3 => (document.get_mut("attributes").and_then(Value::as_object_mut), "/ome/multiscales/0"),
        };
        if let Some(attributes) = attributes {
            attributes.retain(|key, _| is_ngff(key) || key == "ome_stream");
            let mut alone = Value::Object(std::mem::take(attributes));
            if let Some(multiscale) = alone.pointer_mut(multiscale) {
                multiscale["name"] = name.into();
                // Where the sibling lies is not where this one lies.
                for dataset in multiscale.get_mut("datasets").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(Value::Array(steps)) = dataset.get_mut("coordinateTransformations") {
                        leave_place_out(steps);
                    }
                }
            }
            if let Value::Object(alone) = alone {
                *attributes = alone;
            }
        }
        let like = sibling.map_or("", |sibling| &sibling.path);
        let how = format!("made anew like that of {like:?}; its place on the stage is lost");
        return Made { document, how, loses: true };
    }
    let mut formats = Vec::new();
    for member in members {
        match ArrayFormat::of_object(member.metadata) {
            Ok(format) if !format.names.is_empty() => formats.push((member.name, format)),
            _ => {}
        }
    }
    formats.sort_by_key(|(name, _)| natural(name));
    let Some((_, first)) = formats.first() else {
        let how = "made anew without axes, which nothing tells".into();
        let document = group_document(node.zarr, json!({"version": VERSION.name()}));
        return Made { document, how, loses: true };
    };
    let axis = |name: &String| {
        let kind = match name.as_str() {
            "t" => AxisKind::Time,
            "c" => AxisKind::Channel,
            "x" | "y" | "z" => AxisKind::Space,
            _ => AxisKind::Other("other".into()),
        };
        Axis { name: name.clone(), kind, unit: None }
    };
    let scale = |format: &ArrayFormat| {
        let ratio =
            |(whole, part): (&u64, &u64)| if *part == 0 { 1.0 } else { (*whole as f64 / *part as f64).max(1.0) };
        first.shape.iter().zip(&format.shape).map(ratio).collect()
    };
    let image = Image {
        name,
        axes: first.names.iter().map(axis).collect(),
        datasets: formats
            .iter()
            .map(|(name, format)| Dataset { path: (*name).to_owned(), scale: scale(format), translation: None })
            .collect(),
        method: None,
        channels: Vec::new(),
        on_stage: false,
        shape: first.shape.clone(),
        dtype: first.data_type.name.clone(),
    };
    let hierarchy = Hierarchy::Single(image);
    let none = Attributes::new();
    let made = documents(VERSION, &hierarchy, &none, |_| Ok(Attributes::new()))
        .and_then(|mut documents| documents.next().transpose());
    let document = match made {
        Ok(Some(made)) => serde_json::from_slice(&made.bytes).ok(),
        // Axes that no image can have.
        Ok(None) | Err(_) => None,
    };
    let document = document.unwrap_or_else(|| group_document(node.zarr, json!({"version": VERSION.name()})));
    let how = "made anew from its arrays; pixel sizes, units, channels and the host's metadata are lost".into();
    Made { document, how, loses: true }
}
