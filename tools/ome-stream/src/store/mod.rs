//! What lies in a Zarr v3 store, read without trust: files of bounded size, links never followed, no panic.
//!
//! Everything here is what the files say; whatever cannot be read becomes a problem beside what could.

mod array;
mod codec;
mod discover;
mod image;
mod missing;
mod node;
mod usage;

pub use array::Array;
pub use discover::read;
pub use image::{Axis, Image, Level};
pub use missing::Missing;

use serde::Serialize;

/// A store.
#[derive(Debug, Serialize)]
pub struct Store {
    /// As the user gave it.
    pub path: String,
    /// Always 3: others are refused.
    pub zarr_format: u64,
    /// Version of OME-NGFF, where the root tells it.
    pub ngff_version: Option<String>,
    /// Version of ome-stream that wrote it, where it did.
    pub written_by: Option<String>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of all files.
    pub files: u64,
    /// Images in the order of their series, or of their names.
    pub images: Vec<Image>,
    /// Frames that the run has not, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What could not be read, or contradicts itself.
    pub problems: Vec<String>,
}

impl Store {
    /// Problems of the store and of every image in it.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        self.problems.iter().chain(self.images.iter().flat_map(|image| &image.problems))
    }
}
