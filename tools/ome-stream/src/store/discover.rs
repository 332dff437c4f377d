//! Finds the images of a store.

use std::collections::HashSet;
use std::path::Path;

use ome_stream::platform::{EntryKind, Source};
use ome_stream::reader::limits::GROUP_DEPTH;
use ome_stream::reader::{Usage, below, is_folder, list};
use serde_json::Value;

use super::Store;
use super::image::{Counted, Image};
use super::missing::Missing;
use super::node::{Kind, Node, StoreError};
use crate::NOTES_NAMESPACE;
use crate::report::text::clean;

/// Most images that are read.
const MAX_IMAGES: usize = 100_000;

/// Most notes of the writer that are shown.
const MAX_NOTES: usize = 100;

/// Reads the store at `path`.
///
/// # Errors
/// [`StoreError`] where there is no readable Zarr root. Anything below it that cannot be read is a problem in the
/// [`Store`].
pub fn read(source: &dyn Source, path: &Path) -> Result<Store, StoreError> {
    // The store itself may be named by a link; what is in it may not.
    let folder = source.resolve(path).map_err(|error| ome_stream::Error::io("look at", path, error))?;
    if !is_folder(source, &folder)? {
        return Err(StoreError::NotAStore(path.to_owned(), "it is not a folder, and a store is one"));
    }
    let root = match Node::read(source, &folder) {
        Ok(Some(root)) => root,
        Ok(None) => {
            let problem = "it is not a Zarr store: there is no zarr.json, .zgroup or .zarray in it";
            return Err(StoreError::NotAStore(path.to_owned(), problem));
        }
        Err(problem) => return Err(StoreError::Damaged(path.to_owned(), problem)),
    };
    let counted = Counted { source, folders: HashSet::new(), files: 0, bytes: 0 };
    let mut finder = Finder { source, root: &folder, images: Vec::new(), counted, problems: Vec::new(), version: None };
    finder.node("", &folder, &root, GROUP_DEPTH);
    let rest = Usage::of_store(source, &folder, &finder.counted.folders);
    let mut notes = writer_notes(&root);
    rest.notes(&mut notes);
    let missing = Missing::read(source, &folder, &mut notes, &mut finder.problems);
    if finder.images.is_empty() && finder.problems.is_empty() {
        notes.push("there is no image in it".into());
    }
    let version = root.attribute("ome").and_then(version).or(finder.version.as_deref());
    let writer = root.attribute("ome_stream").and_then(|own| own.get("version")).and_then(Value::as_str);
    Ok(Store {
        path: path.display().to_string(),
        zarr_format: root.zarr.number().into(),
        ngff_version: version.map(clean),
        written_by: writer.map(|version| format!("ome-stream {}", clean(version))),
        bytes: rest.bytes.saturating_add(finder.counted.bytes),
        files: rest.files + finder.counted.files,
        images: finder.images,
        missing,
        notes,
        problems: finder.problems,
    })
}

struct Finder<'a> {
    source: &'a dyn Source,
    root: &'a Path,
    images: Vec<Image>,
    counted: Counted<'a>,
    problems: Vec<String>,
    /// Version that the first image tells.
    version: Option<String>,
}

impl Finder<'_> {
    /// Takes what the node at `folder` is, or looks below it.
    fn node(&mut self, path: &str, folder: &Path, node: &Node, depth: usize) {
        if self.images.len() >= MAX_IMAGES {
            return;
        }
        if node.kind == Kind::Array {
            self.images.push(Image::bare_array(path, node, folder, &mut self.counted));
            return;
        }
        let nothing = Value::Null;
        let ome = node.attribute("ome").unwrap_or(&nothing);
        if let Some(multiscales) = ome.get("multiscales") {
            self.version = self.version.take().or_else(|| version(ome).map(str::to_owned));
            self.images.push(Image::read(path, ome, multiscales, folder, &mut self.counted));
            return;
        }
        match self.series(folder, ome) {
            Some(series) => series.iter().for_each(|name| self.listed(path, folder, name, depth)),
            None => self.children(path, folder, depth),
        }
    }

    /// The images that a bioformats2raw group lists in `OME`, in their order.
    fn series(&mut self, folder: &Path, ome: &Value) -> Option<Vec<String>> {
        ome.get("bioformats2raw.layout")?;
        let node = match below(self.source, folder, "OME").and_then(|folder| Node::read(self.source, &folder)) {
            Ok(node) => node?,
            Err(problem) => {
                self.problems.push(format!("OME: {problem}; images are listed by name"));
                return None;
            }
        };
        let series = node.attribute("ome")?.get("series")?.as_array()?;
        Some(series.iter().take(MAX_IMAGES).filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    /// An image that the metadata of its parent name.
    fn listed(&mut self, parent: &str, folder: &Path, name: &str, depth: usize) {
        let path = join(parent, name);
        let found = below(self.source, folder, name).and_then(|folder| Ok((Node::read(self.source, &folder)?, folder)));
        match found {
            Ok((Some(node), folder)) if depth > 0 => self.node(&path, &folder, &node, depth - 1),
            Ok(_) => self.images.push(Image::unreadable(&path, "it is listed, but it is not there".into())),
            Err(problem) => self.images.push(Image::unreadable(&path, problem)),
        }
    }

    /// Whatever is below a group, by name.
    fn children(&mut self, parent: &str, folder: &Path, depth: usize) {
        if depth == 0 {
            self.problems.push(format!("{}: groups nested deeper than {GROUP_DEPTH} are not shown", clean(parent)));
            return;
        }
        let names = list(self.source, folder).and_then(|entries| {
            let folders = entries
                .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.kind == EntryKind::Folder) || entry.is_err());
            folders.map(|entry| Ok(entry?.name.into_string().ok())).collect::<Result<Vec<_>, ome_stream::Error>>()
        });
        let mut names: Vec<String> = match names {
            Ok(names) => names.into_iter().flatten().filter(|name| !(folder == self.root && name == "OME")).collect(),
            Err(error) => return self.problems.push(error.to_string()),
        };
        names.sort_by_key(|name| natural(name));
        for name in names {
            let (path, folder) = (join(parent, &name), folder.join(&name));
            match Node::read(self.source, &folder) {
                Ok(Some(node)) => self.node(&path, &folder, &node, depth - 1),
                Ok(None) => {}
                Err(problem) => self.problems.push(format!("{}: {problem}", clean(&path))),
            }
        }
    }
}

/// Version of OME-NGFF, where metadata tell it: up to 0.4 in what they describe.
fn version(ome: &Value) -> Option<&str> {
    let places = ["/version", "/multiscales/0/version", "/plate/version", "/well/version"];
    places.into_iter().find_map(|place| ome.pointer(place)?.as_str())
}

fn join(parent: &str, name: &str) -> String {
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

/// What `ome-stream write` noted about the settings.
fn writer_notes(root: &Node) -> Vec<String> {
    let notes = root.attribute(NOTES_NAMESPACE).and_then(|own| own.get("notes")).and_then(Value::as_array);
    notes.into_iter().flatten().take(MAX_NOTES).filter_map(|note| note.as_str().map(clean)).collect()
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
