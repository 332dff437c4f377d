//! What went wrong, in words.

use std::fmt;

use ome_stream::Error;

/// Name of this engine in settings, errors and reports.
pub const NAME: &str = "acquire-zarr";

/// The outcome of a call of the engine or of a look at its file; the reason in words.
pub(crate) type Told<T> = std::result::Result<T, String>;

/// Where the engine's own reason is: it has no call that tells its last error.
pub(crate) const PRINTED: &str = "acquire-zarr prints its reason to standard error";

/// A failure of the engine as core tells it.
pub(crate) fn failure(message: impl fmt::Display) -> Error {
    Error::Engine { backend: NAME.to_owned(), message: message.to_string() }
}

/// Why the engine cannot be used here, as core tells it.
pub(crate) fn unavailable(reason: String) -> Error {
    Error::Unavailable { backend: NAME.to_owned(), reason }
}

/// A status code of the engine (`ZarrStatusCode` of its header), shown with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub u32);

impl Status {
    /// The call did what was asked.
    pub const SUCCESS: Status = Status(0);
    /// Only part of the bytes was taken.
    pub const PARTIAL_WRITE: Status = Status(11);
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
        write!(f, "status {}: {meaning}", self.0)
    }
}
