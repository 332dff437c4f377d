//! The groups and arrays of a store, found by walking folders, never through a link.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::Document;
use super::file::{is_folder, list};
use super::is_kept;
use super::limits::{GROUP_DEPTH, NODES};
use crate::error::{Error, Result};
use crate::names::own::FOLDER;
use crate::platform::{EntryKind, PARTIAL_SUFFIX, Source};
use crate::zarr::{METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_GROUP};

/// Names of the metadata files of Zarr format 2.
const V2_METADATA: [&str; 3] = [V2_GROUP, V2_ARRAY, V2_ATTRIBUTES];

/// A group, an array, or a folder that should be one.
#[derive(Debug)]
pub struct Node {
    /// Path below the store, with `/`; empty for the root.
    pub path: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Its metadata.
    pub document: Document,
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

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.metadata()?.get("attributes")?.get(name)
    }
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
}

/// Every node of the store in `root`.
///
/// # Errors
/// [`Error::Io`]. A folder below the root that cannot be listed is told in what is found.
pub fn walk(source: &dyn Source, root: &Path) -> Result<Walked> {
    let mut walked = Walked::default();
    let mut links = 0u64;
    let mut waiting = vec![(root.to_path_buf(), String::new(), None, 0)];
    while let Some((folder, path, parent, depth)) = waiting.pop() {
        let Walked { nodes, notes, unlisted } = &mut walked;
        if nodes.len() >= NODES {
            notes.push(format!("more than {NODES} folders: the others were not looked at"));
            break;
        }
        let mut document = Document::read(source, &folder.join(METADATA))?;
        let kind_of_node = match &document {
            Document::Object(object) => match object.get("node_type").and_then(Value::as_str) {
                Some("array") => Some(true),
                Some("group") => Some(false),
                _ => {
                    document = Document::Broken("node_type is neither group nor array".into());
                    None
                }
            },
            _ => None,
        };
        let has_chunks = is_folder(source, &folder.join("c"))?;
        let Members { mut below, mut partials, links: more_links, is_v2 } = match members(source, &folder, depth == 0) {
            Ok(members) => members,
            Err(error) if depth > 0 => {
                notes.push(format!("{path} was not looked at: {error}"));
                unlisted.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        links += more_links;
        if is_v2 && depth > 0 && document == Document::Nothing {
            notes.push(format!("{path} is of Zarr format 2; it was left alone"));
            continue;
        }
        below.sort();
        partials.sort();
        // A folder of chunks makes an array, and so does a number without anything below it: an array without chunks.
        let is_number = path.rsplit('/').next().is_some_and(|name| name.parse::<u32>().is_ok());
        let is_array = kind_of_node.unwrap_or(has_chunks || (is_number && below.is_empty()));
        let nth = nodes.len();
        if !is_array {
            if depth + 1 < GROUP_DEPTH {
                let child = |name: String| {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                    (folder.join(name), path, Some(nth), depth + 1)
                };
                waiting.extend(below.into_iter().rev().map(child));
            } else if !below.is_empty() {
                notes.push(format!("{path} holds folders that lie too deep; they were not looked at"));
            }
        }
        nodes.push(Node { path, folder, document, is_array, parent, partials });
    }
    if links > 0 {
        walked.notes.push(format!("{links} link(s) in groups were not followed"));
    }
    Ok(walked)
}

/// What lies in the folder of a node.
#[derive(Default)]
struct Members {
    below: Vec<String>,
    partials: Vec<String>,
    links: u64,
    is_v2: bool,
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
            _ if V2_METADATA.contains(&name) => found.is_v2 = true,
            _ if name.ends_with(PARTIAL_SUFFIX) && !is_kept(name) => found.partials.push(name.to_owned()),
            _ => {}
        }
    }
    Ok(found)
}
