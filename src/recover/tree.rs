//! The groups and arrays of a store, found by walking folders, never through a link.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::file::{Document, Kind, document, kind};
use super::objects::is_kept;
use crate::names::own::FOLDER;
use crate::platform::PARTIAL_SUFFIX;
use crate::zarr::{V2_ARRAY, V2_ATTRIBUTES, V2_GROUP};

pub(super) use crate::zarr::METADATA;

/// Names of the metadata files of Zarr format 2, which this library does not write.
const V2_METADATA: [&str; 3] = [V2_GROUP, V2_ARRAY, V2_ATTRIBUTES];

/// Deepest nesting of groups: a plate has root, row, column, field and array.
const MAX_DEPTH: usize = 8;

/// Most groups and arrays: a plan has at most 100,000 positions of two folders each.
const MAX_NODES: usize = 1 << 20;

/// A group, an array, or a folder that should be one.
#[derive(Debug)]
pub(super) struct Node {
    /// Path below the store, with `/`; empty for the root.
    pub(super) path: String,
    pub(super) folder: PathBuf,
    pub(super) document: Document,
    pub(super) is_array: bool,
    pub(super) parent: Option<usize>,
    /// Unfinished files in it.
    pub(super) partials: Vec<String>,
}

impl Node {
    /// The metadata, where they can be read and are those of a node.
    pub(super) fn metadata(&self) -> Option<&Map<String, Value>> {
        match &self.document {
            Document::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Name of the folder.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Path of a file in it, below the store.
    pub(super) fn file(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&Value> {
        self.metadata()?.get("attributes")?.get(name)
    }
}

/// Every node, parents before their children, and remarks.
pub(super) fn walk(root: &Path) -> io::Result<(Vec<Node>, Vec<String>)> {
    let mut nodes = Vec::new();
    let mut notes = Vec::new();
    let mut links = 0u64;
    let mut waiting = vec![(root.to_path_buf(), String::new(), None, 0)];
    while let Some((folder, path, parent, depth)) = waiting.pop() {
        if nodes.len() >= MAX_NODES {
            notes.push(format!("more than {MAX_NODES} folders: the others were not looked at"));
            break;
        }
        let mut document = document(&folder.join(METADATA))?;
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
        let has_chunks = kind(&folder.join("c"))? == Kind::Folder;
        let mut partials = Vec::new();
        let mut below = Vec::new();
        let mut is_v2 = false;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth > 0 => {
                notes.push(format!("{path} cannot be listed: {error}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let Some(name) = name.to_str() else { continue };
            if kind.is_symlink() {
                links += 1;
            } else if kind.is_dir() && path.is_empty() && name == FOLDER {
                // Ours: no node of the image.
            } else if kind.is_dir() {
                below.push(name.to_owned());
            } else if V2_METADATA.contains(&name) {
                is_v2 = true;
            } else if name.ends_with(PARTIAL_SUFFIX) && !is_kept(name.as_ref()) {
                partials.push(name.to_owned());
            }
        }
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
            if depth + 1 < MAX_DEPTH {
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
        notes.push(format!("{links} link(s) in groups were not followed"));
    }
    Ok((nodes, notes))
}
