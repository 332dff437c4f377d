//! See `fuzz/src/targets/info.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::info::check(bytes));
