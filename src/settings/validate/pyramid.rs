//! Rules of downsampled levels that depend on settings alone. Which levels the image has, and whether so many can be
//! made, is the plan's to say.

use std::collections::BTreeMap;

use super::sizes::{SMALLER, beyond};
use crate::error::{Error, Result};
use crate::settings::axis::Axis;
use crate::settings::declared::Settings;
use crate::settings::dimension::Dimension;
use crate::settings::kind::DimensionType;
use crate::settings::limits::{MAX_CHUNK_BYTES, MAX_CHUNKS_PER_FRAME, MAX_CHUNKS_PER_SHARD, MAX_LEVELS};
use crate::settings::pyramid::Pyramid;

pub(super) fn check(settings: &Settings, axes: &[Axis]) -> Result<()> {
    let Some(pyramid) = &settings.pyramid else { return Ok(()) };
    pyramid.method.check(settings.dtype)?;
    number_of_levels(pyramid)?;
    factors(pyramid, settings)?;
    lists(pyramid, axes)?;
    (0..pyramid.chunks.len().max(pyramid.shards.len())).try_for_each(|nth| sizes(pyramid, nth, settings, axes))
}

fn number_of_levels(pyramid: &Pyramid) -> Result<()> {
    if let Some(levels) = pyramid.levels
        && !(1..=MAX_LEVELS).contains(&levels)
    {
        let remedy = format!("use 1 to {MAX_LEVELS}, full resolution included, or leave it out");
        return Err(Error::settings("pyramid.levels", levels, "not a usable number of levels", remedy));
    }
    match (pyramid.levels, pyramid.smallest) {
        (Some(levels), Some(smallest)) => {
            let problem = format!("levels = {levels} is set too, and both say where levels end");
            Err(Error::settings("pyramid.smallest", smallest, problem, "set one of them"))
        }
        (None, Some(0)) => {
            let remedy = format!("use 1 or more, or leave it out ({})", Pyramid::SMALLEST);
            Err(Error::settings("pyramid.smallest", 0, "no level has fewer than 0 rows or columns", remedy))
        }
        _ => Ok(()),
    }
}

fn factors(pyramid: &Pyramid, settings: &Settings) -> Result<()> {
    let space: Vec<&Dimension> =
        settings.dimensions.iter().filter(|each| each.kind == Some(DimensionType::Space)).collect();
    for (name, factor) in pyramid.factors.iter().flatten() {
        let field = format!("pyramid.factors.{name}");
        if !space.iter().any(|each| each.name == *name) {
            let remedy = format!("use {}", list(space.iter().map(|each| each.name.as_str())));
            return Err(Error::settings(field, factor, "no dimension of type \"space\" has this name", remedy));
        }
        if *factor == 0 {
            return Err(Error::settings(field, 0, "a factor is at least 1", "use 2, or 1 to keep the size"));
        }
    }
    if space.iter().all(|each| pyramid.factor(&each.name).unwrap_or(Pyramid::FACTOR) == 1) {
        let problem = "every level would be as large as the one above";
        return Err(Error::settings("pyramid.factors", 1, problem, "use 2 for rows and columns"));
    }
    Ok(())
}

/// Both lists name axes, have sizes, and no more entries than there can be levels.
fn lists(pyramid: &Pyramid, axes: &[Axis]) -> Result<()> {
    let most = pyramid.levels.unwrap_or(MAX_LEVELS).saturating_sub(1) as usize;
    for (field, list) in [("chunks", &pyramid.chunks), ("shards", &pyramid.shards)] {
        let field = format!("pyramid.{field}");
        if list.len() > most {
            let problem = format!("one for each level below full resolution, of which there are at most {most}");
            let remedy = format!("give {most} or fewer");
            return Err(Error::settings(field, format!("{} entries", list.len()), problem, remedy));
        }
        for (nth, sizes) in list.iter().enumerate() {
            each_of(sizes, &format!("{field}[{nth}]"), axes)?;
        }
    }
    Ok(())
}

