//! Errors of this engine.

use ome_stream::Error;

/// Name of this engine in settings, errors and reports.
pub const NAME: &str = "zarrs";

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
