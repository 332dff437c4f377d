//! How many frames readers can see: one small file at the root, for whoever continues the store.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::platform::{Disk, Sync};

/// Name of the file.
pub(crate) const FILE_NAME: &str = ".ome-stream.json";

/// Largest record that is read; ours have some thirty bytes.
const MAX_BYTES: u64 = 4096;

#[derive(Serialize, Deserialize)]
struct Record {
    /// Every frame below this is in the store, readable, or was skipped.
    frames: u64,
}

/// Replaces the record, atomically.
pub(super) fn write(plan: &Plan, disk: &dyn Disk, sync: Sync, frames: u64) -> Result<()> {
    let path = path(plan);
    let bytes = serde_json::to_vec(&Record { frames })
        .map_err(|error| Error::Internal { place: "the record", message: error.to_string() })?;
    disk.put(&path, &bytes, sync).map_err(|source| Error::io("write", &path, source))
}

/// Frames that the store holds.
pub(super) fn read(plan: &Plan) -> Result<u64> {
    let path = path(plan);
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        // A run that ended before its first frame was shown.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(Error::io("look at", &path, source)),
    };
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(damaged("not a record of this library".into()));
    }
    let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not a record: {error}")))?;
    Ok(record.frames)
}

fn path(plan: &Plan) -> PathBuf {
    plan.root().join(FILE_NAME)
}
