//! What must be known before the engine's first call: the processor, the version, the settings format.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::symbols::Symbols;
use crate::engine::Settings;
use crate::error::{EngineError, LoadError};

/// Oldest release with the C interface used here, as (major, minor).
const OLDEST: (u64, u64) = (0, 10);

/// More than the header of any package's metadata; its long description follows and is not needed.
const METADATA_LIMIT: u64 = 64 * 1024;

/// A document of the version used here. Reading it touches no disk: only creating a stream does.
const SAMPLE: &str = r#"{"version":2,"store_path":"sample.zarr","overwrite":false,"arrays":[{"data_type":"uint8",
    "is_ngff":false,"dimensions":[
    {"name":"t","type":"time","array_size_px":0,"chunk_size_px":1,"shard_size_chunks":1},
    {"name":"y","type":"space","array_size_px":4,"chunk_size_px":4,"shard_size_chunks":1},
    {"name":"x","type":"space","array_size_px":4,"chunk_size_px":4,"shard_size_chunks":1}]}]}"#;

/// Refuses a processor on which the engine would die of an illegal instruction.
pub(crate) fn check_processor() -> Result<(), LoadError> {
    #[cfg(target_arch = "x86_64")]
    let sound = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let sound = false;
    if sound { Ok(()) } else { Err(LoadError::Processor) }
}

/// The version of the Python package that a module belongs to, from the metadata beside the package. The engine's own
/// answer is of no use: it says 0.8.0 for every release since.
pub(crate) fn package_version(module: &Path) -> Option<String> {
    let site = module.parent()?.parent()?;
    let mut versions: Vec<String> = fs::read_dir(site)
        .ok()?
        .filter_map(|entry| entry.ok())
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().replace('-', "_");
            name.starts_with("acquire_zarr_") && name.ends_with(".dist_info")
        })
        .filter_map(|entry| version_in(&entry.path().join("METADATA")))
        .collect();
    // An interrupted upgrade leaves the old metadata behind; the library is then the newer one.
    versions.sort_by_key(|version| release(version));
    versions.pop()
}

fn version_in(metadata: &Path) -> Option<String> {
    let mut text = Vec::new();
    fs::File::open(metadata).ok()?.take(METADATA_LIMIT).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    let header = text.lines().take_while(|line| !line.is_empty());
    header.filter_map(|line| line.strip_prefix("Version:")).map(|version| version.trim().to_owned()).next()
}

/// Leading numbers of a version: `0.10.1rc2` is (0, 10).
fn release(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Refuses a release that is known to be too old. An unknown or unreadable version passes: the settings format decides.
pub(crate) fn check_version(path: &Path, version: Option<&str>) -> Result<(), LoadError> {
    match version {
        Some(version) if release(version).is_some_and(|found| found < OLDEST) => {
            Err(LoadError::TooOld { path: path.to_path_buf(), version: version.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Lets the engine read a small settings document of the version used here.
pub(crate) fn check_settings_format(path: &Path, symbols: &'static Symbols) -> Result<(), LoadError> {
    let failed = |status, printed| LoadError::Settings { path: path.to_path_buf(), status, printed };
    match Settings::parse(symbols, SAMPLE) {
        Ok(_) => Ok(()),
        Err(EngineError::Settings { status, printed }) => Err(failed(status, printed)),
        Err(other) => Err(LoadError::Loader { path: path.to_path_buf(), reason: other.to_string() }),
    }
}
