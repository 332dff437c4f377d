//! The engine's C functions, as declared by its public header `acquire.zarr.h`.
//!
//! Only functions that take no struct of known layout are used: the layouts changed in every other release, and the
//! engine does not notice a wrong one. Settings go in as JSON, into a buffer that only the engine reads.
//!
//! All are `C-unwind`: the engine is C++, and closing runs code outside its exception handlers. An exception leaving a
//! plain `C` function would be undefined behavior; this way it ends the process with a message, at the latest where
//! `catch_unwind` or the start of a Rust thread would have to hold it.

use std::ffi::{c_char, c_uint, c_void};

/// Status code of every engine function that reports one; 0 is success.
pub(crate) type RawStatus = c_uint;

/// Level from which the engine prints: errors only, to standard error. What is below goes to standard output, which
/// belongs to the host.
pub(super) const LOG_ERRORS: c_uint = 3;

macro_rules! declare {
    ($($(#[$doc:meta])* $field:ident = $name:literal: $type:ty;)+) => {
        /// Names that a library must define to be used.
        pub(super) const REQUIRED: &[&str] = &[$($name),+];

        /// Addresses of the engine's functions. The library is never unloaded, so they stay valid for good.
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct Symbols {
            $($(#[$doc])* pub(crate) $field: $type,)+
        }

        impl Symbols {
            /// Looks every function up; the name and the loader's text when one is not there.
            ///
            /// # Safety
            /// `library` is an acquire-zarr of release 0.10 or newer and is never closed.
            pub(super) unsafe fn resolve(
                library: &libloading::os::unix::Library,
            ) -> Result<Self, (&'static str, libloading::Error)> {
                $(
                    // SAFETY: the caller vouches that the name has this signature and that the address stays valid.
                    let $field = *unsafe { library.get::<$type>($name) }.map_err(|error| ($name, error))?;
                )+
                Ok(Self { $($field),+ })
            }
        }
    };
}

declare! {
    /// Sets the level for the whole loaded copy of the engine.
    set_log_level = "Zarr_set_log_level": unsafe extern "C-unwind" fn(level: c_uint) -> RawStatus;
    /// Fills a settings buffer from a JSON document; frees what it made when the document is refused.
    settings_load = "ZarrStreamSettings_load_from_string":
        unsafe extern "C-unwind" fn(settings: *mut c_void, text: *const c_char) -> RawStatus;
    /// Frees what `settings_load` made and zeroes the buffer.
    settings_destroy = "ZarrStreamSettings_destroy_loaded": unsafe extern "C-unwind" fn(settings: *mut c_void);
    /// Creates a stream, NULL on failure.
    stream_create = "ZarrStream_create": unsafe extern "C-unwind" fn(settings: *mut c_void) -> *mut c_void;
    /// Copies bytes into the stream's queue; waits while the queue is full.
    stream_append = "ZarrStream_append": unsafe extern "C-unwind" fn(
        stream: *mut c_void,
        data: *const c_void,
        bytes_in: usize,
        bytes_out: *mut usize,
        key: *const c_char,
    ) -> RawStatus;
    /// Bytes that the stream holds in its queue and its chunk buffers.
    stream_memory = "ZarrStream_get_current_memory_usage":
        unsafe extern "C-unwind" fn(stream: *const c_void, bytes: *mut usize) -> RawStatus;
    /// Writes what is left and frees the stream, whatever it returns.
    stream_close = "ZarrStream_close": unsafe extern "C-unwind" fn(stream: *mut c_void) -> RawStatus;
}
