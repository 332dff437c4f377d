//! Any bytes as settings JSON: never a crash, and settings that are said to be valid make a stream that takes a frame.

use std::ffi::CString;
use std::ptr::{null, null_mut};

use ome_stream::Settings;
use ome_stream_c::{codes, exports};

/// Larger runs are only judged, not made: the fuzzer shall not spend its time on the disk.
const MOST_POSITIONS: usize = 8;
const MOST_FRAME_BYTES: u64 = 1 << 16;
const MOST_MEMORY: u64 = 64 << 20;

/// Gives the bytes to the library; panics where it does not keep its word.
pub fn check(bytes: &[u8]) {
    let Ok(text) = CString::new(bytes) else { return };
    let mut memory = 0;
    // SAFETY: a zero-terminated text and a place for the number.
    let judged = unsafe { exports::ome_stream_estimate_memory(text.as_ptr(), &raw mut memory) };
    assert_ne!(judged, codes::OME_STREAM_PANIC);
    assert_ne!(judged, codes::OME_STREAM_INTERNAL);
    assert!(judged == codes::OME_STREAM_OK || memory == 0, "the output was touched by code {judged}");
    if judged != codes::OME_STREAM_OK || memory > MOST_MEMORY {
        return;
    }
    // Valid: then it must work, in a folder of ours whatever root_path says.
    let Ok(mut settings) = Settings::from_json(&text.to_string_lossy()) else {
        panic!("valid for the C border and not for core");
    };
    if settings.positions().len() > MOST_POSITIONS {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    settings.root_path = folder.path().join("run.ome.zarr").display().to_string();
    settings.format.suffix = String::new();
    settings.overwrite = false;
    settings.threads = Some(1);
    let Ok(Ok(text)) = serde_json::to_string(&settings).map(CString::new) else { return };
    let mut stream = null_mut();
    // SAFETY: a zero-terminated text, places for the answers, and as many pixels as are said.
    unsafe {
        if exports::ome_stream_estimate_memory(text.as_ptr(), &raw mut memory) != codes::OME_STREAM_OK {
            return;
        }
        let code = exports::ome_stream_create(text.as_ptr(), &raw mut stream);
        assert!(code == codes::OME_STREAM_OK || code == codes::OME_STREAM_IO, "create gave {code} for {text:?}");
        if code != codes::OME_STREAM_OK {
            return;
        }
        let mut size = 0;
        assert_eq!(exports::ome_stream_frame_bytes(stream, &raw mut size), codes::OME_STREAM_OK);
        if size <= MOST_FRAME_BYTES {
            let pixels = vec![7_u8; size as usize];
            let code = exports::ome_stream_append(stream, pixels.as_ptr().cast(), size, null(), null_mut());
            assert_eq!(code, codes::OME_STREAM_OK, "append for {text:?}");
        }
        let code = exports::ome_stream_finish(stream);
        assert_eq!(code, codes::OME_STREAM_OK, "finish for {text:?}");
        exports::ome_stream_free(stream);
    }
}
