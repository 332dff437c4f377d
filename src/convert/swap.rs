//! A copy in the place of its store, so that at any instant one of both is whole, and a conversion that was killed is
//! brought to its end, or undone, by the next one.
//!
//! The copy of `X` is made as `X.ome-stream-converting`. When it is whole, `X` becomes `X.ome-stream-before`, the copy
//! `X`, and the old one is removed. So what lies beside `X` tells how far a conversion came that was killed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::platform::{Disk, SyncPolicy};
use crate::reader;
use crate::store::Lock;

/// Ending of the copy while it is made.
const CONVERTING: &str = ".ome-stream-converting";

/// Ending of the old store while the new one has its name.
const BEFORE: &str = ".ome-stream-before";

/// The names beside a store.
#[derive(Debug)]
pub(super) struct Beside {
    root: PathBuf,
    /// Where the copy is made.
    pub(super) converting: PathBuf,
    before: PathBuf,
}

impl Beside {
    /// Those of the store in `root`, and its own name, which does not end with a separator or a dot.
    pub(super) fn of(root: &Path, disk: &dyn Disk) -> Result<(PathBuf, Self)> {
        let root: PathBuf = match root.file_name() {
            Some(_) => root.components().collect(),
            None => disk.source().resolve(root).map_err(|error| Error::io("look at", root, error))?,
        };
        let with = |ending: &str| {
            let mut name = root.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        Ok((root.clone(), Self { converting: with(CONVERTING), before: with(BEFORE), root }))
    }

    /// Brings a conversion to its end that was killed when its copy was whole.
    pub(super) fn settle(&self, disk: &dyn Disk) -> Result<()> {
        let source = disk.source();
        let is_there = |path: &Path| reader::is_folder(&*source, path);
        match (is_there(&self.root)?, is_there(&self.converting)?, is_there(&self.before)?) {
            (_, _, false) | (false, false, true) => Ok(()),
            (false, true, true) => {
                let renamed = disk.rename(&self.converting, &self.root, SyncPolicy::Now);
                renamed.map_err(|error| Error::io("rename", &self.converting, error))?;
                self.remove_before()
            }
            (true, false, true) => self.remove_before(),
            (true, true, true) => {
                let problem = format!(
                    "{} and {} are left of a conversion that was killed, and this is neither: look at them, and keep \
                     one",
                    self.before.display(),
                    self.converting.display()
                );
                Err(Error::Damaged { path: self.root.clone(), problem })
            }
        }
    }

    /// Removes the copy that a conversion had not finished when it was killed: ours, where the store is `locked`.
    pub(super) fn clear(&self, disk: &dyn Disk, locked: bool) -> Result<()> {
        if !reader::is_there(&*disk.source(), &self.converting)? {
            return Ok(());
        }
        if !locked {
            let problem = "a conversion was killed when it made this, or is at work; remove it if none is".to_owned();
            return Err(Error::Damaged { path: self.converting.clone(), problem });
        }
        fs::remove_dir_all(&self.converting).map_err(|error| Error::io("remove", &self.converting, error))
    }

    /// Gives the whole copy the name of the store, and removes the old one; a note where that cannot be removed.
    pub(super) fn swap(&self, disk: &dyn Disk, mut lock: Option<Lock>) -> Result<Option<String>> {
        let rename = |from: &Path, to: &Path| disk.rename(from, to, SyncPolicy::Now);
        rename(&self.root, &self.before).map_err(|error| Error::io("rename", &self.root, error))?;
        if let Some(lock) = &mut lock {
            lock.moved(&self.before);
        }
        if let Err(error) = rename(&self.converting, &self.root) {
            if rename(&self.before, &self.root).is_ok() {
                if let Some(lock) = &mut lock {
                    lock.moved(&self.root);
                }
                return Err(Error::io("rename", &self.converting, error));
            }
            let problem = format!(
                "it lies at {}, and cannot get its name: {}; the same command once more goes on",
                self.converting.display(),
                crate::shown::sentence(error)
            );
            return Err(Error::Damaged { path: self.root.clone(), problem });
        }
        let removed = self.remove_before();
        drop(lock);
        Ok(removed.err().map(|error| error.to_string()))
    }

    fn remove_before(&self) -> Result<()> {
        fs::remove_dir_all(&self.before).map_err(|error| Error::io("remove", &self.before, error))
    }
}
