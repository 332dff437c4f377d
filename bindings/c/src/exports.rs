//! The exported functions, each one call of `border`. Their documentation becomes the header.

// What a host has to promise about its pointers is the same for all and stands once, at the top of the header, where
// those read it who can keep the promise.
#![allow(clippy::missing_safety_doc)]

mod planned;

use std::ffi::{CStr, c_char, c_void};
use std::time::Duration;

use ome_stream::stream::FrameState;
use ome_stream::{Error, Plan, Settings, Stream, backend};
pub use planned::*;

use crate::refusal::Refusal;
use crate::{arguments, border, codes, handles};

// The name of the shared library carries the number too.
const _: () = match u32::from_str_radix(env!("OME_STREAM_ABI_VERSION"), 10) {
    Ok(number) => assert!(number == codes::OME_STREAM_ABI_VERSION, "build.rs and codes.rs name different ABIs"),
    Err(_) => panic!("build.rs gives no number"),
};

/// Version of the library, zero-terminated.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => c"",
};

/// A stream: one acquisition being written. Only ever used through a pointer that ome_stream_create gives.
#[allow(non_camel_case_types)]
pub struct ome_stream_t;

/// Version of the library, such as "0.1.0". Never NULL; lives for ever, do not free it.
///
/// Any thread, any time.
#[unsafe(no_mangle)]
pub extern "C" fn ome_stream_version() -> *const c_char {
    border::constant(VERSION.as_ptr())
}

/// Number of this ABI: the N of libome_stream.so.N. A host that loads the library at run time compares it with
/// OME_STREAM_ABI_VERSION of the header it was built with and refuses another number.
///
/// Any thread, any time.
#[unsafe(no_mangle)]
pub extern "C" fn ome_stream_abi_version() -> u32 {
    border::constant(codes::OME_STREAM_ABI_VERSION)
}

/// Name of a code as written in this header, such as "OME_STREAM_FULL"; "unknown code" for any other number. Never
/// NULL; lives for ever, do not free it.
///
/// Any thread, any time.
#[unsafe(no_mangle)]
pub extern "C" fn ome_stream_error_name(code: i32) -> *const c_char {
    border::constant(codes::name(code).as_ptr())
}

/// The message of the last call that failed on this thread, in English, UTF-8: what was wrong, with the field or file
/// and the value, and what would work. Empty before the first failure; calls that succeed leave it as it is.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above. 1024 bytes are enough for nearly every message.
/// Failing here (buffer too small) does not replace the message.
///
/// Any thread, any time; each thread has its own message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_last_error(buf: *mut c_char, len: u64, needed: *mut u64) -> i32 {
    // SAFETY: the host's promise about pointers, as the header states it.
    border::run_keeping_message(|| unsafe { arguments::answer(&border::message(), buf, len, needed) })
}

/// The engines of this build as a JSON array of objects: "name" (for `format.backend` of the settings), "available"
/// (true or false), "reason" (where it was found, or why it is not available and what would make it so) and
/// "capabilities" (null where it is not available).
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above; 4096 bytes are enough.
///
/// An engine that is loaded at run time (acquire-zarr) is told here by its file, and not loaded: a call that names it
/// in its settings (ome_stream_create, ome_stream_estimate_memory) loads it, for the rest of the process's life, and
/// may still find it OME_STREAM_UNAVAILABLE. Its version is that of the Python package in which it lies, "0.10 or
/// newer" for a library of one's own. It prints its errors to standard error, which is left as it is.
///
/// Any thread, any time. May take a moment: it reads the files of such engines.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_backends(buf: *mut c_char, len: u64, needed: *mut u64) -> i32 {
    border::run(|| {
        let engines: Vec<_> = ome_stream_backends::list().into_iter().map(Engine::from).collect();
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&json(&engines)?, buf, len, needed) }
    })
}

