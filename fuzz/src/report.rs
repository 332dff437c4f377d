//! The part of the command-line tool's reports that its store reader needs.

#[path = "../../tools/ome-stream/src/report/text.rs"]
pub mod text;
