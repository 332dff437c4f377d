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

/// Where headers are found, what has to be compiled beside TensorStore, and how to call the result.
#[derive(Debug)]
pub(crate) struct Standins {
    pub(crate) include: Vec<PathBuf>,
    pub(crate) units: Vec<(PathBuf, String)>,
    /// Which of the two are stand-ins; never the official build.
    pub(crate) description: &'static str,
}

/// Folders with the real sources, where the user has them.
#[derive(Debug, Default)]
pub(crate) struct Real {
    riegeli: Option<PathBuf>,
    half: Option<PathBuf>,
}

impl Real {
    /// As the environment names them.
    pub(crate) fn from_environment() -> Self {
        let named = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { riegeli: named(RIEGELI), half: named(HALF) }
    }
}

/// Puts the stand-ins into the cache folder; files that have not changed keep their time, so that nothing is compiled
/// anew because of a fresh checkout.
pub(crate) fn placed(prefix: &Path, real: &Real) -> Result<Standins> {
    let description = match (&real.riegeli, &real.half) {
        (None, None) => "built with stand-ins for riegeli and half",
        (None, Some(_)) => "built with a stand-in for riegeli",
        (Some(_), None) => "built with a stand-in for half",
        (Some(_), Some(_)) => "built from source by cargo xtask tensorstore",
    };
    let mut units = Vec::new();
    let riegeli = match &real.riegeli {
        Some(folder) => {
            let folder = checked(RIEGELI, folder, "riegeli/bytes/reader.h")?;
            units = riegeli_units(&folder)?;
            folder
        }
        None => copied(prefix, "riegeli")?,
    };
    let half = match &real.half {
        Some(folder) => checked(HALF, folder, "half.hpp")?,
        None => copied(prefix, "half")?,
    };
    Ok(Standins { include: vec![riegeli, half], units, description })
}

/// The folder that a variable names, once it is known to have `header`.
fn checked(variable: &str, folder: &Path, header: &str) -> Result<PathBuf> {
    if !folder.join(header).is_file() {
        bail!("{variable} names {}, which has no {header}", folder.display());
    }
    std::path::absolute(folder).with_context(|| folder.display().to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
    }

    #[test]
    fn without_the_real_ones_both_stand_ins_are_used_and_said() {
        let prefix = tempfile::tempdir().expect("a folder");
        let placed = placed(prefix.path(), &Real::default()).expect("the stand-ins");
        let at = |name: &str| prefix.path().join("standins").join(name);
        assert_eq!(placed.include, [at("riegeli"), at("half")]);
        assert!(at("riegeli").join("riegeli/bytes/reader.h").is_file() && at("half").join("half.hpp").is_file());
        assert!(placed.units.is_empty(), "they are headers alone");
        assert_eq!(placed.description, "built with stand-ins for riegeli and half");
    }

    #[test]
    fn real_sources_replace_their_stand_in() {
        let (prefix, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        put(folder.path(), &["half.hpp", "riegeli/bytes/reader.h", "riegeli/bytes/reader.cc"]);
        put(folder.path(), &["riegeli/zlib/zlib_reader.cc", "riegeli/base/any_test.cc", "riegeli/text/print.cc"]);
        put(folder.path(), &["riegeli/digests/highwayhash_digester.cc"]);
        for other in ["endian", "varint", "zstd"] {
            fs::create_dir_all(folder.path().join("riegeli").join(other)).expect("a folder");
        }
        let given = || Some(folder.path().to_path_buf());
        let both = placed(prefix.path(), &Real { riegeli: given(), half: given() }).expect("both are there");
        assert_eq!(both.include, [folder.path(), folder.path()]);
        let names: Vec<_> = both.units.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["riegeli/bytes/reader.cc", "riegeli/zlib/zlib_reader.cc"]);
        assert!(!both.description.contains("stand-in"), "{}", both.description);
        assert!(!prefix.path().join("standins").exists(), "no stand-in is put anywhere");

        let half = placed(prefix.path(), &Real { riegeli: None, half: given() }).expect("one is there");
        assert_eq!(half.include, [prefix.path().join("standins/riegeli"), folder.path().to_path_buf()]);
        assert_eq!(half.description, "built with a stand-in for riegeli");
    }

    #[test]
    fn a_folder_without_the_sources_is_refused() {
        let (prefix, empty) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let given = || Some(empty.path().to_path_buf());
        for (real, said) in [
            (Real { riegeli: given(), half: None }, [RIEGELI, "riegeli/bytes/reader.h"]),
            (Real { riegeli: None, half: given() }, [HALF, "half.hpp"]),
        ] {
            let error = placed(prefix.path(), &real).expect_err("nothing is there").to_string();
            assert!(said.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
