//! A disk for tests: slow, failing, or written down call by call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{AppendFile, Disk, DiskFile, Source, SyncPoint, SyncPolicy};

pub use super::misread::{FaultySource, Misread, Read, ReadScript};

/// What a [`FaultyDisk`] does to one operation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fault {
    /// Wait this long first.
    pub delay: Duration,
    /// Then fail with this operating-system error number instead of doing it.
    pub errno: Option<i32>,
    /// Or write only this many bytes before failing (writes only).
    pub torn_after: Option<usize>,
}

/// One operation as the inner disk would see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A folder was made; true if its name was synced at once.
    CreateDir(PathBuf, bool),
    /// A file was created or emptied.
    Create(PathBuf),
    /// An existing file was opened.
    Open(PathBuf),
    /// Bytes were written: path, offset, bytes.
    Write(PathBuf, u64, Vec<u8>),
    /// Bytes were appended; true if they were synced at once.
    Append(PathBuf, Vec<u8>, bool),
    /// A file was cut off at this length.
    Truncate(PathBuf, u64),
    /// A file was synced at once (true) or is to be synced later, if at all.
    Sync(PathBuf, bool),
    /// A file got another name; true if the folder was synced.
    Rename(PathBuf, PathBuf, bool),
    /// Two folders or files got the names of each other; true if the folder was synced.
    Exchange(PathBuf, PathBuf, bool),
    /// A file was removed.
    Remove(PathBuf),
    /// Everything was synced.
    SyncAll,
}

/// Decides what happens to the `n`-th operation (from 0).
pub type Script = dyn Fn(u64, &Operation) -> Fault + Send + Sync;

/// Passes operations on to another disk, with faults as a script says, and records them if asked to.
#[derive(Clone)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    /// `None` where it is that of the inner disk.
    source: Option<Arc<dyn Source>>,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<Script>,
    count: AtomicU64,
    /// `None` where nothing is recorded.
    log: Option<Mutex<Vec<Operation>>>,
}

