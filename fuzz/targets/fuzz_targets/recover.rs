//! See `fuzz/src/targets/recover.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::recover::check(bytes));
