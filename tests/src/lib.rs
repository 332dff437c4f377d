//! Test support: frames that carry their own coordinates, a naive model of a run, readers that are not the writer.
//!
//! A [`case::Case`] says what is acquired and what the host does. [`model`] works out with nested loops what must be on
//! disk; [`run`] streams the case through any engine; [`check`] compares the two, pixel by pixel, by way of a reader in
//! [`read`]; [`manifest`] hands the same expectation to the foreign readers of `interop/`.

pub mod case;
pub mod check;
pub mod child;
pub mod disk;
pub mod manifest;
pub mod matrix;
pub mod model;
pub mod names;
pub mod pixels;
pub mod python;
pub mod random;
pub mod read;
pub mod run;
pub mod sources;

/// The README's example compiles as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
