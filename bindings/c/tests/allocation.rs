//! A call of append through C allocates nothing, but for the first and the last of a chunk: those make a group and hand
//! it on.
//!
//! Counted is all that the calling thread does, from the first frame to the last. Left out is what other threads
//! allocate meanwhile, and metadata of frames, which are kept as text.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod counting;

use std::ffi::CString;
use std::ptr::{null, null_mut};

use ome_stream_c::codes::OME_STREAM_OK;
use ome_stream_c::exports;

/// Frames of a chunk, and its last.
const FRAMES: u64 = 500;
const LAST: u64 = FRAMES - 1;

/// Chunks that are written.
const CHUNKS: u64 = 6;

/// Most allocations of a call that opens a chunk or completes one, on average.
const MOST: u64 = 40;

/// Calls that open a chunk or complete one, and the allocations that all of them made together.
#[derive(Debug, Default)]
struct AtBorders {
    calls: u64,
    allocations: u64,
}

#[test]
fn appending_a_frame_through_c_allocates_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("run.ome.zarr").display().to_string();
    let frames = CHUNKS * FRAMES;
    let settings = CString::new(format!(
        "{{\"root_path\": {root:?}, \"dtype\": \"uint16\", \"durability\": \"none\", \"dimensions\": [\
         {{\"name\": \"t\", \"count\": {frames}, \"chunk_size\": {FRAMES}}}, \
         {{\"name\": \"y\", \"count\": 16}}, {{\"name\": \"x\", \"count\": 16}}]}}"
    ))
    .expect("no zero");
    let pixels = [7_u16; 256];
    let size = size_of_val(&pixels) as u64;
    let mut stream = null_mut();
    let mut number = 0;
    let mut within = 0;
    let mut borders = AtBorders::default();
    // SAFETY: a zero-terminated text, places for the answers, and as many pixels as are said.
    unsafe {
        assert_eq!(exports::ome_stream_create(settings.as_ptr(), &raw mut stream), OME_STREAM_OK);
        for frame in 0..frames {
            let before = counting::allocations();
            let code = exports::ome_stream_append(stream, pixels.as_ptr().cast(), size, null(), &raw mut number);
            let allocations = counting::allocations() - before;
            assert_eq!((code, number), (OME_STREAM_OK, frame));
            if matches!(frame % FRAMES, 0 | LAST) {
                borders.calls += 1;
                borders.allocations += allocations;
            } else {
                within += allocations;
            }
        }
        assert_eq!(exports::ome_stream_finish(stream), OME_STREAM_OK);
        exports::ome_stream_free(stream);
    }
    assert_eq!(within, 0, "in {} calls within chunks", CHUNKS * (FRAMES - 2));
    assert!(borders.allocations > 0, "nothing is counted");
    assert!(borders.allocations <= borders.calls * MOST, "{borders:?}");
}
