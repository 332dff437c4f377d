//! The groups and arrays of a store, found by walking folders, never through a link.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::Document;
use super::file::{is_file, is_folder, list};
use super::is_kept;
use super::limits::{GROUP_DEPTH, NODES};
use crate::error::{Error, Result};
use crate::names::own::FOLDER;
use crate::platform::{EntryKind, PARTIAL_SUFFIX, Source};
use crate::zarr::{METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_GROUP, ZarrFormat, number};

/// Names of the metadata files of Zarr format 2.
const V2_METADATA: [&str; 3] = [V2_GROUP, V2_ARRAY, V2_ATTRIBUTES];

/// A group, an array, or a folder that should be one.
#[derive(Debug)]
pub struct Node {
    /// Path below the store, with `/`; empty for the root.
    pub path: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// The format of the store.
    pub zarr: ZarrFormat,
    /// Its metadata: what the file [`Node::document_name`] says.
    pub document: Document,
    /// What the file says that makes a group of it, where that is another one (Zarr v2).
    pub group: Option<Document>,
    /// Whether it is an array, or should be one.
    pub is_array: bool,
    /// The group that it lies in, by its place in the list of nodes.
    pub parent: Option<usize>,
    /// Unfinished files in it.
    pub partials: Vec<String>,
}

impl Node {
    /// The metadata, where they can be read and are those of a node.
    #[must_use]
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        match &self.document {
            Document::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Name of the file with its metadata: of an array its document, of a group that with the attributes.
    #[must_use]
    pub fn document_name(&self) -> &'static str {
        if self.is_array { self.zarr.array_file() } else { self.zarr.attributes_file() }
    }

    /// Name of the folder.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Path of a file in it, below the store.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// An attribute of a group.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        match self.zarr {
            ZarrFormat::V2 => self.metadata()?.get(name),
            ZarrFormat::V3 => self.metadata()?.get("attributes")?.get(name),
        }
    }

    /// One of NGFF's own metadata of a group: `multiscales`, `series`.
    #[must_use]
    pub fn ome(&self, name: &str) -> Option<&Value> {
        match self.zarr {
            ZarrFormat::V2 => self.attribute(name),
            ZarrFormat::V3 => self.attribute("ome")?.get(name),
        }
    }
}

/// Says of a path whether an array lies there; `None` where that is not known.
pub type IsArray<'a> = dyn Fn(&str) -> Option<bool> + 'a;

/// What is known of a store beside its documents, some of which may be torn.
#[derive(Clone, Copy, Default)]
pub struct Expected<'a> {
    /// Its format.
    pub zarr: Option<ZarrFormat>,
    /// Whether the node at a path is an array; `None` where that is not known.
    pub is_array: Option<&'a IsArray<'a>>,
}

/// The nodes of a store.
#[derive(Debug, Default)]
pub struct Walked {
    /// Every node, parents before their children.
    pub nodes: Vec<Node>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why a folder below the root could not be listed, of the first: what lies in it is not known.
    pub unlisted: Option<Error>,
    /// Whether there is more than is looked at; a note says what.
    pub cut_short: bool,
}

