//! One writer a store: whoever changes a store holds its lock, whatever the engine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::owner::{Life, Owner};
use crate::error::{Error, Result};
use crate::names::own::{LOCK, OLD_LOG, OWNER, TAKING};
use crate::platform::{Kind, Source, partial_name};
use crate::reader::{self, limits};

/// How long to wait for another process that is just taking the same lock: it does a handful of small file operations.
const TAKING_TIME: Duration = Duration::from_secs(10);

/// The lock of a store, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    root: PathBuf,
    source: Arc<dyn Source>,
    /// `None` where the file system has no locks: then only the owner's name keeps others away.
    file: Option<File>,
    owner: Owner,
}

/// A lock that one tried to get.
enum Try {
    Got(File),
    Held,
    /// The file system has no locks.
    None,
}

impl Lock {
    /// Takes the lock of the store in `root`, where our folder is.
    ///
    /// # Errors
    /// [`Error::Busy`] where another holds it, or may; [`Error::Io`].
    pub(crate) fn take(root: &Path, source: &Arc<dyn Source>) -> Result<Self> {
        let fail = |source| Error::io("lock", root.join(LOCK), source);
        let _taking = hold_taking(root, &**source)?;
        refuse_old_writer(root)?;
        let owner = read_owner(root, &**source)?;
        let attempt = try_lock(&root.join(LOCK), &**source)?;
        let file = match (attempt, &owner) {
            (Try::Got(file), None) => Some(file),
            // The owner locked the file under this boot, so a free lock means that it is gone.
            (Try::Got(file), Some(owner)) if owner.locked && owner.on_this_boot() => Some(file),
            (Try::Got(file), Some(owner)) if owner.life() == Life::Dead => Some(file),
            (Try::None, owner) if owner.as_ref().is_none_or(|owner| owner.life() == Life::Dead) => None,
            // A forked child still holds the dead owner's lock; a new lock file replaces it.
            (Try::Held, Some(owner)) if owner.life() == Life::Dead => Some(replace(root).map_err(fail)?),
            (_, owner) => return Err(busy(root, owner.as_ref())),
        };
        let owner = Owner::this_process(file.is_some());
        let lock = Self { root: root.to_path_buf(), source: Arc::clone(source), owner, file };
        lock.write_owner().map_err(|source| Error::io("write", root.join(OWNER), source))?;
        Ok(lock)
    }

    /// Refuses where a writer lives; changes nothing.
    ///
    /// # Errors
    /// As for [`Lock::take`].
    pub(crate) fn look(root: &Path, source: &dyn Source) -> Result<()> {
        let fail = |source| Error::io("look at", root.join(LOCK), source);
        refuse_old_writer(root)?;
        let owner = read_owner(root, source)?;
        let held = match File::open(root.join(LOCK)) {
            Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(error) if is_nothing(&error) => false,
            Err(source) => return Err(fail(source)),
        };
        let free = match (&owner, held) {
            (None, held) => !held,
            (Some(owner), false) if owner.locked && owner.on_this_boot() => true,
            (Some(owner), _) => owner.life() == Life::Dead,
        };
        if free { Ok(()) } else { Err(busy(root, owner.as_ref())) }
    }

