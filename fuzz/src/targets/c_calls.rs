//! Any sequence of calls on a handful of streams, right and wrong: each code is what a simple model expects.

use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut, without_provenance_mut};

use arbitrary::{Arbitrary, Unstructured};
use ome_stream_c::codes::*;
use ome_stream_c::exports::*;

/// Bytes of a frame: 4 x 6 pixels of uint16.
const FRAME: u64 = 48;

/// Calls of one sequence: longer ones find nothing that shorter ones do not.
const MOST_CALLS: usize = 64;

/// Streams that a sequence may make: each is a folder and some threads.
const MOST_STREAMS: usize = 4;

#[derive(Arbitrary, Debug)]
enum Metadata {
    None,
    Empty,
    Object,
    NoObject,
    NotUtf8,
}

/// How a frame waits for room.
#[derive(Arbitrary, Debug, PartialEq)]
enum How {
    Wait,
    Within { milliseconds: u8 },
    Try,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Create { frames: Option<u8>, sharded: bool },
    Append { stream: u8, bytes: u64, right: bool, null: bool, metadata: Metadata, how: How },
    Wait { stream: u8, frame: u16, state: i8, milliseconds: u8 },
    Cancel { stream: u8 },
    Skip { stream: u8, frames: u64, few: bool },
    SetMetadata { stream: u8, reserved: bool },
    Status { stream: u8, length: u16 },
    Path { stream: u8, length: u16 },
    Planned { stream: u8, length: u16 },
    Place { stream: u8, frame: u64, near: bool, room: u8 },
    FrameOf { stream: u8, position: u8, index: Vec<u64> },
    ArrayPath { stream: u8, position: u64, level: u32, length: u16 },
    Finish { stream: u8 },
    Abort { stream: u8 },
    Free { stream: u8 },
    LastError { length: u16 },
    Foreign { handle: usize },
}

/// What the model knows of a stream.
struct Known {
    handle: *mut ome_stream_t,
    declared: Option<u64>,
    accepted: u64,
    finished: bool,
    /// Given up, and not everything had come and been stored by then.
    aborted: bool,
    freed: bool,
}

impl Known {
    /// The code that any call with this handle gives first.
    fn gone(&self) -> Option<i32> {
        self.freed.then_some(OME_STREAM_INVALID_HANDLE)
    }

    /// The code of calls that come after the end.
    fn over(&self) -> i32 {
        if self.aborted { OME_STREAM_ABORTED } else { OME_STREAM_FINISHED }
    }

    fn has_room(&self, frames: u64) -> bool {
        self.declared.is_none_or(|declared| frames <= declared - self.accepted)
    }
}

/// Makes the calls that the bytes stand for; panics where an answer is not what the model says.
pub fn check(bytes: &[u8]) {
    let Ok(calls) = Vec::<Call>::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut streams: Vec<Known> = Vec::new();
    for call in calls.into_iter().take(MOST_CALLS) {
        one(call, &mut streams, &folder.path().display().to_string());
    }
    for known in streams {
        // SAFETY: any handle may be freed, once or more.
        unsafe { ome_stream_free(known.handle) };
    }
}

fn pick(streams: &mut [Known], which: u8) -> Option<&mut Known> {
    let count = streams.len();
    if count == 0 { None } else { streams.get_mut(usize::from(which) % count) }
}