impl std::fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyDisk").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl FaultyDisk {
    /// A disk with faults as `script` says.
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>, script: Box<Script>) -> Self {
        Self::with(inner, script, None)
    }

    /// A disk without faults that records every operation, bytes and all.
    #[must_use]
    pub fn recording(inner: Arc<dyn Disk>) -> Self {
        Self::with(inner, Box::new(|_, _| Fault::default()), Some(Mutex::default()))
    }

    fn with(inner: Arc<dyn Disk>, script: Box<Script>, log: Option<Mutex<Vec<Operation>>>) -> Self {
        Self { inner, source: None, shared: Arc::new(Shared { script, count: AtomicU64::new(0), log }) }
    }

    /// The same disk, of which is read by way of `source`.
    #[must_use]
    pub fn read_from(self, source: Arc<dyn Source>) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Operations so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Number of operations recorded so far.
    #[must_use]
    pub fn recorded(&self) -> usize {
        self.shared.log.as_ref().map_or(0, |log| log.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// What was recorded, in the order in which it was done.
    #[must_use]
    pub fn log(&self) -> Vec<Operation> {
        self.shared.log.as_ref().map_or_else(Vec::new, |log| log.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Shared {
    /// Runs `real` unless the script says otherwise; `torn` writes part of the bytes.
    fn run<T>(
        &self,
        operation: &Operation,
        real: impl FnOnce() -> io::Result<T>,
        torn: impl FnOnce(usize) -> io::Result<()>,
    ) -> io::Result<T> {
        let nth = self.count.fetch_add(1, Ordering::Relaxed);
        let fault = (self.script)(nth, operation);
        if !fault.delay.is_zero() {
            std::thread::sleep(fault.delay);
        }
        if let Some(bytes) = fault.torn_after {
            torn(bytes)?;
        }
        if let Some(errno) = fault.errno {
            return Err(io::Error::from_raw_os_error(errno));
        }
        // A recorded disk is replayed, so the record must have the order in which things were done.
        let mut log = self.log.as_ref().map(|log| log.lock().unwrap_or_else(PoisonError::into_inner));
        let done = real()?;
        if let Some(log) = &mut log {
            log.push(operation.clone());
        }
        Ok(done)
    }
}

impl Disk for FaultyDisk {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn source(&self) -> Arc<dyn Source> {
        self.source.clone().unwrap_or_else(|| self.inner.source())
    }

    fn create_dir(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::CreateDir(path.to_path_buf(), sync == SyncPolicy::Now);
        self.shared.run(&operation, || self.inner.create_dir(path, sync), |_| Ok(()))
    }

    fn create(&self, path: &Path, expected: u64) -> io::Result<Box<dyn DiskFile>> {
        let operation = Operation::Create(path.to_path_buf());
        let file = self.shared.run(&operation, || self.inner.create(path, expected), |_| Ok(()))?;
        Ok(self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let operation = Operation::Open(path.to_path_buf());
        let file = self.shared.run(&operation, || self.inner.open(path), |_| Ok(()))?;
        Ok(self.file(path, file))
    }

    fn append(&self, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::Append(path.to_path_buf(), bytes.to_vec(), sync == SyncPolicy::Now);
        self.shared.run(
            &operation,
            || self.inner.append(path, bytes, sync),
            |part| self.inner.append(path, &bytes[..part.min(bytes.len())], sync),
        )
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let operation = Operation::Open(path.to_path_buf());
        let inner = self.shared.run(&operation, || self.inner.open_append(path), |_| Ok(()))?;
        Ok(Box::new(FaultyAppend { inner, path: path.to_path_buf(), shared: Arc::clone(&self.shared) }))
    }

    fn rename(&self, from: &Path, to: &Path, sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::Rename(from.to_path_buf(), to.to_path_buf(), sync == SyncPolicy::Now);
        self.shared.run(&operation, || self.inner.rename(from, to, sync), |_| Ok(()))
    }

    fn exchange(&self, one: &Path, other: &Path, sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::Exchange(one.to_path_buf(), other.to_path_buf(), sync == SyncPolicy::Now);
        self.shared.run(&operation, || self.inner.exchange(one, other, sync), |_| Ok(()))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let operation = Operation::Remove(path.to_path_buf());
        self.shared.run(&operation, || self.inner.remove_file(path), |_| Ok(()))
    }

    fn adopt(&self, path: &Path, sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::Sync(path.to_path_buf(), sync == SyncPolicy::Now);
        self.shared.run(&operation, || self.inner.adopt(path, sync), |_| Ok(()))
    }

    fn sync_point(&self, root: &Path) -> io::Result<Box<dyn SyncPoint>> {
        Ok(Box::new(FaultySyncPoint { inner: self.inner.sync_point(root)?, shared: Arc::clone(&self.shared) }))
    }

    fn notes(&self) -> Vec<String> {
        self.inner.notes()
    }
}

impl FaultyDisk {
    fn file(&self, path: &Path, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { inner, path: path.to_path_buf(), shared: Arc::clone(&self.shared) })
    }
}

struct FaultySyncPoint {
    inner: Box<dyn SyncPoint>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FaultySyncPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FaultySyncPoint").field(&self.inner).finish()
    }
}

impl SyncPoint for FaultySyncPoint {
    fn sync(&self) -> io::Result<()> {
        self.shared.run(&Operation::SyncAll, || self.inner.sync(), |_| Ok(()))
    }
}

struct FaultyAppend {
    inner: Box<dyn AppendFile>,
    path: PathBuf,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FaultyAppend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FaultyAppend").field(&self.path).finish()
    }
}

impl AppendFile for FaultyAppend {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let kept = if self.shared.log.is_some() { bytes.to_vec() } else { Vec::new() };
        let operation = Operation::Append(self.path.clone(), kept, false);
        self.shared.run(
            &operation,
            || self.inner.append(bytes),
            |part| self.inner.append(&bytes[..part.min(bytes.len())]),
        )
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FaultyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FaultyFile").field(&self.path).finish()
    }
}

impl DiskFile for FaultyFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(offset, bytes, |inner, bytes| inner.write_at(offset, bytes))
    }

    fn extend_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(offset, bytes, |inner, bytes| inner.extend_at(offset, bytes))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let operation = Operation::Truncate(self.path.clone(), length);
        self.shared.run(&operation, || self.inner.truncate(length), |_| Ok(()))
    }

    fn sync(&self, sync: SyncPolicy) -> io::Result<()> {
        let operation = Operation::Sync(self.path.clone(), sync == SyncPolicy::Now);
        self.shared.run(&operation, || self.inner.sync(sync), |_| Ok(()))
    }

    fn has_name(&self, path: &Path) -> io::Result<bool> {
        self.inner.has_name(path)
    }
}

impl FaultyFile {
    fn write(
        &self,
        offset: u64,
        bytes: &[u8],
        real: impl Fn(&dyn DiskFile, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        // Bytes are copied only where somebody will read them.
        let kept = if self.shared.log.is_some() { bytes.to_vec() } else { Vec::new() };
        let operation = Operation::Write(self.path.clone(), offset, kept);
        self.shared.run(
            &operation,
            || real(&*self.inner, bytes),
            |part| self.inner.write_at(offset, &bytes[..part.min(bytes.len())]),
        )
    }
}
