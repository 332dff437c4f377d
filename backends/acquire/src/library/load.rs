//! Opening a library by the route that suits it.
//!
//! | file | route |
//! |---|---|
//! | a shared library that needs no Python | opened as it is |
//! | the Python package's extension module | a copy with optional Python symbols, in memory (`memfd`) |
//! | the same, where memory files cannot be executed | the same copy in a temporary file, unlinked at once |
//!
//! Everything that can be told from the file alone is checked before the dynamic loader sees it, because loading runs
//! the library's code.

use std::fmt;
use std::fs;
use std::path::Path;

use super::elf;
use super::symbols::{REQUIRED, Symbols};
use crate::error::LoadError;

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[path = "load_linux.rs"]
mod platform;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
#[path = "load_elsewhere.rs"]
mod platform;

pub(crate) use platform::check_platform;

/// No acquire-zarr is larger by far (0.10 has 13 MB); a file of this size was named by mistake.
const SIZE_LIMIT: u64 = 1 << 30;

/// How a library was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// The file itself.
    AsItIs,
    /// A patched copy in memory.
    Memory,
    /// A patched copy in a temporary file, which is already unlinked.
    TemporaryFile,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::AsItIs => "as it is",
            Route::Memory => "patched copy in memory",
            Route::TemporaryFile => "patched copy in a temporary file",
        })
    }
}

/// Opens the library at `path` for the rest of the process's life.
///
/// `only` restricts the routes, for tests of the later ones.
///
/// # Errors
/// Says what the file is instead, which function it lacks, or what the dynamic loader said of each route.
pub(crate) fn open(path: &Path, only: Option<Route>) -> Result<(Symbols, Route), LoadError> {
    let mut image = read(path)?;
    let refuse = |fault| LoadError::NotALibrary { path: path.to_path_buf(), fault };
    let inspection = elf::inspect(&image, REQUIRED).map_err(refuse)?;
    if let Some(symbol) = inspection.missing().first() {
        return Err(LoadError::MissingSymbol { path: path.to_path_buf(), symbol: symbol.clone() });
    }
    let routes: &[Route] = if inspection.needs_python() {
        elf::weaken_python_symbols(&mut image, &inspection).map_err(refuse)?;
        &[Route::Memory, Route::TemporaryFile]
    } else {
        &[Route::AsItIs]
    };

    let mut reasons = Vec::new();
    for route in routes.iter().copied().filter(|route| only.is_none_or(|only| only == *route)) {
        // SAFETY: the file is a whole shared library for this machine and defines the engine's functions; that they
        // have the signatures declared here is the contract of the name under which the file was given.
        match unsafe { platform::open(path, &image, route) } {
            Ok(symbols) => return Ok((symbols, route)),
            Err(reason) => reasons.push(format!("{route}: {reason}")),
        }
    }
    if reasons.is_empty() {
        reasons.push("no route to load it was allowed".to_owned());
    }
    Err(LoadError::Loader { path: path.to_path_buf(), reason: reasons.join("; ") })
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |reason: String| LoadError::Unreadable { path: path.to_path_buf(), reason };
    let metadata = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    // A pipe or a device would never end.
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if metadata.len() > SIZE_LIMIT {
        return Err(unreadable(format!("{} bytes are too many for a library", metadata.len())));
    }
    fs::read(path).map_err(|error| unreadable(error.to_string()))
}
