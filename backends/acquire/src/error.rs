//! What can go wrong: with finding and loading the engine, and with using it.

use std::fmt;
use std::path::PathBuf;

use crate::library::ElfFault;

/// Command that installs the engine where this crate finds it.
pub const INSTALL: &str = "pip install acquire-zarr";

/// Command that replaces an engine that is too old.
pub const UPGRADE: &str = "pip install --upgrade acquire-zarr";

/// Why the engine cannot be used on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine can only be loaded on Linux with the GNU C library, on x86-64.
    #[error("acquire-zarr can only be loaded at run time on x86-64 Linux with the GNU C library; this is {platform}")]
    Platform {
        /// Operating system and processor of this build.
        platform: String,
    },
    /// The engine's code uses AVX2 without asking, and would end the process with an illegal instruction.
    #[error("acquire-zarr needs a processor with AVX2 instructions; this one has none")]
    Processor,
    /// No library in any of the places searched.
    #[error("no acquire-zarr library found{}; `{INSTALL}` installs one", places(.searched, .rejected))]
    NotFound {
        /// Folders that were looked into.
        searched: Vec<PathBuf>,
        /// Libraries that were found but cannot be used, with the reason of each.
        rejected: Vec<LoadError>,
    },
    /// The settings or the environment name something that is not there.
    #[error("{source_name} names {path}, but no acquire-zarr library is there; name the library's file, or a folder that holds it", path = .path.display())]
    NoSuchFile {
        /// The path as it was named.
        path: PathBuf,
        /// Who named it: `settings`, or the environment variable.
        source_name: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {reason}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        reason: String,
    },
    /// A file is not a shared library for this machine.
    #[error("{path} cannot be loaded: {fault}", path = .path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        fault: ElfFault,
    },
    /// A sound shared library that is not acquire-zarr, or one without the functions that are needed.
    #[error("{path} is not acquire-zarr 0.10 or newer: it does not define {symbol}; `{UPGRADE}` brings one that does", path = .path.display())]
    MissingSymbol {
        /// The file.
        path: PathBuf,
        /// The first function that it lacks.
        symbol: String,
    },
    /// A release whose C interface differs from the one used here.
    #[error("{path} is acquire-zarr {version}; 0.10 or newer is needed: `{UPGRADE}`", path = .path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version, from the package's metadata.
        version: String,
    },
    /// The library does not read the settings documents that this crate writes.
    #[error("{path} does not accept settings documents of version 2 (status {status}){}; `{UPGRADE}` brings one that does", told(.printed), path = .path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Its answer.
        status: Status,
        /// What it printed.
        printed: String,
    },
    /// The dynamic loader refused the library.
    #[error("{path} cannot be loaded: {reason}", path = .path.display())]
    Loader {
        /// The file.
        path: PathBuf,
        /// The loader's own text, one for each way that was tried.
        reason: String,
    },
}

impl LoadError {
    /// The one command that would make the engine available, where there is one.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            LoadError::Platform { .. } | LoadError::Processor => None,
            LoadError::TooOld { .. } | LoadError::Settings { .. } | LoadError::MissingSymbol { .. } => Some(UPGRADE),
            LoadError::NotFound { rejected, .. } => {
                Some(rejected.first().and_then(LoadError::remedy).unwrap_or(INSTALL))
            }
            _ => Some(INSTALL),
        }
    }
}

/// Why the engine failed at its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A text holds a NUL character, at which the engine would silently cut it off.
    #[error("{what} `{text}` holds a NUL character, which acquire-zarr cannot pass on; remove it", text = .text.escape_debug())]
    Nul {
        /// What the text is: `settings text`, `array key`.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// The engine would drop the white space around a path or key, and write somewhere else.
    #[error("{field} `{text}` begins or ends with white space, which acquire-zarr drops; choose a name without", text = .text.escape_debug())]
    WhiteSpace {
        /// Field of the settings document.
        field: &'static str,
        /// Its value.
        text: String,
    },
    /// The engine refused the settings document.
    #[error("acquire-zarr refused the settings (status {status}){}", told(.printed))]
    Settings {
        /// Its answer.
        status: Status,
        /// What it printed.
        printed: String,
    },
    /// The engine made no stream; a NULL is all that it returns.
    #[error("acquire-zarr could not create the store{}", if .printed.is_empty() { "; it gave no reason".to_owned() } else { told(.printed) })]
    Create {
        /// What it printed.
        printed: String,
    },
    /// The engine did not take the bytes, or a write of earlier bytes failed.
    #[error("acquire-zarr took {taken} of {given} bytes (status {status}){}", told(.printed))]
    Append {
        /// Bytes given in this call.
        given: u64,
        /// Bytes that were taken before it failed.
        taken: u64,
        /// Its answer.
        status: Status,
        /// What it printed.
        printed: String,
    },
    /// The engine did not tell its use of memory.
    #[error("acquire-zarr did not tell its use of memory (status {status}){}", told(.printed))]
    Memory {
        /// Its answer.
        status: Status,
        /// What it printed.
        printed: String,
    },
    /// The engine could not write what it still held. Data is missing from the store.
    #[error("acquire-zarr could not finish the store (status {status}){}", told(.printed))]
    Close {
        /// Its answer.
        status: Status,
        /// What it printed.
        printed: String,
    },
}

/// A status code of the engine, shown with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// The call did what was asked.
    pub const SUCCESS: Status = Status(0);
    /// An argument is wrong, and nothing was done.
    pub const INVALID_ARGUMENT: Status = Status(1);
    /// A failure inside the engine, often one of an earlier write.
    pub const INTERNAL: Status = Status(5);
    /// Reading or writing failed.
    pub const IO: Status = Status(7);
    /// The settings are wrong.
    pub const INVALID_SETTINGS: Status = Status(9);
    /// Only part of the bytes was taken.
    pub const PARTIAL_WRITE: Status = Status(11);
    /// More frames than the dimensions hold; none of the bytes was taken.
    pub const OUT_OF_BOUNDS: Status = Status(12);
    /// No array has this key; none of the bytes was taken.
    pub const KEY_NOT_FOUND: Status = Status(13);

    /// Whether a call that answers this has changed nothing, so that the stream can go on.
    pub fn changed_nothing(self) -> bool {
        matches!(self, Status::INVALID_ARGUMENT | Status::OUT_OF_BOUNDS | Status::KEY_NOT_FOUND)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self.0 {
            0 => "success",
            1 => "invalid argument",
            2 => "overflow",
            3 => "invalid index",
            4 => "not implemented",
            5 => "internal error",
            6 => "out of memory",
            7 => "input/output error",
            8 => "compression error",
            9 => "invalid settings",
            10 => "will not overwrite",
            11 => "partial write",
            12 => "beyond the array's bounds",
            13 => "no such array key",
            _ => "unknown",
        };
        write!(f, "{}: {meaning}", self.0)
    }
}

/// The engine's printed reason as the end of a message.
fn told(printed: &str) -> String {
    if printed.is_empty() { String::new() } else { format!(": {printed}") }
}

fn places(searched: &[PathBuf], rejected: &[LoadError]) -> String {
    let mut text = match searched.len() {
        0 => " (no active virtual environment, no Python on the PATH, no library folder)".to_owned(),
        count => format!(
            " in {count} folders ({})",
            searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        ),
    };
    for error in rejected {
        text.push_str("; ");
        text.push_str(&error.to_string());
    }
    text
}
