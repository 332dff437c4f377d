//! What was planned: for settings before a run, and of a stream.

use std::ffi::c_char;

use super::{json, ome_stream_t, plan_of};
use crate::{arguments, border, handles};
use ome_stream::plan::SourceId;

/// What a stream with these settings will be, as a JSON object, before it is made; touches no disk. "settings": all of
/// them in their normal form, every default filled in. "path": the store's folder. "notes": texts for a person.
/// "memory": bytes that the stream holds at most ("total_bytes"), and what they are made of; "threads": worker threads.
/// "frames": how many are declared (null where the first dimension is unbounded), "frame_bytes": of each. "axes": names
/// of an image's axes in storage order. "loops": the dimensions in the order of acquisition, without rows and columns,
/// each with "name", "count" (null: unbounded) and "axis" (its place among the axes; null: position). "levels": of an
/// image, full resolution first, each with "shape" (null where unbounded), "chunk" and "shard" (null: none), all in
/// pixels along each axis. "positions": of each "name", "folder" of its image and "arrays" (their folders, a level
/// each), all below "path". More fields may come: pass over those that are not known.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above; some 4096 bytes, and 64 for each position.
///
/// Fails as ome_stream_estimate_memory.
///
/// Any thread, any time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_plan(
    settings_json: *const c_char,
    buf: *mut c_char,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        // SAFETY: the host's promise about pointers, as the header states it.
        let plan = unsafe { plan_of(settings_json) }?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&json(&plan.told())?, buf, len, needed) }
    })
}

/// What was planned for a stream, as a JSON object: that of ome_stream_plan.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above.
///
/// Any thread, any time before ome_stream_free; the answer is always the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_planned(
    stream: *mut ome_stream_t,
    buf: *mut c_char,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&json(&stream.plan().told())?, buf, len, needed) }
    })
}

/// Where frame `frame` (from 0) goes, whether it has come or not: `*position` (from 0; may be NULL) and its coordinates
/// along the axes before rows and columns, in storage order, in `index`, which has room for `len` of them. `*needed`
/// receives how many there are, at most 3 (may be NULL if `index` is not). `index` NULL with `len` 0 asks for the
/// number, and the position. Where `len` is too small the code is OME_STREAM_BUFFER_TOO_SMALL, `*needed` is set and
/// nothing else.
///
/// Fails with OME_STREAM_NOT_DECLARED beyond the declared frames.
///
/// Any thread, any time before ome_stream_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_place_of(
    stream: *mut ome_stream_t,
    frame: u64,
    position: *mut u64,
    index: *mut u64,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        let place = stream.plan().place_of(SourceId(0), frame)?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe {
            arguments::answer_numbers(&place.index, index, len, needed)?;
            arguments::store(position, place.position as u64);
        }
        Ok(())
    })
}

/// The number of the frame that goes to a place, whether it has come or not, in `*frame`: at `position` (from 0), and
/// at the `len` coordinates `index` along the axes before rows and columns, in storage order. `index` may be NULL where
/// `len` is 0.
///
/// Fails with OME_STREAM_NOT_DECLARED where there is no such position or plane, or where planes have more or fewer
/// coordinates.
///
/// Any thread, any time before ome_stream_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_frame_of(
    stream: *mut ome_stream_t,
    position: u64,
    index: *const u64,
    len: u64,
    frame: *mut u64,
) -> i32 {
    border::run(|| {
        arguments::required(frame, "frame")?;
        let stream = handles::get(stream.addr())?;
        // SAFETY: the host's promise about pointers, as the header states it.
        let index = unsafe { arguments::numbers(index, len, "index") }?;
        let number = stream.plan().frame_of(usize::try_from(position).unwrap_or(usize::MAX), &index)?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::store(frame, number) };
        Ok(())
    })
}

/// Folder of the array that holds `level` (0 is full resolution) of `position` (from 0), in full.
///
/// `buf`, `len`, `needed`: see "Texts that the library returns" above.
///
/// Fails with OME_STREAM_NOT_DECLARED where there is no such position or level.
///
/// Any thread, any time before ome_stream_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ome_stream_array_path(
    stream: *mut ome_stream_t,
    position: u64,
    level: u32,
    buf: *mut c_char,
    len: u64,
    needed: *mut u64,
) -> i32 {
    border::run(|| {
        let stream = handles::get(stream.addr())?;
        let plan = stream.plan();
        let array = plan.array_of(usize::try_from(position).unwrap_or(usize::MAX), level)?;
        // SAFETY: the host's promise about pointers, as the header states it.
        unsafe { arguments::answer(&plan.folder_of(array).to_string_lossy(), buf, len, needed) }
    })
}
