//! Which images a store has, in which order, and where on a plate.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ome_stream::platform::Source;
use ome_stream::settings::MAX_PLATE_ENTRIES;
use serde_json::Value;

use crate::report::text::clean;
use crate::store::node::{Kind, StoreError};
use crate::store::tree::{self, Role, Visitor, join};

/// Most images that are looked for: as many positions as a plan may have.
const MAX_IMAGES: usize = 100_000;

/// Most rows or columns of a plate: as many as settings may name.
const MAX_WELLS_ALONG: u64 = MAX_PLATE_ENTRIES as u64;

/// Where an image lies.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Path below the store; empty for its root.
    pub path: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its well and its number in it, where it lies on a plate.
    pub well: Option<(Well, usize)>,
    /// True for an array that belongs to no image.
    pub is_array: bool,
    /// Why it cannot be read, where that is known: then nothing is looked for in its folder.
    pub problem: Option<String>,
}

/// A well of a plate, by its row and column, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Well {
    pub row: u64,
    pub column: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Images in the order of their series, of the plate's wells, or of their names.
    pub images: Vec<Place>,
    /// Names of a plate's rows and columns.
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    /// What could not be read.
    pub problems: Vec<String>,
}

/// Looks for the images of the store in `root`.
///
/// # Errors
/// Why it is no store.
pub fn images(source: &dyn Source, root: &Path) -> Result<Found, String> {
    let (folder, node) = tree::open(source, root).map_err(|error| match error {
        StoreError::Io(error) => error.to_string(),
        StoreError::NotAStore(_, why) => why.to_owned(),
        StoreError::Damaged(_, why) => why,
    })?;
    let mut finder = Finder::default();
    tree::walk(source, &folder, &node, &mut finder);
    // Wells are listed in any order, and drawn row by row.
    finder.found.images.sort_by(|one, other| one.well.cmp(&other.well));
    Ok(finder.found)
}

#[derive(Default)]
struct Finder {
    found: Found,
    /// Where the wells of plates lie, by their paths.
    wells: HashMap<String, Well>,
    /// Path of the well whose fields come next, and how many have come.
    fields: (String, usize),
}

impl Finder {
    /// Places an image in the well that it lies in.
    fn image(&mut self, place: Place) {
        if self.found.images.len() >= MAX_IMAGES {
            return;
        }
        let (path, fields) = &mut self.fields;
        let is_field = place.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let well = self.wells.get(path.as_str()).filter(|_| is_field).cloned().map(|well| (well, *fields));
        if is_field && well.is_none() {
            // Of a well without a place: that was told.
            return;
        }
        *fields += usize::from(well.is_some());
        self.found.images.push(Place { well, ..place });
    }

    fn problem(&mut self, path: &str, problem: &str) {
        let path = if path.is_empty() { "the store" } else { path };
        self.found.problems.push(format!("{}: {problem}", clean(path)));
    }

    /// Where the wells of a plate lie: by their indices, or where they have none by their paths (OME-NGFF 0.4 to 0.6,
    /// "plate" metadata).
    fn plate(&mut self, path: &str, plate: &Value) {
        let names = |key: &str| {
            let list = plate.get(key).and_then(Value::as_array).into_iter().flatten();
            let name = |each: &Value| clean(each.get("name").and_then(Value::as_str).unwrap_or_default());
            list.take(MAX_WELLS_ALONG as usize).map(name).collect::<Vec<_>>()
        };
        let (rows, columns) = (names("rows"), names("columns"));
        let place = |well: &Value| {
            let name = well.get("path")?.as_str()?;
            let (row, column) = name.split_once('/')?;
            let at = |key: &str, names: &[String], name: &str| {
                let told = well.get(key).and_then(Value::as_u64);
                told.or_else(|| names.iter().position(|known| known == name).map(|nth| nth as u64))
            };
            let (row, column) = (at("rowIndex", &rows, row)?, at("columnIndex", &columns, column)?);
            let fits = row < MAX_WELLS_ALONG && column < MAX_WELLS_ALONG;
            fits.then(|| (join(path, name), Well { row, column }))
        };
        let wells = plate.get("wells").and_then(Value::as_array).into_iter().flatten();
        self.wells.extend(wells.take(MAX_IMAGES).filter_map(place));
        (self.found.rows, self.found.columns) = (rows, columns);
    }
}

impl Visitor for Finder {
    fn found(&mut self, found: &tree::Found<'_>) {
        let is_array = found.node.kind == Kind::Array;
        if is_array || found.ome("multiscales").is_some() {
            let (path, folder) = (found.path.to_owned(), found.folder.to_path_buf());
            self.image(Place { path, folder, is_array, ..Place::default() });
        } else if found.role == Role::Well {
            self.fields = (found.path.to_owned(), 0);
            if !self.wells.contains_key(found.path) {
                let problem = "its row or its column is none of the plate's, so it has no place; it is left out";
                self.problem(found.path, problem);
            }
            if found.ome("well").and_then(|well| well.get("images")).is_none_or(|images| !images.is_array()) {
                self.problem(found.path, "it is not a well: it lists no image");
            }
        } else if let Some(plate) = found.ome("plate") {
            self.plate(found.path, plate);
        }
    }

    fn absent(&mut self, path: &str, role: Role, _: &tree::Found<'_>, why: Option<String>) {
        match (role, why) {
            (Role::Field, why) => {
                let problem = Some(why.unwrap_or_else(|| "there is no image".into()));
                self.image(Place { path: path.to_owned(), problem, ..Place::default() });
            }
            (_, Some(why)) => self.problem(path, &why),
            (Role::Image, None) => self.problem(path, "it is listed, but it is not there"),
            (Role::Well, None) => self.problem(path, "the plate lists it, but it is not there"),
            (_, None) => {}
        }
    }

    fn unknown(&mut self, path: &str, why: String) {
        self.problem(path, &why);
    }

    fn wants_labels(&self) -> bool {
        false
    }
}
