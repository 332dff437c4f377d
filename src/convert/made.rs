//! What has to be written to make a store of another version of one that is there: judged as a whole before anything is
//! touched.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::array::{self, Objects};
use super::group;
use crate::error::{Error, Result};
use crate::journal;
use crate::names::own;
use crate::ngff::convert::{converted, version_of};
use crate::ngff::{found, is_ngff};
use crate::platform::{Kind, Source};
use crate::reader::{self, Document, Expected, Node, Walked, limits};
use crate::settings::NgffVersion;
use crate::store::{self, Mark, files};
use crate::zarr::json::with_member;
use crate::zarr::{V2_ATTRIBUTES, V2_CONSOLIDATED, ZarrFormat};

/// What becomes of a store.
#[derive(Debug, PartialEq)]
pub(super) struct Made {
    /// Documents to be written: where in the store, those that are pointed at before those that point, the root's and
    /// our own last.
    pub(super) documents: Vec<(PathBuf, Vec<u8>)>,
    /// Files that have no place in it any more.
    pub(super) dropped: Vec<PathBuf>,
    /// Arrays whose chunk files get other names; none where the version of Zarr stays.
    pub(super) arrays: BTreeMap<PathBuf, Objects>,
    /// Whether the version of Zarr is another one.
    pub(super) anew: bool,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// A copy of the documents below a group, which some writers keep in its own (Zarr v3).
pub(super) const CONSOLIDATED: &str = "consolidated_metadata";

/// Names of axes by the path of the array, as the images tell them.
type Names = HashMap<String, Vec<String>>;

/// What has to be written to make a store of version `to` of that in `root`.
pub(super) fn of(source: &dyn Source, root: &Path, to: NgffVersion) -> Result<Made> {
    let nodes = nodes(source, root)?;
    let zarr = nodes.nodes.first().map(|node| node.zarr).unwrap_or_default();
    let anew = zarr != ZarrFormat::from(to);
    let mut made =
        Made { documents: Vec::new(), dropped: Vec::new(), arrays: BTreeMap::new(), anew, notes: nodes.notes };
    let is_told = |node: &Node| match node.zarr {
        ZarrFormat::V2 => node.metadata().is_some_and(|all| all.keys().any(|name| is_ngff(name))),
        ZarrFormat::V3 => node.attribute("ome").is_some(),
    };
    // Of what cannot be read is told when its turn comes.
    let is_unread = |node: &Node| node.document != Document::Nothing && node.metadata().is_none();
    if !nodes.nodes.iter().any(|node| is_told(node) || is_unread(node)) {
        return Err(damaged(root, "there is no group with OME-NGFF metadata in it".into()));
    }
    let names = if anew { names(&nodes.nodes) } else { Names::new() };
    for node in nodes.nodes.iter().rev() {
        match (anew, node.is_array) {
            (true, true) => of_array(source, node, &names, to, &mut made)?,
            (true, false) => of_group_anew(source, node, to, &mut made)?,
            (false, true) => {}
            (false, false) => made.documents.extend(of_group(source, node, to)?),
        }
    }
    if anew {
        of_our_folders(source, root, to, &mut made)?;
    }
    let mark = of_mark(source, root, to, anew, &names)?;
    // They are replaced.
    let replaced = made.documents.iter().filter(|_| !anew).chain(&mark);
    let replaced: Vec<_> = replaced.map(|(path, _)| path.clone()).collect();
    made.dropped.extend(replaced);
    made.documents.extend(mark);
    Ok(made)
}

/// The version that the store in `root` has.
pub(super) fn version(source: &dyn Source, root: &Path) -> Result<NgffVersion> {
    let nodes = nodes(source, root)?.nodes;
    let told = nodes.iter().filter_map(|node| match node.zarr {
        ZarrFormat::V2 => node.ome("multiscales").or(node.ome("plate")).map(|_| NgffVersion::V0_4),
        ZarrFormat::V3 => node.attribute("ome").and_then(Value::as_object).and_then(version_of),
    });
    told.into_iter().next().ok_or_else(|| damaged(root, "there is no group with OME-NGFF metadata in it".into()))
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::Damaged { path: path.to_path_buf(), problem }
}

/// The nodes of a whole store, which no run has left interrupted.
fn nodes(source: &dyn Source, root: &Path) -> Result<Walked> {
    if reader::kind(source, root)? != Kind::Folder {
        return Err(damaged(root, "not a folder".into()));
    }
    if journal::is_there(source, root)? || store::is_half_made(source, root)? {
        return Err(damaged(root, "a run left it interrupted; `ome-stream recover --apply` mends it first".into()));
    }
    let mut walked = reader::walk(source, root, Expected::default())?;
    if let Some(error) = walked.unlisted.take() {
        return Err(error);
    }
    if walked.cut_short {
        return Err(damaged(root, walked.notes.join("; ")));
    }
    if walked.nodes.first().is_none_or(|node| node.document == Document::Nothing && node.group.is_none()) {
        return Err(damaged(root, "it is no Zarr group".into()));
    }
    Ok(walked)
}

/// The document of a group, where it has to say something else in the same version of Zarr.
fn of_group(source: &dyn Source, node: &Node, to: NgffVersion) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let path = node.folder.join(node.document_name());
    let damaged = |problem: String| damaged(&path, problem);
    match (&node.document, node.document.problem()) {
        (Document::Nothing, _) => return Ok(None),
        (_, Some(problem)) => return Err(damaged(problem.to_owned())),
        _ => {}
    }
    let Some(Value::Object(ome)) = node.attribute("ome") else { return Ok(None) };
    if version_of(ome) == Some(to) {
        return Ok(None);
    }
    let made = converted(ome, to).map_err(|why| damaged(format!("{why}, which {} has no words for", to.name())))?;
    let text = reader::small(source, &path, limits::DOCUMENT_BYTES)?.bytes();
    text.as_deref().map_or(Ok(()), group::exact_ome).map_err(damaged)?;
    let text = text.and_then(|text| with_member(&text, &node.zarr.attribute_at("ome"), &made.into()));
    let copied = node.metadata().and_then(|all| all.get(CONSOLIDATED)).is_some_and(|copies| !copies.is_null());
    // What it tells of the groups below is true no more; readers then look themselves.
    let text = if copied { text.and_then(|text| with_member(&text, &[CONSOLIDATED], &Value::Null)) } else { text };
    text.map(|text| Some((path.clone(), text))).ok_or_else(|| damaged("it changed while it was read".into()))
}

