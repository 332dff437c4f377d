//! How much of a store was looked at.

use serde::Serialize;

/// How much was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Groups and arrays.
    pub nodes: u64,
    /// Images, label images among them.
    pub images: u64,
    /// Chunk and shard files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Chunks that were decoded.
    pub decoded: u64,
}
