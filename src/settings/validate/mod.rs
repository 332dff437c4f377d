//! Every rule that does not depend on an engine, and the normal form of settings.

mod coords;
mod dimensions;
mod names;
mod plate;
mod pyramid;
mod sizes;

use super::axis::Axis;
use super::declared::Settings;
use super::format::{Format, NgffVersion};
use super::limits::{LIVE_INTERVAL_RANGE, MAX_THREADS, MIN_MEMORY_LIMIT};
use super::root_path;
use crate::error::{Error, Result};
use crate::shown::quoted;

/// Checks each field, and brings it into its normal form. What was changed in a way that a person might not expect is
/// told.
pub(super) fn normalize(settings: &mut Settings) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    root_path::check(&settings.root_path, &mut settings.format.suffix)?;
    dimensions::names(&settings.dimensions)?;
    dimensions::types(&mut settings.dimensions, &mut notes)?;
    dimensions::number(&settings.dimensions)?;
    dimensions::frame(&settings.dimensions)?;
    coords::check(&mut settings.dimensions)?;
    dimensions::counts(&settings.dimensions)?;
    dimensions::units(&mut settings.dimensions)?;
    dimensions::scales(&settings.dimensions)?;
    sizes::clamp(&mut settings.dimensions, &mut notes)?;
    dimensions::storage_order(settings)?;
    Ok(notes)
}

/// Checks what follows from settings in their normal form, and what does not depend on dimensions.
pub(super) fn check(settings: &Settings, axes: &[Axis]) -> Result<()> {
    sizes::check(settings, axes)?;
    settings.compression.check()?;
    limits(settings)?;
    format(&settings.format)?;
    shards_of_version(settings)?;
    plate::check(settings)?;
    pyramid::check(settings, axes)
}

/// OME-NGFF 0.4 lies on Zarr v2, which has no shards.
fn shards_of_version(settings: &Settings) -> Result<()> {
    if settings.format.version != NgffVersion::V0_4 {
        return Ok(());
    }
    let of_dimensions = settings
        .dimensions
        .iter()
        .enumerate()
        .filter_map(|(nth, each)| Some((format!("dimensions[{nth}].shard_size_chunks"), each.shard_size_chunks?)));
    let of_levels =
        settings.pyramid.iter().flat_map(|pyramid| pyramid.shards.iter().enumerate()).flat_map(|(nth, sizes)| {
            sizes.iter().map(move |(name, chunks)| (format!("pyramid.shards[{nth}].{name}"), *chunks))
        });
    match of_dimensions.chain(of_levels).next() {
        None => Ok(()),
        Some((field, chunks)) => Err(Error::settings(
            field,
            chunks,
            "OME-NGFF 0.4 lies on Zarr v2, which has no shards",
            "leave it out, or use format.version \"0.5\" or \"0.6\"",
        )),
    }
}

fn limits(settings: &Settings) -> Result<()> {
    if settings.memory_limit < MIN_MEMORY_LIMIT {
        return Err(Error::settings(
            "memory_limit",
            settings.memory_limit,
            "too little memory to work in",
            format!("use at least {MIN_MEMORY_LIMIT} bytes (1 MiB)"),
        ));
    }
    if let Some(threads) = settings.threads
        && !(1..=MAX_THREADS).contains(&threads)
    {
        return Err(Error::settings(
            "threads",
            threads,
            "not a usable number of threads",
            format!("use 1 to {MAX_THREADS}, or leave it out"),
        ));
    }
    if let Some(program) = &settings.program {
        names::check("program", program)?;
    }
    if settings.resume && settings.overwrite {
        return Err(Error::settings(
            "resume",
            true,
            "`overwrite` is set too, and a store cannot be both continued and replaced",
            "set one of them",
        ));
    }
    if !LIVE_INTERVAL_RANGE.contains(&settings.live_interval) {
        return Err(Error::settings(
            "live_interval",
            settings.live_interval,
            "out of range",
            format!("use {} to {} seconds", LIVE_INTERVAL_RANGE.start(), LIVE_INTERVAL_RANGE.end()),
        ));
    }
    Ok(())
}

fn format(format: &Format) -> Result<()> {
    if format.name != Format::NAME {
        return Err(Error::settings("format.name", quoted(&format.name), "unknown format", "use \"ome-zarr\""));
    }
    if format.backend.is_empty() {
        return Err(Error::settings(
            "format.backend",
            quoted(&format.backend),
            "no backend is named",
            "use \"auto\" or the name of a backend",
        ));
    }
    Ok(())
}
