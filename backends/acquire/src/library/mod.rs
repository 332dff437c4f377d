//! Finding, checking and loading the engine's library.

mod elf;
mod load;
mod locate;
mod probe;
mod symbols;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

pub use elf::ElfFault;
pub use load::Route;
pub use locate::{Candidate, Source, VARIABLE};

pub(crate) use symbols::Symbols;

use locate::{Surroundings, search};

use crate::error::LoadError;

/// The loaded engine. Loaded once for each file, and never unloaded.
#[derive(Debug)]
pub struct Library {
    symbols: &'static Symbols,
    path: PathBuf,
    source: Source,
    version: Option<String>,
    route: Route,
}

impl Library {
    /// Finds and loads the engine; `explicit` is the path from the settings. A second call for the same file gives the
    /// same library.
    ///
    /// # Errors
    /// [`LoadError`]: the platform or the processor cannot run it, nothing was found, or what was found is no usable
    /// acquire-zarr. A file that somebody named is the only one tried.
    pub fn open(explicit: Option<&Path>) -> Result<&'static Library, LoadError> {
        load::check_platform()?;
        probe::check_processor()?;
        let search = search(&Surroundings::of_process(explicit))?;
        let mut rejected = Vec::new();
        for candidate in search.candidates {
            match Self::load(&candidate) {
                Err(error) if candidate.source.is_deliberate() => return Err(error),
                Err(error) => rejected.push(error),
                found => return found,
            }
        }
        Err(LoadError::NotFound { searched: search.searched, rejected })
    }

    fn load(candidate: &Candidate) -> Result<&'static Library, LoadError> {
        static LOADED: Mutex<Option<HashMap<PathBuf, &'static Library>>> = Mutex::new(None);

        let real = candidate.path.canonicalize().unwrap_or_else(|_| candidate.path.clone());
        // Held while loading, so that two streams that start together load it once.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = loaded.get_or_insert_default();
        if let Some(library) = loaded.get(&real) {
            return Ok(library);
        }
        let library = Box::leak(Box::new(Self::load_by(candidate, None)?));
        loaded.insert(real, library);
        Ok(library)
    }

    /// Loads another copy by one route only. For tests: each call stays in memory for the process's life.
    ///
    /// # Errors
    /// As [`open`](Self::open), for this file and route.
    #[doc(hidden)]
    pub fn load_copy_by(candidate: &Candidate, route: Route) -> Result<&'static Library, LoadError> {
        load::check_platform()?;
        probe::check_processor()?;
        Self::load_by(candidate, Some(route)).map(|library| &*Box::leak(Box::new(library)))
    }

    fn load_by(candidate: &Candidate, only: Option<Route>) -> Result<Library, LoadError> {
        let path = &candidate.path;
        let version = probe::package_version(path);
        probe::check_version(path, version.as_deref())?;
        let (symbols, route) = load::open(path, only)?;
        let symbols: &'static Symbols = Box::leak(Box::new(symbols));
        // SAFETY: the function takes an integer within its range and stores it.
        let _ = unsafe { (symbols.set_log_level)(symbols::LOG_ERRORS) };
        probe::check_settings_format(path, symbols)?;
        Ok(Library { symbols, path: path.clone(), source: candidate.source, version, route })
    }

    pub(crate) fn symbols(&self) -> &'static Symbols {
        self.symbols
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file was found.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Version of the Python package; `None` for a library that belongs to none.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// How the file was opened.
    pub fn route(&self) -> Route {
        self.route
    }
}

/// Whether the engine can be used here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
    /// It is loaded.
    Available {
        /// Version of the Python package; `None` for a library that belongs to none.
        version: Option<String>,
        /// The file.
        path: PathBuf,
        /// How the file was found.
        source: Source,
        /// How the file was opened.
        route: Route,
    },
    /// It cannot be used.
    Unavailable {
        /// Why not; already names the remedy where it helps.
        reason: LoadError,
        /// The one command that would make it available, where there is one.
        remedy: Option<&'static str>,
    },
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Availability::Available { version, path, source, .. } => {
                let version = version.as_deref().unwrap_or("of unknown version, 0.10 or newer");
                write!(f, "acquire-zarr {version} ({source}: {})", path.display())
            }
            Availability::Unavailable { reason, .. } => reason.fmt(f),
        }
    }
}

/// Says whether the engine can be used, with its version and where it was found, or why not and what would help.
/// Loads it: nothing less tells for certain.
pub fn availability(explicit: Option<&Path>) -> Availability {
    match Library::open(explicit) {
        Ok(library) => Availability::Available {
            version: library.version.clone(),
            path: library.path.clone(),
            source: library.source,
            route: library.route,
        },
        Err(reason) => Availability::Unavailable { remedy: reason.remedy(), reason },
    }
}

#[cfg(all(test, not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))))]
mod tests {
    use super::*;

    #[test]
    fn other_platforms_say_that_the_engine_cannot_be_loaded_there() {
        let Availability::Unavailable { reason, remedy } = availability(None) else { panic!("loaded") };
        assert!(reason.to_string().contains(std::env::consts::ARCH), "{reason}");
        assert_eq!(remedy, None);
    }
}
