//! See `fuzz/src/targets/input.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::input::check(bytes));