    /// False where the file system has no locks: processes on other machines cannot tell that this one lives.
    pub(crate) fn is_locked(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the store is still where it was and still ours: somebody may have renamed, removed or replaced it.
    ///
    /// # Errors
    /// [`Error::Io`] with `NotFound` where it is not; else what the operating system says.
    pub(crate) fn check(&self) -> Result<()> {
        let lost = |problem: String| Error::io("find", &self.root, io::Error::new(io::ErrorKind::NotFound, problem));
        match read_owner(&self.root, &*self.source)? {
            Some(owner) if owner.id == self.owner.id => Ok(()),
            Some(owner) => Err(lost(format!("it was replaced while it was written, by {}", owner.describe()))),
            None => Err(lost("it was renamed, removed or replaced while it was written".into())),
        }
    }

    /// The store has got another name.
    pub(crate) fn moved(&mut self, root: &Path) {
        self.root = root.to_path_buf();
    }

    fn write_owner(&self) -> io::Result<()> {
        let path = self.root.join(OWNER);
        let partial = partial_name(&path);
        let text = serde_json::to_vec(&self.owner).map_err(io::Error::other)?;
        create_anew(&partial)?.write_all(&text)?;
        fs::rename(&partial, &path)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A forked child has a copy of this, and its end is not the owner's.
        if !self.owner.is_this_process() && self.owner.on_this_boot() {
            return;
        }
        // Only while the store is ours: what another put in its place is his.
        if read_owner(&self.root, &*self.source).is_ok_and(|owner| owner.is_some_and(|owner| owner.id == self.owner.id))
        {
            let _ = fs::remove_file(self.root.join(OWNER));
        }
        if let Some(file) = &self.file {
            // A child that was forked in the meantime shares the lock; it shall not keep it.
            let _ = file.unlock();
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn busy(root: &Path, owner: Option<&Owner>) -> Error {
    let owner = owner.map_or_else(|| "another program".to_owned(), Owner::describe);
    Error::Busy { path: root.to_path_buf(), owner, file: root.join(OWNER) }
}

/// Lets one process at a time judge and take the lock of a store.
fn hold_taking(root: &Path, source: &dyn Source) -> Result<Option<File>> {
    let path = root.join(TAKING);
    let until = Instant::now() + TAKING_TIME;
    loop {
        match try_lock(&path, source)? {
            Try::Got(file) => return Ok(Some(file)),
            Try::None => return Ok(None),
            Try::Held if Instant::now() >= until => return Err(busy(root, None)),
            Try::Held => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

fn try_lock(path: &Path, source: &dyn Source) -> Result<Try> {
    let fail = |error| Error::io("lock", path, error);
    match reader::kind(source, path)? {
        Kind::Nothing | Kind::File(_) => {}
        // Nothing is made through a link.
        Kind::Folder | Kind::Link | Kind::Other => return Err(fail(io::Error::other("not a file of ome-stream"))),
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(fail)?;
    Ok(match file.try_lock() {
        Ok(()) => Try::Got(file),
        Err(TryLockError::WouldBlock) => Try::Held,
        // Whatever the reason: where nothing can be locked, the owner's name has to do.
        Err(TryLockError::Error(_)) => Try::None,
    })
}

/// A new file at `path`, whatever a killed process left there.
fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if !is_nothing(&error) => return Err(error),
        _ => {}
    }
    OpenOptions::new().create_new(true).write(true).open(path)
}

/// Puts a new file in place of one whose lock nobody can give back.
fn replace(root: &Path) -> io::Result<File> {
    let path = root.join(LOCK);
    let partial = partial_name(&path);
    let file = create_anew(&partial)?;
    file.lock()?;
    fs::rename(&partial, &path)?;
    Ok(file)
}

/// Earlier versions had their lock on the write log.
fn refuse_old_writer(root: &Path) -> Result<()> {
    match File::open(root.join(OLD_LOG)) {
        Ok(file) if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) => Err(busy(root, None)),
        _ => Ok(()),
    }
}

/// Who holds the lock; `None` where nobody says so, or where what is said cannot be understood.
fn read_owner(root: &Path, source: &dyn Source) -> Result<Option<Owner>> {
    let said = reader::small(source, &root.join(OWNER), limits::OWNER_BYTES)?.bytes();
    Ok(said.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{self, SyncPolicy, native_source};
    use crate::store::files;
    use crate::zarr::ZarrFormat;

    fn root() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        files::make_folders(folder.path(), ZarrFormat::V3, &*platform::native(), SyncPolicy::Never).expect("made");
        folder
    }

    fn refused(root: &Path) -> String {
        assert!(matches!(Lock::look(root, &*native_source()), Err(Error::Busy { .. })));
        let error = Lock::take(root, &native_source()).expect_err("it is held");
        assert_eq!(error.code(), 19);
        error.to_string()
    }

    /// Writes an owner that is not this process: `life` of it as the tests need it.
    fn write_owner(root: &Path, change: impl Fn(&mut serde_json::Value)) {
        let mut owner = serde_json::to_value(Owner::this_process(true)).expect("plain data");
        change(&mut owner);
        fs::write(root.join(OWNER), owner.to_string()).expect("written");
    }

    #[test]
    fn one_holder_at_a_time_who_is_named_to_the_others() {
        let root = root();
        let lock = Lock::take(root.path(), &native_source()).expect("free");
        assert!(refused(root.path()).contains(&format!("process {}", std::process::id())));
        lock.check().expect("still there");
        drop(lock);
        Lock::look(root.path(), &*native_source()).expect("free again");
        drop(Lock::take(root.path(), &native_source()).expect("free again"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_that_a_child_of_the_dead_owner_keeps_is_free() {
        let root = root();
        // What a forked child has: the open file, and with it the lock.
        let child = File::create(root.path().join(LOCK)).expect("made");
        child.try_lock().expect("free");
        write_owner(root.path(), |owner| owner["started"] = 1.into());
        Lock::look(root.path(), &*native_source()).expect("its owner is dead");
        let lock = Lock::take(root.path(), &native_source()).expect("its owner is dead");
        assert!(lock.is_locked());
        refused(root.path());
        drop(child);
        refused(root.path());
    }

    #[test]
    fn a_free_lock_of_a_living_owner_is_not_taken() {
        let root = root();
        // Another machine, on a file system that does not tell locks from machine to machine.
        write_owner(root.path(), |owner| {
            owner["machine"] = "another".into();
            owner["boot"] = "another".into();
            owner["host"] = "microscope-3".into();
            owner["program"] = "LabVIEW".into();
        });
        let said = refused(root.path());
        assert!(said.contains("LabVIEW") && said.contains("microscope-3") && said.contains("owner.json"), "{said}");
        // The same machine, without locks.
        write_owner(root.path(), |owner| owner["locked"] = false.into());
        refused(root.path());
    }

    #[test]
    fn an_owner_that_nobody_can_read_is_none() {
        let root = root();
        fs::write(root.path().join(OWNER), "{\"id\":").expect("written");
        Lock::take(root.path(), &native_source()).expect("nobody holds the lock");
    }

    #[test]
    fn a_store_that_was_renamed_or_replaced_is_noticed() {
        let root = root();
        let lock = Lock::take(root.path(), &native_source()).expect("free");
        let elsewhere = root.path().with_extension("elsewhere");
        fs::rename(root.path(), &elsewhere).expect("renamed");
        let error = lock.check().expect_err("renamed");
        assert!(error.is_not_found(), "{error}");
        files::make_folders(
            {
                fs::create_dir(root.path()).expect("made");
                root.path()
            },
            ZarrFormat::V3,
            &*platform::native(),
            SyncPolicy::Never,
        )
        .expect("made");
        let other = Lock::take(root.path(), &native_source()).expect("another store");
        assert!(lock.check().is_err());
        drop(lock);
        other.check().expect("the other's owner is not removed");
        fs::remove_dir_all(&elsewhere).expect("removed");
    }

    #[test]
    fn a_writer_of_an_earlier_version_is_respected() {
        let root = root();
        let log = File::create(root.path().join(OLD_LOG)).expect("made");
        log.try_lock().expect("free");
        refused(root.path());
        drop(log);
        Lock::take(root.path(), &native_source()).expect("it has ended");
    }
}
