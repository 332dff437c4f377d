//! The command-line tool as people and scripts meet it: the binary, its output and its exit codes.
#![allow(clippy::expect_used, clippy::panic, reason = "clippy's exceptions for tests do not reach their helpers")]

mod bench;
mod check;
mod convert;
mod cut_short;
mod info_damaged;
mod info_golden;
mod inputs;
mod inputs_as_people_have_them;
mod interrupt;
mod options;
mod preview;
mod recover;
mod refusals;
mod settings;
mod tiff_by_hand;
mod waiting;
