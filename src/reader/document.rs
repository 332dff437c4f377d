//! A metadata document, or why there is none.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};

use super::file::{Small, small};
use super::limits::DOCUMENT_BYTES;
use crate::error::{Error, Result};
use crate::platform::Source;
use crate::zarr::json::{Defect, parse_object};

/// What is found where a document should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Document {
    /// Nothing.
    Nothing,
    /// A JSON object.
    Object(Map<String, Value>),
    /// As an interrupted write leaves it: of ours it is made anew, where a run was interrupted.
    Torn(String),
    /// Others may read it: it is left as it is.
    Foreign(String),
    /// Nobody reads it, and no interrupted write leaves it so.
    Broken(String),
}

impl Document {
    /// Reads the document at `path`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(source: &dyn Source, path: &Path) -> Result<Self> {
        Ok(match small(source, path, DOCUMENT_BYTES)? {
            Small::Nothing => Self::Nothing,
            Small::Bytes(bytes) => Self::of(&bytes),
            Small::TooLong(length) => Self::Foreign(format!("{length} bytes long, {DOCUMENT_BYTES} are read at most")),
            Small::Link => Self::Foreign("a link, which is not followed".into()),
            Small::NoFile => Self::Broken("not a file".into()),
        })
    }

    /// What bytes are as a document.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match parse_object(bytes) {
            Ok(object) => Self::Object(object),
            Err(Defect::Torn(why)) => Self::Torn(why),
            Err(Defect::Foreign(why)) => Self::Foreign(why),
            Err(Defect::Broken(why)) => Self::Broken(why),
        }
    }

    /// What it says, where it can be read.
    #[must_use]
    pub fn object(self) -> Option<Map<String, Value>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// What the document at `path`, which this is, must say.
    ///
    /// # Errors
    /// [`Error::Damaged`] with why it cannot be read; [`Error::Io`] where there is nothing.
    pub fn required(self, path: &Path) -> Result<Map<String, Value>> {
        let problem = match self {
            Self::Object(object) => return Ok(object),
            Self::Nothing => return Err(Error::io("read", path, ErrorKind::NotFound.into())),
            Self::Torn(why) | Self::Foreign(why) | Self::Broken(why) => why,
        };
        let problem = format!("{problem}; `ome-stream recover` may help");
        Err(Error::Damaged { path: path.to_path_buf(), problem })
    }

    /// Why it cannot be read.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        match self {
            Self::Nothing => Some("it is missing"),
            Self::Object(_) => None,
            Self::Torn(why) | Self::Foreign(why) | Self::Broken(why) => Some(why),
        }
    }

    /// Whether an interrupted write may have left it so.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Nothing | Self::Torn(_))
    }
}
