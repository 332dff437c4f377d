//! Damaged stores as the command-line tool's `info` reads them: shown as far as they go, never a panic.
#![no_main]

mod damage;
mod report;
#[path = "../../tools/ome-stream/src/store/mod.rs"]
#[allow(dead_code, unused_imports)]
mod store;

/// As in the tool's `main.rs`.
#[allow(dead_code)]
const NOTES_NAMESPACE: &str = "ome_stream_write";

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let folder = damage::store(input);
    if let Ok(store) = store::read(folder.path()) {
        let _ = serde_json::to_string(&store).expect("what is shown is JSON");
        store.all_problems().for_each(|problem| assert!(!problem.is_empty()));
    }
});
