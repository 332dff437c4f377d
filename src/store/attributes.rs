//! The host's metadata once more, where a torn document of the root group cannot take them along.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::names::own::ATTRIBUTES;
use crate::ngff::Attributes;
use crate::platform::{Disk, SyncPolicy};

/// Replaces the copy, atomically. There is none as long as a host gave none.
pub(crate) fn write(root: &Path, disk: &dyn Disk, sync: SyncPolicy, host: &Attributes) -> Result<()> {
    let path = root.join(ATTRIBUTES);
    let not_json = |cause: serde_json::Error| Error::Internal { place: "host metadata", message: cause.to_string() };
    let text = serde_json::to_vec::<BTreeMap<String, Value>>(host).map_err(not_json)?;
    disk.put(&path, &text, sync).map_err(|source| Error::io("write", &path, source))
}
