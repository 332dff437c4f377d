//! Array metadata (`zarr.json`), checked by zarrs before they are written, and when a store is continued.

use std::path::Path;

use ome_stream::stream::array_difference;
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
    let found = read(&path)?;
    let axis = plan.geometry().append_axis();
    let extent = axis.and_then(|axis| found.pointer(&format!("/shape/{axis}"))?.as_u64());
    match array_difference(plan, &found) {
        None => Ok(extent),
        Some(difference) => Err(Error::Mismatch { path, difference }),
    }
}

/// The document of an array that is continued, with `extent` planes along its append axis: others may have edited the rest.
/// `None` where it cannot be read any more.
pub(crate) fn grown(plan: &Plan, position: usize, extent: Option<u64>) -> Option<Vec<u8>> {
    let mut document = read(&plan.array_path(position, 0).join("zarr.json")).ok()?;
    if let (Some(axis), Some(extent)) = (plan.geometry().append_axis(), extent) {
        *document.pointer_mut(&format!("/shape/{axis}"))? = extent.into();
    }
    serde_json::to_vec_pretty(&document).ok()
}

fn read(path: &Path) -> Result<Value> {
    let damaged = |problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not JSON: {error}")))
}

/// The codecs of one chunk, as zarrs takes them.
pub(crate) fn codecs(plan: &Plan) -> Result<Vec<MetadataV3>> {
    plan.chunk_codecs().into_iter().map(|codec| serde_json::from_value(codec).map_err(engine)).collect()
}

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
