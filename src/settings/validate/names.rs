//! Names that become names of axes and folders.

use crate::error::{Error, Result};
use crate::names;
use crate::shown::quoted;

/// Refuses a name that is empty, too long, or has characters that cannot be seen.
pub(super) fn check(field: &str, name: &str) -> Result<()> {
    told(field, name, names::check_visible(name))
}

/// Refuses a name that cannot name the folder of an image, on any system: a store travels.
pub(super) fn check_folder(field: &str, name: &str) -> Result<()> {
    if name.starts_with('.') {
        return Err(Error::settings(
            field,
            quoted(name),
            "a folder whose name begins with a dot is hidden",
            "begin it with another character",
        ));
    }
    told(field, name, names::check_folder(name))
}

fn told(field: &str, name: &str, outcome: std::result::Result<(), names::Refusal>) -> Result<()> {
    outcome.map_err(|refusal| Error::settings(field, quoted(name), refusal.problem, refusal.remedy))
}