/// Most bytes of memory that a stream with these settings will hold, in `*bytes`. Touches no disk, so a host can ask
/// before it starts.
///
/// Fails as ome_stream_create does for settings that cannot be used: OME_STREAM_INVALID_SETTINGS,
/// OME_STREAM_MEMORY_LIMIT, OME_STREAM_UNSUPPORTED, OME_STREAM_UNAVAILABLE.
///
/// Any thread, any time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_estimate_memory(settings_json: *const c_char, bytes: *mut u64) -> i32 {
    border::run(|| {
        arguments::required(bytes, "bytes")?;
        // SAFETY: the host's promise about pointers, as the header states it.
        let plan = unsafe { plan_of(settings_json) }?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::store(bytes, plan.memory().total_bytes) };
        Ok(())
    })
}

/// Starts a stream: checks the settings, makes the store, valid and empty, and gives its handle in `*out`.
///
/// `settings_json`: see "Settings" above. Every handle must be given to ome_stream_free once.
///
/// Fails with OME_STREAM_INVALID_SETTINGS, OME_STREAM_UNSUPPORTED, OME_STREAM_MEMORY_LIMIT or OME_STREAM_UNAVAILABLE
/// before anything is touched; OME_STREAM_ALREADY_EXISTS or OME_STREAM_NOT_A_STORE for what is in the way, which stays
/// as it is; OME_STREAM_IO or OME_STREAM_ENGINE if the store cannot be made, after which nothing of it is left behind;
/// OME_STREAM_BUSY where another program or stream is at work on the store; OME_STREAM_OUT_OF_MEMORY. With `resume`
/// also OME_STREAM_MISMATCH or OME_STREAM_DAMAGED for a store that cannot be continued.
///
/// Any thread, any time; several streams may live at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_create(settings_json: *const c_char, out: *mut *mut ome_stream_t) -> i32 {
    border::run(|| {
        arguments::required(out, "out")?;
        // SAFETY: the host's promise about pointers, as the header states it.
        let settings = Settings::parse_json(unsafe { arguments::text(settings_json, "settings_json") }?)?;
        let backend = ome_stream_backends::open(&settings.format.backend)?;
        let handle = handles::insert(Stream::create(&settings, &*backend)?);
        // A number in the shape of a pointer: there is nothing behind it to follow.
        let pointer = std::ptr::without_provenance_mut(handle);
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::store(out, pointer) };
        Ok(())
    })
}

/// Takes the next frame: `nbytes` bytes at `pixels`, rows of pixels in native byte order, no padding between rows.
/// Copies them: when this returns, the memory is the host's again.
///
/// `frame_metadata_json`: a JSON object with whatever is known about this frame, at most 65536 bytes; NULL or "" for
/// none. Some names have a meaning, and stand for finite numbers, or null, where they are there: "delta_t" (seconds
/// since the acquisition began), "exposure_time" (seconds, not negative), "position_x", "position_y", "position_z"
/// (place of the stage, micrometers); leave out what is not known. The library adds "storage_index", "frame" and the
/// time at which it "accepted" the frame. `frame_number`: receives the zero-based number of this frame; NULL if not
/// wanted.
///
/// Where the disk is slower than the camera and `memory_limit` is reached, this does what `when_full` of the settings
/// says: "block" waits for room, "error" returns OME_STREAM_FULL, "drop" counts the frame as dropped, returns
/// OME_STREAM_OK and leaves its place empty.
///
/// Fails with OME_STREAM_FAILED when an earlier write went wrong, OME_STREAM_FRAME_SIZE when `nbytes` is not
/// ome_stream_frame_bytes, OME_STREAM_TOO_MANY_FRAMES, OME_STREAM_INVALID_METADATA, OME_STREAM_FULL,
/// OME_STREAM_FINISHED; with OME_STREAM_OUT_OF_MEMORY or OME_STREAM_IO where the system has no memory for the frame, or
/// no thread to store the first. A refused frame changes nothing and uses no number.
///
/// Any thread. Calls from several threads for one stream are made one after another in an order that the library
/// chooses: frames whose order matters come from one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_append(
    stream: *mut ome_stream_t,
    pixels: *const c_void,
    nbytes: u64,
    frame_metadata_json: *const c_char,
    frame_number: *mut u64,
) -> i32 {
    border::run(|| {
        let append = |stream: &Stream, pixels: &[u8], metadata: Option<&str>| match metadata {
            Some(metadata) => stream.append_with(pixels, metadata),
            None => stream.append(pixels),
        };
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { give(stream, pixels, nbytes, frame_metadata_json, frame_number, append) }
    })
}

