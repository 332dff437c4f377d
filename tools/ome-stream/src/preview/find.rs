//! Which images a store has, in which order, and where on a plate.

use std::path::{Path, PathBuf};

use ome_stream::platform::{EntryKind, Source};
use ome_stream::reader::limits::GROUP_DEPTH;
use ome_stream::reader::{below, is_folder, list};
use ome_stream::settings::MAX_PLATE_ENTRIES;
use serde_json::Value;

use super::group::Group;
use crate::report::text::clean;
use crate::store::tree::natural;

/// Most images that are looked for: as many positions as a plan may have.
const MAX_IMAGES: usize = 100_000;

/// Most rows or columns of a plate: as many as settings may name.
const MAX_WELLS_ALONG: u64 = MAX_PLATE_ENTRIES as u64;

/// Where an image lies.
#[derive(Debug, Clone)]
pub struct Place {
    /// Path below the store; empty for its root.
    pub path: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its well and its number in it, where it lies on a plate.
    pub well: Option<(Well, usize)>,
    /// True for an array that belongs to no image.
    pub is_array: bool,
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
    if !is_folder(source, root).map_err(|error| error.to_string())? {
        return Err("it is not a folder, and a store is one".into());
    }
    let Some(group) = Group::read(source, root)? else {
        return Err("it is not a Zarr store: there is no zarr.json, .zgroup or .zattrs in it".into());
    };
    let mut finder = Finder { source, found: Found::default() };
    finder.node("", root, &group, GROUP_DEPTH);
    Ok(finder.found)
}

struct Finder<'a> {
    source: &'a dyn Source,
    found: Found,
}

impl Finder<'_> {
    fn node(&mut self, path: &str, folder: &Path, group: &Group, depth: usize) {
        let ome = match group {
            Group::Array => return self.image(path, folder, None, true),
            Group::Group(ome) => ome,
        };
        if ome.get("multiscales").is_some() {
            self.image(path, folder, None, false);
        } else if let Some(plate) = ome.get("plate") {
            self.plate(path, folder, plate);
        } else if let Some(series) = ome.get("bioformats2raw.layout").and_then(|_| self.series(folder)) {
            for name in series {
                self.listed(path, folder, &name, depth);
            }
        } else {
            self.children(path, folder, depth);
        }
    }

    fn image(&mut self, path: &str, folder: &Path, well: Option<(Well, usize)>, is_array: bool) {
        if self.found.images.len() < MAX_IMAGES {
            let (path, folder) = (path.to_owned(), folder.to_path_buf());
            self.found.images.push(Place { path, folder, well, is_array });
        }
    }

    fn problem(&mut self, path: &str, problem: &str) {
        let path = if path.is_empty() { "the store" } else { path };
        self.found.problems.push(format!("{}: {problem}", clean(path)));
    }

    /// The images of a plate's wells, row by row (OME-NGFF 0.4 to 0.6, "plate" and "well" metadata).
    fn plate(&mut self, path: &str, folder: &Path, plate: &Value) {
        let names = |key: &str| {
            let list = plate.get(key).and_then(Value::as_array).into_iter().flatten();
            let name = |each: &Value| clean(each.get("name").and_then(Value::as_str).unwrap_or_default());
            list.take(MAX_WELLS_ALONG as usize).map(name).collect::<Vec<_>>()
        };
        (self.found.rows, self.found.columns) = (names("rows"), names("columns"));
        let wells = plate.get("wells").and_then(Value::as_array).into_iter().flatten();
        let mut wells: Vec<(Well, String)> = wells.take(MAX_IMAGES).filter_map(|well| self.well(well)).collect();
        wells.sort();
        for (well, name) in wells {
            let path = join(path, &name);
            if let Err(problem) = self.fields(&path, folder, &name, &well) {
                self.problem(&path, &problem);
            }
        }
    }

    /// A well of the plate's list: where it lies by its indices, or where it has none by its path.
    fn well(&self, well: &Value) -> Option<(Well, String)> {
        let path = well.get("path")?.as_str()?;
        let (row, column) = path.split_once('/')?;
        let at = |key: &str, names: &[String], name: &str| {
            let told = well.get(key).and_then(Value::as_u64);
            told.or_else(|| names.iter().position(|known| known == name).map(|nth| nth as u64))
        };
        let row = at("rowIndex", &self.found.rows, row)?;
        let column = at("columnIndex", &self.found.columns, column)?;
        let fits = row < MAX_WELLS_ALONG && column < MAX_WELLS_ALONG;
        fits.then(|| (Well { row, column }, path.to_owned()))
    }

    fn fields(&mut self, path: &str, plate: &Path, name: &str, well: &Well) -> Result<(), String> {
        let folder = below(self.source, plate, name)?;
        let Some(Group::Group(ome)) = Group::read(self.source, &folder)? else {
            return Err("the plate lists it, but it is not there".into());
        };
        let images =
            ome.pointer("/well/images").and_then(Value::as_array).ok_or("it is not a well: it lists no image")?;
        for (nth, image) in images.iter().enumerate() {
            let name = image.get("path").and_then(Value::as_str).ok_or("an image of the well has no path")?;
            let field = below(self.source, &folder, name)?;
            self.image(&join(path, name), &field, Some((well.clone(), nth)), false);
        }
        Ok(())
    }

    /// The images that a bioformats2raw group lists in `OME`, in their order.
    fn series(&mut self, folder: &Path) -> Option<Vec<String>> {
        let read = below(self.source, folder, "OME").and_then(|folder| Group::read(self.source, &folder));
        let ome = match read {
            Ok(Some(Group::Group(ome))) => ome,
            Ok(_) => return None,
            Err(problem) => {
                self.problem("OME", &problem);
                return None;
            }
        };
        let series = ome.get("series")?.as_array()?;
        Some(series.iter().take(MAX_IMAGES).filter_map(Value::as_str).map(str::to_owned).collect())
    }

    fn listed(&mut self, parent: &str, folder: &Path, name: &str, depth: usize) {
        let path = join(parent, name);
        let read = below(self.source, folder, name);
        match read.and_then(|folder| Ok((Group::read(self.source, &folder)?, folder))) {
            Ok((Some(group), folder)) if depth > 0 => self.node(&path, &folder, &group, depth - 1),
            Ok(_) => self.problem(&path, "it is listed, but it is not there"),
            Err(problem) => self.problem(&path, &problem),
        }
    }

    /// Whatever is below a group, by name.
    fn children(&mut self, parent: &str, folder: &Path, depth: usize) {
        if depth == 0 {
            return;
        }
        let folders = list(self.source, folder).and_then(|entries| {
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry?;
                names.extend(entry.name.into_string().ok().filter(|_| entry.kind == EntryKind::Folder));
            }
            Ok(names)
        });
        let mut names: Vec<String> = match folders {
            Ok(names) => names.into_iter().filter(|name| name != "OME").collect(),
            Err(error) => return self.problem(parent, &error.to_string()),
        };
        names.sort_by_key(|name| natural(name));
        for name in names {
            let (path, folder) = (join(parent, &name), folder.join(&name));
            match Group::read(self.source, &folder) {
                Ok(Some(group)) => self.node(&path, &folder, &group, depth - 1),
                Ok(None) => {}
                Err(problem) => self.problem(&path, &problem),
            }
        }
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
