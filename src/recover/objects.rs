//! Chunk and shard files of an array, by their names.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::mend::KEPT_SUFFIX;
use crate::platform::PARTIAL_SUFFIX;
use crate::zarr;

/// A chunk or shard file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// Path of the file, without the ending of an unfinished one.
    pub(super) path: PathBuf,
    /// Path below the array's folder, with `/`, without that ending.
    pub(super) key: String,
    /// Coordinates, counted in such files.
    pub(super) coordinates: Vec<u64>,
    /// Length in bytes where the file has its final name.
    pub(super) whole: Option<u64>,
    /// Length in bytes where there is an unfinished one.
    pub(super) partial: Option<u64>,
}

/// What lies among them without being one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Strange {
    pub(super) links: u64,
    pub(super) others: u64,
    /// Folders that cannot be listed.
    pub(super) unlisted: Vec<String>,
}

/// Calls `use_object` for every chunk or shard file of the array in `folder`, whose keys have `axes` numbers; folders in
/// numerical order, so that the order is the same each time.
pub(super) fn each_object(
    folder: &Path,
    axes: usize,
    use_object: &mut dyn FnMut(Object) -> io::Result<()>,
) -> io::Result<Strange> {
    let mut strange = Strange::default();
    let top = folder.join("c");
    match super::file::kind(&top)? {
        super::file::Kind::Folder => walk(&top, "c", &mut Vec::new(), axes, use_object, &mut strange)?,
        super::file::Kind::Nothing => {}
        super::file::Kind::Link => strange.links += 1,
        _ => strange.others += 1,
    }
    Ok(strange)
}

fn walk(
    folder: &Path,
    key: &str,
    above: &mut Vec<u64>,
    axes: usize,
    use_object: &mut dyn FnMut(Object) -> io::Result<()>,
    strange: &mut Strange,
) -> io::Result<()> {
    let last = above.len() + 1 == axes;
    let Ok(entries) = fs::read_dir(folder) else {
        strange.unlisted.push(key.to_owned());
        return Ok(());
    };
    let mut found: Vec<(u64, bool, u64)> = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        if kind.is_symlink() {
            strange.links += 1;
            continue;
        }
        match number(&name) {
            Some((at, false)) if kind.is_dir() && !last => found.push((at, false, 0)),
            Some((at, partial)) if kind.is_file() && last => found.push((at, partial, entry.metadata()?.len())),
            _ if is_kept(&name) => {}
            _ => strange.others += 1,
        }
    }
    found.sort_unstable();
    let mut nth = 0;
    while let Some(&(at, partial, length)) = found.get(nth) {
        nth += 1;
        let (path, key) = (folder.join(at.to_string()), format!("{key}/{at}"));
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
            use_object(object)?;
        } else {
            walk(&path, &key, above, axes, use_object, strange)?;
        }
        above.pop();
    }
    Ok(())
}

/// The number that a name is, and whether it is that of an unfinished file.
fn number(name: &OsStr) -> Option<(u64, bool)> {
    let name = name.to_str()?;
    let (digits, partial) = name.strip_suffix(PARTIAL_SUFFIX).map_or((name, false), |digits| (digits, true));
    zarr::number(digits).map(|number| (number, partial))
}

/// Whether recovery keeps something under this name.
pub(super) fn is_kept(name: &OsStr) -> bool {
    name.to_string_lossy().contains(KEPT_SUFFIX)
}
