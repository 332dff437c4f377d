//! A copy in the place of its store, so that one of both is whole whatever happens, and a conversion that was killed is
//! brought to its end, or undone, by the next one.
//!
//! The copy of `X` is made as `X.ome-stream-converting`. When it is whole, both exchange their names in one step, and
//! the old store is removed. Where the system cannot do that, `X` becomes `X.ome-stream-before` and then the copy `X`:
//! between both steps nothing has the name.
//!
//! What a name says is not believed: what lies beside a store is removed only where its mark is of the same run, and
//! under the lock of the store. Stores of others have neither, so what is left beside them is for a person to judge.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::listing::Listing;
use crate::error::{Error, Result};
use crate::names::own;
use crate::platform::{Disk, Source, SyncPolicy, partial_name};
use crate::reader::{self, Document};
use crate::shown;
use crate::store::Lock;

/// Ending of the copy while it is made, and of the old store after it.
const CONVERTING: &str = ".ome-stream-converting";

/// Ending of the old store while the new one has its name, where names cannot be exchanged.
const BEFORE: &str = ".ome-stream-before";

/// The names beside a store.
#[derive(Debug)]
pub(super) struct Beside {
    root: PathBuf,
    /// Where the copy is made.
    pub(super) converting: PathBuf,
    before: PathBuf,
}

