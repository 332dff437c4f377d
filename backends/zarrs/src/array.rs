//! Array metadata (`zarr.json`), checked by zarrs before they are written, and when a store is continued.

use ome_stream::stream::difference;
use ome_stream::{Error, Plan, Result};
use serde_json::Value;
use zarrs::array::ArrayMetadataV3;
use zarrs::metadata::v3::MetadataV3;

use crate::NAME;

/// Metadata of the array of a position with `extent` planes along its append axis, as bytes.
pub(crate) fn document(plan: &Plan, extent: Option<u64>) -> Result<Vec<u8>> {
    let document = plan.array_metadata(extent);
    // What zarrs does not take for a valid array is not written.
    serde_json::from_value::<ArrayMetadataV3>(document.clone()).map_err(engine)?;
    serde_json::to_vec_pretty(&document).map_err(engine)
}

/// Planes along the append axis that the array of a position has on disk, if it is the array of this plan.
pub(crate) fn matching_extent(plan: &Plan, position: usize) -> Result<Option<u64>> {
    let path = plan.array_path(position, 0).join("zarr.json");
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let bytes = std::fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    let found: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not JSON: {error}")))?;
    let axis = plan.geometry().append_axis();
    let extent = axis.and_then(|axis| found.pointer(&format!("/shape/{axis}"))?.as_u64());
    let expected = serde_json::from_slice(&document(plan, extent)?).map_err(engine)?;
    match difference("array", &expected, &found) {
        None => Ok(extent),
        Some(difference) => Err(Error::Mismatch { path, difference }),
    }
}

/// The codecs of one chunk, as zarrs takes them.
pub(crate) fn codecs(plan: &Plan) -> Result<Vec<MetadataV3>> {
    plan.chunk_codecs().into_iter().map(|codec| serde_json::from_value(codec).map_err(engine)).collect()
}

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
