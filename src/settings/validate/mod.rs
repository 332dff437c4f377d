//! Every rule that does not depend on an engine, and the normal form of settings.

mod coords;
mod dimensions;
mod names;
mod plate;
mod pyramid;
mod sizes;

use std::ops::RangeInclusive;

use super::json::quote;
use super::{Format, NgffVersion, Settings, root_path};
use crate::error::{Error, Result};

pub use crate::names::MAX_NAME_BYTES;

/// Most bytes of pixels in an acquisition of all positions: readers count bytes with signed 64 bits.
pub const MAX_ACQUISITION_BYTES: u64 = i64::MAX as u64;

/// Most positions of an acquisition: each is a folder, an array and an entry of the series list.
pub const MAX_POSITIONS: usize = 100_000;

/// Most worker threads: beyond this, memory for their scratch grows and throughput does not.
pub const MAX_THREADS: usize = 256;

/// Least `memory_limit`, in bytes: 1 MiB.
pub const MIN_MEMORY_LIMIT: u64 = 1 << 20;

/// Seconds that `live_interval` may have: below, the disk is kept busy with provisional indices; above, it is no
/// longer live.
pub const LIVE_INTERVAL_RANGE: RangeInclusive<f64> = 0.05..=3600.0;

/// Normalises and checks; leaves `settings` as they are if they cannot be used.
pub(super) fn run(settings: &mut Settings) -> Result<Vec<String>> {
    let mut checked = settings.clone();
    let mut notes = Vec::new();
    root_path::check(&checked.root_path, &mut checked.format.suffix)?;
    dimensions::names(&checked.dimensions)?;
    dimensions::types(&mut checked.dimensions, &mut notes)?;
    dimensions::number(&checked.dimensions)?;
    dimensions::frame(&checked.dimensions)?;
    coords::check(&mut checked.dimensions)?;
    dimensions::counts(&checked.dimensions)?;
    dimensions::units(&mut checked.dimensions)?;
    dimensions::scales(&checked.dimensions)?;
    sizes::clamp(&mut checked.dimensions, &mut notes)?;
    sizes::check(&checked.dimensions, checked.dtype)?;
    dimensions::storage_order(&checked)?;
    checked.compression.check()?;
    limits(&checked)?;
    format(&checked.format)?;
    plate::check(&checked)?;
    pyramid::check(&checked)?;
    *settings = checked;
    Ok(notes)
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
        return Err(Error::settings("format.name", quote(&format.name), "unknown format", "use \"ome-zarr\""));
    }
    if format.backend.is_empty() {
        return Err(Error::settings(
            "format.backend",
            quote(&format.backend),
            "no backend is named",
            "use \"auto\" or the name of a backend",
        ));
    }
    if format.version != NgffVersion::V0_5 {
        return Err(Error::settings(
            "format.version",
            quote(format.version.name()),
            "this OME-NGFF version is not written by this version of the library",
            "use \"0.5\", or leave it out",
        ));
    }
    Ok(())
}
