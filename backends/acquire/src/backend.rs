//! The engine behind core's trait.

use std::path::Path;
use std::sync::Arc;

use ome_stream::backend::{Backend, Capabilities, Sink, Unsupported};
use ome_stream::journal::Log;
use ome_stream::plan::Unit;
use ome_stream::platform::Disk;
use ome_stream::{Error, Plan, Result};

use crate::check::check;
use crate::error::LoadError;
use crate::library::{Library, VARIABLE};
use crate::sink::AcquireSink;

/// Name of this engine in settings, errors and reports.
pub const NAME: &str = "acquire-zarr";

/// What a person should know of this engine's memory; part of its entry in the list of engines.
pub const MEMORY: &str = "holds frames in a queue of its own, which memory_limit does not bound";

/// acquire-zarr, loaded.
///
/// It takes frames in the order in which they arrive and keeps them in a queue of its own (up to 256 MiB) and, with a
/// slow codec, in a further one without a bound. What `memory_limit` bounds is the memory before that, and frames are
/// held back while the engine itself says that it holds more; see [`Capabilities::bounded_memory`].
#[derive(Debug, Clone, Copy)]
pub struct AcquireBackend {
    library: &'static Library,
}

impl AcquireBackend {
    /// Finds and loads the engine; `explicit` names its library, where somebody does.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with the reason why it cannot be used here and the one command that would change that.
    pub fn open(explicit: Option<&Path>) -> Result<Self> {
        match Library::open(explicit) {
            Ok(library) => Ok(Self { library }),
            Err(error) => Err(Error::Unavailable {
                backend: NAME.to_owned(),
                reason: explain(
                    &error,
                    explicit.is_none() && std::env::var_os(VARIABLE).is_some_and(|it| !it.is_empty()),
                ),
            }),
        }
    }

    /// The library in use.
    #[must_use]
    pub fn library(&self) -> &'static Library {
        self.library
    }

    /// Where the library was found, and what to know of it, for a person to read.
    #[must_use]
    pub fn detail(&self) -> String {
        format!("{}: {}; {MEMORY}", self.library.source(), self.library.path().display())
    }
}

impl Backend for AcquireBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: Unit::Frame,
            in_order: true,
            provisional: false,
            bounded_memory: false,
            random_access: false,
            writes_groups: true,
            version: format!("{NAME} {}", self.library.version().unwrap_or("0.10 or newer")),
        }
    }

    fn check(&self, plan: &Plan) -> std::result::Result<(), Unsupported> {
        check(plan).map(|_| ())
    }

    fn create(&self, plan: &Arc<Plan>, disk: &Arc<dyn Disk>, _log: &Arc<Log>) -> Result<Box<dyn Sink>> {
        let order = check(plan)
            .map_err(|reason| Error::Unsupported { backend: NAME.to_owned(), reason: reason.to_string() })?;
        Ok(Box::new(AcquireSink::create(self.library, plan, disk, &order)?))
    }
}

/// The reason with the command that helps; `by_variable` where the environment names the library, so that installing
/// another one would change nothing.
fn explain(error: &LoadError, by_variable: bool) -> String {
    let reason = error.to_string();
    match error.remedy() {
        Some(_) if by_variable => {
            let named = if reason.contains(VARIABLE) { String::new() } else { format!("; {VARIABLE} names it") };
            format!("{reason}{named}: `unset {VARIABLE}` to have it searched for")
        }
        Some(remedy) if !reason.contains(remedy) => format!("{reason}; `{remedy}` brings one that can"),
        _ => reason,
    }
}

/// A failure of the engine as core tells it.
pub(crate) fn failure(message: impl std::fmt::Display) -> Error {
    Error::Engine { backend: NAME.to_owned(), message: message.to_string() }
}
