//! The library as hosts meet it: C and C++ programs, a Python host with LabVIEW's types, Micro-Manager, and what lies
//! in the binary.
//!
//! Programs are built with the machine's `cc` and `c++` (or `CC`, `CXX`) and run three times: against the shared
//! library, against the static library under AddressSanitizer and UndefinedBehaviorSanitizer, and under valgrind. What
//! is not installed is skipped with a line that says so, and is a failure where `OME_STREAM_REQUIRE_TOOLS` is 1.

#![cfg(target_os = "linux")]
// Everything here is a test: what cannot be is a failure, and a panic is how a test fails.
#![allow(clippy::expect_used, clippy::panic)]

mod border;
mod build;
mod codes;
mod examples;
mod headers;
mod labview;
mod micromanager;
mod programs;
mod symbols;