fn each_of(sizes: &BTreeMap<String, u64>, field: &str, axes: &[Axis]) -> Result<()> {
    for (name, size) in sizes {
        let field = format!("{field}.{name}");
        if !axes.iter().any(|axis| axis.name == *name) {
            let remedy = format!("use {}", list(axes.iter().map(|axis| axis.name.as_str())));
            return Err(Error::settings(field, size, "the image has no axis of this name", remedy));
        }
        if *size == 0 {
            let remedy = "use 1 or more, or leave it out: then it is that of full resolution";
            return Err(Error::settings(field, 0, "must be at least 1", remedy));
        }
    }
    Ok(())
}

/// Chunks and shards of level `nth` below full resolution are no larger than those of full resolution may be.
fn sizes(pyramid: &Pyramid, nth: usize, settings: &Settings, axes: &[Axis]) -> Result<()> {
    let told = |list: &[BTreeMap<String, u64>], axis: &Axis| list.get(nth).and_then(|it| it.get(&axis.name)).copied();
    let extents = extents(pyramid, nth + 1, axes);
    // As the plan has it: no more pixels than the level has, and no more chunks.
    let no_more = |size: u64, most: Option<u64>| most.map_or(size, |most| size.min(most));
    let chunk =
        |(axis, extent): (&Axis, &Option<u64>)| no_more(told(&pyramid.chunks, axis).unwrap_or(axis.chunk), *extent);
    let chunks: Vec<u64> = axes.iter().zip(&extents).map(chunk).collect();
    let along: Vec<Option<u64>> =
        extents.iter().zip(&chunks).map(|(extent, chunk)| extent.map(|extent| extent.div_ceil(*chunk))).collect();
    let shard =
        |(axis, chunks): (&Axis, &Option<u64>)| no_more(told(&pyramid.shards, axis).unwrap_or(axis.shard), *chunks);
    let shards: Vec<u64> = axes.iter().zip(&along).map(shard).collect();
    let refuse = |what: &str, axis: usize, size: u64, problem: String, remedy: &str| {
        let field = format!("pyramid.{what}[{nth}].{}", axes[axis].name);
        Err(Error::settings(field, size, problem, remedy))
    };
    let dtype = settings.dtype;
    if let Some((axis, product)) = beyond(MAX_CHUNK_BYTES / dtype.size() as u64, &chunks) {
        let problem = format!("a chunk of {product} pixels of {dtype} has more than {MAX_CHUNK_BYTES} bytes");
        return refuse("chunks", axis, chunks[axis], problem, SMALLER);
    }
    if let Some((axis, product)) = beyond(MAX_CHUNKS_PER_SHARD, &shards) {
        let problem = format!("a shard of {product} chunks has more than {MAX_CHUNKS_PER_SHARD}");
        return refuse("shards", axis, shards[axis], problem, SMALLER);
    }
    let before = axes.len().saturating_sub(2);
    let in_frame: Vec<u64> = along.iter().skip(before).map(|chunks| chunks.unwrap_or(1)).collect();
    if let Some((side, product)) = beyond(MAX_CHUNKS_PER_FRAME, &in_frame) {
        let problem = format!("a plane of level {} has {product} chunks, and may have {MAX_CHUNKS_PER_FRAME}", nth + 1);
        return refuse("chunks", before + side, chunks[before + side], problem, "use larger chunks");
    }
    Ok(())
}

/// Pixels of a level along each axis: of rows and columns as they will be, of other axes no fewer.
fn extents(pyramid: &Pyramid, level: usize, axes: &[Axis]) -> Vec<Option<u64>> {
    let frame = axes.len().saturating_sub(2);
    let shrunk = |axis: &Axis, extent: u64| {
        let by = pyramid.factor(&axis.name).unwrap_or(Pyramid::FACTOR).max(1);
        (0..level).fold(extent, |extent, _| extent.div_ceil(by))
    };
    let of =
        |(nth, axis): (usize, &Axis)| axis.count.map(|extent| if nth < frame { extent } else { shrunk(axis, extent) });
    axes.iter().enumerate().map(of).collect()
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
