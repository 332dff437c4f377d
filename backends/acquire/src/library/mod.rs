//! The engine's library: found, judged by what can be read in its file, and loaded.
//!
//! Loading is for good: the engine leaves threads and thread-local destructors behind and cannot be taken out of the
//! process again. So [`Found`], which tells all that a list of engines needs, loads nothing.

mod elf;
mod load;
mod locate;
mod symbols;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub(crate) use symbols::Symbols;

use locate::Surroundings;

use crate::error::Told;

/// Environment variable that names the library: the file, or a folder that holds it.
pub const VARIABLE: &str = "OME_STREAM_ACQUIRE_ZARR";

/// Command that installs the engine where it is found.
const INSTALL: &str = "pip install acquire-zarr";

/// Command that replaces an engine that is too old.
const UPGRADE: &str = "pip install --upgrade acquire-zarr";

/// Oldest release with the C interface used here, as (major, minor).
const OLDEST: (u64, u64) = (0, 10);

/// A library that is acquire-zarr by all that its file tells. It is not loaded.
pub struct Found {
    path: PathBuf,
    how: &'static str,
    /// That of the Python package; `None` for a library that belongs to none.
    version: Option<String>,
    image: Vec<u8>,
    /// Where the image wants functions of Python; see [`elf`].
    python: Vec<usize>,
}

impl Found {
    /// Finds the engine: the file that `named` or the environment names, which is then the only one tried, or else the
    /// first in the places where it is installed.
    pub(crate) fn search(named: Option<&Path>) -> Told<Self> {
        if !std::arch::is_x86_feature_detected!("avx2") {
            // It uses them without asking, and would end the process with an illegal instruction.
            return Err("acquire-zarr needs a processor with AVX2 instructions; this one has none".to_owned());
        }
        if let Some(path) = named {
            return Self::named(path, "named by the caller");
        }
        if let Some(path) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            let remedy = format!("`unset {VARIABLE}` to have it searched for");
            return Self::named(Path::new(&path), VARIABLE).map_err(|reason| format!("{reason}; {remedy}"));
        }
        let search = locate::search(&Surroundings::of_process());
        let mut rejected = String::new();
        for (path, how) in search.candidates {
            match Self::judge(path, how) {
                Ok(found) => return Ok(found),
                Err(reason) => rejected = format!("{rejected}; {reason}"),
            }
        }
        let folders: Vec<_> = search.searched.iter().map(|path| path.display().to_string()).collect();
        let remedy = if rejected.is_empty() { INSTALL } else { UPGRADE };
        let (count, folders) = (folders.len(), folders.join(", "));
        Err(format!("no acquire-zarr library found in {count} folders ({folders}){rejected}; `{remedy}` installs one"))
    }

    fn named(path: &Path, how: &'static str) -> Told<Self> {
        match locate::named(path) {
            Some(file) => Self::judge(file, how),
            None => Err(format!(
                "{how}: {}, but no acquire-zarr library is there; name the library's file, or a folder that holds it",
                path.display()
            )),
        }
    }

    /// Everything that can be told from the file alone, because loading runs the library's code.
    fn judge(path: PathBuf, how: &'static str) -> Told<Self> {
        let version = package_version(&path);
        let shown = path.display();
        if let Some(version) = version.as_ref().filter(|version| release(version).is_some_and(|it| it < OLDEST)) {
            return Err(format!("{shown} is acquire-zarr {version}; 0.10 or newer is needed: `{UPGRADE}`"));
        }
        let image = elf::read(&path)?;
        let inspection =
            elf::inspect(&image, symbols::REQUIRED).map_err(|fault| format!("{shown} cannot be loaded: {fault}"))?;
        if let Some(name) = inspection.missing {
            return Err(format!(
                "{shown} is not acquire-zarr 0.10 or newer: it does not define {name}; `{UPGRADE}` brings one that does"
            ));
        }
        Ok(Self { python: inspection.python, path, how, version, image })
    }

    /// Loads it into this process, for good; a file that is loaded already is not loaded again.
    pub(crate) fn load(mut self) -> Told<&'static Symbols> {
        static LOADED: Mutex<BTreeMap<PathBuf, &'static Symbols>> = Mutex::new(BTreeMap::new());

        let real = locate::real(&self.path);
        // Held while loading, so that two streams that start together load it once.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbols) = loaded.get(&real) {
            return Ok(symbols);
        }
        elf::weaken(&mut self.image, &self.python);
        let patched = (!self.python.is_empty()).then_some(self.image.as_slice());
        // SAFETY: the file is a whole shared library for this machine and defines the engine's functions; that they
        // have the signatures declared here is the contract of the name under which the file was given.
        let symbols = unsafe { load::open(&self.path, patched) }
            .map_err(|reason| format!("{} cannot be loaded: {reason}", self.path.display()))?;
        let symbols: &'static Symbols = Box::leak(Box::new(symbols));
        // SAFETY: the function takes an integer within its range and stores it.
        let _ = unsafe { (symbols.set_log_level)(symbols::LOG_ERRORS) };
        loaded.insert(real, symbols);
        Ok(symbols)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Version of the Python package; for a library that belongs to none what its functions tell.
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("0.10 or newer")
    }

    /// Where the library was found, for a person to read.
    pub(crate) fn place(&self) -> String {
        format!("{}: {}", self.how, self.path.display())
    }
}

/// The version of the Python package that a module belongs to, from the name of the metadata beside the package. The
/// engine's own answer is of no use: it says 0.8.0 for every release since.
fn package_version(module: &Path) -> Option<String> {
    let site = module.parent()?.parent()?;
    let version = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.replace('-', "_");
        Some(name.strip_prefix("acquire_zarr_")?.strip_suffix(".dist_info")?.to_owned())
    };
    // An interrupted upgrade leaves the old metadata behind; the library is then the newer one.
    locate::children(site).into_iter().filter_map(version).max_by_key(|version| release(version))
}

/// Leading numbers of a version: `0.10.1rc2` is (0, 10).
fn release(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
