//! See `fuzz/src/targets/plans.rs`.
#![no_main]

#[global_allocator]
static ALLOCATOR: ome_stream_fuzz::targets::plans::Counting = ome_stream_fuzz::targets::plans::Counting;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ome_stream_fuzz::targets::plans::check(bytes));
