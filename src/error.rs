//! The one error type; its numbers are the codes of the C ABI and are never reused.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::shown;

/// Result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, each with the number a C host sees ([`Error::code`]).
///
/// Errors are cheap to clone: the first cause of a failure is kept and told again by every later call. The fields hold
/// names, values and paths as they are; the message is one line that shows what cannot be seen written out, and of what
/// is long the beginning ([`shown`]).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A settings field has a value that cannot be used.
    #[error(
        "settings: `{}` = {}: {}; {}",
        shown::field(.field), shown::field(.value), shown::sentence(.problem), shown::sentence(.remedy)
    )]
    InvalidSettings {
        /// Path of the field, as written in JSON: `dimensions[1].chunk_size`.
        field: String,
        /// The offending value.
        value: String,
        /// What is wrong with it.
        problem: String,
        /// What would work.
        remedy: String,
    },
    /// The settings are valid, but this engine cannot do what they ask.
    #[error("backend `{}` cannot write this: {reason}", shown::value(.backend))]
    Unsupported {
        /// Engine name.
        backend: String,
        /// What it cannot do, and what would work.
        reason: String,
    },
    /// The plan needs more memory than the limit allows.
    #[error(
        "memory_limit = {limit} bytes is too small: this acquisition needs at least {needed} bytes ({explanation}); \
         raise memory_limit, or use smaller chunks or shards along the outer dimensions"
    )]
    MemoryLimit {
        /// Least bytes with which the run could start.
        needed: u64,
        /// The limit that was set, in bytes.
        limit: u64,
        /// How the need comes about, in numbers.
        explanation: String,
    },
    /// Something is already there and `overwrite` is false; it was not touched.
    #[error("{} already exists; set overwrite to replace it, or choose another root_path", shown::path(.path))]
    AlreadyExists {
        /// The path in the way.
        path: PathBuf,
    },
    /// `overwrite` was asked for on something that is not an OME-Zarr store; it was not touched.
    #[error(
        "{} is not an OME-Zarr store ({}); it was left untouched: remove it yourself, or choose another root_path",
        shown::path(.path), shown::sentence(.reason)
    )]
    NotAStore {
        /// The path that was kept.
        path: PathBuf,
        /// Why it is not taken for a store.
        reason: String,
    },
    /// The operating system refused a file operation.
    #[error("cannot {operation} {}: {}", shown::path(.path), shown::sentence(.source))]
    Io {
        /// Verb: `write`, `create`, `rename`, `sync`.
        operation: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// A frame has the wrong number of bytes; it was refused and used no frame number.
    #[error("frame has {got} bytes, expected {expected} ({height} x {width} pixels of {dtype}); the frame was refused")]
    FrameSize {
        /// Bytes given.
        got: u64,
        /// Bytes that one frame has.
        expected: u64,
        /// Rows of a frame.
        height: u64,
        /// Columns of a frame.
        width: u64,
        /// Data type name.
        dtype: &'static str,
    },
    /// More frames (or skips) than the dimensions declare; nothing was consumed.
    #[error(
        "too many frames: the dimensions declare {declared}, {requested} more were asked for after {accepted}; \
         a first dimension with `count: null` is unbounded"
    )]
    TooManyFrames {
        /// Frames that the dimensions declare.
        declared: u64,
        /// Frames accepted or skipped so far.
        accepted: u64,
        /// Frames that this call asked for.
        requested: u64,
    },
    /// No room within the memory limit now; the frame was refused and used no frame number.
    #[error("full: {in_flight} of {limit} bytes wait for the disk; try again later, or set when_full to \"block\"")]
    Full {
        /// Bytes accepted and not yet written.
        in_flight: u64,
        /// Bytes that may wait.
        limit: u64,
    },
    /// The stream was already finished.
    #[error("the stream is finished; create a new one to write more frames")]
    Finished,
    /// An earlier write failed; told at once and again by every later call.
    #[error("writing failed at frame {frame}: {cause}")]
    Failed {
        /// Number of the first frame concerned.
        frame: u64,
        /// The first cause.
        cause: Arc<Error>,
    },
    /// Metadata given by the host cannot be stored.
    #[error("metadata `{}`: {}; {remedy}", shown::value(.namespace), shown::sentence(.problem))]
    InvalidMetadata {
        /// Namespace, or `frame` for frame metadata.
        namespace: String,
        /// What is wrong.
        problem: String,
        /// What would work.
        remedy: String,
    },
    /// An engine reported a failure of its own.
    #[error("backend `{}`: {}", shown::value(.backend), shown::sentence(.message))]
    Engine {
        /// Engine name.
        backend: String,
        /// Its message.
        message: String,
    },
    /// An engine is not available on this machine.
    #[error("backend `{}` is not available: {reason}", shown::value(.backend))]
    Unavailable {
        /// Engine name.
        backend: String,
        /// Why, and the command that would make it available.
        reason: String,
    },
    /// A bug in this library: a worker panicked. What was written before stays readable.
    #[error("internal error in {place}: {}", shown::sentence(.message))]
    Internal {
        /// Where.
        place: &'static str,
        /// The panic's message.
        message: String,
    },
    /// A store that was to be continued was not made with these settings; it was not touched.
    #[error(
        "{} cannot be continued: {}; use the settings it was made with, or another root_path",
        shown::path(.path), shown::sentence(.difference)
    )]
    Mismatch {
        /// The file that differs.
        path: PathBuf,
        /// What differs: what the settings say, and what is there.
        difference: String,
    },
    /// A frame that was to be replaced does not exist yet, or never will; nothing was changed.
    #[error("position {position}, index {}: {problem}", shown::list(.index))]
    NoSuchFrame {
        /// Position asked for.
        position: u32,
        /// Storage index asked for.
        index: Vec<u64>,
        /// Why there is nothing to replace.
        problem: String,
    },
    /// Another program, or another stream, is at work on a store; it was not touched.
    #[error(
        "{} is in use by {}; wait until it has finished, or, if it is gone for certain, remove {}",
        shown::path(.path), shown::sentence(.owner), shown::path(.file)
    )]
    Busy {
        /// The store.
        path: PathBuf,
        /// Who holds it: program, process, machine, for how long.
        owner: String,
        /// The file that says so.
        file: PathBuf,
    },
    /// The system has no memory to give; nothing was changed. A frame was refused and used no frame number.
    #[error(
        "out of memory: the system refused {bytes} bytes for {purpose}; free some, lower memory_limit, or use smaller \
         chunks or shards along the outer dimensions"
    )]
    OutOfMemory {
        /// Bytes asked for at once.
        bytes: u64,
        /// What they were for.
        purpose: &'static str,
    },
    /// What was waited for had not happened when the time limit was over; a frame was refused and used no frame number.
    #[error("{what} within {} s; wait longer, or lower the pace", .limit.as_secs_f64())]
    TimedOut {
        /// What did not happen.
        what: &'static str,
        /// The time limit.
        limit: std::time::Duration,
    },
    /// Another thread canceled what was waited for; a frame was refused and used no frame number.
    #[error("the wait was canceled; nothing was changed, and the stream goes on")]
    Canceled,
    /// The host gave the run up: what was not written by then never will be. What was written is readable.
    #[error("the run was aborted: what was written is kept, the rest was given up; `resume` goes on with the store")]
    Aborted,
    /// The settings declare no such frame, plane, position or level.
    #[error("there is no {}: {}", shown::sentence(.asked), shown::sentence(.problem))]
    NotDeclared {
        /// What was asked for.
        asked: String,
        /// What there is.
        problem: String,
    },
    /// A store is damaged or is not what an operation on it needs.
    #[error("{}: {}", shown::path(.path), shown::sentence(.problem))]
    Damaged {
        /// The store or file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// Permanent number of this error: the code that a C host receives. 0 is success and is not an error.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::InvalidSettings { .. } => 1,
            Self::Unsupported { .. } => 2,
            Self::MemoryLimit { .. } => 3,
            Self::AlreadyExists { .. } => 4,
            Self::NotAStore { .. } => 5,
            Self::Io { .. } => 6,
            Self::FrameSize { .. } => 7,
            Self::TooManyFrames { .. } => 8,
            Self::Full { .. } => 9,
            Self::Finished => 10,
            Self::Failed { .. } => 11,
            Self::InvalidMetadata { .. } => 12,
            Self::Engine { .. } => 13,
            Self::Unavailable { .. } => 14,
            Self::Internal { .. } => 15,
            Self::Damaged { .. } => 16,
            Self::Mismatch { .. } => 17,
            Self::NoSuchFrame { .. } => 18,
            Self::Busy { .. } => 19,
            Self::OutOfMemory { .. } => 20,
            Self::TimedOut { .. } => 21,
            Self::Canceled => 22,
            Self::Aborted => 24,
            Self::NotDeclared { .. } => 25,
            // 32 and above belong to the C border: NULL, handle, text encoding, buffer size.
        }
    }

    /// A settings error; `value` is shown as it stands.
    pub fn settings(
        field: impl Into<String>,
        value: impl ToString,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::InvalidSettings {
            field: field.into(),
            value: value.to_string(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// A settings error of a dimension, by its place among the settings' dimensions: the one way to name its fields. An
    /// empty `field` stands for the dimension itself.
    pub fn dimension(
        nth: usize,
        field: &str,
        value: impl ToString,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let dot = if field.is_empty() { "" } else { "." };
        Self::settings(format!("dimensions[{nth}]{dot}{field}"), value, problem, remedy)
    }

    /// A file operation's error with its path.
    pub fn io(operation: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { operation, path: path.as_ref().to_path_buf(), source: Arc::new(source) }
    }

    /// True where the operating system says that a file is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// The first cause: what [`Error::Failed`] wraps, or the error itself.
    #[must_use]
    pub fn root_cause(&self) -> &Self {
        match self {
            Self::Failed { cause, .. } => cause.root_cause(),
            other => other,
        }
    }
}
