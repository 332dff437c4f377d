//! One suite for every engine: a matrix of cases and random ones, read back in full and held against nested loops.
//!
//! For an engine of any repository, in a test:
//!
//! ```no_run
//! # let my_engine = ome_stream::backend::MemoryBackend::new(ome_stream::plan::StorageUnit::Chunk, false);
//! let passed = ome_stream_conformance::run(&my_engine).unwrap_or_else(|failures| panic!("{failures}"));
//! println!("{passed}");
//! ```
//!
//! [`Suite`] has more to say: what an engine may do otherwise, how much it may refuse, how many random cases there are.
//!
//! A [`case::Case`] says what is acquired and what the host does. [`model`] works out with nested loops what must be on
//! disk, [`levels`] the levels below full resolution; [`run::run`] streams the case through an engine; [`check`] compares the two, pixel by pixel, by way of a
//! reader in [`read`]. The frames ([`pixels`]) carry their own coordinates.

pub mod case;
pub mod check;
pub mod levels;
pub mod matrix;
pub mod model;
pub mod pixels;
pub mod random;
pub mod read;
mod reduce;
pub mod run;
mod suite;

pub use suite::{Failures, Passed, Suite, run};
