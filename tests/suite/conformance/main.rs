//! One suite for every engine: the matrix and random cases, read back in full and held against nested loops.
//!
//! Differences between engines are what their `check` refuses: counted, printed, and bounded from below.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod engines;
mod every_case;
mod random_cases;
mod strict_memory;
