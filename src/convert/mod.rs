//! A store in another version of OME-NGFF: its groups say the same in other words.
//!
//! On the same version of Zarr no chunk is touched. On another one the documents have other names, and so have chunk
//! files; shards, which Zarr v2 has not, are taken apart. What is stored of a chunk stays as it is, byte for byte.
//!
//! A store that is converted where it lies is at any instant a whole one, of the old version or of the new. On the same
//! version of Zarr each document is replaced as a whole, those that are pointed at before those that point, the root
//! last; on another one a copy takes its place (`swap.rs`). A copy gets its name when it is whole.

mod array;
mod copying;
mod group;
mod made;
mod swap;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use self::copying::{Copying, Done};
use self::made::Made;
use self::swap::Beside;
use crate::error::{Error, Result};
use crate::names::own;
use crate::platform::{Disk, Source, SyncPolicy, partial_name};
use crate::reader::{self, Usage};
use crate::settings::NgffVersion;
use crate::store::{self, Lock, Place};

/// What a conversion did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Conversion {
    /// Where the store is.
    pub path: PathBuf,
    /// Its version now.
    pub version: NgffVersion,
    /// Documents that say something else now.
    pub documents: usize,
    /// Chunk files that have other names now, or were part of a shard.
    pub chunk_files: u64,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Is told how many bytes are copied, and of how many.
pub type Tell<'a> = &'a mut dyn FnMut(u64, u64);

/// Converts the store in `root` where it lies. On another version of Zarr a copy is made beside it first, which shares
/// its chunk files where the file system can do that.
///
/// # Errors
/// [`Error::Busy`] where a writer is at work; [`Error::Damaged`] for a store that a run left interrupted, for documents
/// that cannot be read, and for what the version has no words for; [`Error::Io`]. Nothing was changed but for the last,
/// after which another conversion goes on.
pub fn in_place(root: &Path, to: NgffVersion, disk: &dyn Disk, tell: Tell<'_>) -> Result<Conversion> {
    let source = disk.source();
    let (root, beside) = Beside::of(root, disk)?;
    beside.settle(disk)?;
    whole_store(&*source, &root)?;
    let lock = match reader::is_folder(&*source, &root.join(own::RUN_FOLDER))? {
        true => Some(Lock::take(&root, &source)?),
        false => Lock::look(&root, &*source).map(|()| None)?,
    };
    let mut made = made::of(&*source, &root, to)?;
    let mut chunk_files = 0;
    beside.clear(disk, lock.is_some())?;
    if made.anew {
        let (from, new) = (root.as_path(), beside.converting.as_path());
        let copy = Copy { source: &*source, disk, root: from, new, made: &made, links: true };
        chunk_files = copy.make(to, tell)?;
        let swapped = beside.swap(disk, lock);
        // Ours, and of no use, unless it is all that there is.
        let swapped = swapped.inspect_err(|_| drop(root.is_dir().then(|| fs::remove_dir_all(new))))?;
        made.notes.extend(swapped);
    } else {
        for (path, bytes) in &made.documents {
            disk.put(path, bytes, SyncPolicy::Now).map_err(|error| Error::io("write", path, error))?;
        }
    }
    Ok(Conversion { path: root, version: to, documents: made.documents.len(), chunk_files, notes: made.notes })
}

/// Makes a converted copy of the store in `root` at `new`, where nothing is.
///
/// # Errors
/// As for [`in_place`]; [`Error::AlreadyExists`]. Where it fails nothing is at `new`.
pub fn copy(root: &Path, new: &Path, to: NgffVersion, disk: &dyn Disk, tell: Tell<'_>) -> Result<Conversion> {
    let source = &*disk.source();
    // Without a separator at its end.
    let new: &Path = &new.components().collect::<PathBuf>();
    whole_store(source, root)?;
    outside(source, root, new)?;
    Lock::look(root, source)?;
    let made = made::of(source, root, to)?;
    let unfinished = partial_name(new);
    if reader::is_there(source, new)? {
        return Err(Error::AlreadyExists { path: new.to_path_buf() });
    }
    if reader::is_there(source, &unfinished)? {
        let problem = format!("a conversion was killed when it made {}, or is at work", unfinished.display());
        return Err(Error::settings("output", new.display(), problem, "remove that if none is"));
    }
    let made_copy = Copy { source, disk, root, new: &unfinished, made: &made, links: false }.make(to, tell);
    let chunk_files = made_copy.and_then(|chunk_files| {
        // The lock of a store that is only read may be out of reach.
        Lock::look(root, source)?;
        let renamed = disk.rename(&unfinished, new, SyncPolicy::Now);
        renamed.map(|()| chunk_files).map_err(|error| Error::io("rename", &unfinished, error))
    });
    let chunk_files = chunk_files.inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
    let Made { documents, notes, .. } = made;
    Ok(Conversion { path: new.to_path_buf(), version: to, documents: documents.len(), chunk_files, notes })
}

/// A copy that is to be made.
struct Copy<'a> {
    source: &'a dyn Source,
    disk: &'a dyn Disk,
    root: &'a Path,
    new: &'a Path,
    made: &'a Made,
    links: bool,
}

impl Copy<'_> {
    /// Makes it and puts it on the medium; removes it where that fails.
    fn make(self, to: NgffVersion, tell: Tell<'_>) -> Result<u64> {
        let Self { source, disk, root, new, made, links } = self;
        let total = Usage::of_store(source, root, &HashSet::new()).bytes;
        let tell = &mut |done: u64| tell(done.min(total), total);
        let done = Done::default();
        let copied = Copying { source, disk, root, new, made, links, tell, done }.run().and_then(|objects| {
            // Whoever has written meanwhile left other documents.
            if made::of(source, root, to)? != *made {
                let problem = "it was written while it was copied; convert it when nobody does".to_owned();
                return Err(Error::Damaged { path: root.to_path_buf(), problem });
            }
            let synced = disk.sync_point(new).and_then(|point| point.sync());
            synced.map(|()| objects).map_err(|error| Error::io("sync", new, error))
        });
        // Ours, and of no use.
        copied.inspect_err(|_| drop(fs::remove_dir_all(new)))
    }
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
