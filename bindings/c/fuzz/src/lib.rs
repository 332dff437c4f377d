//! What the fuzz targets check, apart from the fuzzer: `tests/corpus.rs` of the C package runs the same on every input that
//! is committed, with any compiler.

pub mod calls;
pub mod settings;
