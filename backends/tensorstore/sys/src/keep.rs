//! Where stored objects go when TensorStore does not write files itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::bridge::ffi;

/// Takes what TensorStore has encoded: whole chunks, or whole shards with their index.
///
/// It is called on TensorStore's threads for files (`file_io_concurrency`), several at a time.
pub trait Keep: Send + Sync {
    /// Stores `value` under `key`, such as `c/0/1/2`. The write that brought it ends when this has returned.
    ///
    /// # Errors
    /// Why not, in words: the write fails with them.
    fn put(&self, key: &str, value: Pieces<'_>) -> Result<(), String>;
}

impl<T: Keep + ?Sized> Keep for Arc<T> {
    fn put(&self, key: &str, value: Pieces<'_>) -> Result<(), String> {
        (**self).put(key, value)
    }
}

/// An encoded value, as the pieces in which it lies in memory.
pub struct Pieces<'a> {
    value: Pin<&'a mut ffi::Encoded>,
}

impl std::fmt::Debug for Pieces<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pieces").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl Pieces<'_> {
    /// Bytes of all pieces together.
    #[must_use]
    pub fn length(&self) -> usize {
        self.value.length()
    }

    /// The next piece, never an empty one.
    pub fn next_piece(&mut self) -> Option<&[u8]> {
        Some(self.value.as_mut().next()).filter(|piece| !piece.is_empty())
    }
}

/// The Rust object that the C++ side holds.
pub(crate) struct Keeper(Box<dyn Keep>);

impl Keeper {
    pub(crate) fn new(keep: Box<dyn Keep>) -> Self {
        Self(keep)
    }

    /// Called from C++: a panic must not get there.
    pub(crate) fn put(&self, key: &str, value: Pin<&mut ffi::Encoded>) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| self.0.put(key, Pieces { value })))
            .unwrap_or_else(|_| Err(format!("storing {key} panicked")))
    }
}
