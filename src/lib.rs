//! Streaming acquisition writer for OME-Zarr.
//!
//! A microscope camera delivers 2-D frames one after another, faster than most writers can store them. This crate
//! takes each frame, finds its place in a multi-dimensional image and gets it to disk: in bounded memory, without
//! stalling the camera, without losing a frame, and readable by every OME-Zarr reader during the run, after it, and
//! after a crash.
//!
//! Data flows one way: [`settings`] (what the host declares) become a [`plan`] (fixed geometry and memory, every check
//! made before anything touches disk); the [`router`] maps frame numbers to places; [`stream`] takes frames, lays
//! them out in the unit that an engine takes ([`buffer`]) and hands complete units to a [`backend`]; [`pyramid`] makes
//! planes smaller; [`ngff`] is the only maker of group metadata, [`zarr`] of documents. This crate knows no engine: those
//! live in crates of their own.

pub mod backend;
pub mod buffer;
pub mod convert;
pub mod error;
pub mod journal;
mod names;
pub mod ngff;
pub mod plan;
pub mod platform;
pub mod pyramid;
pub mod reader;
pub mod recover;
pub mod router;
pub mod settings;
pub mod shown;
pub mod store;
pub mod stream;
#[doc(hidden)]
pub mod sync;
pub mod zarr;

pub use error::{Error, Result};
pub use plan::Plan;
pub use settings::Settings;
pub use stream::{Status, Stream};

/// Version of this library, as in its manifest.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
