//! A store in another version of OME-NGFF on the same version of Zarr: its groups say the same in other words, and no
//! chunk is touched.
//!
//! Each document is replaced as a whole, those that are pointed at before those that point, the root last: a store
//! whose conversion was interrupted is converted to its end by another one. A copy gets its name when it is whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::journal;
use crate::names::own;
use crate::ngff::convert::{converted, version_of};
use crate::platform::{Disk, EntryKind, Kind, Source, SyncPolicy, partial_name};
use crate::reader::{self, Document, Expected, Node, limits};
use crate::settings::NgffVersion;
use crate::shown::quoted;
use crate::store::{self, Lock, Place};
use crate::zarr::ZarrFormat;
use crate::zarr::json::with_member;

/// What a conversion did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Conversion {
    /// Where the store is.
    pub path: PathBuf,
    /// Its version now.
    pub version: NgffVersion,
    /// Documents that say something else now.
    pub documents: usize,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Documents to be replaced, in this order.
type Changes = Vec<(PathBuf, Vec<u8>)>;

/// Converts the store in `root` where it lies.
///
/// # Errors
/// [`Error::Busy`] where a writer is at work; [`Error::Damaged`] for a store that a run left interrupted, for documents
/// that cannot be read, and for what the version has no words for; [`Error::InvalidSettings`] where chunks would have
/// to be written anew; [`Error::Io`]. Nothing was changed but for the last.
pub fn in_place(root: &Path, to: NgffVersion, disk: &dyn Disk) -> Result<Conversion> {
    let source = disk.source();
    whole_store(&*source, root)?;
    let _lock = match reader::is_folder(&*source, &root.join(own::RUN_FOLDER))? {
        true => Some(Lock::take(root, &source)?),
        false => Lock::look(root, &*source).map(|()| None)?,
    };
    let (changes, notes) = changes(&*source, root, to)?;
    for (path, bytes) in &changes {
        disk.put(path, bytes, SyncPolicy::Now).map_err(|error| Error::io("write", path, error))?;
    }
    Ok(Conversion { path: root.to_path_buf(), version: to, documents: changes.len(), notes })
}

/// Makes a converted copy of the store in `root` at `new`, where nothing is.
///
/// # Errors
/// As for [`in_place`]; [`Error::AlreadyExists`]. Where it fails nothing is at `new`.
pub fn copy(root: &Path, new: &Path, to: NgffVersion, disk: &dyn Disk) -> Result<Conversion> {
    let source = &*disk.source();
    whole_store(source, root)?;
    outside(source, root, new)?;
    Lock::look(root, source)?;
    let (changes, notes) = changes(source, root, to)?;
    let unfinished = partial_name(new);
    for path in [new, unfinished.as_path()] {
        if reader::is_there(source, path)? {
            return Err(Error::AlreadyExists { path: path.to_path_buf() });
        }
    }
    let documents: BTreeMap<PathBuf, Vec<u8>> = changes.iter().cloned().collect();
    let count = documents.len();
    let made = copy_folder(source, root, &unfinished, &documents, limits::FOLDER_DEPTH).and_then(|()| {
        // The lock of a store that is only read may be out of reach: whoever has written meanwhile left other
        // documents.
        Lock::look(root, source)?;
        if self::changes(source, root, to)?.0 != changes {
            let problem = "it was written while it was copied; convert it when nobody does".to_owned();
            return Err(Error::Damaged { path: root.to_path_buf(), problem });
        }
        let synced = disk.sync_point(&unfinished).and_then(|point| point.sync());
        synced.map_err(|error| Error::io("sync", &unfinished, error))?;
        disk.rename(&unfinished, new, SyncPolicy::Now).map_err(|error| Error::io("rename", &unfinished, error))
    });
    // Ours, and of no use.
    made.inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
    Ok(Conversion { path: new.to_path_buf(), version: to, documents: count, notes })
}

/// Refuses a folder that is part of a store, or lies above some: a store is converted as a whole, under its lock.
fn whole_store(source: &dyn Source, root: &Path) -> Result<()> {
    let refuse = |problem: String, remedy: &str| Err(Error::settings("store", root.display(), problem, remedy));
    match store::place(source, root)? {
        Place::Root | Place::Elsewhere => Ok(()),
        Place::Inside(store) => refuse(format!("it is part of the store {}", store.display()), "name the whole store"),
        Place::Above(stores, _) => {
            let names: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
            refuse(format!("it is a folder above {}", names.join(", ")), "name one of them")
        }
    }
}

/// Refuses a copy inside of a store, that which is copied or another, or above some.
fn outside(source: &dyn Source, root: &Path, new: &Path) -> Result<()> {
    store::outside_of_stores("output", new, source)?;
    let above = new.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let resolve = |path: &Path| source.resolve(path).map_err(|error| Error::io("look at", path, error));
    if resolve(above)?.starts_with(resolve(root)?) {
        let problem = "it lies inside of the store that is converted";
        return Err(Error::settings("output", new.display(), problem, "choose a folder outside of it"));
    }
    Ok(())
}

