//! The nodes of a store as its metadata name them, each before those that it names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ome_stream::platform::{EntryKind, Source};
use ome_stream::reader::limits::{GROUP_DEPTH, NODES};
use ome_stream::reader::{below, is_folder, list};
use serde_json::Value;

use super::node::{Kind, Node, StoreError};

/// Most members of one list of names that are followed.
const MAX_NAMES: usize = 100_000;

/// Why a node is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The store itself.
    Root,
    /// Lies in a group that names nothing.
    Beside,
    /// `OME` of a series.
    Ome,
    /// An image of a series.
    Image,
    /// A row of a plate.
    Row,
    /// A well of a plate.
    Well,
    /// A field of a well.
    Field,
    /// `labels` of an image.
    Labels,
    /// A group between `labels` and an image.
    Between,
    /// A label image.
    Label,
}

/// A node, and why it is looked at.
pub struct Found<'a> {
    /// Path below the store, with `/`; empty for the root.
    pub path: &'a str,
    /// Where it lies.
    pub folder: &'a Path,
    /// What it is.
    pub node: &'a Node,
    /// Why it is looked at.
    pub role: Role,
}

impl Found<'_> {
    /// A member of its metadata of OME-NGFF.
    pub fn ome(&self, key: &str) -> Option<&Value> {
        self.node.ome()?.get(key)
    }
}

/// Who is told of nodes.
pub trait Visitor {
    /// A node.
    fn found(&mut self, found: &Found<'_>);
    /// Nothing, or nothing that can be read (`why`), where `above` names a node.
    fn absent(&mut self, path: &str, role: Role, above: &Found<'_>, why: Option<String>);
    /// What lies below `path` is not known.
    fn unknown(&mut self, path: &str, why: String);
    /// Whether label images are looked at.
    fn wants_labels(&self) -> bool;
}

/// The folder of the store at `path`, and its root.
///
/// # Errors
/// [`StoreError`].
pub fn open(source: &dyn Source, path: &Path) -> Result<(PathBuf, Node), StoreError> {
    // The store itself may be named by a link; what is in it may not.
    let folder = source.resolve(path).map_err(|error| ome_stream::Error::io("look at", path, error))?;
    if !is_folder(source, &folder)? {
        return Err(StoreError::NotAStore(path.to_owned(), "it is not a folder, and a store is one"));
    }
    match Node::read(source, &folder) {
        Ok(Some(root)) => Ok((folder, root)),
        Ok(None) => Err(StoreError::NotAStore(
            path.to_owned(),
            "it is not a Zarr store: there is no zarr.json, .zgroup or .zarray in it",
        )),
        Err(problem) => Err(StoreError::Damaged(path.to_owned(), problem)),
    }
}

/// Tells `visitor` of every node of the store in `folder`, whose root is `node`.
pub fn walk(source: &dyn Source, folder: &Path, node: &Node, visitor: &mut dyn Visitor) {
    let root = Found { path: "", folder, node, role: Role::Root };
    Walk { source, visitor, nodes: 0 }.node(&root, GROUP_DEPTH);
}

struct Walk<'a> {
    source: &'a dyn Source,
    visitor: &'a mut dyn Visitor,
    nodes: usize,
}

impl Walk<'_> {
    fn node(&mut self, found: &Found<'_>, depth: usize) {
        self.nodes += 1;
        if self.nodes > NODES {
            if self.nodes == NODES + 1 {
                self.visitor.unknown(found.path, format!("more than {NODES} nodes: the others were not looked at"));
            }
            return;
        }
        self.visitor.found(found);
        if found.node.kind == Kind::Array {
            return;
        }
        let is_named = found.ome("multiscales").is_some();
        if is_named && !self.visitor.wants_labels() {
            return;
        }
        let Some(depth) = depth.checked_sub(1) else {
            let why = format!("groups nested deeper than {GROUP_DEPTH} are not shown");
            return self.visitor.unknown(found.path, why);
        };
        if is_named {
            return self.labels(found, depth);
        }
        let layout = found.ome("bioformats2raw.layout").is_some();
        let series = if layout { self.series(found) } else { None };
        if let Some(wells) = named_in(found, "plate", "wells") {
            self.wells(found, wells, depth);
        } else if let Some(images) = named_in(found, "well", "images") {
            objects(images).for_each(|image| self.named(found, image, Role::Field, depth));
        } else if let Some(series) = series {
            series.iter().for_each(|name| self.named(found, name, Role::Image, depth));
        } else {
            self.children(found, depth);
        }
    }

    /// A node that `above` names by its path, and what it names.
    fn named(&mut self, above: &Found<'_>, name: &str, role: Role, depth: usize) {
        self.read(above, name, role, |walk, found| walk.node(found, depth));
    }

    /// A node that `above` names by its path, alone.
    fn alone(&mut self, above: &Found<'_>, name: &str, role: Role) {
        self.read(above, name, role, |walk, found| walk.visitor.found(found));
    }

