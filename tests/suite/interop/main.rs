//! What others make of our stores: zarr-python and tensorstore read every pixel, yaozarrs, ome-zarr-models and ngff-zarr
//! judge the metadata. Needs the Python environment that `cargo xtask test` makes.

mod foreign_readers;
mod real_images;
