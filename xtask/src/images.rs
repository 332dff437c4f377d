//! Real microscope images that a published package carries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::places;
use crate::step::run;

/// The folder with the images; fetches those that are missing or damaged.
pub(crate) fn fetched(python: &Path) -> Result<PathBuf> {
    let folder = places::target()?.join("images");
    run(Command::new(python)
        .arg(places::root().join("tests/interop/fetch_images.py"))
        .arg(&folder)
        .stdout(Stdio::null()))?;
    Ok(folder)
}
