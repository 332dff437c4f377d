//! Readers that share no code with what wrote the store.

use std::path::Path;
use std::sync::Arc;

use ome_stream::backend::MemoryStore;
use ome_stream::plan::ArrayId;
use ome_stream::router::MAX_INDEX_DIMENSIONS;
use zarrs::array::{Array, ArrayBytes, ArraySubset};
use zarrs_filesystem::FilesystemStore;

/// An array as a reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    /// Extent of each axis.
    pub shape: Vec<u64>,
    /// All pixels in C order, little-endian.
    pub bytes: Vec<u8>,
}

/// Reads the whole array in `folder` with zarrs.
///
/// # Errors
/// What the reader says.
pub fn zarrs(folder: &Path) -> Result<Pixels, String> {
    zarrs_first(folder, u64::MAX)
}

/// Reads the array in `folder` with zarrs, along its first axis no further than `most`.
///
/// # Errors
/// What the reader says.
pub fn zarrs_first(folder: &Path, most: u64) -> Result<Pixels, String> {
    let said = |what: &str, error: &dyn std::fmt::Display| format!("{}: {what}: {error}", folder.display());
    let store = FilesystemStore::new(folder).map_err(|error| said("opening", &error))?;
    let array = Array::open(Arc::new(store), "/").map_err(|error| said("opening", &error))?;
    let mut shape = array.shape().to_vec();
    shape[0] = shape[0].min(most);
    let part = ArraySubset::new_with_shape(shape.clone());
    let bytes = array
        .retrieve_array_subset::<ArrayBytes<'_>>(&part)
        .map_err(|error| said("reading", &error))?
        .into_fixed()
        .map_err(|error| said("reading", &error))?;
    Ok(Pixels { shape, bytes: bytes.into_owned() })
}

/// Reads an array of a memory backend; `shape` is the declared one, its unbounded axis is taken from the store.
///
/// # Errors
/// Where there was no finished run.
pub fn memory(
    store: &MemoryStore,
    array: ArrayId,
    shape: &[u64],
    append_axis: Option<usize>,
) -> Result<Pixels, String> {
    let extents = store.extents().ok_or("the run has not finished")?;
    let mut shape = shape.to_vec();
    if let Some(axis) = append_axis {
        shape[axis] = extents.get(array.index()).copied().flatten().ok_or("the unbounded axis has no extent")?;
    }
    let index_shape = &shape[..shape.len() - 2];
    let mut bytes = Vec::new();
    for flat in 0..index_shape.iter().product::<u64>() {
        let mut rest = flat;
        let mut index = [0; MAX_INDEX_DIMENSIONS];
        for (axis, extent) in index_shape.iter().enumerate().rev() {
            index[axis] = rest % extent;
            rest /= extent;
        }
        bytes.extend(store.plane(array, index).ok_or_else(|| format!("no plane at {index:?}"))?);
    }
    Ok(Pixels { shape, bytes })
}
