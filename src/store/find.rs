//! Which store a folder is, or is part of: asked by every command that takes a folder, and never guessed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::names::own::{FOLDER, MARK, OLD_LOG, OLD_RECORD};

/// Deepest folder in which a nested store is looked for: days, specimens, a plate's rows.
const MAX_DEPTH: usize = 8;

/// Most folders that are looked into for nested stores.
const MAX_FOLDERS: usize = 100_000;

/// Nested stores that an error names.
const MAX_NAMED: usize = 5;

/// What a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The root of a run of ours.
    Root,
    /// Part of a run of ours, whose root this is.
    Inside(PathBuf),
    /// Above roots of ours: the first of them, and whether there are more.
    Above(Vec<PathBuf>, bool),
    /// Nothing that has to do with a run of ours, as far as its marks tell.
    Elsewhere,
}

/// True where the mark of a run, of this version or an earlier one, lies in `folder` itself.
pub(crate) fn is_root(folder: &Path) -> bool {
    [MARK, OLD_RECORD, OLD_LOG]
        .iter()
        .any(|name| fs::symlink_metadata(folder.join(name)).is_ok_and(|meta| meta.is_file()))
}

/// What `folder` is: looks upwards for the root first, then below.
///
/// # Errors
/// The operating system's.
pub fn place(folder: &Path) -> io::Result<Place> {
    if is_root(folder) {
        return Ok(Place::Root);
    }
    let whole = fs::canonicalize(folder)?;
    if let Some(root) = whole.ancestors().skip(1).find(|above| is_root(above)) {
        return Ok(Place::Inside(root.to_path_buf()));
    }
    let mut roots = Vec::new();
    let mut waiting = vec![(folder.to_path_buf(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = waiting.pop() {
        seen += 1;
        if seen > MAX_FOLDERS || roots.len() > MAX_NAMED {
            break;
        }
        // A folder that cannot be listed holds nothing that could be touched.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || entry.file_name() == FOLDER {
                continue;
            }
            if is_root(&path) {
                roots.push(path);
            } else if depth < MAX_DEPTH && entry.file_name() != "c" {
                // `c` holds the chunks of an array.
                waiting.push((path, depth + 1));
            }
        }
    }
    roots.sort();
    let more = roots.len() > MAX_NAMED;
    roots.truncate(MAX_NAMED);
    Ok(if roots.is_empty() { Place::Elsewhere } else { Place::Above(roots, more) })
}

/// The root of the store that `folder` is or belongs to.
///
/// # Errors
/// [`Error::Damaged`] for a folder above stores, naming them; [`Error::Io`].
pub fn root_of(folder: &Path) -> Result<PathBuf> {
    match place(folder).map_err(|source| Error::io("look at", folder, source))? {
        Place::Root | Place::Elsewhere => Ok(folder.to_path_buf()),
        Place::Inside(root) => Ok(root),
        Place::Above(roots, more) => {
            let mut names: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
            if more {
                names.push("more".into());
            }
            let problem = format!("not a store, but a folder above {}; name the store itself", names.join(", "));
            Err(Error::Damaged { path: folder.to_path_buf(), problem })
        }
    }
}
