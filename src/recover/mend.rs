//! What mending does to files. Nothing that was there is overwritten or removed: shard files only grow, metadata is
//! copied before it is replaced, what is no use any more gets another name. Only a file of nothing but zeros goes.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::file::{Kind, kind};
use super::frames;
pub use crate::names::own::KEPT_SUFFIX;
use crate::platform::{Disk, Pieces, Sync, partial_name};

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
    pub(super) fn apply(&self, disk: &dyn Disk) -> io::Result<()> {
        match self {
            Self::AppendIndex { path, length, bytes } => {
                if kind(path)? != Kind::File(*length) {
                    return Err(io::Error::other(format!("{} changed while it was looked at", path.display())));
                }
                let file = disk.open(path)?;
                file.write_at(*length, bytes)?;
                file.sync(Sync::Now)
            }
            Self::Name { from, to } => {
                if kind(to)? != Kind::Nothing {
                    keep_aside(to, disk)?;
                }
                disk.rename(from, to, Sync::Now)
            }
            // An earlier step may have made way for itself.
            Self::KeepAside { path } if kind(path)? == Kind::Nothing => Ok(()),
            Self::KeepAside { path } => keep_aside(path, disk),
            Self::Remove { path } if kind(path)? == Kind::Nothing => Ok(()),
            Self::Remove { path } => disk.remove_file(path),
            Self::Write { path, bytes } => {
                match kind(path)? {
                    Kind::Nothing => {}
                    Kind::File(_) => {
                        let kept = free_name(path)?;
                        disk.put(&kept, &fs::read(path)?, Sync::Now)?;
                    }
                    // A link, whose target is none of our business, or something stranger.
                    Kind::Link | Kind::Folder | Kind::Other => keep_aside(path, disk)?,
                }
                free_partial(path, disk)?;
                disk.put(path, bytes, Sync::Now)
            }
            Self::KeepIntactLines { path } => {
                free_partial(path, disk)?;
                let partial = partial_name(path);
                let file = disk.create(&partial, 0)?;
                let mut out = Pieces::new(&*file);
                frames::copy_intact(BufReader::new(File::open(path)?), |line| out.push(line))?;
                out.flush()?;
                file.sync(Sync::Now)?;
                drop(file);
                keep_aside(path, disk)?;
                disk.rename(&partial, path, Sync::Now)
            }
        }
    }
}

/// Gives `path`, whatever it is, the name of something kept.
fn keep_aside(path: &Path, disk: &dyn Disk) -> io::Result<()> {
    disk.rename(path, &free_name(path)?, Sync::Now)
}

/// Nothing may be written through what lies at the temporary name of `path`: it could be a link.
fn free_partial(path: &Path, disk: &dyn Disk) -> io::Result<()> {
    let partial = partial_name(path);
    if kind(&partial)? == Kind::Nothing { Ok(()) } else { keep_aside(&partial, disk) }
}

/// A name for what `path` holds now, under which there is nothing yet.
fn free_name(path: &Path) -> io::Result<PathBuf> {
    for nth in 1..=MAX_KEPT {
        let mut name = path.as_os_str().to_owned();
        name.push(KEPT_SUFFIX);
        if nth > 1 {
            name.push(format!("-{nth}"));
        }
        let name = PathBuf::from(name);
        // `put` goes through a temporary name, which must be free as well.
        if kind(&name)? == Kind::Nothing && kind(&partial_name(&name))? == Kind::Nothing {
            return Ok(name);
        }
    }
    Err(io::Error::other(format!("{} was kept {MAX_KEPT} times already", path.display())))
}

/// Reads a whole small file that is no link.
pub(super) fn read_small(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match kind(path)? {
        Kind::File(length) if length <= limit => {
            let mut bytes = Vec::new();
            File::open(path)?.take(limit).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        _ => Ok(None),
    }
}
