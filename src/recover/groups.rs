//! Metadata of groups: whether they are there, and made anew from what lies in them where they are not.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::file::{Document, Kind, document, kind};
use super::format::ArrayFormat;
use super::frames::{self, Lines};
use super::mend::{Action, read_small};
use super::report::{Finding, State};
use super::tree::{METADATA, Node};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::{ATTRIBUTE, FILE_NAME, FrameLog};
use crate::ngff::{Attributes, Axis, AxisKind, Dataset, Image, Layout, documents_v05};
use crate::store::files::{FORMAT, RECORD};
use crate::store::{
    Mark,
    record::{self, Record},
};

/// Documents up to this size are indented for people, as the writer does.
const INDENTED_MAX_BYTES: usize = 64 << 10;

/// OME-NGFF version of groups that are made anew where no other group tells it.
const VERSION: &str = "0.5";

/// Most bytes of `METADATA.ome.xml` that are looked at.
const MAX_XML_BYTES: u64 = 256 << 20;

/// An array in a group: its folder's name and its metadata.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) metadata: &'a Map<String, Value>,
}

/// Frame metadata of a group: `None` where it has none.
pub(super) fn look_at_frames(node: &Node) -> io::Result<Option<Lines>> {
    let path = node.folder.join(FILE_NAME);
    match kind(&path)? {
        Kind::File(_) => frames::look(BufReader::new(File::open(path)?)).map(Some),
        _ => Ok(None),
    }
}

/// What is wrong with the lines of frame metadata.
pub(super) fn frame_lines(node: &Node, lines: &Lines) -> Option<Finding> {
    if lines.damaged == 0 && !lines.open_end {
        return None;
    }
    let cause = match lines.damaged {
        0 => "its last line has no end".to_owned(),
        damaged => format!("{damaged} line(s) are no frame metadata; {} are", lines.intact),
    };
    let actions = vec![Action::KeepIntactLines { path: node.folder.join(FILE_NAME) }];
    let finding = Finding::new(node.file(FILE_NAME), State::Torn, cause);
    Some(finding.remedy("the intact lines stay; the file as it was is kept under another name", actions))
}

/// What `ome_writers` of a group should say; `None` where it says so or need not.
pub(super) fn mirror(node: &Node, lines: &Lines) -> io::Result<Option<Value>> {
    let log = FrameLog::read(BufReader::new(File::open(node.folder.join(FILE_NAME))?))?;
    let Some(mut attribute) = log.into_attribute() else { return Ok(None) };
    if let Some(count) = attribute.get_mut("frame_metadata_count") {
        *count = lines.intact.into();
    }
    Ok((lines.intact > 0 && node.attribute(ATTRIBUTE) != Some(&attribute)).then_some(attribute))
}