/// As ome_stream_append, but never waits for the disk, whatever `when_full` says: OME_STREAM_FULL when there is no room
/// within the memory limit now. The frame is then still the host's, to try again, to keep or to drop. It may wait for
/// another thread that is copying its frame.
///
/// Any thread, as ome_stream_append.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_try_append(
    stream: *mut ome_stream_t,
    pixels: *const c_void,
    nbytes: u64,
    frame_metadata_json: *const c_char,
    frame_number: *mut u64,
) -> i32 {
    // SAFETY: the host's promise about pointers, as the header states it.
    border::run(|| unsafe { give(stream, pixels, nbytes, frame_metadata_json, frame_number, Stream::try_append) })
}

/// As ome_stream_append, but waits for room no longer than `milliseconds`, whatever `when_full` says:
/// OME_STREAM_TIMED_OUT where there was none by then. UINT64_MAX is no limit.
///
/// Any thread, as ome_stream_append.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_append_within(
    stream: *mut ome_stream_t,
    pixels: *const c_void,
    nbytes: u64,
    frame_metadata_json: *const c_char,
    milliseconds: u64,
    frame_number: *mut u64,
) -> i32 {
    border::run(|| {
        let append = |stream: &Stream, pixels: &[u8], metadata: Option<&str>| {
            stream.append_within(pixels, metadata, Duration::from_millis(milliseconds))
        };
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { give(stream, pixels, nbytes, frame_metadata_json, frame_number, append) }
    })
}

/// Waits until frame `frame` (from 0) and every one before it is written (`state` OME_STREAM_STATE_WRITTEN), durable
/// (OME_STREAM_STATE_DURABLE) or readable (OME_STREAM_STATE_READABLE), for at most `milliseconds`; UINT64_MAX is no limit, 0 asks
/// without waiting. A frame that was not appended yet is waited for too. Frames become readable some `live_interval`
/// after they are written.
///
/// Fails with OME_STREAM_TIMED_OUT, OME_STREAM_CANCELED, OME_STREAM_FAILED where the run failed before,
/// OME_STREAM_FINISHED where it ended without the frame, OME_STREAM_INVALID_SETTINGS for another `state`, and for durable
/// with `durability` "none".
///
/// Any thread, any time before ome_stream_free, while other threads append or finish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_wait(stream: *mut ome_stream_t, frame: u64, state: i32, milliseconds: u64) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        let state = match state {
            codes::OME_STREAM_STATE_WRITTEN => FrameState::Written,
            codes::OME_STREAM_STATE_DURABLE => FrameState::Durable,
            codes::OME_STREAM_STATE_READABLE => FrameState::Readable,
            other => {
                let problem = "a frame has no such state";
                let remedy =
                    "use OME_STREAM_STATE_WRITTEN (1), OME_STREAM_STATE_DURABLE (2) or OME_STREAM_STATE_READABLE (3)";
                return Err(Error::settings("state", other, problem, remedy).into());
            }
        };
        let limit = (milliseconds != u64::MAX).then_some(Duration::from_millis(milliseconds));
        Ok(stream.wait(frame, state, limit)?)
    })
}

/// Calls off what waits now in other threads: calls of append that wait for room, and of ome_stream_wait, return
/// OME_STREAM_CANCELED at once, and their frames are refused. The stream goes on; calls that come later wait as before.
/// For a stop button.
///
/// Any thread, any time before ome_stream_free. Never waits for the disk.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_cancel(stream: *mut ome_stream_t) -> i32 {
    border::run(|| {
        handles::get(stream.addr())?.cancel();
        Ok(())
    })
}

/// Passes over the next `frames` frames: their places stay empty and read as zero.
///
/// Fails with OME_STREAM_TOO_MANY_FRAMES when fewer are left or `frames` is above 100000000 (nothing is skipped then),
/// OME_STREAM_FAILED, OME_STREAM_FINISHED.
///
/// Any thread, as ome_stream_append.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_skip(stream: *mut ome_stream_t, frames: u64) -> i32 {
    border::run(|| {
        handles::get(stream.addr())?.skip(frames)?;
        Ok(())
    })
}

