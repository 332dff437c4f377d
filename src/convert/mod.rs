//! A store in another version of OME-NGFF: its groups say the same in other words.
//!
//! On the same version of Zarr no chunk is touched. On another one the documents have other names, and so have chunk
//! files; shards, which Zarr v2 has not, are taken apart. What is stored of a chunk stays as it is, byte for byte.
//!
//! A store that is converted where it lies is at any instant a whole one, of the old version or of the new: on the same
//! version of Zarr each document is replaced as a whole, those that are pointed at before those that point, the root
//! last; on another one a copy takes its place (`swap.rs`), at once where names can be exchanged, else after a moment in
//! which nothing has the name. A copy gets its name when it is whole.
//!
//! Levels that are added to images that have none ([`Levels`]) are made in a copy too, which takes the place of the
//! store: its chunk files are shared with the old one where the file system can do that.
//!
//! Nothing can lock a store of another writer. So what lies in it is listed before it is copied and once more after:
//! one that was written meanwhile is refused, but for the instant before the copy gets its name.

mod array;
mod copying;
mod group;
mod levels;
mod listing;
mod made;
mod swap;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use self::levels::{Levels, MadeArray, MadeLevels, PixelReader, Pixels};

use self::copying::Copying;
use self::levels::Judged;
use self::listing::Listing;
use self::made::Made;
use self::swap::Beside;
use crate::error::{Error, Result};
use crate::platform::{Disk, Source, SyncPolicy, partial_name};
use crate::reader;
use crate::settings::NgffVersion;
use crate::store::{self, Lock, Place};
use crate::zarr::{METADATA, V2_ATTRIBUTES, V2_GROUP};

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
    /// Levels that images have got.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<MadeLevels>,
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
    in_place_as(root, Some(to), None, disk, tell)
}

/// As [`in_place`], with levels for the images that have none; of the version that the store has where `to` is `None`.
///
/// # Errors
/// As for [`in_place`]; [`Error::Damaged`] where no image lacks levels, and for pixels of which none can be made; what
/// [`crate::Plan::new`] refuses. Nothing was changed then.
pub fn levels_in_place(
    root: &Path,
    to: Option<NgffVersion>,
    levels: &Levels<'_>,
    tell: Tell<'_>,
) -> Result<Conversion> {
    in_place_as(root, to, Some(levels), &**levels.disk, tell)
}

fn in_place_as(
    root: &Path,
    to: Option<NgffVersion>,
    levels: Option<&Levels<'_>>,
    disk: &dyn Disk,
    tell: Tell<'_>,
) -> Result<Conversion> {
    let source = disk.source();
    let (root, beside) = Beside::of(root, disk)?;
    let lock = beside.lock(disk, |root| whole_store(&*source, root))?;
    let to = to.map_or_else(|| made::version(&*source, &root), Ok)?;
    let mut made = made::of(&*source, &root, to)?;
    let mut done = Done::default();
    beside.clear(disk, lock.is_some())?;
    let judged = judge(levels, &root)?;
    if made.anew || levels.is_some() {
        let (from, new) = (root.as_path(), beside.converting.as_path());
        let copy =
            Copy { source: &*source, disk, root: from, new, made: &made, links: true, levels, judged: judged.bytes };
        done = copy.make(to, tell)?;
        made.notes.extend(beside.swap(disk, lock)?);
    } else {
        for (path, bytes) in &made.documents {
            disk.put(path, bytes, SyncPolicy::Now).map_err(|error| Error::io("write", path, error))?;
        }
    }
    made.notes.extend(judged.notes);
    Ok(done.told(root, to, made))
}

/// Makes a converted copy of the store in `root` at `new`, where nothing is.
///
/// # Errors
/// As for [`in_place`]; [`Error::AlreadyExists`]. Where it fails nothing is at `new`.
pub fn copy(root: &Path, new: &Path, to: NgffVersion, disk: &dyn Disk, tell: Tell<'_>) -> Result<Conversion> {
    copy_as(root, new, Some(to), None, disk, tell)
}

/// As [`copy`], with levels for the images that have none; of the version that the store has where `to` is `None`.
///
/// # Errors
/// As for [`copy`] and [`levels_in_place`].
pub fn levels_copy(
    root: &Path,
    new: &Path,
    to: Option<NgffVersion>,
    levels: &Levels<'_>,
    tell: Tell<'_>,
) -> Result<Conversion> {
    copy_as(root, new, to, Some(levels), &**levels.disk, tell)
}

fn copy_as(
    root: &Path,
    new: &Path,
    to: Option<NgffVersion>,
    levels: Option<&Levels<'_>>,
    disk: &dyn Disk,
    tell: Tell<'_>,
) -> Result<Conversion> {
    let source = &*disk.source();
    // Without a separator at its end.
    let new: &Path = &new.components().collect::<PathBuf>();
    whole_store(source, root)?;
    outside(source, root, new)?;
    Lock::look(root, source)?;
    let to = to.map_or_else(|| made::version(source, root), Ok)?;
    let mut made = made::of(source, root, to)?;
    let judged = judge(levels, root)?;
    let unfinished = partial_name(new);
    if reader::is_there(source, new)? {
        return Err(Error::AlreadyExists { path: new.to_path_buf() });
    }
    if reader::is_there(source, &unfinished)? {
        let problem = format!("a conversion was killed when it made {}, or is at work", unfinished.display());
        return Err(Error::settings("output", new.display(), problem, "remove that if none is"));
    }
    let copy = Copy { source, disk, root, new: &unfinished, made: &made, links: false, levels, judged: judged.bytes };
    let done = copy.make(to, tell)?;
    let rename = || {
        // The lock of a store that is only read may be out of reach.
        Lock::look(root, source)?;
        if reader::is_there(source, new)? {
            return Err(Error::AlreadyExists { path: new.to_path_buf() });
        }
        disk.rename(&unfinished, new, SyncPolicy::Now).map_err(|error| Error::io("rename", &unfinished, error))
    };
    rename().inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
    made.notes.extend(judged.notes);
    Ok(done.told(new.to_path_buf(), to, made))
}

