//! Sizes of chunks and shards, and of the whole.

use super::MAX_ACQUISITION_BYTES;
use crate::error::{Error, Result};
use crate::settings::{DataType, Dimension, DimensionType};

/// Checks chunks and shards of each dimension, and makes them no larger than the dimension.
pub(super) fn clamp(dimensions: &mut [Dimension], notes: &mut Vec<String>) -> Result<()> {
    for (nth, dimension) in dimensions.iter_mut().enumerate() {
        let name = dimension.name.clone();
        let at_least_one = |field: &str, value: Option<u64>| match value {
            Some(0) => Err(Error::settings(
                format!("dimensions[{nth}].{field}"),
                0,
                "must be at least 1",
                "use 1 or more, or leave it out",
            )),
            _ => Ok(()),
        };
        at_least_one("chunk_size", dimension.chunk_size)?;
        at_least_one("shard_size_chunks", dimension.shard_size_chunks)?;
        if let (Some(shard), None) = (dimension.shard_size_chunks, dimension.chunk_size) {
            return Err(Error::settings(
                format!("dimensions[{nth}].shard_size_chunks"),
                shard,
                "a shard is counted in chunks, and chunk_size is not given",
                format!("give chunk_size of {name} too, or leave shard_size_chunks out"),
            ));
        }
        if dimension.kind == Some(DimensionType::Position) {
            if dimension.chunk_size.take().is_some() {
                notes.push(format!(
                    "dimensions[{nth}].chunk_size left out: each position of {name} is an image of its own"
                ));
            }
            dimension.shard_size_chunks = None;
            continue;
        }
        let (Some(count), Some(chunk)) = (dimension.count, &mut dimension.chunk_size) else {
            continue;
        };
        if *chunk > count {
            notes.push(format!("dimensions[{nth}].chunk_size {chunk} clamped to the {count} of {name}"));
            *chunk = count;
        }
        let chunks = count.div_ceil(*chunk);
        if let Some(shard) = &mut dimension.shard_size_chunks
            && *shard > chunks
        {
            notes.push(format!(
                "dimensions[{nth}].shard_size_chunks {shard} clamped to the {chunks} chunk(s) of {name}"
            ));
            *shard = chunks;
        }
    }
    Ok(())
}

/// Bytes of the acquisition and of a shard (a chunk, where there are no shards) can be counted.
pub(super) fn check(dimensions: &[Dimension], dtype: DataType) -> Result<()> {
    let in_frame = dimensions.len().saturating_sub(2);
    // An unbounded dimension has one element at first; the stream counts on.
    check_product(dimensions, dtype, "count", "the acquisition", |_, each| each.count.unwrap_or(1))?;
    check_product(dimensions, dtype, "chunk_size", "a chunk", |nth, each| chunk(in_frame, nth, each))?;
    check_product(dimensions, dtype, "shard_size_chunks", "a shard", |nth, each| {
        chunk(in_frame, nth, each).saturating_mul(each.shard_size_chunks.unwrap_or(1))
    })
}

fn chunk(in_frame: usize, nth: usize, dimension: &Dimension) -> u64 {
    let whole = if nth < in_frame { 1 } else { dimension.count.unwrap_or(1) };
    dimension.chunk_size.unwrap_or(whole)
}

/// Multiplies `size` of all dimensions; names `field` of the largest where the product is too large.
fn check_product(
    dimensions: &[Dimension],
    dtype: DataType,
    field: &str,
    what: &str,
    size: impl Fn(usize, &Dimension) -> u64,
) -> Result<()> {
    let sizes: Vec<u64> = dimensions
        .iter()
        .enumerate()
        .map(
            |(nth, each)| {
                if each.kind == Some(DimensionType::Position) && field != "count" { 1 } else { size(nth, each) }
            },
        )
        .collect();
    let bytes = sizes.iter().try_fold(dtype.size() as u64, |all, each| all.checked_mul(*each));
    if bytes.is_some_and(|bytes| bytes <= MAX_ACQUISITION_BYTES) {
        return Ok(());
    }
    let largest = sizes.iter().enumerate().max_by_key(|(_, each)| **each).map_or(0, |(nth, _)| nth);
    let product: Vec<String> = sizes.iter().map(u64::to_string).collect();
    Err(Error::settings(
        format!("dimensions[{largest}].{field}"),
        sizes.get(largest).copied().unwrap_or(0),
        format!("{what} of {} pixels of {dtype} has more than {MAX_ACQUISITION_BYTES} bytes", product.join(" x ")),
        "use smaller numbers",
    ))
}
