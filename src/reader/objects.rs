//! Chunk and shard files of an array, by their names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{kind, list};
use super::is_kept;
use crate::error::{Error, Result};
use crate::platform::{EntryKind, Kind, PARTIAL_SUFFIX, Source};
use crate::zarr::{Keys, Separator, ZarrFormat};

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

/// Calls `use_object` for every chunk or shard file of the array in `folder`, whose `keys` have `axes` numbers; in
/// numerical order, so that the order is the same each time.
///
/// # Errors
/// [`Error::Io`], and those of `use_object`. A folder that cannot be listed is told in what is returned.
pub fn each_object(
    source: &dyn Source,
    folder: &Path,
    keys: &Keys,
    axes: usize,
    use_object: &mut dyn FnMut(Object) -> Result<()>,
) -> Result<Strange> {
    let mut walk = Walk { source, keys, axes, use_object, strange: Strange::default() };
    match keys {
        Keys::Default(Separator::Slash) => {
            let top = folder.join("c");
            match kind(source, &top)? {
                Kind::Folder => walk.folder(&top, "c", &mut Vec::new())?,
                Kind::Nothing => {}
                Kind::Link => walk.strange.links += 1,
                Kind::File(_) | Kind::Other => walk.strange.others += 1,
            }
        }
        Keys::V2(Separator::Slash) => walk.folder(folder, "", &mut Vec::new())?,
        Keys::Default(Separator::Dot) | Keys::V2(Separator::Dot) => walk.flat(folder)?,
        Keys::Other(_) => {}
    }
    Ok(walk.strange)
}

struct Walk<'a> {
    source: &'a dyn Source,
    keys: &'a Keys,
    axes: usize,
    use_object: &'a mut dyn FnMut(Object) -> Result<()>,
    strange: Strange,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, key: &str, above: &mut Vec<u64>) -> Result<()> {
        let last = above.len() + 1 == self.axes;
        let found = match self.numbers(folder, key.is_empty(), last) {
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
    /// In Zarr v2 they stand beside the documents.
    fn numbers(&mut self, folder: &Path, beside_documents: bool, last: bool) -> Result<Vec<(u64, bool, u64)>> {
        let mut found = Vec::new();
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
                _ if beside_documents && is_of_node(&name) => {}
                _ => self.strange.others += 1,
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Objects whose names are whole keys.
    fn flat(&mut self, folder: &Path) -> Result<()> {
        let mut found = BTreeMap::<Vec<u64>, Object>::new();
        for entry in list(self.source, folder)? {
            let entry = entry?;
            let name = entry.name.to_string_lossy();
            let (key, partial) = name.strip_suffix(PARTIAL_SUFFIX).map_or((&*name, false), |key| (key, true));
            match (entry.kind, self.keys.coordinates(key, self.axes)) {
                (EntryKind::Link, _) => self.strange.links += 1,
                (EntryKind::File, Some(coordinates)) => {
                    let Kind::File(length) = kind(self.source, &folder.join(&entry.name))? else { continue };
                    let (path, key) = (folder.join(key), key.to_owned());
                    let object = found.entry(coordinates.clone());
                    let object = object.or_insert(Object { path, key, coordinates, whole: None, partial: None });
                    *(if partial { &mut object.partial } else { &mut object.whole }) = Some(length);
                }
                _ if is_kept(&name) || is_of_node(&name) => {}
                _ => self.strange.others += 1,
            }
        }
        found.into_values().try_for_each(|object| (self.use_object)(object))
    }
}

/// Whether a file of this name is a document of a node, or is to become one.
fn is_of_node(name: &str) -> bool {
    ZarrFormat::ALL.iter().any(|format| format.is_document(name)) || name.ends_with(PARTIAL_SUFFIX)
}

/// The number that a name is, and whether it is that of an unfinished file.
fn number(name: &str) -> Option<(u64, bool)> {
    let (digits, partial) = name.strip_suffix(PARTIAL_SUFFIX).map_or((name, false), |digits| (digits, true));
    crate::zarr::number(digits).map(|number| (number, partial))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native_source;

    #[test]
    fn objects_are_found_by_the_keys_of_each_kind() {
        for (keys, names) in [
            (Keys::Default(Separator::Slash), ["c/0/10", "c/0/9", "c/1/0.part"]),
            (Keys::Default(Separator::Dot), ["c.0.10", "c.0.9", "c.1.0.part"]),
            (Keys::V2(Separator::Slash), ["0/10", "0/9", "1/0.part"]),
            (Keys::V2(Separator::Dot), ["0.10", "0.9", "1.0.part"]),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            for name in names.into_iter().chain([".zarray", ".zattrs", "zarr.json"]) {
                let path = folder.path().join(name);
                std::fs::create_dir_all(path.parent().expect("below")).expect("made");
                std::fs::write(path, name).expect("written");
            }
            let mut found = Vec::new();
            let strange = each_object(&*native_source(), folder.path(), &keys, 2, &mut |object| {
                assert_eq!(object.path, folder.path().join(&object.key));
                assert_eq!(keys.coordinates(&object.key, 2).as_ref(), Some(&object.coordinates));
                found.push((object.coordinates, object.whole.is_some(), object.partial.is_some()));
                Ok(())
            });
            let strange = strange.expect("readable");
            let expected = [(vec![0, 9], true, false), (vec![0, 10], true, false), (vec![1, 0], false, true)];
            assert_eq!((found, strange.links, strange.others), (expected.to_vec(), 0, 0), "{keys:?}");
        }
    }
}