/// The finding for a group whose document should be another; `None` where all is well.
pub(super) fn group(
    node: &Node,
    members: &[Member<'_>],
    images: &[&Node],
    sibling: Option<&Node>,
    mirror: Option<Value>,
) -> Result<Option<Finding>> {
    let file = node.file(METADATA);
    let mut document = match &node.document {
        Document::Object(object) => {
            let Some(mirror) = mirror else { return Ok(None) };
            let mut document = object.clone();
            set_attribute(&mut document, ATTRIBUTE, mirror);
            let finding = Finding::new(file, State::Incomplete, format!("it does not mirror {FILE_NAME}"));
            return write(node, finding, "the mirror is written", &document).map(Some);
        }
        Document::Nothing | Document::Damaged(_) => None,
    };
    let cause = match &node.document {
        Document::Damaged(why) => why.clone(),
        _ => "it is missing".to_owned(),
    };
    let finding = Finding::new(file, State::Torn, cause);
    let remedy = if !members.is_empty() {
        let (made, how) = image(node, members, sibling)?;
        document = Some(made);
        how
    } else if node.path == "OME" {
        document = Some(series(images));
        "made anew; the order of the images is that of their names".to_owned()
    } else if node.path.is_empty() && images.iter().all(|image| !image.path.contains('/')) && !images.is_empty() {
        let ome = json!({"version": version(images), "bioformats2raw.layout": 3});
        document = Some(group_document(&ome));
        "made anew; metadata that the host had put there are lost".to_owned()
    } else {
        String::new()
    };
    let Some(mut document) = document else {
        // A folder that is no node, or one of a kind that nothing in the store describes.
        let is_needed = node.path.is_empty() || matches!(node.document, Document::Damaged(_));
        return Ok(is_needed.then(|| finding.losing(true)));
    };
    if let Some(mirror) = mirror {
        set_attribute(&mut document, ATTRIBUTE, mirror);
    }
    write(node, finding, &remedy, &document).map(Some)
}

/// What is wrong with `METADATA.ome.xml`, which readers need not have.
pub(super) fn ome_xml(node: &Node) -> io::Result<Option<Finding>> {
    let path = node.folder.join("METADATA.ome.xml");
    let Some(text) = read_small(&path, MAX_XML_BYTES)? else { return Ok(None) };
    if text.trim_ascii_end().ends_with(b"</OME>") {
        return Ok(None);
    }
    let finding = Finding::new(node.file("METADATA.ome.xml"), State::Torn, "it ends before its last element");
    Ok(Some(finding.remedy("it is kept under another name: readers do without", vec![Action::KeepAside { path }])))
}

/// What the record of the run tells, and what is wrong with it. Nothing else tells how many frames there were, and a wrong
/// number would have them replaced, so that a person has to say it.
pub(super) fn record(root: &Node) -> io::Result<(Option<Record>, Option<Finding>)> {
    let Some(name) = record::name(&root.folder) else { return Ok((None, None)) };
    // A mark that cannot be read tells nothing; it is told where it is needed.
    let mark = Mark::read(&root.folder).ok().flatten();
    let why = match document(&root.folder.join(name))? {
        Document::Nothing => return Ok((None, None)),
        Document::Object(object) => match Record::of(&object, mark.as_ref()) {
            Some(record) => return Ok((Some(record), None)),
            None => "it has no number of frames".to_owned(),
        },
        Document::Damaged(why) => why,
    };
    let cause = format!("{why}; only continuing the run needs it: write {{\"frames\": N}} to go on after N frames");
    Ok((None, Some(Finding::new(name, State::Torn, cause))))
}

/// The finding for a store whose making was interrupted: it holds no frame, and the record says so when it is mended.
pub(super) fn half_made(root: &Path) -> Result<Finding> {
    let frames = json!({"format": FORMAT, "frames": 0});
    let finding =
        Finding::new(RECORD, State::Incomplete, "the run was interrupted while its store was made; no frame had come");
    let action = Action::Write { path: root.join(RECORD), bytes: frames.to_string().into_bytes() };
    Ok(finding.remedy("it is written", vec![action]))
}

/// A document as it is written.
pub(super) fn bytes(document: &Map<String, Value>) -> Result<Vec<u8>> {
    let not_json = |cause: serde_json::Error| Error::Internal { place: "recover", message: cause.to_string() };
    let mut bytes = serde_json::to_vec(document).map_err(not_json)?;
    if bytes.len() <= INDENTED_MAX_BYTES {
        bytes = serde_json::to_vec_pretty(document).map_err(not_json)?;
    }
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(node: &Node, finding: Finding, remedy: &str, document: &Map<String, Value>) -> Result<Finding> {
    let action = Action::Write { path: node.folder.join(METADATA), bytes: bytes(document)? };
    Ok(finding.remedy(remedy, vec![action]))
}

fn set_attribute(document: &mut Map<String, Value>, name: &str, value: Value) {
    match document.entry("attributes").or_insert_with(|| json!({})) {
        Value::Object(attributes) => drop(attributes.insert(name.to_owned(), value)),
        other => *other = json!({name: value}),
    }
}

fn group_document(ome: &Value) -> Map<String, Value> {
    let attributes = json!({"ome": ome, "ome_stream": {"version": crate::VERSION}});
    let document = json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
    document.as_object().cloned().unwrap_or_default()
}

fn series(images: &[&Node]) -> Map<String, Value> {
    let mut paths: Vec<&str> = images.iter().map(|image| image.path.as_str()).collect();
    paths.sort_by_key(|path| natural(path));
    group_document(&json!({"version": version(images), "series": paths}))
}

fn version<'a>(images: &[&'a Node]) -> &'a str {
    let told = images.iter().find_map(|image| image.attribute("ome")?.get("version")?.as_str());
    told.unwrap_or(VERSION)
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

/// The document of an image, like that of a sibling where there is one.
fn image(node: &Node, members: &[Member<'_>], sibling: Option<&Node>) -> Result<(Map<String, Value>, String)> {
    let name = node.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".ome.zarr").map_or(name.clone(), str::to_owned);
    if let Some(mut document) = sibling.and_then(Node::metadata).cloned() {
        if let Some(attributes) = document.get_mut("attributes").and_then(Value::as_object_mut) {
            attributes.retain(|key, _| key == "ome" || key == "ome_stream");
        }
        if let Some(multiscale) = document.get_mut("attributes").and_then(|all| all.pointer_mut("/ome/multiscales/0")) {
            multiscale["name"] = name.into();
            // Where the sibling lies is not where this one lies.
            for dataset in multiscale.get_mut("datasets").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(Value::Array(steps)) = dataset.get_mut("coordinateTransformations") {
                    steps.retain(|step| step.get("type").is_none_or(|kind| kind != "translation"));
                }
            }
        }
        let like = sibling.map_or("", |sibling| &sibling.path);
        return Ok((document, format!("made anew like that of {like:?}; its place on the stage is lost")));
    }
    let mut formats = Vec::new();
    for member in members {
        match ArrayFormat::of(member.metadata) {
            Ok(format) if !format.names.is_empty() => formats.push((member.name, format)),
            _ => {}
        }
    }
    formats.sort_by_key(|(name, _)| natural(name));
    let Some((_, first)) = formats.first() else {
        return Ok((
            group_document(&json!({"version": VERSION})),
            "made anew without axes, which nothing tells".into(),
        ));
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
        channels: Vec::new(),
        shape: first.shape.clone(),
        dtype: first.dtype().to_owned(),
    };
    let layout = Layout::Single(image);
    let none = Attributes::new();
    let made =
        documents_v05(&layout, &none, |_| Ok(Attributes::new())).and_then(|mut documents| documents.next().transpose());
    let document = match made {
        Ok(Some(made)) => serde_json::from_slice(&made.bytes).ok(),
        // Axes that no image can have.
        Ok(None) | Err(_) => None,
    };
    let document = document.unwrap_or_else(|| group_document(&json!({"version": VERSION})));
    Ok((document, "made anew from its arrays; pixel sizes, units, channels and the host's metadata are lost".into()))
}
