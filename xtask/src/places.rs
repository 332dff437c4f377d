//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Folder of the programs of this build: the one this program lies in.
pub(crate) fn programs() -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program's own path")?;
    Ok(this.parent().context("this program lies in no folder")?.to_path_buf())
}

/// The folder for everything that is built or fetched.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(programs()?.parent().context("the programs lie in no folder")?.to_path_buf())
}
