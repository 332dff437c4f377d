//! The numbers that functions return. Permanent: none is ever given another meaning.

use std::ffi::CStr;

/// Number of this ABI, the N of libome_stream.so.N: what ome_stream_abi_version returns. It goes up only if a function
/// is ever taken away or changed, which is not planned.
pub const OME_STREAM_ABI_VERSION: u32 = 1;

/// Success.
pub const OME_STREAM_OK: i32 = 0;

/// A settings field has a value that cannot be used; the message names the field, the value and what would work.
pub const OME_STREAM_INVALID_SETTINGS: i32 = 1;

/// The settings are valid, but the chosen engine cannot do what they ask.
pub const OME_STREAM_UNSUPPORTED: i32 = 2;

/// The acquisition needs more memory than `memory_limit` allows; the message says how much.
pub const OME_STREAM_MEMORY_LIMIT: i32 = 3;

/// Something is already at `root_path` and `overwrite` is false; it was not touched.
pub const OME_STREAM_ALREADY_EXISTS: i32 = 4;

/// `overwrite` was asked for on something that is not an OME-Zarr store; it was not touched.
pub const OME_STREAM_NOT_A_STORE: i32 = 5;

/// The operating system refused a file operation; the message names the file and the reason.
pub const OME_STREAM_IO: i32 = 6;

/// A frame has the wrong number of bytes; it was refused and used no frame number.
pub const OME_STREAM_FRAME_SIZE: i32 = 7;

/// More frames than the dimensions declare; nothing was consumed.
pub const OME_STREAM_TOO_MANY_FRAMES: i32 = 8;

/// No room within the memory limit now; the frame was refused and used no frame number. Not a failure: try again.
pub const OME_STREAM_FULL: i32 = 9;

/// The stream is finished; create a new one to write more frames.
pub const OME_STREAM_FINISHED: i32 = 10;

/// An earlier write failed (disk full, folder gone); the message has the first cause and its frame number. The stream
/// takes no more frames. What was written before stays readable.
pub const OME_STREAM_FAILED: i32 = 11;

/// Metadata cannot be stored: not a JSON object, too long, or a reserved name.
pub const OME_STREAM_INVALID_METADATA: i32 = 12;

/// An engine reported a failure of its own.
pub const OME_STREAM_ENGINE: i32 = 13;

/// The chosen engine is not available on this machine; the message says what would make it so.
pub const OME_STREAM_UNAVAILABLE: i32 = 14;

/// A bug in this library; what was written before stays readable.
pub const OME_STREAM_INTERNAL: i32 = 15;

/// A store is damaged or is not what an operation on it needs.
pub const OME_STREAM_DAMAGED: i32 = 16;

/// `resume` was asked for on a store that was not made with these settings; the message has the difference. It was not
/// touched.
pub const OME_STREAM_MISMATCH: i32 = 17;

/// A frame that was to be replaced does not exist. No function of this ABI replaces frames yet: the number is reserved.
pub const OME_STREAM_NO_SUCH_FRAME: i32 = 18;

/// Another program, or another stream of this one, is at work on the store; the message says which. It was not touched.
pub const OME_STREAM_BUSY: i32 = 19;

/// The system has no memory to give, though `memory_limit` allows more; nothing was changed. A refused frame used no
/// number: it may be given again when there is some.
pub const OME_STREAM_OUT_OF_MEMORY: i32 = 20;

/// What was waited for had not happened when the time limit was over. A frame that was to be appended was refused and
/// used no frame number. Not a failure: the stream goes on.
pub const OME_STREAM_TIMED_OUT: i32 = 21;

/// ome_stream_cancel called off what was waited for. A frame that was to be appended was refused and used no frame
/// number. Not a failure: the stream goes on.
pub const OME_STREAM_CANCELED: i32 = 22;

/// ome_stream_abort gave the run up: what was written is kept, the rest is not in the store.
pub const OME_STREAM_ABORTED: i32 = 24;
/// The settings declare no such frame, plane, position or level; the message says what there is.
pub const OME_STREAM_NOT_DECLARED: i32 = 25;

/// A pointer that must not be NULL is NULL.
pub const OME_STREAM_NULL_POINTER: i32 = 32;

