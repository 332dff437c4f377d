//! The folder of a store: what may be in the way, what may be replaced, and nothing half-made left behind.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files;
use super::find::root_above;
use super::run::sync_of;
use super::{Lock, Place, is_root, mark, place};
use crate::error::{Error, Result};
use crate::journal::record;
use crate::names::own::{self, FOLDER, KEPT_SUFFIX, OLD_LOG, OLD_RECORD, OLD_RESERVE, RUN_FOLDER};
use crate::ngff::frame_metadata;
use crate::plan::{MAX_AXES, Plan};
use crate::platform::{Disk, EntryKind, Kind, PARTIAL_SUFFIX, Source, create_dirs};
use crate::reader::limits::GROUP_DEPTH;
use crate::reader::{Document, is_file, is_folder, is_there, kind, list};
use crate::zarr::{self, METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_CONSOLIDATED, V2_GROUP, ZarrFormat};

/// The root folder of a run that begins, and its lock. Dropped before [`Root::keep`] it removes what was made, and
/// gives back what it was to replace.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// The store that is being replaced, under another name, with its lock where it is one of ours.
    replaced: Option<(PathBuf, Option<Lock>)>,
    lock: Option<Lock>,
    /// True once the folder is ours: before, what appears there belongs to somebody else.
    made: bool,
    kept: bool,
}

