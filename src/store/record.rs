//! How many frames readers can see: one small file, replaced as the run goes on, for whoever continues or mends the store.
//! It is there as soon as the store is complete, before the first frame.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::files::{FORMAT, OLD_RECORD, RECORD};
use super::mark::Mark;
use crate::error::{Error, Result};
use crate::platform::{Disk, Sync};
use crate::router::{Location, MAX_INDEX_DIMENSIONS, Router};

/// Largest record that is read; ours have some fifty bytes, those of earlier versions two thousand.
const MAX_BYTES: u64 = 64 << 10;

/// What is known of a run beside its pixels.
#[derive(Debug)]
pub(crate) struct Record {
    /// Every frame below this is in the store, readable, or was skipped.
    pub(crate) frames: u64,
    /// The order of acquisition.
    pub(crate) router: Option<Router>,
    /// Metadata that every position's array started with.
    pub(crate) array: Option<Map<String, Value>>,
}

impl Record {
    /// What the record's document tells; `None` where it does not tell the number of frames. What else is in it may be
    /// missing: a person may have written it.
    pub(crate) fn of(document: &Map<String, Value>, mark: Option<&Mark>) -> Option<Self> {
        let frames = document.get("frames")?.as_u64()?;
        // Earlier versions had everything in one file.
        let old = Mark::of(document);
        let mark = mark.unwrap_or(&old);
        Some(Self { frames, router: mark.router.clone(), array: mark.array.clone() })
    }

    /// The unbounded axis, and its planes that the frames reach at a position; `None` where no axis is unbounded.
    pub(crate) fn extent(&self, position: u32) -> Option<(usize, u64)> {
        let router = self.router.as_ref()?;
        let first = router.loops().first().filter(|first| first.count.is_none())?;
        let axis = first.storage_axis?;
        Some((axis, extent(router, axis, position, self.frames)))
    }
}

/// Planes along the unbounded axis that a position has after `frames` frames.
pub(crate) fn extent(router: &Router, axis: usize, position: u32, frames: u64) -> u64 {
    let Some(last) = frames.checked_sub(1).and_then(|last| router.locate(last)) else { return 0 };
    // The unbounded loop is the outermost, so only its last round can be without this position.
    let mut first = Location { position, index: [0; MAX_INDEX_DIMENSIONS] };
    first.index[axis] = last.index[axis];
    let reached = router.frame_number(first).is_some_and(|frame| frame < frames);
    last.index[axis] + u64::from(reached)
}

/// Replaces the record, atomically.
pub(crate) fn write(root: &Path, disk: &dyn Disk, sync: Sync, frames: u64) -> Result<()> {
    let path = root.join(RECORD);
    let document = json!({"format": FORMAT, "frames": frames});
    disk.put(&path, document.to_string().as_bytes(), sync).map_err(|source| Error::io("write", &path, source))
}

/// The file that has the record of the store in `root`: of this version or of an earlier one.
pub(crate) fn name(root: &Path) -> Option<&'static str> {
    [RECORD, OLD_RECORD].into_iter().find(|name| fs::symlink_metadata(root.join(name)).is_ok())
}

/// Frames that the store in `root` holds; `None` where nothing tells.
pub(crate) fn read(root: &Path) -> Result<Option<u64>> {
    let Some(name) = name(root) else { return Ok(None) };
    let path = root.join(name);
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("look at", &path, source)),
    };
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(damaged("not a record of this library".into()));
    }
    let bytes = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
    let document = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not a record: {error}")))?;
    let record = Record::of(&document, None).ok_or_else(|| damaged("not a record: no number of frames".into()))?;
    Ok(Some(record.frames))
}
