//! A source for tests: reads that fail, end early or come in pieces.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::source::{Entries, Kind, Source, SourceFile};

/// One read as the inner source would see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// What is at a path was asked.
    Kind(PathBuf),
    /// A folder was to be listed.
    List(PathBuf),
    /// The next name in a folder was asked for.
    Name(PathBuf),
    /// A file was to be opened.
    Open(PathBuf),
    /// The length of an open file was asked.
    Length(PathBuf),
    /// Bytes were read: path, offset, most bytes.
    Bytes(PathBuf, u64, usize),
    /// The links in a path were to be followed.
    Resolve(PathBuf),
}

impl Read {
    /// The path concerned.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Kind(path) | Self::List(path) | Self::Name(path) | Self::Open(path) => path,
            Self::Length(path) | Self::Bytes(path, ..) | Self::Resolve(path) => path,
        }
    }
}

/// What a [`FaultySource`] does to one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misread {
    /// Nothing.
    #[default]
    None,
    /// It fails with this operating-system error number.
    Fails(i32),
    /// Of several bytes it gives half, as a system may.
    Short,
    /// It gives no bytes, as at the end of the file.
    Ends,
}

/// Decides what happens to the `n`-th read (from 0).
pub type ReadScript = dyn Fn(u64, &Read) -> Misread + Send + Sync;

/// Passes reads on to another source, with faults as a script says.
#[derive(Clone)]
pub struct FaultySource {
    inner: Arc<dyn Source>,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<ReadScript>,
    count: AtomicU64,
}

impl std::fmt::Debug for FaultySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultySource").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl FaultySource {
    /// A source with faults as `script` says.
    #[must_use]
    pub fn new(inner: Arc<dyn Source>, script: Box<ReadScript>) -> Self {
        Self { inner, shared: Arc::new(Shared { script, count: AtomicU64::new(0) }) }
    }

    /// Reads so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Lets a read fail where the script says so; else what is to become of its bytes.
    fn ask(&self, read: &Read) -> io::Result<Misread> {
        let nth = self.count.fetch_add(1, Ordering::Relaxed);
        match (self.script)(nth, read) {
            Misread::Fails(errno) => Err(io::Error::from_raw_os_error(errno)),
            other => Ok(other),
        }
    }
}

impl Source for FaultySource {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        self.shared.ask(&Read::Kind(path.to_path_buf()))?;
        self.inner.kind(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Entries<'_>> {
        self.shared.ask(&Read::List(folder.to_path_buf()))?;
        let folder = folder.to_path_buf();
        let entries = self.inner.list(&folder)?;
        Ok(Box::new(entries.map(move |entry| {
            self.shared.ask(&Read::Name(folder.clone()))?;
            entry
        })))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SourceFile>> {
        self.shared.ask(&Read::Open(path.to_path_buf()))?;
        let inner = self.inner.open(path)?;
        Ok(Box::new(FaultyFile { inner, path: path.to_path_buf(), shared: Arc::clone(&self.shared) }))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.shared.ask(&Read::Resolve(path.to_path_buf()))?;
        self.inner.resolve(path)
    }
}

struct FaultyFile {
    inner: Box<dyn SourceFile>,
    path: PathBuf,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for FaultyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyFile").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl SourceFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.shared.ask(&Read::Length(self.path.clone()))?;
        self.inner.length()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let most = match self.shared.ask(&Read::Bytes(self.path.clone(), offset, bytes.len()))? {
            Misread::Ends => return Ok(0),
            Misread::Short => bytes.len().div_ceil(2),
            Misread::None | Misread::Fails(_) => bytes.len(),
        };
        self.inner.read_at(offset, bytes.get_mut(..most).unwrap_or_default())
    }

    fn data_from(&self, from: u64) -> Option<u64> {
        self.inner.data_from(from)
    }
}
