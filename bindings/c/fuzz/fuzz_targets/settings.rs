//! Any bytes as settings JSON: see `src/settings.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ome_stream_c_fuzz::settings::check(bytes));
