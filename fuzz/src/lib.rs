//! What the fuzz targets check, apart from the fuzzer: `tests/seeds.rs` gives every seed to its check, with any
//! compiler.

#![allow(clippy::expect_used, clippy::panic, reason = "a check fails by panicking")]
#![allow(dead_code, unused_imports, reason = "of the command-line tool's modules only the readers are used")]

mod damage;
#[path = "../../tools/ome-stream/src/input/mod.rs"]
mod input;
mod report;
pub mod seeds;
#[path = "../../tools/ome-stream/src/store/mod.rs"]
mod store;
pub mod targets;

/// As in the command-line tool's `main.rs`.
const NOTES_NAMESPACE: &str = "ome_stream_write";
