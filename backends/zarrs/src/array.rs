//! Array metadata, as zarrs takes them.

use ome_stream::plan::Form;
use ome_stream::{Error, Result};
use zarrs::array::ArrayMetadataV3;
use zarrs::metadata::v3::MetadataV3;

use crate::NAME;

/// Refuses an array that zarrs does not take for a valid one: its document is not written.
pub(crate) fn check(form: &Form) -> Result<()> {
    serde_json::from_value::<ArrayMetadataV3>(form.metadata(None)).map(|_| ()).map_err(engine)
}

/// The codecs of one chunk, as zarrs takes them.
pub(crate) fn codecs(form: &Form) -> Result<Vec<MetadataV3>> {
    form.chunk_codecs().into_iter().map(|codec| serde_json::from_value(codec).map_err(engine)).collect()
}

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
