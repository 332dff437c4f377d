//! Plans of settings from anybody: refused or made, never a panic, and never with more memory than the settings allow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ome_stream::Settings;

#[path = "plans/capped.rs"]
mod capped;

#[global_allocator]
static ALLOCATOR: capped::Counting = capped::Counting;

fuzz_target!(|text: &str| {
    let Ok(settings) = Settings::from_json(text) else { return };
    capped::check(&settings, text.len());
});