fn one(call: Call, streams: &mut Vec<Known>, folder: &str) {
    let pixels = [5_u8; FRAME as usize];
    let mut needed = 0_u64;
    // SAFETY: pointers are NULL, or point at as much as is said; handles may be anything.
    unsafe {
        match call {
            Call::Create { frames, sharded } if streams.len() < MOST_STREAMS => {
                let count = frames.map_or("null".to_owned(), |frames| frames.to_string());
                let chunks = if sharded { ", \"chunk_size\": 2, \"shard_size_chunks\": 3" } else { "" };
                let text = format!(
                    "{{\"root_path\": \"{folder}/{}.ome.zarr\", \"dtype\": \"uint16\", \"threads\": 1, \"durability\": \"none\", \
                     \"dimensions\": [{{\"name\": \"t\", \"count\": {count}{chunks}}}, {{\"name\": \"y\", \"count\": 4}}, \
                     {{\"name\": \"x\", \"count\": 6}}]}}",
                    streams.len()
                );
                let text = CString::new(text).expect("no zero");
                let mut handle = null_mut();
                let code = ome_stream_create(text.as_ptr(), &raw mut handle);
                if frames == Some(0) {
                    assert_eq!((code, handle), (OME_STREAM_INVALID_SETTINGS, null_mut()));
                    return;
                }
                assert_eq!(code, OME_STREAM_OK, "{text:?}");
                let declared = frames.map(u64::from);
                streams.push(Known { handle, declared, accepted: 0, finished: false, aborted: false, freed: false });
            }
            Call::Create { .. } => {}
            Call::Append { stream, bytes, right, null: no_pixels, metadata, how } => {
                let Some(known) = pick(streams, stream) else { return };
                let bytes = if right { FRAME } else { bytes };
                let data = if no_pixels { null() } else { pixels.as_ptr().cast() };
                let text = text_of(&metadata);
                let mut number = u64::MAX;
                let (handle, number_out) = (known.handle, &raw mut number);
                let code = match how {
                    How::Wait => ome_stream_append(handle, data, bytes, text, number_out),
                    How::Try => ome_stream_try_append(handle, data, bytes, text, number_out),
                    How::Within { milliseconds } => {
                        ome_stream_append_within(handle, data, bytes, text, milliseconds.into(), number_out)
                    }
                };
                let expected = known.gone().unwrap_or(match metadata {
                    _ if no_pixels => OME_STREAM_NULL_POINTER,
                    Metadata::NotUtf8 => OME_STREAM_INVALID_UTF8,
                    Metadata::NoObject => OME_STREAM_INVALID_METADATA,
                    _ if bytes != FRAME => OME_STREAM_FRAME_SIZE,
                    _ if known.finished => known.over(),
                    _ if !known.has_room(1) => OME_STREAM_TOO_MANY_FRAMES,
                    _ => OME_STREAM_OK,
                });
                // Whether there is room is the disk's business.
                let no_room = match how {
                    How::Wait => None,
                    How::Try => Some(OME_STREAM_FULL),
                    How::Within { .. } => Some(OME_STREAM_TIMED_OUT),
                };
                if Some(code) == no_room && expected == OME_STREAM_OK {
                    return;
                }
                assert_eq!(code, expected);
                assert_eq!(number, if code == OME_STREAM_OK { known.accepted } else { u64::MAX });
                known.accepted += u64::from(code == OME_STREAM_OK);
            }
            Call::Wait { stream, frame, state, milliseconds } => {
                let Some(known) = pick(streams, stream) else { return };
                let code = ome_stream_wait(known.handle, frame.into(), state.into(), milliseconds.into());
                // Durability is "none" here.
                let expected = known.gone().or(match state {
                    1 | 3 => None,
                    _ => Some(OME_STREAM_INVALID_SETTINGS),
                });
                match expected {
                    Some(expected) => assert_eq!(code, expected),
                    None if u64::from(frame) >= known.accepted && known.finished => {
                        assert_eq!(code, known.over());
                    }
                    // How far it had come is the disk's business.
                    None if known.aborted => assert!(code == OME_STREAM_OK || code == OME_STREAM_ABORTED),
                    None if u64::from(frame) >= known.accepted => assert_eq!(code, OME_STREAM_TIMED_OUT),
                    None => assert!(code == OME_STREAM_OK || code == OME_STREAM_TIMED_OUT && !known.finished),
                }
            }
            Call::Cancel { stream } => {
                let Some(known) = pick(streams, stream) else { return };
                assert_eq!(ome_stream_cancel(known.handle), known.gone().unwrap_or(OME_STREAM_OK));
            }
            Call::Skip { stream, frames, few } => {
                let Some(known) = pick(streams, stream) else { return };
                let frames = if few { frames % 16 } else { frames };
                // Many frames are skipped one by one: not what is looked for here.
                if (1_000..=100_000_000).contains(&frames) {
                    return;
                }
                let expected = known.gone().unwrap_or(match () {
                    () if known.finished => known.over(),
                    () if frames > 100_000_000 || !known.has_room(frames) => OME_STREAM_TOO_MANY_FRAMES,
                    () => OME_STREAM_OK,
                });
                assert_eq!(ome_stream_skip(known.handle, frames), expected);
                known.accepted += if expected == OME_STREAM_OK { frames } else { 0 };
            }
            Call::SetMetadata { stream, reserved } => {
                let Some(known) = pick(streams, stream) else { return };
                let name = if reserved { c"ome" } else { c"lab" };
                let expected = known.gone().unwrap_or(match () {
                    () if reserved => OME_STREAM_INVALID_METADATA,
                    () if known.finished => known.over(),
                    () => OME_STREAM_OK,
                });
                assert_eq!(ome_stream_set_metadata(known.handle, name.as_ptr(), c"{}".as_ptr()), expected);
            }
            Call::Status { stream, length } => {
                let Some(known) = pick(streams, stream) else { return };
                let handle = known.handle;
                answer(known.gone(), length, |buf, len| ome_stream_status(handle, buf, len, &raw mut needed));
            }
            Call::Path { stream, length } => {
                let Some(known) = pick(streams, stream) else { return };
                let handle = known.handle;
                answer(known.gone(), length, |buf, len| ome_stream_path(handle, buf, len, &raw mut needed));
            }
            Call::Planned { stream, length } => {
                let Some(known) = pick(streams, stream) else { return };
                let handle = known.handle;
                answer(known.gone(), length, |buf, len| ome_stream_planned(handle, buf, len, &raw mut needed));
            }
            Call::Place { stream, frame, near, room } => {
                let Some(known) = pick(streams, stream) else { return };
                let frame = if near { frame % 300 } else { frame };
                let (mut position, mut index) = (77_u64, [77_u64; 2]);
                let room = u64::from(room % 3);
                let (place, into) = (&raw mut position, index.as_mut_ptr());
                let code = ome_stream_place_of(known.handle, frame, place, into, room, &raw mut needed);
                let expected = known.gone().unwrap_or(match known.declared {
                    Some(declared) if frame >= declared => OME_STREAM_NOT_DECLARED,
                    _ if room == 0 => OME_STREAM_BUFFER_TOO_SMALL,
                    _ => OME_STREAM_OK,
                });
                assert_eq!(code, expected);
                let told = if code == OME_STREAM_OK { (0, [frame, 77]) } else { (77, [77; 2]) };
                assert_eq!((position, index), told);
            }
            Call::FrameOf { stream, position, index } => {
                let Some(known) = pick(streams, stream) else { return };
                let (mut number, count) = (77_u64, index.len() as u64);
                let code = ome_stream_frame_of(known.handle, position.into(), index.as_ptr(), count, &raw mut number);
                let there = match index[..] {
                    [t] => position == 0 && known.declared.is_none_or(|declared| t < declared),
                    _ => false,
                };
                let expected = if there { OME_STREAM_OK } else { OME_STREAM_NOT_DECLARED };
                assert_eq!(code, known.gone().unwrap_or(expected));
                assert_eq!(number, if code == OME_STREAM_OK { index[0] } else { 77 });
            }
            Call::ArrayPath { stream, position, level, length } => {
                let Some(known) = pick(streams, stream) else { return };
                let handle = known.handle;
                let wrong = (position > 0 || level > 0).then_some(OME_STREAM_NOT_DECLARED);
                answer(known.gone().or(wrong), length, |buf, len| {
                    ome_stream_array_path(handle, position, level, buf, len, &raw mut needed)
                });
            }
            Call::Finish { stream } => {
                let Some(known) = pick(streams, stream) else { return };
                let ended = if known.aborted { OME_STREAM_ABORTED } else { OME_STREAM_OK };
                assert_eq!(ome_stream_finish(known.handle), known.gone().unwrap_or(ended));
                known.finished = true;
            }
            Call::Abort { stream } => {
                let Some(known) = pick(streams, stream) else { return };
                assert_eq!(ome_stream_abort(known.handle), known.gone().unwrap_or(OME_STREAM_OK));
                if !known.finished && !known.freed {
                    // Of a run of which all has come it depends on the disk whether anything was given up.
                    known.aborted = ome_stream_finish(known.handle) == OME_STREAM_ABORTED;
                    assert!(known.aborted || known.declared == Some(known.accepted));
                }
                known.finished = true;
            }
            Call::Free { stream } => {
                let Some(known) = pick(streams, stream) else { return };
                ome_stream_free(known.handle);
                known.freed = true;
            }
            Call::LastError { length } => {
                answer(None, length, |buf, len| ome_stream_last_error(buf, len, &raw mut needed));
            }
            Call::Foreign { handle } => {
                let handle = without_provenance_mut(handle);
                if streams.iter().any(|known| known.handle == handle) {
                    return;
                }
                let code = ome_stream_finish(handle);
                let wrong = if handle.is_null() { OME_STREAM_NULL_POINTER } else { OME_STREAM_INVALID_HANDLE };
                assert_eq!(code, wrong);
                ome_stream_free(handle);
            }
        }
    }
}

fn text_of(metadata: &Metadata) -> *const c_char {
    match metadata {
        Metadata::None => null(),
        Metadata::Empty => c"".as_ptr(),
        Metadata::Object => c"{\"exposure_ms\": 2.5}".as_ptr(),
        Metadata::NoObject => c"[1, 2".as_ptr(),
        Metadata::NotUtf8 => c"{\"a\": \"\xff\"}".as_ptr(),
    }
}

/// Asks for a text into a buffer of `length` bytes and checks that it ends inside, or that nothing was touched.
fn answer(gone: Option<i32>, length: u16, ask: impl FnOnce(*mut c_char, u64) -> i32) {
    let mut buffer = vec![0x55_u8; usize::from(length) + 1];
    let code = ask(buffer.as_mut_ptr().cast(), u64::from(length));
    assert_eq!(buffer.last(), Some(&0x55), "written beyond the buffer");
    match code {
        OME_STREAM_OK => assert!(buffer.contains(&0)),
        OME_STREAM_BUFFER_TOO_SMALL => assert!(buffer.iter().all(|byte| *byte == 0x55)),
        other => assert_eq!(Some(other), gone),
    }
}