/// What has to be written to make a store of version `to` of that in `root`.
fn changes(source: &dyn Source, root: &Path, to: NgffVersion) -> Result<(Changes, Vec<String>)> {
    let damaged = |path: &Path, problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    if reader::kind(source, root)? != Kind::Folder {
        return Err(damaged(root, "not a folder".into()));
    }
    if journal::is_there(source, root)? || store::is_half_made(source, root)? {
        return Err(damaged(root, "a run left it interrupted; `ome-stream recover --apply` mends it first".into()));
    }
    let walked = reader::walk(source, root, Expected::default())?;
    if let Some(error) = walked.unlisted {
        return Err(error);
    }
    if walked.cut_short {
        return Err(damaged(root, walked.notes.join("; ")));
    }
    if walked.nodes.first().is_none_or(|node| node.document == Document::Nothing && node.group.is_none()) {
        return Err(damaged(root, "it is no Zarr group".into()));
    }
    let zarr = walked.nodes.first().map(|node| node.zarr).unwrap_or_default();
    if zarr != ZarrFormat::from(to) {
        let problem = format!("the store is of Zarr v{}, and its chunks would have to be written anew", zarr.number());
        let remedy = match zarr {
            ZarrFormat::V2 => "write it anew in another version: metadata alone make none of it",
            ZarrFormat::V3 => "use \"0.5\" or \"0.6\"",
        };
        return Err(Error::settings("to", quoted(to.name()), problem, remedy));
    }
    let mut changes = Changes::new();
    for node in walked.nodes.iter().rev().filter(|node| !node.is_array) {
        changes.extend(of_group(source, node, to)?);
    }
    if changes.is_empty() && walked.nodes.iter().all(|node| node.ome("version").is_none()) && zarr == ZarrFormat::V3 {
        return Err(damaged(root, "there is no group with OME-NGFF metadata in it".into()));
    }
    changes.extend(of_mark(source, root, to)?);
    Ok((changes, walked.notes))
}

/// The document of a group, where it has to say something else.
fn of_group(source: &dyn Source, node: &Node, to: NgffVersion) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let path = node.folder.join(node.document_name());
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    match (&node.document, node.document.problem()) {
        (Document::Nothing, _) => return Ok(None),
        (_, Some(problem)) => return Err(damaged(problem.to_owned())),
        _ => {}
    }
    let Some(Value::Object(ome)) = node.attribute("ome") else { return Ok(None) };
    if version_of(ome) == Some(to) {
        return Ok(None);
    }
    let made = converted(ome, to).map_err(|why| damaged(format!("{why}, which {} has no words for", to.name())))?;
    let text = reader::small(source, &path, limits::DOCUMENT_BYTES)?.bytes();
    let text = text.and_then(|text| with_member(&text, &node.zarr.attribute_at("ome"), &made.into()));
    text.map(|text| Some((path.clone(), text))).ok_or_else(|| damaged("it changed while it was read".into()))
}

/// The mark of a run of ours, whose settings say in which version documents are made anew.
fn of_mark(source: &dyn Source, root: &Path, to: NgffVersion) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let path = root.join(own::MARK);
    let mut mark = match Document::read(source, &path)? {
        Document::Object(mark) => mark,
        Document::Nothing => return Ok(None),
        document => return Err(Error::Damaged { problem: document.problem().unwrap_or_default().to_owned(), path }),
    };
    let mut changed = false;
    let mut convert = |settings: Option<&mut Value>| {
        let Some(format) = settings.and_then(|settings| settings.get_mut("format")) else { return };
        // As settings tell it: the default is left out.
        let told = format.get("version").and_then(Value::as_str).and_then(NgffVersion::of).unwrap_or_default();
        if told != to && format.is_object() {
            format["version"] = to.name().into();
            changed = true;
        }
    };
    convert(mark.get_mut("settings"));
    for each in mark.get_mut("sources").and_then(Value::as_array_mut).into_iter().flatten() {
        convert(each.get_mut("settings"));
    }
    Ok(changed.then(|| (path, Value::Object(mark).to_string().into_bytes())))
}

/// Copies a folder, with other documents where there are some.
fn copy_folder(
    source: &dyn Source,
    from: &Path,
    to: &Path,
    documents: &BTreeMap<PathBuf, Vec<u8>>,
    depth: usize,
) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        let problem = "folders lie deeper than in any store".to_owned();
        return Err(Error::Damaged { path: from.to_path_buf(), problem });
    };
    fs::create_dir(to).map_err(|error| Error::io("create", to, error))?;
    // Who is at work on a store is at work on that one only.
    let kept_back = [own::LOCK, own::TAKING, own::OWNER].map(|name| Path::new(name).file_name());
    let is_ours = from.ends_with(own::RUN_FOLDER);
    for entry in reader::list(source, from)? {
        let entry = entry?;
        let (old, new) = (from.join(&entry.name), to.join(&entry.name));
        if is_ours && kept_back.contains(&Some(entry.name.as_os_str())) {
            continue;
        }
        let done = match (entry.kind, documents.get(&old)) {
            (EntryKind::Folder, _) => {
                copy_folder(source, &old, &new, documents, depth)?;
                Ok(())
            }
            (EntryKind::File, Some(bytes)) => fs::write(&new, bytes),
            (EntryKind::File, None) => fs::copy(&old, &new).map(|_| ()),
            (EntryKind::Link | EntryKind::Other, _) => {
                let problem = "neither a file nor a folder; it is not copied".to_owned();
                return Err(Error::Damaged { path: old, problem });
            }
        };
        done.map_err(|error| Error::io("copy", &old, error))?;
    }
    Ok(())
}