impl Root {
    /// Makes the folder with its lock and mark; sets an old store aside where `overwrite` says so, or where it is one
    /// of ours whose making was interrupted and `resume` was asked for: there is no frame in it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::NotAStore`], [`Error::Busy`] for what is in the way; [`Error::Io`].
    pub(crate) fn prepare(plan: &Plan, disk: &dyn Disk) -> Result<Self> {
        let sync = sync_of(plan.settings().durability);
        let (path, source) = (plan.root().to_path_buf(), disk.source());
        outside_of_stores("root_path", &path, &*source)?;
        let mut replaced = None;
        if is_there(&*source, &path)? {
            let may = plan.settings().overwrite || plan.settings().resume && is_half_made(&*source, &path)?;
            if !may {
                return Err(Error::AlreadyExists { path });
            }
            provable_store(&*source, &path)?;
            let mut lock = lock_of(&path, &source)?;
            let aside = aside(&*source, &path)?;
            fs::rename(&path, &aside).map_err(|source| Error::io("set aside", &path, source))?;
            if let Some(lock) = &mut lock {
                lock.moved(&aside);
            }
            replaced = Some((aside, lock));
        }
        // From here on dropping `root` undoes it all.
        let mut root = Self { path, replaced, lock: None, made: false, kept: false };
        if let Some(parent) = root.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            create_dirs(disk, parent, sync).map_err(|source| Error::io("create", &root.path, source))?;
        }
        // Not `create_dir_all`: what appeared here in the meantime belongs to somebody else.
        match fs::create_dir(&root.path) {
            Ok(()) => {
                root.made = true;
                // It is there: this is for its name to be on the medium.
                disk.create_dir(&root.path, sync).map_err(|source| Error::io("create", &root.path, source))?;
                files::make_folders(&root.path, plan.zarr(), disk, sync)?;
                root.lock = Some(Lock::take(&root.path, &source)?);
                mark::write(plan, disk, sync)?;
                Ok(root)
            }
            Err(error) => {
                let path = root.path.clone();
                root.give_back();
                Err(match error.kind() {
                    ErrorKind::AlreadyExists => Error::AlreadyExists { path },
                    _ => Error::io("create", path, error),
                })
            }
        }
    }

    /// The folder of a store that is continued, locked: nothing of it is removed, whatever happens.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Io`].
    pub(crate) fn existing(plan: &Plan, disk: &dyn Disk) -> Result<Self> {
        let (root, sync) = (plan.root(), sync_of(plan.settings().durability));
        let source = disk.source();
        outside_of_stores("root_path", root, &*source)?;
        if !is_root(&*source, root)? {
            let difference = "no run of ome-stream made it, and only its own stores are continued".to_owned();
            return Err(Error::Mismatch { path: root.to_path_buf(), difference });
        }
        // A store of an earlier version has no folder of ours.
        files::make_folders(root, plan.zarr(), disk, sync)?;
        let lock = Some(Lock::take(root, &source)?);
        Ok(Self { path: root.to_path_buf(), replaced: None, lock, made: false, kept: true })
    }

    /// The store is complete: what it replaces may go. `None` only where the lock was taken before.
    pub(crate) fn keep(mut self) -> Option<Lock> {
        self.kept = true;
        if let Some((old, lock)) = self.replaced.take() {
            if let Err(error) = fs::remove_dir_all(&old) {
                tracing::warn!(path = %old.display(), %error, "the replaced store could not be removed");
            }
            drop(lock);
        }
        self.lock.take()
    }

    fn give_back(&mut self) {
        self.kept = true;
        self.lock = None;
        if self.made
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a half-made store could not be removed");
            return;
        }
        if let Some((old, mut lock)) = self.replaced.take() {
            match fs::rename(&old, &self.path) {
                Ok(()) => lock.iter_mut().for_each(|lock| lock.moved(&self.path)),
                Err(error) => {
                    tracing::error!(path = %old.display(), %error, "the old store could not be given its name back");
                }
            }
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

/// Refuses a root, told by `field`, inside of another store, or above others: neither is one that a run may replace or
/// fill.
pub(crate) fn outside_of_stores(field: &str, root: &Path, source: &dyn Source) -> Result<()> {
    let refuse = |problem: String| {
        let remedy = "choose a folder that is neither inside of a store nor above one";
        Err(Error::settings(field, root.display(), problem, remedy))
    };
    if let Some(store) = root_above(source, root)? {
        return refuse(format!("it lies inside of the store {}", store.display()));
    }
    match place(source, root) {
        Ok(Place::Inside(store)) => refuse(format!("it lies inside of the store {}", store.display())),
        Ok(Place::Above(stores, _)) => {
            let names: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
            refuse(format!("it is a folder above {}", names.join(", ")))
        }
        Ok(Place::Root | Place::Elsewhere) => Ok(()),
        // It is to be made, or cannot be: whoever makes it tells.
        Err(Error::Io { source, .. }) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The lock of a store that is to be replaced; `None` where it is none of ours.
fn lock_of(root: &Path, source: &Arc<dyn Source>) -> Result<Option<Lock>> {
    if is_folder(&**source, &root.join(RUN_FOLDER))? {
        return Lock::take(root, source).map(Some);
    }
    Lock::look(root, &**source).map(|()| None)
}

/// True for a store of ours whose making was interrupted: it holds no frame.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn is_half_made(source: &dyn Source, root: &Path) -> Result<bool> {
    let mut only_ours = kind(source, root)? == Kind::Folder;
    if only_ours {
        for entry in list(source, root)? {
            only_ours &= entry?.name == FOLDER;
        }
    }
    let marked = is_file(source, &root.join(own::MARK))?;
    Ok((marked || only_ours) && record::name(source, root)?.is_none() && !holds_chunks(source, root)?)
}

/// True where a chunk lies in an array of a run, whose record may have been lost: such a store is no empty one.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn holds_chunks(source: &dyn Source, root: &Path) -> Result<bool> {
    chunks_below(source, root, GROUP_DEPTH + MAX_AXES)
}

fn chunks_below(source: &dyn Source, folder: &Path, depth: usize) -> Result<bool> {
    for entry in list(source, folder)? {
        let entry = entry?;
        let below = folder.join(&entry.name);
        let found = match entry.kind {
            // A link may lead to chunks on another disk.
            EntryKind::Link => true,
            EntryKind::Folder if entry.name == FOLDER => false,
            // Where it is a node it has chunks no more than another: an image or a row may be called so.
            EntryKind::Folder if entry.name == "c" && !is_file(source, &below.join(METADATA))? => {
                list(source, &below)?.next().transpose()?.is_some()
            }
            EntryKind::Folder => depth > 0 && chunks_below(source, &below, depth - 1)?,
            // A chunk of Zarr v2 has a number for its name.
            EntryKind::File | EntryKind::Other => {
                entry.name == "c" || entry.name.to_str().and_then(zarr::number).is_some()
            }
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True where there is a store that a run could go on with.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn is_continuable(source: &dyn Source, root: &Path) -> Result<bool> {
    Ok(is_there(source, root)? && !is_half_made(source, root)?)
}

/// A free name beside `path`.
fn aside(source: &dyn Source, path: &Path) -> Result<PathBuf> {
    let pid = std::process::id();
    for nth in 0..=u32::MAX {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".replaced-{pid}-{nth}"));
        let name = PathBuf::from(name);
        if !is_there(source, &name)? {
            return Ok(name);
        }
    }
    Err(Error::AlreadyExists { path: path.to_path_buf() })
}

/// Refuses everything that is not provably an OME-Zarr store: `overwrite` must never remove a folder of the user's.
fn provable_store(source: &dyn Source, path: &Path) -> Result<()> {
    let refuse = |reason: String| Error::NotAStore { path: path.to_path_buf(), reason };
    match kind(source, path)? {
        Kind::Folder => {}
        Kind::Link => return Err(refuse("it is a link".into())),
        Kind::Nothing | Kind::File(_) | Kind::Other => return Err(refuse("it is not a folder".into())),
    }
    if list(source, path)?.next().transpose()?.is_none() {
        return Ok(()); // An empty folder holds nothing that could be lost.
    }
    // The making of one of ours may have been interrupted before there were metadata.
    if !is_half_made(source, path)? {
        let root = node(source, path)?.ok_or_else(|| refuse("it has no readable Zarr group metadata".into()))?;
        if root != Node::OmeGroup {
            return Err(refuse("its group has no OME-Zarr metadata".into()));
        }
    }
    only_zarr(source, path, &refuse)
}

/// What a folder of a Zarr hierarchy is.
#[derive(PartialEq)]
enum Node {
    OmeGroup,
    Group,
    Array,
}

fn node(source: &dyn Source, folder: &Path) -> Result<Option<Node>> {
    let json = |name: &str| Ok::<_, Error>(Document::read(source, &folder.join(name))?.object());
    if let Some(v3) = json(METADATA)? {
        return Ok(match v3.get("node_type").and_then(serde_json::Value::as_str) {
            Some("array") => Some(Node::Array),
            Some("group") if v3.get("attributes").is_some_and(|all| all.get("ome").is_some()) => Some(Node::OmeGroup),
            Some("group") => Some(Node::Group),
            _ => None,
        });
    }
    if json(V2_ARRAY)?.is_some() {
        return Ok(Some(Node::Array));
    }
    if json(V2_GROUP)?.is_none() {
        return Ok(None);
    }
    let ome = json(V2_ATTRIBUTES)?.is_some_and(|attributes| {
        ["multiscales", "plate", "well", "bioformats2raw.layout"].iter().any(|key| attributes.get(*key).is_some())
    });
    Ok(Some(if ome { Node::OmeGroup } else { Node::Group }))
}

/// Walks groups (never through a link) and refuses the first thing that has no place in a store.
fn only_zarr(source: &dyn Source, folder: &Path, refuse: &dyn Fn(String) -> Error) -> Result<()> {
    for entry in list(source, folder)? {
        let entry = entry?;
        let path = folder.join(&entry.name);
        let name = entry.name.to_string_lossy();
        match entry.kind {
            EntryKind::Folder if name == FOLDER => only_ours(source, &path, refuse)?,
            // Chunks in it may have any name. What is no node is OME/ of a v2 store, or a folder that a run was making
            // when it was interrupted.
            EntryKind::Folder if node(source, &path)? == Some(Node::Array) => {}
            EntryKind::Folder => only_zarr(source, &path, refuse)?,
            EntryKind::File if known_file(&name) => {}
            _ => return Err(refuse(format!("{} is not part of an OME-Zarr store", path.display()))),
        }
    }
    Ok(())
}

/// Refuses what we never put into our own folder.
fn only_ours(source: &dyn Source, folder: &Path, refuse: &dyn Fn(String) -> Error) -> Result<()> {
    let known = |name: &str| {
        let name = name.split_once(KEPT_SUFFIX).map_or(name, |(name, _)| name);
        let name = name.strip_suffix(PARTIAL_SUFFIX).unwrap_or(name);
        let is_list = name.starts_with("missing.") && name.ends_with(".jsonl");
        ZarrFormat::ALL.iter().any(|zarr| zarr.is_document(name))
            || is_list
            || own::ALL.iter().any(|file| file.rsplit('/').next() == Some(name))
    };
    for entry in list(source, folder)? {
        let entry = entry?;
        let path = folder.join(&entry.name);
        match (entry.kind, entry.name.to_str()) {
            (EntryKind::Folder, Some(_)) if path.ends_with(RUN_FOLDER) => only_ours(source, &path, refuse)?,
            (EntryKind::File, Some(name)) if known(name) => {}
            _ => return Err(refuse(format!("{} is not part of an OME-Zarr store", path.display()))),
        }
    }
    Ok(())
}

fn known_file(name: &str) -> bool {
    let name = name.split_once(KEPT_SUFFIX).map_or(name, |(name, _)| name);
    let name = name.strip_suffix(PARTIAL_SUFFIX).unwrap_or(name);
    let ours = [frame_metadata::FILE_NAME, OLD_RECORD, OLD_LOG, OLD_RESERVE];
    let documents = ZarrFormat::ALL.iter().any(|zarr| zarr.is_document(name));
    documents || [V2_CONSOLIDATED, "METADATA.ome.xml"].contains(&name) || ours.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native_source;

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
        assert!(provable_store(&*native_source(), &path).is_ok());
    }

    #[test]
    fn a_folder_with_anything_else_in_it_is_refused_by_name() {
        let (_keep, path) = folder();
        fs::write(path.join("zarr.json"), OME_GROUP).expect("written");
        fs::write(path.join("thesis.docx"), "years of work").expect("written");
        let error = provable_store(&*native_source(), &path).expect_err("not only a store");
        assert_eq!(error.code(), 5);
        assert!(error.to_string().contains("thesis.docx"), "{error}");
    }

    #[test]
    fn folders_files_and_plain_zarr_groups_are_refused() {
        let (_keep, path) = folder();
        assert!(provable_store(&*native_source(), &path).is_ok(), "an empty folder holds nothing");
        fs::create_dir(path.join("mine")).expect("made");
        assert!(provable_store(&*native_source(), &path).is_err(), "a folder without metadata");
        fs::write(path.join("zarr.json"), r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#).expect("written");
        assert!(provable_store(&*native_source(), &path).is_err(), "a group that is not OME-Zarr");
        assert!(provable_store(&*native_source(), &path.join("zarr.json")).is_err(), "a file");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let (keep, path) = folder();
        fs::write(path.join("zarr.json"), OME_GROUP).expect("written");
        let link = keep.path().join("link.ome.zarr");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(provable_store(&*native_source(), &link).is_err(), "the root is a link");
        std::os::unix::fs::symlink(keep.path(), path.join("0")).expect("linked");
        assert!(provable_store(&*native_source(), &path).is_err(), "a link inside");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_chunks_counts_as_chunks() {
        let (keep, path) = folder();
        fs::create_dir(path.join("0")).expect("made");
        assert!(!holds_chunks(&*native_source(), &path).expect("read"));
        std::os::unix::fs::symlink(keep.path(), path.join("0/c")).expect("linked");
        assert!(holds_chunks(&*native_source(), &path).expect("read"));
    }
}