/// Judges the images that are to have levels.
fn judge(levels: Option<&Levels<'_>>, root: &Path) -> Result<Judged> {
    levels.map_or_else(|| Ok(Judged::default()), |levels| levels.judge(&levels.disk.source(), root))
}

/// What was done.
#[derive(Default)]
struct Done {
    chunk_files: u64,
    levels: Vec<MadeLevels>,
}

impl Done {
    fn told(self, path: PathBuf, version: NgffVersion, made: Made) -> Conversion {
        let Self { chunk_files, levels } = self;
        // Each image with levels tells of them.
        let documents = made.documents.len() + levels.len();
        Conversion { path, version, documents, chunk_files, levels, notes: made.notes }
    }
}

/// A copy that is to be made.
struct Copy<'a> {
    source: &'a dyn Source,
    disk: &'a dyn Disk,
    root: &'a Path,
    new: &'a Path,
    made: &'a Made,
    links: bool,
    levels: Option<&'a Levels<'a>>,
    /// Bytes of the pixels of which levels are made.
    judged: u64,
}

impl Copy<'_> {
    /// Makes it and puts it on the medium; removes it where that fails, unless it is somebody else's.
    fn make(self, to: NgffVersion, tell: Tell<'_>) -> Result<Done> {
        let Self { new, .. } = self;
        fs::create_dir(new).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                damaged(new, "a conversion is at work on it, or was killed; remove it if none is")
            }
            _ => Error::io("create", new, error),
        })?;
        // From here on it is ours.
        self.fill(to, tell).inspect_err(|_| drop(fs::remove_dir_all(new)))
    }

    fn fill(self, to: NgffVersion, tell: Tell<'_>) -> Result<Done> {
        let Self { source, disk, root, new, made, links, levels, judged } = self;
        let found = Listing::of(source, root)?;
        let all = found.bytes.saturating_add(judged);
        let copied = &mut |done: u64| tell(done.min(found.bytes), all);
        let done = copying::Done::default();
        let mut copying = Copying { source, disk, root, new, made, to: to.into(), links, tell: copied, done };
        copying.run()?;
        let copying::Done { objects, files, bytes, .. } = copying.done;
        let copied = Listing::of(source, new)?;
        if (copied.files, copied.bytes) != (files, bytes) {
            return Err(damaged(new, "somebody else has changed the copy while it was made"));
        }
        let made_of = |done: u64| tell(found.bytes.saturating_add(done).min(all), all);
        let levels = levels.map(|levels| levels.make(new, made_of)).transpose()?.unwrap_or_default();
        let synced = disk.sync_point(new).and_then(|point| point.sync());
        synced.map_err(|error| Error::io("sync", new, error))?;
        // Chunks of somebody else's change no document; within the grain of the clock a document changes no time.
        if Listing::of(source, root)? != found || made::of(source, root, to)? != *made {
            return Err(damaged(root, "it was written while it was copied; convert it when nobody does"));
        }
        Ok(Done { chunk_files: objects, levels })
    }
}

fn damaged(path: &Path, problem: &str) -> Error {
    Error::Damaged { path: path.to_path_buf(), problem: problem.to_owned() }
}

/// Refuses a folder that is part of a store, or lies above some: a store is converted as a whole, under its lock.
fn whole_store(source: &dyn Source, root: &Path) -> Result<()> {
    let refuse = |problem: String, remedy: &str| Err(Error::settings("store", root.display(), problem, remedy));
    let whole = source.resolve(root).map_err(|error| Error::io("look at", root, error))?;
    if let Some(above) = whole.parent()
        && let Some(document) = document_above(source, above)?
    {
        let problem = format!("it is part of a store: {} lies above it", document.display());
        return refuse(problem, "name the whole store");
    }
    match store::place(source, root)? {
        Place::Root | Place::Elsewhere => Ok(()),
        Place::Inside(store) => refuse(format!("it is part of the store {}", store.display()), "name the whole store"),
        Place::Above(stores, _) => {
            let names: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
            refuse(format!("it is a folder above {}", names.join(", ")), "name one of them")
        }
    }
}

/// A document that makes a Zarr group of `folder`, which then is a store of somebody's or part of one: that of the
/// store's root.
fn document_above(source: &dyn Source, folder: &Path) -> Result<Option<PathBuf>> {
    let mut found = None;
    for above in folder.ancestors() {
        let mut first = None;
        for name in [METADATA, V2_GROUP, V2_ATTRIBUTES] {
            let path = above.join(name);
            if first.is_none() && reader::is_file(source, &path)? {
                first = Some(path);
            }
        }
        if first.is_none() {
            break;
        }
        found = first;
    }
    Ok(found)
}

/// Refuses a copy inside of a store, that which is copied or another, or above some.
fn outside(source: &dyn Source, root: &Path, new: &Path) -> Result<()> {
    store::outside_of_stores("output", new, source)?;
    let above = new.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let resolve = |path: &Path| source.resolve(path).map_err(|error| Error::io("look at", path, error));
    let above = resolve(above)?;
    if let Some(document) = document_above(source, &above)? {
        let problem = format!("it lies inside of a store, of which {} is part", document.display());
        return Err(Error::settings("output", new.display(), problem, "choose a folder outside of it"));
    }
    if above.starts_with(resolve(root)?) {
        let problem = "it lies inside of the store that is converted";
        return Err(Error::settings("output", new.display(), problem, "choose a folder outside of it"));
    }
    Ok(())
}
