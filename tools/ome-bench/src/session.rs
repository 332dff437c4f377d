//! The folders of a benchmark: one for all, a fresh one for each run, removed outside the clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::measure::disk;

/// Exit code of a program that was interrupted (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Folder of the session that runs, for the one who interrupts it.
static CURRENT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A folder for everything that is written; it and all in it are gone when this is dropped.
#[derive(Debug)]
pub struct Session {
    folder: TempDir,
    scratch: PathBuf,
    keep: bool,
    serial: std::cell::Cell<u64>,
}

impl Session {
    /// A session in `root`, or in the system's temporary folder.
    pub fn new(root: Option<&Path>) -> Result<Self> {
        let root = root.map_or_else(std::env::temp_dir, Path::to_path_buf);
        if !root.is_dir() {
            bail!("{} is not a folder: give one that is there with --root", root.display());
        }
        let folder = tempfile::Builder::new()
            .prefix("ome-bench-")
            .tempdir_in(&root)
            .with_context(|| format!("cannot write in {}", root.display()))?;
        disk::spread_folders(folder.path());
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch)?;
        *CURRENT.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.path().to_path_buf());
        Ok(Self { folder, scratch, keep: false, serial: 0.into() })
    }

    /// Where everything is written.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A place for what is needed beside the runs.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Checks that there is room for one run of `bytes`, and decides whether the folders of all `runs` stay until the
    /// end. That is better where it can be had: ext4 is slow to make files for minutes after many were removed.
    pub fn plan_room(&mut self, bytes: u64, runs: u64, memory: Option<u64>) -> Result<()> {
        let Some(free) = disk::free(self.path()) else {
            return Ok(());
        };
        self.keep = keeps(bytes, runs, free, memory);
        check_room(bytes, free, self.path())
    }

    /// True where folders stay until the end.
    pub fn keeps_folders(&self) -> bool {
        self.keep
    }

    /// A new, empty folder.
    pub fn fresh(&self) -> Result<PathBuf> {
        let serial = self.serial.get();
        self.serial.set(serial + 1);
        let folder = self.path().join(format!("run-{serial}"));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    }

    /// Takes back a folder that was [`Session::fresh`].
    pub fn done_with(&self, folder: &Path) -> Result<()> {
        if self.keep {
            return Ok(());
        }
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
    }

    /// Removes everything when the program is interrupted; without this a run of gigabytes would stay behind.
    pub fn remove_when_interrupted() -> Result<()> {
        ctrlc::set_handler(|| {
            if let Some(folder) = CURRENT.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // Engines still write into it, so that a first attempt may find a folder that is not empty.
                let _ = (0..100).find(|_| fs::remove_dir_all(&folder).is_ok() || !folder.exists());
            }
            std::process::exit(INTERRUPTED);
        })
        .context("interrupts cannot be caught")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        CURRENT.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// All runs fit in a quarter of what is free, and in half of memory: what lies in the page cache must not push out what
/// is measured.
fn keeps(bytes: u64, runs: u64, free: u64, memory: Option<u64>) -> bool {
    let all = bytes.saturating_mul(runs);
    all <= free / 4 && memory.is_none_or(|memory| all <= memory / 2)
}

fn check_room(bytes: u64, free: u64, folder: &Path) -> Result<()> {
    // One run, its metadata, and something for everybody else on this disk.
    let needed = bytes.saturating_add(bytes / 20).saturating_add(64 << 20);
    if needed > free {
        bail!(
            "one run needs {} MiB and {} has {} MiB free: use --root FOLDER on a larger disk, or smaller counts",
            needed >> 20,
            folder.parent().unwrap_or(folder).display(),
            free >> 20
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_fresh_and_gone_at_the_end() {
        let root = tempfile::tempdir().unwrap();
        let session = Session::new(Some(root.path())).unwrap();
        let (one, two) = (session.fresh().unwrap(), session.fresh().unwrap());
        assert!(one != two && one.is_dir() && two.is_dir());
        session.done_with(&one).unwrap();
        assert!(!one.exists());
        drop(session);
        assert_eq!(root.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn folders_of_small_workloads_stay_until_the_end() {
        assert!(keeps(1 << 20, 100, 1 << 30, Some(1 << 30)));
        assert!(!keeps(1 << 20, 300, 1 << 30, Some(1 << 40)));
        assert!(!keeps(1 << 20, 100, 1 << 30, Some(100 << 20)));
        let root = tempfile::tempdir().unwrap();
        let mut session = Session::new(Some(root.path())).unwrap();
        session.plan_room(1, 1, None).unwrap();
        let folder = session.fresh().unwrap();
        session.done_with(&folder).unwrap();
        assert!(session.keeps_folders() && folder.exists());
    }

    #[test]
    fn too_little_disk_is_told_with_the_numbers() {
        let problem = check_room(1 << 30, 1 << 30, Path::new("/data/x")).unwrap_err().to_string();
        assert!(
            problem.contains("1139 MiB") && problem.contains("1024 MiB") && problem.contains("--root"),
            "{problem}"
        );
        assert!(check_room(1 << 30, 2 << 30, Path::new("/data/x")).is_ok());
    }

    #[test]
    fn a_root_that_is_no_folder_is_refused() {
        let problem = Session::new(Some(Path::new("absent-folder"))).unwrap_err().to_string();
        assert!(problem.contains("absent-folder") && problem.contains("--root"), "{problem}");
    }
}
