//! Whether stored bytes are a whole chunk: only an engine's codecs can tell.

use serde_json::Value;

/// The part of an array's metadata that says how a chunk becomes bytes (Zarr v3, array metadata).
#[derive(Debug, Clone, Copy)]
pub struct ChunkFormat<'a> {
    /// `codecs` of one chunk: inside shards those of `sharding_indexed`.
    pub codecs: &'a [Value],
    /// Pixels of a chunk along each axis.
    pub shape: &'a [u64],
    /// `data_type`.
    pub data_type: &'a Value,
    /// `fill_value`.
    pub fill_value: &'a Value,
}

/// Makes checks for chunks; given by whoever knows an engine, since this crate knows none.
pub trait Verifier: Sync {
    /// A check for the chunks of one array.
    ///
    /// # Errors
    /// Why chunks of this format cannot be checked.
    fn checker(&self, format: &ChunkFormat<'_>) -> Result<Box<dyn ChunkChecker>, String>;
}

/// Checks the chunks of one array.
pub trait ChunkChecker {
    /// Whether `stored` decodes to a whole chunk.
    ///
    /// # Errors
    /// What the codecs say against it.
    fn check(&self, stored: &[u8]) -> Result<(), String>;
}
