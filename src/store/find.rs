//! Which store a folder is, or is part of: asked by every command that takes a folder, and never guessed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::names::own::{FOLDER, MARK, OLD_LOG, OLD_RECORD};
use crate::platform::{EntryKind, Source};
use crate::reader::limits::{SEARCH_DEPTH, SEARCH_FOLDERS};
use crate::reader::{is_file, list};

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
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn is_root(source: &dyn Source, folder: &Path) -> Result<bool> {
    for name in [MARK, OLD_RECORD, OLD_LOG] {
        if is_file(source, &folder.join(name))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The closest folder above `folder` that is a root.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn root_above(source: &dyn Source, folder: &Path) -> Result<Option<PathBuf>> {
    for above in folder.ancestors().skip(1) {
        if is_root(source, above)? {
            return Ok(Some(above.to_path_buf()));
        }
    }
    Ok(None)
}

/// What `folder` is: looks upwards for the root first, then below.
///
/// # Errors
/// [`Error::Io`], also where there is no such folder.
pub fn place(source: &dyn Source, folder: &Path) -> Result<Place> {
    if is_root(source, folder)? {
        return Ok(Place::Root);
    }
    let whole = source.resolve(folder).map_err(|error| Error::io("look at", folder, error))?;
    if let Some(root) = root_above(source, &whole)? {
        return Ok(Place::Inside(root));
    }
    let mut roots = Vec::new();
    let mut waiting = vec![(folder.to_path_buf(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = waiting.pop() {
        seen += 1;
        if seen > SEARCH_FOLDERS || roots.len() > MAX_NAMED {
            break;
        }
        let entries = match list(source, &folder) {
            // What we may not list we cannot touch, and what is no folder holds nothing.
            Err(Error::Io { source, .. }) if is_closed(source.kind()) => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(&entry.name);
            if entry.kind != EntryKind::Folder || entry.name == FOLDER {
                continue;
            }
            let found = match is_root(source, &path) {
                Err(Error::Io { source, .. }) if is_closed(source.kind()) => false,
                found => found?,
            };
            if found {
                roots.push(path);
            } else if depth < SEARCH_DEPTH && entry.name != "c" {
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

/// Whether an error says that a folder may not be listed, or is there no more.
fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The root of the store that `folder` is or belongs to.
///
/// # Errors
/// [`Error::Damaged`] for a folder above stores, naming them; [`Error::Io`].
pub fn root_of(source: &dyn Source, folder: &Path) -> Result<PathBuf> {
    match place(source, folder)? {
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
