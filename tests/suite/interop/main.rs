//! What others make of our stores: zarr-python and tensorstore read every pixel, yaozarrs, ome-zarr-models and
//! ngff-zarr judge the metadata; ome-zarr.js and zarrita open what was written for the browser. Needs the environments
//! that `cargo xtask test` makes.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod converted;
mod converted_levels;
mod foreign_readers;
mod foreign_stores;
mod format_2;
mod javascript;
mod levels;
mod parity;
mod planes;
mod real_images;

#[test]
fn each_foreign_engine_has_tests_of_its_name() {
    for (engine, least) in [("acquire-zarr", 2), ("tensorstore", 3)] {
        let tests = ome_stream_tests::names::tests_of(engine).expect("listed");
        assert!(tests >= least, "{engine}: {tests} tests");
    }
}