/// Every node of the store in `root`, of the format that is expected, or that the root has.
///
/// # Errors
/// [`Error::Io`]. A folder below the root that cannot be listed is told in what is found.
pub fn walk(source: &dyn Source, root: &Path, expected: Expected<'_>) -> Result<Walked> {
    let mut walked = Walked::default();
    let mut links = 0u64;
    let zarr = match expected.zarr {
        Some(zarr) => zarr,
        None => format_of(source, root)?,
    };
    let mut waiting = vec![(root.to_path_buf(), String::new(), None, 0)];
    while let Some((folder, path, parent, depth)) = waiting.pop() {
        let Walked { nodes, notes, unlisted, cut_short } = &mut walked;
        if nodes.len() >= NODES {
            *cut_short = true;
            notes.push(format!("more than {NODES} folders: the others were not looked at"));
            break;
        }
        let Documents { document, group, is_array: told } = Documents::read(source, &folder, zarr)?;
        let Members { mut below, mut partials, links: more_links, formats } = match members(source, &folder, depth == 0)
        {
            Ok(members) => members,
            Err(error) if depth > 0 => {
                notes.push(format!("{path} was not looked at: {error}"));
                unlisted.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        links += more_links;
        if depth > 0
            && !formats.contains(&zarr)
            && document == Document::Nothing
            && told.is_none()
            && let Some(other) = formats.first()
        {
            notes.push(format!("{path} is of Zarr format {}; it was left alone", other.number()));
            continue;
        }
        below.sort();
        partials.sort();
        // In Zarr v3 a folder of chunks cannot be taken for a group.
        let expected = expected.is_array.filter(|_| zarr == ZarrFormat::V2);
        let is_array = match told.or_else(|| expected.and_then(|is_array| is_array(&path))) {
            Some(is_array) => is_array,
            None => is_like_array(source, &folder, &path, zarr, &below)?,
        };
        // Attributes are not what an array needs.
        let document = if zarr == ZarrFormat::V2 && is_array && told.is_none() { Document::Nothing } else { document };
        let nth = nodes.len();
        if !is_array {
            if depth + 1 < GROUP_DEPTH {
                let child = |name: String| {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    (folder.join(name), path, Some(nth), depth + 1)
                };
                waiting.extend(below.into_iter().rev().map(child));
            } else if !below.is_empty() {
                *cut_short = true;
                notes.push(format!("{path} holds folders that lie too deep; they were not looked at"));
            }
        }
        let group = group.filter(|_| !is_array);
        nodes.push(Node { path, folder, zarr, document, group, is_array, parent, partials });
    }
    if links > 0 {
        walked.notes.push(format!("{links} link(s) in groups were not followed"));
    }
    Ok(walked)
}

/// The format of the store in `root`, by the documents that lie there; version 3 where there are none.
fn format_of(source: &dyn Source, root: &Path) -> Result<ZarrFormat> {
    let formats = members(source, root, true)?.formats;
    Ok(if formats == [ZarrFormat::V2] { ZarrFormat::V2 } else { ZarrFormat::V3 })
}

/// What the documents of a folder say.
struct Documents {
    document: Document,
    group: Option<Document>,
    /// `None` where they do not say what the folder is.
    is_array: Option<bool>,
}

impl Documents {
    fn read(source: &dyn Source, folder: &Path, zarr: ZarrFormat) -> Result<Self> {
        if zarr == ZarrFormat::V2 {
            let array = Document::read(source, &folder.join(V2_ARRAY))?;
            if array != Document::Nothing {
                return Ok(Self { document: array, group: None, is_array: Some(true) });
            }
            let attributes = Document::read(source, &folder.join(V2_ATTRIBUTES))?;
            let group = Document::read(source, &folder.join(V2_GROUP))?;
            // Attributes alone may be those of an array.
            let is_array = (group != Document::Nothing).then_some(false);
            return Ok(Self { document: attributes, group: Some(group), is_array });
        }
        let document = Document::read(source, &folder.join(METADATA))?;
        let is_array = match &document {
            Document::Object(object) => match object.get("node_type").and_then(Value::as_str) {
                Some("array") => Some(true),
                Some("group") => Some(false),
                _ => {
                    let document = Document::Broken("node_type is neither group nor array".into());
                    return Ok(Self { document, group: None, is_array: None });
                }
            },
            _ => None,
        };
        Ok(Self { document, group: None, is_array })
    }
}

/// Whether a folder whose documents do not say what it is looks like an array, by the folders `below` it. A folder of
/// chunks makes an array, and so does a number without anything below it: an array without chunks.
fn is_like_array(source: &dyn Source, folder: &Path, path: &str, zarr: ZarrFormat, below: &[String]) -> Result<bool> {
    let is_number = path.rsplit('/').next().is_some_and(|name| name.parse::<u32>().is_ok());
    if zarr == ZarrFormat::V3 {
        let chunks = folder.join("c");
        // A row, a column or an image may be called `c`, and be a node.
        let has_chunks = is_folder(source, &chunks)? && !is_file(source, &chunks.join(METADATA))?;
        return Ok(has_chunks || (is_number && below.is_empty()));
    }
    if !is_number || !below.iter().all(|name| number(name).is_some()) {
        return Ok(false);
    }
    // Positions may be called so too: their arrays have documents.
    for name in below {
        if Document::read(source, &folder.join(name).join(V2_ARRAY))? != Document::Nothing {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What lies in the folder of a node.
#[derive(Default)]
struct Members {
    below: Vec<String>,
    partials: Vec<String>,
    links: u64,
    /// Formats of which there are documents.
    formats: Vec<ZarrFormat>,
}

impl Members {
    fn has(&mut self, format: ZarrFormat) {
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }
}

fn members(source: &dyn Source, folder: &Path, is_root: bool) -> Result<Members> {
    let mut found = Members::default();
    for entry in list(source, folder)? {
        let entry = entry?;
        let Some(name) = entry.name.to_str() else { continue };
        match entry.kind {
            EntryKind::Link => found.links += 1,
            // Ours: no node of the image.
            EntryKind::Folder if is_root && name == FOLDER => {}
            EntryKind::Folder => found.below.push(name.to_owned()),
            _ if V2_METADATA.contains(&name) => found.has(ZarrFormat::V2),
            _ if name == METADATA => found.has(ZarrFormat::V3),
            _ if name.ends_with(PARTIAL_SUFFIX) && !is_kept(name) => found.partials.push(name.to_owned()),
            _ => {}
        }
    }
    Ok(found)
}
