//! A small safe bridge to TensorStore's C++ library.
//!
//! The library is TensorStore's core, with stand-ins for two libraries that it uses (`../standins`); it is made by
//! `cargo xtask tensorstore`. Without the feature `link` this crate is empty.
//!
//! A `Store` writes from the caller's memory without a copy where the codecs allow it. `Store::write_all` returns only
//! when nothing refers to that memory any more, whatever happened in between; there is no way to let a write run on, so
//! no buffer can be given back too early.

#[cfg(feature = "link")]
mod bridge;
#[cfg(feature = "link")]
mod keep;
#[cfg(feature = "link")]
mod store;

#[cfg(feature = "link")]
pub use keep::{Keep, Pieces};
#[cfg(feature = "link")]
pub use store::{Context, Error, Region, Result, Store, Transaction};

/// What is linked, as a person should see it: TensorStore's version, and which of its libraries are stand-ins.
#[cfg(feature = "link")]
pub const BUILD: &str = env!("OME_STREAM_TENSORSTORE_BUILD");

/// The stand-in for half, as the bridge was compiled with it: for its test.
#[cfg(feature = "link")]
pub mod half {
    use crate::bridge::ffi;

    /// IEEE 754 binary16 of `value`, rounded to nearest, ties to even.
    #[must_use]
    pub fn bits(value: f32) -> u16 {
        ffi::half_bits(value)
    }

    /// The value of a binary16.
    #[must_use]
    pub fn value(bits: u16) -> f32 {
        ffi::half_value(bits)
    }
}
