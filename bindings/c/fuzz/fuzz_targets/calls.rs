//! Any sequence of calls: see `src/calls.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ome_stream_c_fuzz::calls::check(bytes));
