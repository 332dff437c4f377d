//! Platforms on which the engine is not loaded: everything compiles, and says so.

use std::path::Path;

use super::Route;
use crate::error::LoadError;
use crate::library::symbols::Symbols;

fn platform() -> String {
    let environment = if cfg!(target_env = "musl") { " with musl" } else { "" };
    format!("{} on {}{environment}", std::env::consts::OS, std::env::consts::ARCH)
}

/// This is not the platform.
pub(crate) fn check_platform() -> Result<(), LoadError> {
    Err(LoadError::Platform { platform: platform() })
}

/// Opens nothing.
///
/// # Safety
/// None needed; the signature is that of the platform where there is something to open.
pub(super) unsafe fn open(_path: &Path, _image: &[u8], _route: Route) -> Result<Symbols, String> {
    Err(format!("libraries are not loaded on {}", platform()))
}
