//! What a host may rely on: errors, backpressure, threads, metadata, live reading, bad input, and what other writers
//! were seen to fail at. All on the native engine, on a disk that a test may slow down or break.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod aborted;
mod acquisition;
mod bad_input;
mod continued;
mod converted;
mod converted_beside;
mod converted_levels;
mod ended;
mod failure;
mod finish;
mod frame_times;
mod full;
mod interrupted;
mod live;
mod metadata;
mod missing;
mod one_writer;
mod paths;
mod planned;
mod plates;
mod process;
mod pyramids;
mod refusals;
mod seen_to_fail;
mod seen_to_fail_alone;
mod slow_camera;
mod sources;
mod status;
mod threads;
mod versions;
mod waiting;
mod windows;
