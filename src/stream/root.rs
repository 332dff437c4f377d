//! The folder of a new store: what may be in the way, what may be replaced, and nothing half-made left behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::shared::file_sync;
use super::{record, room};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata;
use crate::plan::Plan;
use crate::platform::{Disk, PARTIAL_SUFFIX};
use crate::recover::{KEPT_SUFFIX, log};

/// A root folder under construction. Dropped before [`Root::keep`] it removes what was made, and gives back what it
/// was to replace.
pub(super) struct Root {
    path: PathBuf,
    /// The store that is being replaced, under another name.
    replaced: Option<PathBuf>,
    /// True once the folder is ours: before, what appears there belongs to somebody else.
    made: bool,
    kept: bool,
}

impl Root {
    /// Makes the folder; sets an old store aside where `overwrite` says so.
    pub(super) fn prepare(plan: &Plan, disk: &dyn Disk) -> Result<Self> {
        let path = plan.root().to_path_buf();
        let mut replaced = None;
        match fs::symlink_metadata(&path) {
            Ok(_) if !plan.settings().overwrite => return Err(Error::AlreadyExists { path }),
            Ok(_) => {
                provable_store(&path)?;
                let aside = aside(&path);
                fs::rename(&path, &aside).map_err(|source| Error::io("set aside", &path, source))?;
                replaced = Some(aside);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("look at", &path, source)),
        }
        // From here on dropping `root` undoes it all.
        let mut root = Self { path, replaced, made: false, kept: false };
        if let Some(parent) = root.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            disk.create_dir_all(parent).map_err(|source| Error::io("create", parent, source))?;
        }
        // Not `create_dir_all`: what appeared here in the meantime belongs to somebody else.
        match fs::create_dir(&root.path) {
            Ok(()) => {
                root.made = true;
                // It is there: this is for its name to be on the medium.
                let sync = file_sync(plan.settings().durability);
                disk.create_dir(&root.path, sync).map_err(|source| Error::io("create", &root.path, source))?;
                Ok(root)
            }
            Err(source) => {
                let path = root.path.clone();
                root.give_back();
                Err(match source.kind() {
                    io::ErrorKind::AlreadyExists => Error::AlreadyExists { path },
                    _ => Error::io("create", path, source),
                })
            }
        }
    }

    /// The folder of a store that is continued: nothing of it is removed, whatever happens.
    pub(super) fn existing(plan: &Plan) -> Self {
        Self { path: plan.root().to_path_buf(), replaced: None, made: false, kept: true }
    }

    /// The store stands: what it replaces may go.
    pub(super) fn keep(mut self) {
        self.kept = true;
        if let Some(old) = self.replaced.take()
            && let Err(error) = fs::remove_dir_all(&old)
        {
            tracing::warn!(path = %old.display(), %error, "the replaced store could not be removed");
        }
    }

    fn give_back(&mut self) {
        self.kept = true;
        if self.made
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a half-made store could not be removed");
            return;
        }
        if let Some(old) = self.replaced.take()
            && let Err(error) = fs::rename(&old, &self.path)
        {
            tracing::error!(path = %old.display(), %error, "the old store could not be given its name back");
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if !self.kept {
            self.give_back();
        }
    }
}

/// A free name beside `path`.
fn aside(path: &Path) -> PathBuf {
    let pid = std::process::id();
    (0u32..)
        .map(|nth| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".replaced-{pid}-{nth}"));
            PathBuf::from(name)
        })
        .find(|name| fs::symlink_metadata(name).is_err())
        .unwrap_or_else(|| path.to_path_buf())
}

/// Refuses everything that is not provably an OME-Zarr store: `overwrite` must never remove a folder of the user's.
fn provable_store(path: &Path) -> Result<()> {
    let refuse = |reason: String| Error::NotAStore { path: path.to_path_buf(), reason };
    let meta = fs::symlink_metadata(path).map_err(|source| Error::io("look at", path, source))?;
    if meta.file_type().is_symlink() {
        return Err(refuse("it is a link".into()));
    }
    if !meta.is_dir() {
        return Err(refuse("it is not a folder".into()));
    }
    if fs::read_dir(path).map_err(|source| Error::io("list", path, source))?.next().is_none() {
        return Ok(()); // An empty folder holds nothing that could be lost.
    }
    let root = node(path).ok_or_else(|| refuse("it has no readable Zarr group metadata".into()))?;
    if root != Node::OmeGroup {
        return Err(refuse("its group has no OME-Zarr metadata".into()));
    }
    only_zarr(path, &refuse)
}

