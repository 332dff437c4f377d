//! zarrs' options for encoding and decoding, made without the threads that their default starts.
//!
//! `CodecOptions::default()` asks rayon how many threads its global pool has. That starts the pool: threads that never
//! end, in a host's process, and where they cannot be started every later call panics, for as long as the process
//! lives. There is no other constructor. Within a pool of its own the question is answered without the global one.

use std::sync::OnceLock;

use ome_stream::{Error, Result};
use rayon_core::ThreadPoolBuilder;
use zarrs::array::CodecOptions;

use crate::error::NAME;

/// The options: one thread, for our workers are the parallelism.
///
/// # Errors
/// [`Error::Engine`] where the system has no thread to give for the moment that it takes; the next call tries again.
pub(crate) fn options() -> Result<CodecOptions> {
    static MADE: OnceLock<CodecOptions> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(*made);
    }
    // The pool's one thread ends before this returns.
    let made = ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "ome-stream-options".into())
        .build_scoped(|thread| thread.run(), |pool| pool.install(CodecOptions::default))
        .map_err(|error| Error::Engine {
            backend: NAME.into(),
            message: format!("cannot start a thread: {error}; end others, or raise the limit, and try again"),
        })?;
    Ok(*MADE.get_or_init(|| made.with_concurrent_target(1)))
}
