//! Chunk and shard files of an array, by their names.

use std::path::{Path, PathBuf};

use super::file::{kind, list};
use super::is_kept;
use crate::error::{Error, Result};
use crate::platform::{EntryKind, Kind, PARTIAL_SUFFIX, Source};
use crate::zarr::{self, ZarrFormat};

/// A chunk or shard file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Path of the file, without the ending of an unfinished one.
    pub path: PathBuf,
    /// Path below the array's folder, with `/`, without that ending.
    pub key: String,
    /// Coordinates, counted in such files.
    pub coordinates: Vec<u64>,
    /// Length in bytes where the file has its final name.
    pub whole: Option<u64>,
    /// Length in bytes where there is an unfinished one.
    pub partial: Option<u64>,
}

/// What lies among them without being one.
#[derive(Debug, Default)]
pub struct Strange {
    /// Links, which were not followed.
    pub links: u64,
    /// Files and folders with other names.
    pub others: u64,
    /// Folders that cannot be listed.
    pub unlisted: Vec<String>,
    /// Why, of the first.
    pub why: Option<Error>,
}

/// Calls `use_object` for every chunk or shard file of the array in `folder`, which is of that format and whose keys
/// have `axes` numbers; folders in numerical order, so that the order is the same each time.
///
/// # Errors
/// [`Error::Io`], and those of `use_object`. A folder that cannot be listed is told in what is returned.
pub fn each_object(
    source: &dyn Source,
    folder: &Path,
    zarr: ZarrFormat,
    axes: usize,
    use_object: &mut dyn FnMut(Object) -> Result<()>,
) -> Result<Strange> {
    let mut walk = Walk { source, zarr, axes, use_object, strange: Strange::default() };
    // In Zarr v2 the numbers stand beside the documents.
    let (top, key) = match zarr {
        ZarrFormat::V2 => (folder.to_path_buf(), ""),
        ZarrFormat::V3 => (folder.join("c"), "c"),
    };
    match kind(source, &top)? {
        Kind::Folder => walk.folder(&top, key, &mut Vec::new())?,
        Kind::Nothing => {}
        Kind::Link => walk.strange.links += 1,
        Kind::File(_) | Kind::Other => walk.strange.others += 1,
    }
    Ok(walk.strange)
}

struct Walk<'a> {
    source: &'a dyn Source,
    zarr: ZarrFormat,
    axes: usize,
    use_object: &'a mut dyn FnMut(Object) -> Result<()>,
    strange: Strange,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, key: &str, above: &mut Vec<u64>) -> Result<()> {
        let last = above.len() + 1 == self.axes;
        let found = match self.numbers(folder, above.is_empty(), last) {
            Ok(found) => found,
            Err(error) => {
                self.strange.unlisted.push(key.to_owned());
                self.strange.why.get_or_insert(error);
                return Ok(());
            }
        };
        let mut nth = 0;
        while let Some(&(at, partial, length)) = found.get(nth) {
            nth += 1;
            let key = if key.is_empty() { at.to_string() } else { format!("{key}/{at}") };
            let path = folder.join(at.to_string());
            above.push(at);
            if last {
                let mut object = Object {
                    path,
                    key,
                    coordinates: above.clone(),
                    whole: (!partial).then_some(length),
                    partial: partial.then_some(length),
                };
                if let Some(&(next, true, length)) = found.get(nth)
                    && next == at
                    && !partial
                {
                    object.partial = Some(length);
                    nth += 1;
                }
                (self.use_object)(object)?;
            } else {
                self.folder(&path, &key, above)?;
            }
            above.pop();
        }
        Ok(())
    }

    /// The numbers that names in a folder are, in order; of files whether they are unfinished, and their length.
    fn numbers(&mut self, folder: &Path, first: bool, last: bool) -> Result<Vec<(u64, bool, u64)>> {
        let mut found = Vec::new();
        let beside_documents = self.zarr == ZarrFormat::V2 && first;
        for entry in list(self.source, folder)? {
            let entry = entry?;
            let name = entry.name.to_string_lossy();
            match (entry.kind, number(&name)) {
                (EntryKind::Link, _) => self.strange.links += 1,
                (EntryKind::Folder, Some((at, false))) if !last => found.push((at, false, 0)),
                (EntryKind::File, Some((at, partial))) if last => {
                    // What has another name by now has been seen, or will be.
                    if let Kind::File(length) = kind(self.source, &folder.join(&entry.name))? {
                        found.push((at, partial, length));
                    }
                }
                _ if is_kept(&name) => {}
                // Told of where nodes are.
                _ if beside_documents && (self.zarr.is_document(&name) || name.ends_with(PARTIAL_SUFFIX)) => {}
                _ => self.strange.others += 1,
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// The number that a name is, and whether it is that of an unfinished file.
fn number(name: &str) -> Option<(u64, bool)> {
    let (digits, partial) = name.strip_suffix(PARTIAL_SUFFIX).map_or((name, false), |digits| (digits, true));
    zarr::number(digits).map(|number| (number, partial))
}