    fn read(&mut self, above: &Found<'_>, name: &str, role: Role, then: impl FnOnce(&mut Self, &Found<'_>)) {
        let path = join(above.path, name);
        let source = self.source;
        match below(source, above.folder, name).and_then(|folder| Ok((Node::read(source, &folder)?, folder))) {
            Ok((Some(node), folder)) => {
                then(self, &Found { path: &path, folder: &folder, node: &node, role });
            }
            Ok((None, _)) => self.visitor.absent(&path, role, above, None),
            Err(why) => self.visitor.absent(&path, role, above, Some(why)),
        }
    }

    /// The images that a series lists in `OME`, in their order.
    fn series(&mut self, found: &Found<'_>) -> Option<Vec<String>> {
        let mut series = None;
        self.read(found, "OME", Role::Ome, |walk, ome| {
            walk.visitor.found(ome);
            let list = ome.ome("series").and_then(Value::as_array);
            series = list.map(|list| texts(list).map(str::to_owned).collect());
        });
        series
    }

    fn wells(&mut self, found: &Found<'_>, wells: &[Value], depth: usize) {
        let mut rows = HashSet::new();
        for well in objects(wells) {
            if let Some((row, _)) = well.split_once('/')
                && rows.insert(row)
            {
                self.alone(found, row, Role::Row);
            }
            self.named(found, well, Role::Well, depth);
        }
    }

    fn labels(&mut self, image: &Found<'_>, depth: usize) {
        // A label image has no labels of its own.
        if image.role == Role::Label {
            return;
        }
        let path = join(image.path, "labels");
        let found = below(self.source, image.folder, "labels");
        let found = found.and_then(|folder| Ok((Node::read(self.source, &folder)?, folder)));
        let (node, folder) = match found {
            Ok((Some(node), folder)) => (node, folder),
            Ok((None, _)) => return,
            Err(why) => return self.visitor.absent(&path, Role::Labels, image, Some(why)),
        };
        let labels = Found { path: &path, folder: &folder, node: &node, role: Role::Labels };
        self.visitor.found(&labels);
        let named = labels.ome("labels").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for name in texts(named) {
            let mut between = name.trim_end_matches('/');
            // A name of more parts leads deeper than any group lies; what it names is told as absent.
            for _ in 0..GROUP_DEPTH {
                let Some((above, _)) = between.rsplit_once('/') else { break };
                self.alone(&labels, above, Role::Between);
                between = above;
            }
            self.named(&labels, name, Role::Label, depth);
        }
    }

    /// Whatever is below a group, by name.
    fn children(&mut self, found: &Found<'_>, depth: usize) {
        let names = match folders(self.source, found.folder) {
            Ok(names) => names,
            Err(error) => return self.visitor.unknown(found.path, error.to_string()),
        };
        for name in names {
            if found.role == Role::Root && name == "OME" {
                continue;
            }
            let (path, folder) = (join(found.path, &name), found.folder.join(&name));
            match Node::read(self.source, &folder) {
                Ok(Some(node)) => {
                    let role = Role::Beside;
                    self.node(&Found { path: &path, folder: &folder, node: &node, role }, depth);
                }
                Ok(None) => {}
                Err(why) => self.visitor.absent(&path, Role::Beside, found, Some(why)),
            }
        }
    }
}

/// The list that an object of a group's metadata has; a group whose list is empty names nothing.
fn named_in<'a>(found: &'a Found<'_>, object: &str, list: &str) -> Option<&'a [Value]> {
    let list = found.ome(object)?.get(list)?.as_array()?;
    (!list.is_empty()).then_some(list.as_slice())
}

/// The paths in a list of objects.
fn objects(list: &[Value]) -> impl Iterator<Item = &str> {
    list.iter().take(MAX_NAMES).filter_map(|each| each.get("path")?.as_str())
}

/// The texts in a list.
fn texts(list: &[Value]) -> impl Iterator<Item = &str> {
    list.iter().take(MAX_NAMES).filter_map(Value::as_str)
}

/// The names of folders in a folder, as people sort them.
///
/// # Errors
/// [`ome_stream::Error::Io`].
pub fn folders(source: &dyn Source, folder: &Path) -> Result<Vec<String>, ome_stream::Error> {
    let mut names = Vec::new();
    for entry in list(source, folder)? {
        let entry = entry?;
        if entry.kind == EntryKind::Folder {
            names.extend(entry.name.into_string().ok());
        }
    }
    names.sort_by_key(|name| natural(name));
    Ok(names)
}

/// The path of what is called `name` below `parent`.
pub fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

/// Sorts 2 before 10: text and numbers in turn.
pub fn natural(name: &str) -> Vec<(u128, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|each: char| each.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(text_end);
        let digits_end = tail.find(|each: char| !each.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, tail) = tail.split_at(digits_end);
        parts.push((0, text.to_owned()));
        parts.push((digits.parse().unwrap_or(u128::MAX), digits.to_owned()));
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["Pos10", "Pos2", "A/1", "Pos1", "10", "9", ""];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["", "9", "10", "A/1", "Pos1", "Pos2", "Pos10"]);
    }
}
