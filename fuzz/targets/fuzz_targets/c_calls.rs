//! See `fuzz/src/targets/c_calls.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::c_calls::check(bytes));
