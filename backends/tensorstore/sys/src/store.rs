//! Stores, and writes that never outlive their memory.

use std::collections::VecDeque;
use std::fmt;

use cxx::UniquePtr;

use crate::bridge::ffi;
use crate::keep::{Keep, Keeper};

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What TensorStore, or the bridge on its behalf, refused or failed to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// TensorStore's own words: a status code in capitals, then what and where.
    pub message: String,
}

impl From<cxx::Exception> for Error {
    fn from(exception: cxx::Exception) -> Self {
        Self { message: exception.what().to_owned() }
    }
}

/// Settings and thread pools that stores share.
pub struct Context {
    inner: UniquePtr<ffi::Context>,
}

// SAFETY: a tensorstore::Context is a reference-counted handle to immutable, internally synchronized resources; it has
// no thread affinity.
unsafe impl Send for Context {}
// SAFETY: as above; all access is through const member functions.
unsafe impl Sync for Context {}

impl Context {
    /// A context from its JSON: an object of resources such as `cache_pool`, `file_io_sync`.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    pub fn new(json: &str) -> Result<Self> {
        Ok(Self { inner: ffi::context_from_json(json)? })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").finish_non_exhaustive()
    }
}

/// A box of an array, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Region<'a> {
    /// First pixel along each dimension.
    pub origin: &'a [i64],
    /// Pixels along each dimension; all above zero.
    pub shape: &'a [i64],
}

/// Whether each write of a call is a transaction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// The region is stored in one go: right for a whole shard, which is then written once.
    PerRegion,
    /// Each chunk is stored by itself.
    None,
}

/// An array that was opened.
pub struct Store {
    inner: UniquePtr<ffi::Store>,
}

// SAFETY: a tensorstore::TensorStore is a reference-counted handle to an internally synchronized driver; it has no
// thread affinity.
unsafe impl Send for Store {}
// SAFETY: TensorStore documents its handles as safe to use from several threads; all access here is through const
// member functions.
unsafe impl Sync for Store {}

impl Store {
    /// Opens or makes an array, as its JSON specification says (`open`, `create`, `delete_existing`,
    /// `assume_metadata`).
    ///
    /// # Errors
    /// What TensorStore says: an invalid specification, an array that is or is not there, the disk.
    pub fn open(context: &Context, spec: &str) -> Result<Self> {
        let context = context.inner.as_ref().ok_or_else(null)?;
        Ok(Self { inner: ffi::open_store(context, spec)? })
    }

    /// Opens or makes an array whose stored objects go to `keep`; the specification names no key-value store.
    /// TensorStore cannot read it: this is for arrays of which every region that is written is made of whole stored
    /// objects, and whose metadata are assumed (`assume_metadata`).
    ///
    /// # Errors
    /// What TensorStore says.
    pub fn open_kept(context: &Context, spec: &str, keep: Box<dyn Keep>) -> Result<Self> {
        let context = context.inner.as_ref().ok_or_else(null)?;
        Ok(Self { inner: ffi::open_kept(context, spec, Box::new(Keeper::new(keep)))? })
    }

    /// Pixels along each dimension, as they are known to this handle.
    #[must_use]
    pub fn shape(&self) -> Vec<i64> {
        self.get().map(ffi::Store::shape).unwrap_or_default()
    }

    /// Bytes of a pixel.
    #[must_use]
    pub fn item_size(&self) -> usize {
        self.get().map_or(0, ffi::Store::item_size)
    }

    /// The full specification, as JSON.
    ///
    /// # Errors
    /// What TensorStore says.
    pub fn spec(&self) -> Result<String> {
        Ok(self.get()?.spec()?)
    }

    /// Stores every region with its pixels (C order, native byte order, aligned for their type), at most `in_flight` at
    /// a time. Returns when all of them are stored and nothing refers to their memory any more.
    ///
    /// # Errors
    /// The first failure; no further region is started after it, those under way are waited for.
    pub fn write_all<'a>(
        &self,
        regions: impl IntoIterator<Item = (Region<'a>, &'a [u8])>,
        transaction: Transaction,
        in_flight: usize,
    ) -> Result<()> {
        let store = self.get()?;
        let mut commits = VecDeque::new();
        for (region, bytes) in regions {
            if commits.len() >= in_flight.max(1)
                && let Some(oldest) = commits.pop_front()
            {
                wait(oldest)?;
            }
            // SAFETY: `bytes` outlive this call, and every commit is waited for before it ends: by `wait`, or, where a
            // failure or a panic leaves the function early, by the destructor of the commits that are left.
            let commit =
                unsafe { store.write(region.origin, region.shape, bytes, transaction == Transaction::PerRegion) }?;
            commits.push_back(commit);
        }
        commits.into_iter().try_for_each(wait)
    }

    /// Reads a region into `bytes`.
    ///
    /// # Errors
    /// What TensorStore says; `bytes` are then unchanged.
    pub fn read(&self, region: Region<'_>, bytes: &mut [u8]) -> Result<()> {
        Ok(self.get()?.read(region.origin, region.shape, bytes)?)
    }

    /// Sets the number of pixels along each dimension; chunks that fall outside are removed. This handle knows the new
    /// shape, other handles learn of it when they look at the metadata.
    ///
    /// # Errors
    /// What TensorStore says; also for a store that was opened with `assume_metadata`.
    pub fn resize(&mut self, shape: &[i64]) -> Result<()> {
        self.inner = self.get()?.resize(shape)?;
        Ok(())
    }

    fn get(&self) -> Result<&ffi::Store> {
        self.inner.as_ref().ok_or_else(null)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").field("shape", &self.shape()).finish_non_exhaustive()
    }
}

fn wait(mut commit: UniquePtr<ffi::Commit>) -> Result<()> {
    Ok(commit.as_mut().ok_or_else(null)?.wait()?)
}

/// The bridge never makes a null pointer; if it did, this is better than undefined behavior.
fn null() -> Error {
    Error { message: "the bridge returned a null pointer".into() }
}