/// The lock of the store in `root`, which a store of somebody else's has not.
fn lock(root: &Path, source: &Arc<dyn Source>) -> Result<Option<Lock>> {
    match reader::is_folder(&**source, &root.join(own::RUN_FOLDER))? {
        true => Lock::take(root, source).map(Some),
        false => Lock::look(root, &**source).map(|()| None),
    }
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

    /// Locks the store, wherever it lies: where a conversion was killed when nothing had its name, the copy gets it.
    pub(super) fn lock(&self, disk: &dyn Disk, judge: impl Fn(&Path) -> Result<()>) -> Result<Option<Lock>> {
        let source = disk.source();
        let is_there = |path: &Path| reader::is_there(&*source, path);
        if is_there(&self.root)? || !is_there(&self.before)? {
            judge(&self.root)?;
            return lock(&self.root, &source);
        }
        judge(&self.before)?;
        let old = lock(&self.before, &source)?;
        if old.is_none() || !is_there(&self.converting)? || !is_same_run(&*source, &self.before, &self.converting)? {
            let problem = format!(
                "nothing has this name; a conversion that was killed left {} as it was before, and the copy, if it is \
                 there, at {}; give one of them the name",
                self.before.display(),
                self.converting.display()
            );
            return Err(Error::Damaged { path: self.root.clone(), problem });
        }
        let mut new = Lock::take(&self.converting, &source)?;
        self.name_copy(disk).map_err(|error| Error::io("rename", &self.converting, error))?;
        new.moved(&self.root);
        Ok(Some(new))
    }

    /// Removes what a conversion that was killed has left, where the store is `locked`.
    ///
    /// # Errors
    /// Where what is there is not of this store, or cannot be told: for a person to judge.
    pub(super) fn clear(&self, disk: &dyn Disk, locked: bool) -> Result<()> {
        let source = &*disk.source();
        let mut left = Vec::new();
        for path in [&self.before, &self.converting] {
            if reader::is_there(source, path)? {
                left.push(path);
            }
        }
        let refuse = |path: &Path, problem: String| Err(Error::Damaged { path: path.to_path_buf(), problem });
        if let [before, converting] = &*left {
            let problem = format!(
                "{} and {} are left of a conversion that was killed, and this is neither: look at them, and keep one",
                before.display(),
                converting.display()
            );
            return refuse(&self.root, problem);
        }
        for path in left {
            if !locked {
                return refuse(
                    path,
                    "a conversion was killed when it made this, or is at work; remove it if none is".to_owned(),
                );
            }
            // The mark is the first that a copy gets, and the last that goes.
            let begun = reader::is_file(source, &partial_name(&path.join(own::MARK)))?;
            let is_empty = || Listing::of(source, path).map(|found| found.files <= u64::from(begun));
            if !is_same_run(source, &self.root, path)? && !is_empty()? {
                let problem = format!(
                    "it has the name of what a conversion leaves, but is of another run than {}: look at both, and \
                     move it away or remove it",
                    self.root.display()
                );
                return refuse(path, problem);
            }
            remove(path)?;
        }
        Ok(())
    }

    /// Gives the whole copy the name of the store, and removes the old one; a note where that cannot be removed. Where
    /// it fails, the copy is removed, unless nothing else is left that could get the name.
    pub(super) fn swap(&self, disk: &dyn Disk, mut lock: Option<Lock>) -> Result<Option<String>> {
        // Who comes next shall not find the new store free while the old one is removed.
        let new = lock.as_ref().map(|_| Lock::take(&self.converting, &disk.source())).transpose();
        let mut new = new.inspect_err(|_| drop(fs::remove_dir_all(&self.converting)))?;
        let exchanged = disk.exchange(&self.converting, &self.root, SyncPolicy::Now);
        let old = match exchanged {
            Ok(()) => &self.converting,
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) => {
                self.rename_both(disk, &mut lock)?;
                &self.before
            }
            Err(error) => {
                let _ = fs::remove_dir_all(&self.converting);
                return Err(Error::io("rename", &self.converting, error));
            }
        };
        if let (Some(lock), Some(new)) = (&mut lock, &mut new) {
            lock.moved(old);
            new.moved(&self.root);
        }
        // Some systems remove no file that is open.
        drop(lock);
        let removed = remove(old);
        drop(new);
        let note = |error| format!("{error}; it may share files with the store: it is no backup, remove it");
        Ok(removed.err().map(note))
    }

    /// Where names cannot be exchanged.
    fn rename_both(&self, disk: &dyn Disk, lock: &mut Option<Lock>) -> Result<()> {
        let rename = |from: &Path, to: &Path| disk.rename(from, to, SyncPolicy::Now);
        if let Err(error) = rename(&self.root, &self.before) {
            // It may have its new name all the same, which is not on the medium.
            if self.root.is_dir() || rename(&self.before, &self.root).is_ok() {
                let _ = fs::remove_dir_all(&self.converting);
            }
            return Err(Error::io("rename", &self.root, error));
        }
        let mut moved = |to: &Path| lock.iter_mut().for_each(|lock| lock.moved(to));
        moved(&self.before);
        let Err(error) = self.name_copy(disk) else { return Ok(()) };
        let is_free = !reader::is_there(&*disk.source(), &self.root).unwrap_or(true);
        if is_free && rename(&self.before, &self.root).is_ok() {
            moved(&self.root);
            let _ = fs::remove_dir_all(&self.converting);
            return Err(Error::io("rename", &self.converting, error));
        }
        let problem = format!(
            "the converted store lies at {}, the one from before at {}, and neither can get its name: {}; give one of \
             them the name",
            self.converting.display(),
            self.before.display(),
            shown::sentence(error)
        );
        Err(Error::Damaged { path: self.root.clone(), problem })
    }

    /// The copy gets the name of the store, which nothing has.
    fn name_copy(&self, disk: &dyn Disk) -> io::Result<()> {
        if fs::symlink_metadata(&self.root).is_ok() {
            let problem = format!("{} has come to be meanwhile", self.root.display());
            return Err(io::Error::new(ErrorKind::AlreadyExists, problem));
        }
        disk.rename(&self.converting, &self.root, SyncPolicy::Now)
    }
}

/// Whether both have the mark of one run.
fn is_same_run(source: &dyn Source, one: &Path, other: &Path) -> Result<bool> {
    let run = |root: &Path| -> Result<Option<Value>> {
        Ok(match Document::read(source, &root.join(own::MARK))? {
            Document::Object(mut mark) => mark.remove("run").filter(Value::is_string),
            _ => None,
        })
    };
    Ok(run(one)?.is_some_and(|one| run(other).is_ok_and(|other| other == Some(one))))
}

/// Removes a store, last the mark that tells whose it is.
pub(super) fn remove(root: &Path) -> Result<()> {
    let fail = |error| Error::io("remove", root, error);
    let kept = [own::FOLDER, own::RUN_FOLDER, own::MARK].map(|name| root.join(name));
    for folder in [root, &kept[0], &kept[1]] {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound && folder != root => continue,
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            if !kept.contains(&path) {
                let is_folder = entry.file_type().map_err(fail)?.is_dir();
                let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(fail)?;
            }
        }
    }
    fs::remove_dir_all(root).map_err(fail)
}
