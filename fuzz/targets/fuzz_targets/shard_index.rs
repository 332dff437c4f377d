//! See `fuzz/src/targets/shard_index.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::shard_index::check(bytes));
