//! What mending does to files. Nothing that was there is overwritten or removed: shard files only grow, metadata is
//! copied before it is replaced, what is no use any more gets another name. Only a file of nothing but zeros goes (and,
//! when a run goes on, its log).

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform::{Disk, Kind, Pieces, Source, SyncPolicy, create_dirs, partial_name};
use crate::reader::{self, Lines, is_frame_line, is_there, kind, limits};

pub use crate::names::own::KEPT_SUFFIX;

/// Names that are tried for one file that is kept.
const MAX_KEPT: u32 = 1000;

/// One step of a remedy.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Appends an index to a shard file, which must have the length it had when it was looked at.
    AppendIndex { path: PathBuf, length: u64, bytes: Vec<u8> },
    /// Gives a file its final name; what has that name is kept.
    Name { from: PathBuf, to: PathBuf },
    /// Gives a file another name.
    KeepAside { path: PathBuf },
    /// Removes a file in which there is nothing.
    Remove { path: PathBuf },
    /// Writes a document; what was there is kept.
    Write { path: PathBuf, bytes: Vec<u8> },
    /// Writes the intact lines of a file of frame metadata; what was there is kept.
    KeepIntactLines { path: PathBuf },
}

impl Action {
    /// Does it.
    pub(super) fn apply(&self, disk: &dyn Disk) -> Result<()> {
        let source = &*disk.source();
        match self {
            Self::AppendIndex { path, length, bytes } => {
                if kind(source, path)? != Kind::File(*length) {
                    let problem = "it changed while it was looked at".to_owned();
                    return Err(Error::Damaged { path: path.clone(), problem });
                }
                let append = || {
                    let file = disk.open(path)?;
                    file.write_at(*length, bytes)?;
                    file.sync(SyncPolicy::Now)
                };
                append().map_err(|error| Error::io("append to", path, error))
            }
            Self::Name { from, to } => {
                if is_there(source, to)? {
                    keep_aside(to, disk)?;
                }
                rename(from, to, disk)
            }
            // An earlier step may have made way for itself.
            Self::KeepAside { path } if !is_there(source, path)? => Ok(()),
            Self::KeepAside { path } => keep_aside(path, disk),
            Self::Remove { path } if !is_there(source, path)? => Ok(()),
            Self::Remove { path } => disk.remove_file(path).map_err(|error| Error::io("remove", path, error)),
            Self::Write { path, bytes } => {
                match kind(source, path)? {
                    Kind::Nothing => {}
                    Kind::File(_) => {
                        let kept = free_name(source, path)?;
                        let file = reader::whole(source, path)?;
                        put(&kept, &file.read(0, file.length())?, disk)?;
                    }
                    // A link, whose target is none of our business, or something stranger.
                    Kind::Link | Kind::Folder | Kind::Other => keep_aside(path, disk)?,
                }
                free_partial(path, disk)?;
                make_folder_for(path, disk)?;
                put(path, bytes, disk)
            }
            Self::KeepIntactLines { path } => {
                free_partial(path, disk)?;
                let partial = partial_name(path);
                copy_intact(path, &partial, disk).inspect_err(|_| drop(disk.remove_file(&partial)))?;
                keep_aside(path, disk)?;
                rename(&partial, path, disk)
            }
        }
    }
}

/// Writes the intact lines of a file of frame metadata into another.
fn copy_intact(from: &Path, to: &Path, disk: &dyn Disk) -> Result<()> {
    let unread = |error| Error::io("read", from, error);
    let unwritten = |error| Error::io("write", to, error);
    let mut lines = Lines::new(reader::whole(&*disk.source(), from)?.stream(), limits::FRAME_LINE_BYTES);
    let file = disk.create(to, 0).map_err(unwritten)?;
    let mut out = Pieces::new(&*file);
    while let Some(line) = lines.next_line().map_err(unread)? {
        if is_frame_line(&line) {
            out.push(line.text).and_then(|()| out.push(b"\n")).map_err(unwritten)?;
        }
    }
    out.flush().and_then(|()| file.sync(SyncPolicy::Now)).map_err(unwritten)
}

/// Makes the folder of a level that is gone.
fn make_folder_for(path: &Path, disk: &dyn Disk) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let made = create_dirs(disk, folder, SyncPolicy::Now);
    made.map_err(|error| Error::io("create", folder, error))
}

fn put(path: &Path, bytes: &[u8], disk: &dyn Disk) -> Result<()> {
    disk.put(path, bytes, SyncPolicy::Now).map_err(|error| Error::io("write", path, error))
}

fn rename(from: &Path, to: &Path, disk: &dyn Disk) -> Result<()> {
    disk.rename(from, to, SyncPolicy::Now).map_err(|error| Error::io("rename", from, error))
}

/// Gives `path`, whatever it is, the name of something kept.
fn keep_aside(path: &Path, disk: &dyn Disk) -> Result<()> {
    rename(path, &free_name(&*disk.source(), path)?, disk)
}

/// Nothing may be written through what lies at the temporary name of `path`: it could be a link.
fn free_partial(path: &Path, disk: &dyn Disk) -> Result<()> {
    let partial = partial_name(path);
    if is_there(&*disk.source(), &partial)? { keep_aside(&partial, disk) } else { Ok(()) }
}

/// A name for what `path` holds now, under which there is nothing yet.
fn free_name(source: &dyn Source, path: &Path) -> Result<PathBuf> {
    for nth in 1..=MAX_KEPT {
        let mut name = path.as_os_str().to_owned();
        name.push(KEPT_SUFFIX);
        if nth > 1 {
            name.push(format!("-{nth}"));
        }
        let name = PathBuf::from(name);
        // `put` goes through a temporary name, which must be free as well.
        if !is_there(source, &name)? && !is_there(source, &partial_name(&name))? {
            return Ok(name);
        }
    }
    Err(Error::Damaged { path: path.to_path_buf(), problem: format!("it was kept {MAX_KEPT} times already") })
}
