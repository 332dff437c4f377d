//! Names that become names of axes and folders.

use super::MAX_NAME_BYTES;
use crate::error::{Error, Result};
use crate::settings::json::quote;

/// Names of devices on Windows, which no folder can have, whatever follows a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Names of devices on Windows with a digit from 1 to 9 after them.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// Refuses a name that is empty, too long, or has characters that cannot be seen.
pub(super) fn check(field: &str, name: &str) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(Error::settings(field, quote(name), problem, remedy));
    if name.is_empty() {
        return refuse("a name is needed", "give a name");
    }
    if name.len() > MAX_NAME_BYTES {
        return refuse("the name is too long", &format!("use at most {MAX_NAME_BYTES} bytes"));
    }
    if name.chars().any(char::is_control) {
        return refuse("the name contains control characters", "use visible characters");
    }
    if name.trim() != name {
        return refuse("the name begins or ends with a space", "remove the space");
    }
    Ok(())
}

/// Refuses a name that cannot name a folder, on any system: a store travels.
pub(super) fn check_folder(field: &str, name: &str) -> Result<()> {
    check(field, name)?;
    let refuse = |problem: &str, remedy: &str| Err(Error::settings(field, quote(name), problem, remedy));
    if name.starts_with('.') || name.ends_with('.') {
        return refuse("a folder's name may not begin or end with a dot", "begin and end it with another character");
    }
    if name.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*']) {
        return refuse(
            "the name has characters that a folder cannot have on every system",
            "do not use / \\ < > : \" | ? *",
        );
    }
    // Zarr v3 core specification, "Node names".
    if name.starts_with("__") {
        return refuse("Zarr reserves names that begin with two underscores", "begin it with another character");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_lowercase();
    let numbered = NUMBERED_DEVICES.iter().any(|device| {
        stem.strip_prefix(device)
            .is_some_and(|rest| rest.len() == 1 && rest.chars().all(|digit| ('1'..='9').contains(&digit)))
    });
    if numbered || DEVICES.contains(&stem.as_str()) {
        return refuse("the name is a device's on Windows", "use another name");
    }
    Ok(())
}
