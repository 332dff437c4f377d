//! The stand-ins for riegeli and half, or the real ones where the user has them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{engine_folder, write_if_different};

/// Names the folder of riegeli's sources (the one that has a folder `riegeli`), to use them instead of the stand-in.
const RIEGELI: &str = "OME_STREAM_RIEGELI";

/// Names the folder that has `half.hpp`, to use it instead of the stand-in.
const HALF: &str = "OME_STREAM_HALF";

/// Folders of riegeli that TensorStore's core needs.
const RIEGELI_FOLDERS: [&str; 7] = ["base", "bytes", "digests", "endian", "varint", "zlib", "zstd"];

/// Where headers are found, and what has to be compiled beside TensorStore.
pub(crate) struct Standins {
    pub(crate) include: Vec<PathBuf>,
    pub(crate) units: Vec<(PathBuf, String)>,
}

/// Puts the stand-ins into the cache folder; files that have not changed keep their time, so that nothing is compiled anew
/// because of a fresh checkout.
pub(crate) fn placed(prefix: &Path) -> Result<Standins> {
    let mut units = Vec::new();
    let riegeli = match given(RIEGELI, "riegeli/bytes/reader.h")? {
        Some(folder) => {
            units = riegeli_units(&folder)?;
            folder
        }
        None => copied(prefix, "riegeli")?,
    };
    let half = match given(HALF, "half.hpp")? {
        Some(folder) => folder,
        None => copied(prefix, "half")?,
    };
    Ok(Standins { include: vec![riegeli, half], units })
}

/// The folder that a variable names, once it is known to have `header`.
fn given(variable: &str, header: &str) -> Result<Option<PathBuf>> {
    let Some(folder) = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    if !folder.join(header).is_file() {
        bail!("{variable} names {}, which has no {header}", folder.display());
    }
    Ok(Some(std::path::absolute(&folder).with_context(|| folder.display().to_string())?))
}

fn copied(prefix: &Path, name: &str) -> Result<PathBuf> {
    let (from, to) = (engine_folder().join("standins").join(name), prefix.join("standins").join(name));
    copy(&from, &to).with_context(|| from.display().to_string())?;
    Ok(to)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            write_if_different(&target, &fs::read(entry.path())?)?;
        }
    }
    // A header that was removed from the tree must not be found any more.
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
    }
    Ok(())
}

/// riegeli's own sources in the folders that matter; its tests and what needs further libraries are left out.
fn riegeli_units(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut units = Vec::new();
    for folder in RIEGELI_FOLDERS {
        let folder = root.join("riegeli").join(folder);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let wanted = path.extension().is_some_and(|ending| ending == "cc")
                && !stem.ends_with("_test")
                && !stem.starts_with("highwayhash");
            if wanted && let Ok(name) = path.strip_prefix(root) {
                units.push((path.clone(), name.to_string_lossy().into_owned()));
            }
        }
    }
    units.sort();
    Ok(units)
}
