//! Array metadata (`zarr.json`), checked by zarrs before they are written, and when a store is continued.

use std::path::Path;

use ome_stream::plan::Form;
use ome_stream::stream::array_difference;
use ome_stream::{Error, Result};
use serde_json::Value;
use zarrs::array::ArrayMetadataV3;
use zarrs::metadata::v3::MetadataV3;

use crate::NAME;

/// Metadata of an array with `extent` planes along its append axis, as bytes.
pub(crate) fn document(form: &Form, extent: Option<u64>) -> Result<Vec<u8>> {
    let document = form.metadata(extent);
    // What zarrs does not take for a valid array is not written.
    serde_json::from_value::<ArrayMetadataV3>(document.clone()).map_err(engine)?;
    serde_json::to_vec_pretty(&document).map_err(engine)
}

/// Planes along the append axis that the array in `folder` has on disk, if it is one of this form.
pub(crate) fn matching_extent(form: &Form, folder: &Path) -> Result<Option<u64>> {
    let path = folder.join("zarr.json");
    let found = read(&path)?;
    let axis = form.geometry().append_axis();
    let extent = axis.and_then(|axis| found.pointer(&format!("/shape/{axis}"))?.as_u64());
    match array_difference(form, &found) {
        None => Ok(extent),
        Some(difference) => Err(Error::Mismatch { path, difference }),
    }
}

/// The document of an array that is continued, with `extent` planes along its append axis: others may have edited the rest.
/// `None` where it cannot be read any more.
pub(crate) fn grown(form: &Form, folder: &Path, extent: Option<u64>) -> Option<Vec<u8>> {
    let mut document = read(&folder.join("zarr.json")).ok()?;
    if let (Some(axis), Some(extent)) = (form.geometry().append_axis(), extent) {
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
pub(crate) fn codecs(form: &Form) -> Result<Vec<MetadataV3>> {
    form.chunk_codecs().into_iter().map(|codec| serde_json::from_value(codec).map_err(engine)).collect()
}

/// An error of zarrs or of a document that it does not take.
pub(crate) fn engine(error: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.into(), message: error.to_string() }
}
