//! What the tests share: the engine where there is one, a stand-in for it, and settings of a run.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ome_stream::settings::{DataType, Durability, Settings, parse_dims};
use ome_stream_backend_acquire::{Found, VARIABLE};
use tempfile::TempDir;

/// The engine's library, or `None` after saying why the test is skipped. A missing engine is a skip; a broken one is a
/// failure.
pub fn engine() -> Option<PathBuf> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv");
    let named = std::env::var_os(VARIABLE).is_some() || std::env::var_os("VIRTUAL_ENV").is_some();
    let explicit = (!named && project.is_dir()).then_some(project);
    match Found::find(explicit.as_deref()) {
        Ok(found) => Some(found.path().to_path_buf()),
        Err(error) => {
            let reason = error.to_string();
            let missing = reason.contains("AVX2") || reason.ends_with("`pip install acquire-zarr` installs one");
            assert!(missing, "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

/// Builds the stand-in with some of its switches; `None` after saying that there is no compiler.
pub fn stand_in(switches: &[&str]) -> Option<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libacquire-zarr.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_in.c");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", source, "-o"]).arg(&library);
    match compiler.args(switches.iter().map(|switch| format!("-D{switch}"))).status() {
        Ok(status) => assert!(status.success(), "the stand-in does not compile"),
        Err(error) => {
            eprintln!("skipped: no C compiler: {error}");
            return None;
        }
    }
    Some((folder, library))
}

/// Whether acquire-zarr, or its stand-in, is in this process: as a file or as a copy in memory.
pub fn is_loaded() -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    ["acquire_zarr/__init__", "libacquire-zarr.so", "memfd:acquire-zarr"].iter().any(|name| maps.contains(name))
}

pub fn settings(root: &Path, dimensions: &str, dtype: DataType) -> Settings {
    let mut settings = Settings::new(root.to_str().unwrap(), parse_dims(dimensions).unwrap(), dtype);
    settings.durability = Durability::None;
    settings
}