/// The handle is not that of a live stream: it was freed, or it never came from `ome_stream_create`.
pub const OME_STREAM_INVALID_HANDLE: i32 = 33;

/// A text is not UTF-8.
pub const OME_STREAM_INVALID_UTF8: i32 = 34;

/// The buffer is too small for the answer: `*needed` says how many bytes (of an array, how many numbers) it needs. The
/// buffer was not touched.
pub const OME_STREAM_BUFFER_TOO_SMALL: i32 = 35;

/// A bug in this library: a panic was caught before it reached the host. Finish and free still work.
pub const OME_STREAM_PANIC: i32 = 36;

/// For ome_stream_wait: the operating system has the frame, which survives the death of this process.
pub const OME_STREAM_STATE_WRITTEN: i32 = 1;

/// For ome_stream_wait: the frame is on the medium, and survives a loss of power. Before ome_stream_finish frames become
/// so only with `durability` "shard".
pub const OME_STREAM_STATE_DURABLE: i32 = 2;

/// For ome_stream_wait: who opens the store sees the frame.
pub const OME_STREAM_STATE_READABLE: i32 = 3;

/// Name of a code as in the header, for a person to read.
#[must_use]
pub(crate) fn name(code: i32) -> &'static CStr {
    match code {
        OME_STREAM_OK => c"OME_STREAM_OK",
        OME_STREAM_INVALID_SETTINGS => c"OME_STREAM_INVALID_SETTINGS",
        OME_STREAM_UNSUPPORTED => c"OME_STREAM_UNSUPPORTED",
        OME_STREAM_MEMORY_LIMIT => c"OME_STREAM_MEMORY_LIMIT",
        OME_STREAM_ALREADY_EXISTS => c"OME_STREAM_ALREADY_EXISTS",
        OME_STREAM_NOT_A_STORE => c"OME_STREAM_NOT_A_STORE",
        OME_STREAM_IO => c"OME_STREAM_IO",
        OME_STREAM_FRAME_SIZE => c"OME_STREAM_FRAME_SIZE",
        OME_STREAM_TOO_MANY_FRAMES => c"OME_STREAM_TOO_MANY_FRAMES",
        OME_STREAM_FULL => c"OME_STREAM_FULL",
        OME_STREAM_FINISHED => c"OME_STREAM_FINISHED",
        OME_STREAM_FAILED => c"OME_STREAM_FAILED",
        OME_STREAM_INVALID_METADATA => c"OME_STREAM_INVALID_METADATA",
        OME_STREAM_ENGINE => c"OME_STREAM_ENGINE",
        OME_STREAM_UNAVAILABLE => c"OME_STREAM_UNAVAILABLE",
        OME_STREAM_INTERNAL => c"OME_STREAM_INTERNAL",
        OME_STREAM_DAMAGED => c"OME_STREAM_DAMAGED",
        OME_STREAM_MISMATCH => c"OME_STREAM_MISMATCH",
        OME_STREAM_NO_SUCH_FRAME => c"OME_STREAM_NO_SUCH_FRAME",
        OME_STREAM_BUSY => c"OME_STREAM_BUSY",
        OME_STREAM_OUT_OF_MEMORY => c"OME_STREAM_OUT_OF_MEMORY",
        OME_STREAM_TIMED_OUT => c"OME_STREAM_TIMED_OUT",
        OME_STREAM_CANCELED => c"OME_STREAM_CANCELED",
        OME_STREAM_ABORTED => c"OME_STREAM_ABORTED",
        OME_STREAM_NOT_DECLARED => c"OME_STREAM_NOT_DECLARED",
        OME_STREAM_NULL_POINTER => c"OME_STREAM_NULL_POINTER",
        OME_STREAM_INVALID_HANDLE => c"OME_STREAM_INVALID_HANDLE",
        OME_STREAM_INVALID_UTF8 => c"OME_STREAM_INVALID_UTF8",
        OME_STREAM_BUFFER_TOO_SMALL => c"OME_STREAM_BUFFER_TOO_SMALL",
        OME_STREAM_PANIC => c"OME_STREAM_PANIC",
        _ => c"unknown code",
    }
}