/// What a folder of a Zarr hierarchy is.
#[derive(PartialEq)]
enum Node {
    OmeGroup,
    Group,
    Array,
}

/// Largest metadata file that is looked at.
const MAX_METADATA_BYTES: u64 = 256 << 20;

fn node(folder: &Path) -> Option<Node> {
    let json = |name: &str| {
        let path = folder.join(name);
        let meta = fs::symlink_metadata(&path).ok()?;
        (meta.is_file() && meta.len() <= MAX_METADATA_BYTES)
            .then(|| serde_json::from_slice::<serde_json::Value>(&fs::read(&path).ok()?).ok())
            .flatten()
    };
    if let Some(v3) = json("zarr.json") {
        return match v3.get("node_type").and_then(serde_json::Value::as_str) {
            Some("array") => Some(Node::Array),
            Some("group") if v3.pointer("/attributes/ome").is_some() => Some(Node::OmeGroup),
            Some("group") => Some(Node::Group),
            _ => None,
        };
    }
    if json(".zarray").is_some() {
        return Some(Node::Array);
    }
    json(".zgroup")?;
    let ome = json(".zattrs").is_some_and(|attributes| {
        ["multiscales", "plate", "well", "bioformats2raw.layout"].iter().any(|key| attributes.get(key).is_some())
    });
    Some(if ome { Node::OmeGroup } else { Node::Group })
}

/// Walks groups (never through a link) and refuses the first thing that has no place in a store.
fn only_zarr(folder: &Path, refuse: &dyn Fn(String) -> Error) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|source| Error::io("list", folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| Error::io("list", folder, source))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| Error::io("look at", &path, source))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() {
            match node(&path) {
                Some(Node::Array) => {} // Chunks in it may have any name.
                Some(Node::Group | Node::OmeGroup) => only_zarr(&path, refuse)?,
                // A run that was interrupted while it made the folder, or OME/ of a v2 store.
                None => only_zarr(&path, refuse)?,
            }
        } else if !(kind.is_file() && known_file(&name)) {
            return Err(refuse(format!("{} is not part of an OME-Zarr store", path.display())));
        }
    }
    Ok(())
}

fn known_file(name: &str) -> bool {
    let name = name.split_once(KEPT_SUFFIX).map_or(name, |(name, _)| name);
    let name = name.strip_suffix(PARTIAL_SUFFIX).unwrap_or(name);
    let ours = [frame_metadata::FILE_NAME, record::FILE_NAME, log::FILE_NAME, room::FILE_NAME];
    ["zarr.json", ".zgroup", ".zattrs", ".zmetadata", "METADATA.ome.xml"].contains(&name) || ours.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.ome.zarr");
        fs::create_dir(&path).expect("a folder in it");
        (folder, path)
    }

    const OME_GROUP: &str = r#"{"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5"}}}"#;

    #[test]
    fn a_store_is_known_by_its_metadata() {
        let (_keep, path) = folder();
        fs::write(path.join("zarr.json"), OME_GROUP).expect("written");
        fs::create_dir_all(path.join("0/c/0")).expect("made");
        fs::write(path.join("0/zarr.json"), r#"{"zarr_format":3,"node_type":"array"}"#).expect("written");
        fs::write(path.join("0/c/0/0"), "pixels").expect("written");
        assert!(provable_store(&path).is_ok());
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_refused_by_name() {
        let (_keep, path) = folder();
        fs::write(path.join("zarr.json"), OME_GROUP).expect("written");
        fs::write(path.join("thesis.docx"), "years of work").expect("written");
        let error = provable_store(&path).expect_err("not only a store");
        assert_eq!(error.code(), 5);
        assert!(error.to_string().contains("thesis.docx"), "{error}");
    }

    #[test]
    fn folders_files_and_plain_zarr_groups_are_refused() {
        let (_keep, path) = folder();
        assert!(provable_store(&path).is_ok(), "an empty folder holds nothing");
        fs::create_dir(path.join("mine")).expect("made");
        assert!(provable_store(&path).is_err(), "a folder without metadata");
        fs::write(path.join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#).expect("written");
        assert!(provable_store(&path).is_err(), "a group that is not OME-Zarr");
        assert!(provable_store(&path.join("zarr.json")).is_err(), "a file");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let (keep, path) = folder();
        fs::write(path.join("zarr.json"), OME_GROUP).expect("written");
        let link = keep.path().join("link.ome.zarr");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(provable_store(&link).is_err(), "the root is a link");
        std::os::unix::fs::symlink(keep.path(), path.join("0")).expect("linked");
        assert!(provable_store(&path).is_err(), "a link inside");
    }
}
