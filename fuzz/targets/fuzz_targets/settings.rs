//! See `fuzz/src/targets/settings.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::settings::check(bytes));