/// Stores metadata of the whole acquisition: the JSON object `json` becomes the attribute `namespace_` of the store's
/// root, at once and atomically. Asked again for the same namespace it replaces what was there.
///
/// Fails with OME_STREAM_INVALID_METADATA for a name that OME-NGFF or this library uses itself ("ome", "ome_stream",
/// "ome_writers", "series", ...), an empty one, text that is not a JSON object, more than 16 MiB in a namespace, or more
/// than 32 MiB in all together, OME_STREAM_FINISHED, OME_STREAM_IO. Frames are not concerned: the stream goes on.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_set_metadata(
    stream: *mut ome_stream_t,
    namespace_: *const c_char,
    json: *const c_char,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        // SAFETY: the host's promise about pointers, as the header states it.
        let (namespace, json) = unsafe { (arguments::text(namespace_, "namespace_")?, arguments::text(json, "json")?) };
        Ok(stream.set_metadata(namespace, json)?)
    })
}

/// Bytes of one frame of this stream, in `*bytes`: rows x columns x bytes of a pixel.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_frame_bytes(stream: *mut ome_stream_t, bytes: *mut u64) -> i32 {
    border::run(|| {
        arguments::required(bytes, "bytes")?;
        let stream = handles::get(stream.addr())?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::store(bytes, stream.plan().geometry().frame_bytes()) };
        Ok(())
    })
}

/// Folder of the store, as the settings' `root_path` and suffix make it.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_path(
    stream: *mut ome_stream_t,
    buf: *mut c_char,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        let path = stream.plan().root().to_string_lossy();
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&path, buf, len, needed) }
    })
}

/// How the stream stands, as a JSON object. Frame numbers: "accepted" (taken or skipped: the number that the next frame
/// gets), "written" (every frame below it survives the death of this process), "durable" (every frame below it survives
/// power loss). Counts: "skipped", "dropped", "lost" (given up by ome_stream_abort), "declared" (null where the first dimension is
/// unbounded). Bytes:
/// "bytes_in_flight", "bytes_high_water", "bytes_limit", "bytes_written", and of that "bytes_for_live_readers" (what
/// readers cost that look while the run goes on). "append": times of append so far in microseconds ("count", "p50_us",
/// "p99_us", "p999_us", "max_us"). "phases": where the time went, in milliseconds, added up over threads ("copy_ms" and
/// "wait_ms" inside append, "encode_ms" and "write_ms" in the workers, "sync_ms" in finish). "failure": the first
/// cause, or null. "finished": true once finish was asked. "aborted": true once ome_stream_abort was. "housekeeping": what the library keeps beside the pixels
/// (frame metadata, progress, the list of missing frames) and could not write, with the reason, or null: it is tried
/// again, the run goes on, and finish fails with it if it never succeeds. "notes": a list of texts, what is worth
/// knowing of this run, its file system and its memory. More fields may come: pass over those that are not known.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above; 4096 bytes are enough. Numbers grow between two
/// calls: rather pass a buffer of 4096 bytes at once than ask for the size first.
///
/// Any thread, any time before ome_stream_free, while other threads append or finish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_status(
    stream: *mut ome_stream_t,
    buf: *mut c_char,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&json(&stream.status())?, buf, len, needed) }
    })
}

/// Ends the stream: stores what is still in memory, trims an unbounded first dimension to what came, writes the last
/// metadata and makes everything durable as the settings' `durability` says. Returns when that is done, which can take
/// as long as the disk needs for `memory_limit` bytes. The handle stays valid (for status) until ome_stream_free.
///
/// May be asked again and then gives the same answer at once. Fails with the first thing that went wrong in the whole
/// run, OME_STREAM_FAILED with its cause: a host that asks nothing else must ask this.
///
/// Any thread. A call of append that waits on another thread is completed first; later ones get OME_STREAM_FINISHED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_finish(stream: *mut ome_stream_t) -> i32 {
    border::run(|| {
        handles::get(stream.addr())?.finish()?;
        Ok(())
    })
}

