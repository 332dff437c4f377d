//! Finds the images of a store.

use std::collections::HashSet;
use std::path::Path;

use ome_stream::platform::Source;
use ome_stream::reader::Usage;
use serde_json::Value;

use super::Store;
use super::ended::Ended;
use super::image::{Counted, Image};
use super::missing::Missing;
use super::node::{Kind, Node, StoreError};
use super::plate::Plate;
use super::tree::{self, Found, Role, Visitor};
use crate::NOTES_NAMESPACE;
use crate::report::text::clean;

/// Most images that are read.
pub const MAX_IMAGES: usize = 100_000;

/// Most notes of the writer that are shown.
const MAX_NOTES: usize = 100;

/// Reads the store at `path`.
///
/// # Errors
/// [`StoreError`] where there is no readable root. Anything below it that cannot be read is a problem in the [`Store`].
pub fn read(source: &dyn Source, path: &Path) -> Result<Store, StoreError> {
    let (folder, root) = tree::open(source, path)?;
    let counted = Counted { source, folders: HashSet::new(), files: 0, bytes: 0 };
    let mut finder = Finder { images: Vec::new(), counted, problems: Vec::new(), version: None };
    tree::walk(source, &folder, &root, &mut finder);
    let rest = Usage::of_store(source, &folder, &finder.counted.folders);
    let mut notes = writer_notes(&root);
    rest.notes(&mut notes);
    let missing = Missing::read(source, &folder, &mut notes, &mut finder.problems);
    if finder.images.is_empty() && finder.problems.is_empty() {
        notes.push("there is no image in it".into());
    }
    let plate = root.ome().and_then(|ome| ome.get("plate")).map(Plate::of);
    let writer = root.attribute("ome_stream").and_then(|own| own.get("version")).and_then(Value::as_str);
    Ok(Store {
        path: path.display().to_string(),
        zarr_format: root.zarr.number().into(),
        ngff_version: version(&root).or(finder.version.as_deref()).map(clean),
        written_by: writer.map(|version| format!("ome-stream {}", clean(version))),
        run: root.attribute("ome_stream").and_then(Ended::of),
        bytes: rest.bytes.saturating_add(finder.counted.bytes),
        files: rest.files + finder.counted.files,
        plate,
        images: finder.images,
        missing,
        notes,
        problems: finder.problems,
    })
}

/// The version that a group tells: `ome` does, and before 0.5 each object in it.
pub fn version(node: &Node) -> Option<&str> {
    let ome = node.ome()?;
    let places = ["/version", "/multiscales/0/version", "/plate/version", "/well/version", "/image-label/version"];
    places.into_iter().find_map(|place| ome.pointer(place)?.as_str())
}

struct Finder<'a> {
    images: Vec<Image>,
    counted: Counted<'a>,
    problems: Vec<String>,
    /// Version that the first image tells.
    version: Option<String>,
}

impl Visitor for Finder<'_> {
    fn found(&mut self, found: &Found<'_>) {
        if self.images.len() >= MAX_IMAGES {
            return;
        }
        if found.node.kind == Kind::Array {
            self.images.push(Image::bare_array(found.path, found.node, found.folder, &mut self.counted));
        } else if let (Some(ome), Some(multiscales)) = (found.node.ome(), found.ome("multiscales")) {
            self.version = self.version.take().or_else(|| version(found.node).map(str::to_owned));
            self.images.push(Image::read(found.path, ome, multiscales, found.folder, &mut self.counted));
        }
    }

    fn absent(&mut self, path: &str, role: Role, _: &Found<'_>, why: Option<String>) {
        match (role, why) {
            (Role::Ome, Some(why)) => self.problems.push(format!("{}: {why}; images are listed by name", clean(path))),
            (Role::Beside | Role::Row, Some(why)) => self.problems.push(format!("{}: {why}", clean(path))),
            (Role::Ome | Role::Beside | Role::Row, None) => {}
            (role, why) => {
                let why = why.unwrap_or_else(|| "it is listed, but it is not there".into());
                if role == Role::Well {
                    self.problems.push(format!("well {}: {why}", clean(path)));
                } else if self.images.len() < MAX_IMAGES {
                    self.images.push(Image::unreadable(path, why));
                }
            }
        }
    }

    fn unknown(&mut self, path: &str, why: String) {
        self.problems.push(if path.is_empty() { why } else { format!("{}: {why}", clean(path)) });
    }

    fn wants_labels(&self) -> bool {
        false
    }
}

/// What `ome-stream write` noted about the settings.
fn writer_notes(root: &Node) -> Vec<String> {
    let notes = root.attribute(NOTES_NAMESPACE).and_then(|own| own.get("notes")).and_then(Value::as_array);
    notes.into_iter().flatten().take(MAX_NOTES).filter_map(|note| note.as_str().map(clean)).collect()
}
