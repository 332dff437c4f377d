//! Why a call is refused: what core says, and what only a C host can do wrong.

use crate::codes;

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// What core says.
    #[error(transparent)]
    Core(#[from] ome_stream::Error),
    /// A pointer that must not be NULL.
    #[error("argument `{0}` is NULL; pass a valid pointer")]
    NullPointer(&'static str),
    /// A handle that is not in the table.
    #[error(
        "handle {0:#x} is not that of a live stream: it was freed, or it never came from ome_stream_create; \
         create a stream and use the handle that it gives"
    )]
    InvalidHandle(usize),
    /// Text in another encoding.
    #[error("argument `{argument}` is not UTF-8 (byte {at}); convert it from your host's encoding")]
    InvalidUtf8 {
        /// Its name in the header.
        argument: &'static str,
        /// Bytes before the first that is not UTF-8.
        at: usize,
    },
    /// The host's buffer cannot hold the answer.
    #[error("the buffer has {len} bytes and the answer needs {needed}; call again with a buffer of that size")]
    BufferTooSmall {
        /// Bytes that the host offered.
        len: u64,
        /// Bytes that the answer takes, terminating zero included.
        needed: u64,
    },
    /// The host's array cannot hold the answer.
    #[error("the array has room for {len} numbers and the answer has {needed}; call again with one of that size")]
    TooFewNumbers {
        /// Numbers that the host offered room for.
        len: u64,
        /// Numbers of the answer.
        needed: u64,
    },
}

impl Refusal {
    /// The number that the host receives.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::Core(error) => error.code(),
            Self::NullPointer(_) => codes::OME_STREAM_NULL_POINTER,
            Self::InvalidHandle(_) => codes::OME_STREAM_INVALID_HANDLE,
            Self::InvalidUtf8 { .. } => codes::OME_STREAM_INVALID_UTF8,
            Self::BufferTooSmall { .. } | Self::TooFewNumbers { .. } => codes::OME_STREAM_BUFFER_TOO_SMALL,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use ome_stream::Error;

    use super::*;

    #[test]
    fn every_code_of_core_has_its_constant_and_its_name() {
        let text = || "x".to_owned();
        let io = || Error::io("write", "x", std::io::Error::other("x"));
        let all = [
            (Error::settings("x", "x", "x", "x"), codes::OME_STREAM_INVALID_SETTINGS),
            (Error::Unsupported { backend: text(), reason: text() }, codes::OME_STREAM_UNSUPPORTED),
            (Error::MemoryLimit { needed: 2, limit: 1, explanation: text() }, codes::OME_STREAM_MEMORY_LIMIT),
            (Error::AlreadyExists { path: PathBuf::new() }, codes::OME_STREAM_ALREADY_EXISTS),
            (Error::NotAStore { path: PathBuf::new(), reason: text() }, codes::OME_STREAM_NOT_A_STORE),
            (io(), codes::OME_STREAM_IO),
            (
                Error::FrameSize { got: 1, expected: 2, height: 1, width: 2, dtype: "uint8" },
                codes::OME_STREAM_FRAME_SIZE,
            ),
            (Error::TooManyFrames { declared: 1, accepted: 1, requested: 1 }, codes::OME_STREAM_TOO_MANY_FRAMES),
            (Error::Full { in_flight: 1, limit: 1 }, codes::OME_STREAM_FULL),
            (Error::Finished, codes::OME_STREAM_FINISHED),
            (Error::Failed { frame: 1, cause: Arc::new(io()) }, codes::OME_STREAM_FAILED),
            (
                Error::InvalidMetadata { namespace: text(), problem: text(), remedy: text() },
                codes::OME_STREAM_INVALID_METADATA,
            ),
            (Error::Engine { backend: text(), message: text() }, codes::OME_STREAM_ENGINE),
            (Error::Unavailable { backend: text(), reason: text() }, codes::OME_STREAM_UNAVAILABLE),
            (Error::Internal { place: "x", message: text() }, codes::OME_STREAM_INTERNAL),
            (Error::Damaged { path: PathBuf::new(), problem: text() }, codes::OME_STREAM_DAMAGED),
            (Error::Mismatch { path: PathBuf::new(), difference: text() }, codes::OME_STREAM_MISMATCH),
            (Error::NoSuchFrame { position: 0, index: Vec::new(), problem: text() }, codes::OME_STREAM_NO_SUCH_FRAME),
            (Error::Busy { path: PathBuf::new(), owner: text(), file: PathBuf::new() }, codes::OME_STREAM_BUSY),
            (Error::OutOfMemory { bytes: 1, purpose: "x" }, codes::OME_STREAM_OUT_OF_MEMORY),
            (Error::Aborted, codes::OME_STREAM_ABORTED),
            (Error::NotDeclared { asked: text(), problem: text() }, codes::OME_STREAM_NOT_DECLARED),
        ];
        for (error, code) in all {
            assert_eq!(Refusal::from(error.clone()).code(), code, "{error:?}");
            assert!(codes::name(code).to_string_lossy().starts_with("OME_STREAM_"), "{error:?}");
        }
    }

    #[test]
    fn no_number_that_core_gives_is_without_a_name() {
        let source = include_str!("../../../src/error.rs");
        let numbers: Vec<i32> = source
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("Self::")?.strip_suffix(',')?.rsplit_once("=> ")?.1.parse().ok()
            })
            .collect();
        assert!(numbers.len() >= 18, "{numbers:?}");
        for number in numbers {
            assert_ne!(codes::name(number).to_str(), Ok("unknown code"), "core gives {number}");
        }
    }

    #[test]
    fn codes_of_the_border_are_apart_from_those_of_core() {
        let border = [
            Refusal::NullPointer("x").code(),
            Refusal::InvalidHandle(1).code(),
            Refusal::InvalidUtf8 { argument: "x", at: 0 }.code(),
            Refusal::BufferTooSmall { len: 0, needed: 1 }.code(),
            codes::OME_STREAM_PANIC,
        ];
        assert_eq!(border, [32, 33, 34, 35, 36]);
    }
}
