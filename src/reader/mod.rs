//! A store as it is found: its folders and files, nodes, documents, arrays, chunk and shard files, shard indices.
//!
//! Whoever looks at a store (a run that replaces or continues one, `recover`, `info`, engines that read back) looks by
//! way of this module, and this module by way of a [`Source`](crate::platform::Source). Nothing found is trusted: every
//! file that is read whole has a bound ([`limits`]), no link is followed, nothing can block. Every read may fail, and
//! says of which path; a file that ends before the length that it had when it was opened is an error, never the end of
//! what it says.

mod document;
mod file;
mod frame_lines;
mod index;
pub mod limits;
mod lines;
mod nodes;
mod objects;
mod usage;

pub use document::Document;
pub use file::{Small, Stored, Stream, below, is_file, is_folder, is_there, kind, list, open, small, whole};
pub use frame_lines::{FrameLines, frame_lines, frame_log, is_frame_line};
pub use index::{Found, has_places_mark, index_of_shard, last_index};
pub(crate) use index::{earlier_index, index_near_end};
pub use lines::{Line, Lines, Piece};
pub use nodes::{Expected, Node, Walked, walk};
pub use objects::{Object, Strange, each_object};
pub use usage::Usage;

/// Whether recovery keeps something under this name.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    name.contains(crate::names::own::KEPT_SUFFIX)
}
