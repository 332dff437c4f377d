//! How many frames readers can see, and what run they belong to: one small file at the root, for whoever continues or
//! mends the store.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::backend::Sink;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::platform::{Disk, Sync};
use crate::router::{Location, Loop, MAX_INDEX_DIMENSIONS, Router};

/// Name of the file.
pub(crate) const FILE_NAME: &str = ".ome-stream.json";

/// Largest record that is read; ours have some two thousand bytes.
const MAX_BYTES: u64 = 64 << 10;

/// What the file tells.
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
    /// Reads the record's document; `None` where it does not tell the number of frames. What else is in it may be
    /// missing: a person may have written it.
    pub(crate) fn of(document: &Map<String, Value>) -> Option<Self> {
        let loops = document.get("loops").and_then(Value::as_array);
        let router = loops.and_then(|loops| Router::new(&loops.iter().map(read_loop).collect::<Option<Vec<_>>>()?));
        Some(Self {
            frames: document.get("frames")?.as_u64()?,
            router,
            array: document.get("array").and_then(Value::as_object).cloned(),
        })
    }

    /// The unbounded axis, and its planes that the frames reach at a position; `None` where no axis is unbounded.
    pub(crate) fn extent(&self, position: u32) -> Option<(usize, u64)> {
        let router = self.router.as_ref()?;
        let first = router.loops().first().filter(|first| first.count.is_none())?;
        let axis = first.storage_axis?;
        Some((axis, extent(router, axis, position, self.frames)))
    }
}

fn read_loop(value: &Value) -> Option<Loop> {
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let storage_axis = number("axis").map(usize::try_from).transpose().ok()?;
    Some(Loop { count: number("count"), storage_axis })
}

/// Planes along the unbounded axis that a position has after `frames` frames.
pub(super) fn extent(router: &Router, axis: usize, position: u32, frames: u64) -> u64 {
    let Some(last) = frames.checked_sub(1).and_then(|last| router.locate(last)) else { return 0 };
    // The unbounded loop is the outermost, so only its last round can be without this position.
    let mut first = Location { position, index: [0; MAX_INDEX_DIMENSIONS] };
    first.index[axis] = last.index[axis];
    let reached = router.frame_number(first).is_some_and(|frame| frame < frames);
    last.index[axis] + u64::from(reached)
}

/// Replaces the record, atomically.
pub(super) fn write(plan: &Plan, sink: &dyn Sink, disk: &dyn Disk, sync: Sync, frames: u64) -> Result<()> {
    let path = path(plan);
    let loops = plan.router().loops().iter().map(|each| json!({"count": each.count, "axis": each.storage_axis}));
    let mut document = json!({"frames": frames, "loops": loops.collect::<Vec<_>>()});
    if let Some(array) = sink.array_metadata() {
        document["array"] = array.clone();
    }
    disk.put(&path, document.to_string().as_bytes(), sync).map_err(|source| Error::io("write", &path, source))
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
    let document = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not a record: {error}")))?;
    let record = Record::of(&document).ok_or_else(|| damaged("not a record: no number of frames".into()))?;
    Ok(record.frames)
}

fn path(plan: &Plan) -> PathBuf {
    plan.root().join(FILE_NAME)
}
