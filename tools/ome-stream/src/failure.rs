//! How a command ends when it does not end well.

use std::process::ExitCode;

use ome_stream::{Error, shown};

/// What went wrong, as the exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The input or the settings cannot be used, or not to their end.
    Input,
    /// The store could not be written.
    Writing,
    /// Frames were dropped, as was asked.
    Dropped,
}

/// What went wrong, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: Kind,
    message: String,
}

/// Exit codes, for the help text.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    all is well
  1    the input or the settings cannot be used, or the input ended early
       (what came before is in the store, which is finished and valid)
  2    the command line is not understood
  3    writing failed
  4    frames were dropped, as --when-full drop allows
  130  interrupted (the store is finished and holds every frame taken so far)";

impl Failure {
    /// The input or the settings are at fault.
    pub fn input(message: impl Into<String>) -> Self {
        // A path or a name in it may hold what a terminal would obey.
        Self { kind: Kind::Input, message: shown::sentence(message.into()) }
    }

    /// Frames are missing, as `--when-full drop` allows.
    pub fn dropped(message: impl Into<String>) -> Self {
        Self { kind: Kind::Dropped, message: message.into() }
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::Input => 1,
            Kind::Writing => 3,
            Kind::Dropped => 4,
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.root_cause() {
            Error::InvalidSettings { .. }
            | Error::Unsupported { .. }
            | Error::Unavailable { .. }
            | Error::MemoryLimit { .. }
            | Error::AlreadyExists { .. }
            | Error::NotAStore { .. }
            | Error::InvalidMetadata { .. } => Kind::Input,
            _ => Kind::Writing,
        };
        Self { kind, message: error.to_string() }
    }
}
