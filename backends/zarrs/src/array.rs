//! Array metadata, as zarrs takes them.

use ome_stream::Result;
use ome_stream::plan::Form;
use ome_stream::zarr::Chain;
use zarrs::array::ArrayMetadataV3;
use zarrs::metadata::v3::MetadataV3;

use crate::error::engine;

/// Refuses an array that zarrs does not take for a valid one: its document is not written.
pub(crate) fn check(form: &Form) -> Result<()> {
    // Version 3 has words for both formats.
    serde_json::from_value::<ArrayMetadataV3>(form.document(None).json()).map(|_| ()).map_err(engine)
}

/// Codecs as zarrs takes them.
pub(crate) fn metadata(codecs: &Chain) -> serde_json::Result<Vec<MetadataV3>> {
    serde_json::from_value(codecs.json())
}
