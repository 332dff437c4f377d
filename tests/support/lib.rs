//! Test support: processes and disks that fail, sources of frames, foreign readers. Cases, the naive model of a run,
//! and readers that are not the writer are those of the conformance suite.
//!
//! [`manifest`] hands what the model expects to the foreign readers of `interop/`.

pub mod child;
pub mod disk;
pub mod manifest;
pub mod names;
pub mod python;
pub mod sources;

pub use ome_stream_conformance::{case, check, levels, matrix, model, pixels, random, read, run};

/// The README's example compiles as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
