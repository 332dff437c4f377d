//! A call of append through C allocates nothing.

#![allow(clippy::expect_used, clippy::panic)] // a test fails by panicking

mod counting;

use std::ffi::CString;
use std::ptr::{null, null_mut};

use ome_stream_c::codes::OME_STREAM_OK;
use ome_stream_c::exports;

/// Frames of one chunk: what the last of them sets going is not a call's own.
const FRAMES: u64 = 2000;

#[test]
fn appending_a_frame_through_c_allocates_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("run.ome.zarr").display().to_string();
    let settings = CString::new(format!(
        "{{\"root_path\": {root:?}, \"dtype\": \"uint16\", \"durability\": \"none\", \"dimensions\": [\
         {{\"name\": \"t\", \"count\": {FRAMES}, \"chunk_size\": {FRAMES}}}, \
         {{\"name\": \"y\", \"count\": 16}}, {{\"name\": \"x\", \"count\": 16}}]}}"
    ))
    .expect("no zero");
    let pixels = [7_u16; 256];
    let size = size_of_val(&pixels) as u64;
    let mut stream = null_mut();
    let mut number = 0;
    let mut before = 0;
    // SAFETY: a zero-terminated text, places for the answers, and as many pixels as are said.
    unsafe {
        assert_eq!(exports::ome_stream_create(settings.as_ptr(), &raw mut stream), OME_STREAM_OK);
        for frame in 0..FRAMES - 1 {
            if frame == 1 {
                before = counting::allocations(); // the first frame opens the chunk
            }
            let code = exports::ome_stream_append(stream, pixels.as_ptr().cast(), size, null(), &raw mut number);
            assert_eq!((code, number), (OME_STREAM_OK, frame));
        }
        let allocations = counting::allocations() - before;
        assert_eq!(exports::ome_stream_finish(stream), OME_STREAM_OK);
        exports::ome_stream_free(stream);
        assert!(before > 0, "nothing is counted");
        assert_eq!(allocations, 0, "in {} calls", FRAMES - 2);
    }
}
