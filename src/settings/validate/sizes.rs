//! Sizes of chunks and shards, and of the whole.

use crate::error::{Error, Result};
use crate::settings::axis::Axis;
use crate::settings::declared::Settings;
use crate::settings::dimension::Dimension;
use crate::settings::kind::DimensionType;
use crate::settings::limits::{MAX_ACQUISITION_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS_PER_FRAME, MAX_CHUNKS_PER_SHARD};

/// Checks chunks and shards of each dimension, and makes them no larger than the dimension.
pub(super) fn clamp(dimensions: &mut [Dimension], notes: &mut Vec<String>) -> Result<()> {
    for (nth, dimension) in dimensions.iter_mut().enumerate() {
        let name = dimension.name.clone();
        let at_least_one = |field: &str, value: Option<u64>| match value {
            Some(0) => Err(Error::dimension(nth, field, 0, "must be at least 1", "use 1 or more, or leave it out")),
            _ => Ok(()),
        };
        at_least_one("chunk_size", dimension.chunk_size)?;
        at_least_one("shard_size_chunks", dimension.shard_size_chunks)?;
        if let (Some(shard), None) = (dimension.shard_size_chunks, dimension.chunk_size) {
            return Err(Error::dimension(
                nth,
                "shard_size_chunks",
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

/// Bytes of the acquisition can be counted, and chunks, shards and frames are no larger than they may be.
pub(super) fn check(settings: &Settings, axes: &[Axis]) -> Result<()> {
    let dtype = settings.dtype;
    // An unbounded dimension has one element at first; the stream counts on.
    let counts = settings.dimensions.iter().map(|each| each.count.unwrap_or(1)).enumerate();
    at_most(MAX_ACQUISITION_BYTES / dtype.size() as u64, counts.collect(), "count", |product| {
        format!("the acquisition of {product} pixels of {dtype} has more than {MAX_ACQUISITION_BYTES} bytes")
    })?;
    let sizes = |of: fn(&Axis) -> u64| axes.iter().map(|each| (each.dimension, of(each))).collect::<Vec<_>>();
    at_most(MAX_CHUNK_BYTES / dtype.size() as u64, sizes(|axis| axis.chunk), "chunk_size", |product| {
        format!("a chunk of {product} pixels of {dtype} has more than {MAX_CHUNK_BYTES} bytes")
    })?;
    at_most(MAX_CHUNKS_PER_SHARD, sizes(|axis| axis.shard), "shard_size_chunks", |product| {
        format!("a shard of {product} chunks has more than {MAX_CHUNKS_PER_SHARD}")
    })?;
    let [.., rows, columns] = axes else { return Ok(()) };
    let along = |axis: &Axis| axis.chunks().unwrap_or(1);
    if along(rows).checked_mul(along(columns)).is_none_or(|chunks| chunks > MAX_CHUNKS_PER_FRAME) {
        let finest = if along(rows) > along(columns) { rows } else { columns };
        return Err(Error::dimension(
            finest.dimension,
            "chunk_size",
            finest.chunk,
            format!(
                "{} of {} elements has {} chunks, and a frame may have {MAX_CHUNKS_PER_FRAME}",
                finest.name,
                finest.count.unwrap_or(1),
                along(finest)
            ),
            "use larger chunks, or a smaller frame",
        ));
    }
    Ok(())
}

/// Refuses sizes of dimensions whose product is more than `most`; names `field` of the largest.
fn at_most(most: u64, sizes: Vec<(usize, u64)>, field: &str, problem: impl Fn(String) -> String) -> Result<()> {
    let Some((largest, product)) = beyond(most, &sizes.iter().map(|(_, size)| *size).collect::<Vec<_>>()) else {
        return Ok(());
    };
    let (largest, size) = sizes.get(largest).copied().unwrap_or_default();
    Err(Error::dimension(largest, field, size, problem(product), SMALLER))
}

/// What works in place of sizes whose product is too large.
pub(super) const SMALLER: &str = "use smaller numbers";

/// The place of the largest size, and the product as it is told, where that is more than `most`.
pub(super) fn beyond(most: u64, sizes: &[u64]) -> Option<(usize, String)> {
    let product = sizes.iter().try_fold(1_u64, |all, each| all.checked_mul(*each));
    if product.is_some_and(|product| product <= most) {
        return None;
    }
    let largest = (0..sizes.len()).max_by_key(|nth| sizes[*nth]).unwrap_or_default();
    let product: Vec<String> = sizes.iter().map(u64::to_string).collect();
    Some((largest, product.join(" x ")))
}