/// The text of a document that was read before; `None` where there is none.
fn text(source: &dyn Source, path: &Path) -> Result<Option<Vec<u8>>> {
    match reader::small(source, path, limits::DOCUMENT_BYTES)? {
        reader::Small::Nothing => Ok(None),
        reader::Small::Bytes(bytes) => Ok(Some(bytes)),
        _ => Err(damaged(path, "it cannot be read".into())),
    }
}

impl Made {
    /// The node in `folder` gets these documents in place of those that it has.
    fn node(&mut self, folder: &Path, zarr: ZarrFormat, documents: Vec<(&'static str, Vec<u8>)>) {
        self.documents.extend(documents.into_iter().map(|(name, text)| (folder.join(name), text)));
        let names = [zarr.array_file(), zarr.group_file(), zarr.attributes_file()];
        self.dropped.extend(names.into_iter().chain([V2_CONSOLIDATED]).map(|name| folder.join(name)));
    }
}

/// The documents of a group in the other version of Zarr.
fn of_group_anew(source: &dyn Source, node: &Node, to: NgffVersion, made: &mut Made) -> Result<()> {
    let path = node.folder.join(node.document_name());
    let marker = node.group.as_ref();
    if node.document == Document::Nothing && marker.is_none_or(|marker| *marker == Document::Nothing) {
        // A folder of others, which is copied as it is.
        return Ok(());
    }
    if let Some(problem) = marker.and_then(Document::problem) {
        return Err(damaged(&node.folder.join(node.zarr.group_file()), problem.to_owned()));
    }
    let none = Map::new();
    let whole = match (&node.document, node.document.problem()) {
        (Document::Object(whole), _) => whole,
        (Document::Nothing, _) => &none,
        (_, problem) => return Err(damaged(&path, problem.unwrap_or_default().to_owned())),
    };
    let attributes = match node.zarr {
        ZarrFormat::V2 => Some(whole),
        ZarrFormat::V3 => {
            group::only_known(whole).map_err(|why| damaged(&path, why))?;
            match whole.get("attributes") {
                None => Some(&none),
                attributes => attributes.and_then(Value::as_object),
            }
        }
    };
    let attributes = attributes.ok_or_else(|| damaged(&path, "attributes is not an object".into()))?;
    let documents = group::documents(attributes, text(source, &path)?.as_deref(), to);
    made.node(&node.folder, node.zarr, documents.map_err(|why| damaged(&path, why))?);
    Ok(())
}

/// The documents of an array in the other version of Zarr, and what becomes of its chunk files.
fn of_array(source: &dyn Source, node: &Node, names: &Names, to: NgffVersion, made: &mut Made) -> Result<()> {
    let path = node.folder.join(node.document_name());
    let Document::Object(document) = &node.document else {
        return Err(damaged(&path, node.document.problem().unwrap_or_default().to_owned()));
    };
    let told = text(source, &path)?.unwrap_or_default();
    let names = names.get(&node.path).map(Vec::as_slice);
    let converted = array::converted(document, &told, names, to.into());
    let (document, objects) = converted.map_err(|why| damaged(&path, why))?;
    let attributes = match node.zarr {
        ZarrFormat::V3 => Some(told),
        ZarrFormat::V2 => {
            let path = node.folder.join(V2_ATTRIBUTES);
            match Document::read(source, &path)? {
                Document::Nothing => None,
                Document::Object(_) => text(source, &path)?,
                strange => return Err(damaged(&path, strange.problem().unwrap_or_default().to_owned())),
            }
        }
    };
    let documents = group::array_documents(&document, attributes.as_deref(), to.into());
    made.node(&node.folder, node.zarr, documents.map_err(|why| damaged(&path, why))?);
    made.arrays.insert(node.folder.clone(), objects);
    Ok(())
}

/// Names of the axes of the arrays that images have for their levels.
fn names(nodes: &[Node]) -> Names {
    let mut names = Names::new();
    for node in nodes.iter().filter(|node| !node.is_array) {
        for multiscale in node.ome("multiscales").and_then(Value::as_array).into_iter().flatten() {
            let axes = found::axes(multiscale).into_iter().flatten();
            let Some(axes) = axes.map(|axis| Some(axis.get("name")?.as_str()?.to_owned())).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let levels = multiscale.get("datasets").and_then(Value::as_array).into_iter().flatten();
            for path in levels.filter_map(|level| level.get("path")?.as_str()) {
                names.insert(node.file(path.trim_end_matches('/')), axes.clone());
            }
        }
    }
    names
}

/// The documents that make Zarr nodes of our own folders.
fn of_our_folders(source: &dyn Source, root: &Path, to: NgffVersion, made: &mut Made) -> Result<()> {
    let to = ZarrFormat::from(to);
    let from = if to == ZarrFormat::V2 { ZarrFormat::V3 } else { ZarrFormat::V2 };
    for ((folder, old, _), (_, new, text)) in files::documents(from).into_iter().zip(files::documents(to)) {
        let folder = root.join(folder);
        if reader::is_file(source, &folder.join(old))? {
            made.node(&folder, from, vec![(new, text.as_bytes().to_vec())]);
        }
    }
    Ok(())
}

/// The mark of a run of ours, whose settings say in which version documents are made anew.
fn of_mark(
    source: &dyn Source,
    root: &Path,
    to: NgffVersion,
    anew: bool,
    names: &Names,
) -> Result<Option<(PathBuf, Vec<u8>)>> {
    // One of a later version may say what is not known here.
    Mark::read(source, root)?;
    let old = root.join(own::OLD_RECORD);
    if anew && reader::is_file(source, &old)? {
        let problem = "a record of an early version of ome-stream, which tells of arrays of the other version of Zarr; \
                       move it out of the store first";
        return Err(damaged(&old, problem.to_owned()));
    }
    let path = root.join(own::MARK);
    let mut mark = match Document::read(source, &path)? {
        Document::Object(mark) => mark,
        Document::Nothing => return Ok(None),
        document => return Err(Error::Damaged { problem: document.problem().unwrap_or_default().to_owned(), path }),
    };
    let mut changed = false;
    let mut convert = |settings: Option<&mut Value>| {
        let Some(settings) = settings else { return };
        if to == NgffVersion::V0_4 {
            // Zarr v2 has neither shards nor checksums.
            let dimensions = settings.get_mut("dimensions").and_then(Value::as_array_mut);
            for shard in dimensions.into_iter().flatten().filter_map(|each| each.get_mut("shard_size_chunks")) {
                changed |= !shard.is_null();
                *shard = Value::Null;
            }
            let compression = settings.get_mut("compression").and_then(Value::as_object_mut);
            changed |= compression.and_then(|compression| compression.remove("checksum")).is_some();
        }
        let Some(format) = settings.get_mut("format") else { return };
        // As settings tell it: the default is left out.
        let told = format.get("version").and_then(Value::as_str).and_then(NgffVersion::of).unwrap_or_default();
        if told != to && format.is_object() {
            format["version"] = to.name().into();
            changed = true;
        }
    };
    convert(mark.get_mut("settings"));
    for each in mark.get_mut("sources").and_then(Value::as_array_mut).into_iter().flatten() {
        convert(each.get_mut("settings"));
    }
    if let Some(Value::Object(array)) = mark.get_mut("array").filter(|_| anew) {
        // All arrays of its form have the same names.
        let axes = array.get("shape").and_then(Value::as_array).map(Vec::len);
        let names = names.iter().filter(|(_, names)| Some(names.len()) == axes).min();
        let names = names.map(|(_, names)| names.as_slice());
        let converted = array::converted(array, b"{}", names, to.into());
        let (document, _) = converted.map_err(|why| damaged(&path, format!("array: {why}")))?;
        mark["array"] = document;
        changed = true;
    }
    Ok(changed.then(|| (path, Value::Object(mark).to_string().into_bytes())))
}
