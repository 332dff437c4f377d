//! What others make of our stores: zarr-python and tensorstore read every pixel, yaozarrs, ome-zarr-models and ngff-zarr
//! judge the metadata. Needs the Python environment that `cargo xtask test` makes.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod foreign_readers;
mod foreign_stores;
mod parity;
mod real_images;
