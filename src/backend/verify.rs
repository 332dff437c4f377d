//! Whether stored bytes are a whole chunk: only an engine's codecs can tell.

use crate::zarr::ArrayFormat;

/// Makes checks for chunks; given by whoever knows an engine, since this crate knows none.
pub trait Verifier: Sync {
    /// A check for the chunks of one array.
    ///
    /// # Errors
    /// Why chunks of this format cannot be checked.
    fn checker(&self, format: &ArrayFormat) -> Result<Box<dyn ChunkChecker>, String>;
}

/// Checks the chunks of one array.
pub trait ChunkChecker {
    /// Whether `stored` decodes to a whole chunk.
    ///
    /// # Errors
    /// What the codecs say against it.
    fn check(&self, stored: &[u8]) -> Result<(), String>;
}
