//! The TensorStore engine: TensorStore's C++ core inside this process.
//!
//! It takes whole shards (whole chunks where there are none), so that it never has to read one back or write it twice.
//! TensorStore stores pixels only: `zarr.json` is ours, so that an unbounded array grows for a reader by exactly what
//! was written, and costs no resize (see [`spec`]).
//!
//! What is linked is the core of TensorStore 0.1.86 with stand-ins for two of its libraries, `riegeli` and `half`: not
//! the official build, and never to be called so. The feature `native` needs what `cargo xtask tensorstore` makes.

#[cfg(feature = "native")]
mod engine;
#[cfg(feature = "native")]
mod files;
#[cfg(feature = "native")]
mod gate;
#[cfg(feature = "native")]
mod sink;
pub mod spec;

#[cfg(feature = "native")]
pub use engine::TensorStoreBackend;

/// Name of this engine in settings, errors and reports.
pub const NAME: &str = "tensorstore";
