//! The host's metadata once more, where a torn document of the root group cannot take them along.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::names::own::ATTRIBUTES;
use crate::ngff::Attributes;
use crate::platform::{Disk, SyncPolicy};
use crate::reader::limits;

/// Most bytes of the host's metadata, all namespaces together: half of a document that can still be read and continued.
/// The other half is for what stands beside them in the root's: the mirror of the frame metadata (16 MiB at most) and
/// what OME-NGFF says of the images.
const MAX_BYTES: u64 = limits::DOCUMENT_BYTES / 2;

/// The text of the copy of `host`, to which `namespace` came last, in the place of what was there `before`.
///
/// # Errors
/// [`Error::InvalidMetadata`] where all namespaces together have more than [`MAX_BYTES`], and it is not less than
/// before.
pub(crate) fn text(host: &Attributes, namespace: &str, before: Option<&Value>) -> Result<Vec<u8>> {
    let not_json = |cause: serde_json::Error| Error::Internal { place: "host metadata", message: cause.to_string() };
    let text = serde_json::to_vec::<BTreeMap<String, Value>>(host).map_err(not_json)?;
    if text.len() as u64 <= MAX_BYTES {
        return Ok(text);
    }
    let bytes = |value: &Value| value.to_string().len();
    let own = host.get(namespace).map_or(0, bytes);
    // Of a store that others have put more into.
    if before.is_some_and(|before| own < bytes(before)) {
        return Ok(text);
    }
    Err(Error::InvalidMetadata {
        namespace: namespace.to_owned(),
        problem: format!(
            "{own} bytes of JSON, with those of the other namespaces {}; all together may have {MAX_BYTES}",
            text.len()
        ),
        remedy: "keep large data in a file beside the store, or replace what another namespace holds".to_owned(),
    })
}

/// Replaces the copy, atomically. There is none as long as a host gave none.
pub(crate) fn write(root: &Path, disk: &dyn Disk, sync: SyncPolicy, text: &[u8]) -> Result<()> {
    let path = root.join(ATTRIBUTES);
    disk.put(&path, text, sync).map_err(|source| Error::io("write", &path, source))
}