/// Ends the stream at once: keeps what was written and gives up the frames that wait for the disk. Waits for what is
/// being written just now (a few MiB for each worker, or a shard) and for what was written to be on the medium, as the
/// settings' `durability` says; not for the rest. The store is valid and says in its root group that the run was given
/// up; the frames that were accepted and are not there are listed in it, and "lost" of ome_stream_status counts them. With
/// `resume` a later stream goes on behind the last frame that was written.
///
/// OME_STREAM_OK where what was written is whole: ome_stream_status tells the rest. May be asked again and then gives the
/// same answer at once; after ome_stream_finish it gives the answer of that. Fails as ome_stream_finish does.
///
/// Any thread, also while another thread finishes: that becomes an abort. Calls of append and of ome_stream_wait that wait
/// in other threads return OME_STREAM_ABORTED at once, as all later ones do, and ome_stream_finish. The handle stays
/// valid until ome_stream_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_abort(stream: *mut ome_stream_t) -> i32 {
    border::run(|| {
        handles::get(stream.addr())?.abort()?;
        Ok(())
    })
}

/// Frees a stream; finishes it first if that was not asked. From then on its handle is invalid, for ever: any further
/// use is refused with OME_STREAM_INVALID_HANDLE. NULL is allowed and does nothing.
///
/// What came until then is kept and readable, and it takes as long as ome_stream_finish: to stop without waiting for the
/// disk ask ome_stream_abort before. It returns no code; if finishing fails here the message is in ome_stream_last_error,
/// but rather ask ome_stream_finish before.
///
/// Any thread, also while other threads use the stream: their calls end as usual or with OME_STREAM_FINISHED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_free(stream: *mut ome_stream_t) {
    border::run(|| {
        if !stream.is_null() {
            match handles::remove(stream.addr())?.finish() {
                Ok(_) | Err(Error::Aborted) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    });
}

/// What these settings come to with the engine that they name. Touches no disk.
///
/// # Safety
/// As [`arguments::text`].
unsafe fn plan_of(settings_json: *const c_char) -> Result<Plan, Refusal> {
    // SAFETY: this function's own condition.
    let settings = Settings::parse_json(unsafe { arguments::text(settings_json, "settings_json") }?)?;
    let backend = ome_stream_backends::open(&settings.format.backend)?;
    let plan = Plan::new(&settings, &backend.capabilities())?;
    backend::check(&*backend, &plan)?;
    Ok(plan)
}

/// An engine as a host sees it.
#[derive(serde::Serialize)]
struct Engine {
    name: &'static str,
    available: bool,
    reason: String,
    capabilities: Option<ome_stream::backend::Capabilities>,
}

impl From<ome_stream_backends::Listing> for Engine {
    fn from(listing: ome_stream_backends::Listing) -> Self {
        Self {
            name: listing.name,
            available: listing.is_available(),
            reason: listing.detail,
            capabilities: listing.capabilities,
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value)
        .map_err(|error| Error::Internal { place: "JSON for the host", message: error.to_string() }.into())
}

/// Gives the host's frame to `take`, and the frame's number to the host. A size that is not that of a frame gives no
/// pixels: core refuses them, and no slice is ever made of a size that a host made up.
///
/// # Safety
/// As [`ome_stream_append`].
unsafe fn give(
    stream: *mut ome_stream_t,
    pixels: *const c_void,
    nbytes: u64,
    metadata: *const c_char,
    frame_number: *mut u64,
    take: impl FnOnce(&Stream, &[u8], Option<&str>) -> ome_stream::Result<u64>,
) -> Result<(), Refusal> {
    let stream = handles::get(stream.addr())?;
    let size = match isize::try_from(nbytes) {
        Ok(_) if nbytes == stream.plan().geometry().frame_bytes() => usize::try_from(nbytes).unwrap_or(0),
        _ => 0,
    };
    // SAFETY: the host's promise that `pixels` has `nbytes` bytes and that the metadata is zero-terminated.
    let (pixels, metadata) =
        unsafe { (arguments::pixels(pixels, size)?, arguments::optional_text(metadata, "frame_metadata_json")?) };
    let number = take(&stream, pixels, metadata).map_err(|error| match error {
        // The size that the host gave.
        Error::FrameSize { expected, height, width, dtype, .. } => {
            Error::FrameSize { got: nbytes, expected, height, width, dtype }
        }
        other => other,
    })?;
    // SAFETY: the host's promise about pointers, as the header states it.
    unsafe { arguments::store(frame_number, number) };
    Ok(())
}
