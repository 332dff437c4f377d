//! How many frames of each source readers can see: one small file, replaced as the run goes on, for whoever continues
//! or mends the store. It is there as soon as the store is complete, before the first frame.
//!
//! `{"format":1,"frames":N}` where there is one source without further levels; else format 2, with `sources` in
//! addition, each with its `frames`, and with `levels`: the frames of which the levels below full resolution are there
//! too.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::names::own::{FORMAT, OLD_RECORD, RECORD};
use crate::plan::Plan;
use crate::platform::{Disk, Source, SyncPolicy};
use crate::reader::{self, Small, limits};

/// How far a source has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Come {
    /// Every frame below this is in the store, readable, or was skipped.
    pub(crate) frames: u64,
    /// Every frame below this is in the levels below full resolution too.
    pub(crate) levels: u64,
}

impl Come {
    /// All of so many frames is there.
    pub(crate) fn all(frames: u64) -> Self {
        Self { frames, levels: frames }
    }
}

/// How far each source has come, as the record's document tells; `None` where it does not tell the number of frames.
pub(crate) fn sources_of(document: &Map<String, Value>) -> Option<Vec<Come>> {
    let frames = document.get("frames")?.as_u64()?;
    let Some(sources) = document.get("sources") else { return Some(vec![Come::all(frames)]) };
    let come = |source: &Value| {
        let frames = source.get("frames")?.as_u64()?;
        let levels = source.get("levels").and_then(Value::as_u64).unwrap_or(frames);
        Some(Come { frames, levels })
    };
    sources.as_array()?.iter().map(come).collect()
}

/// Format of the files of a run: 1 where there is one source of frames without levels below full resolution, which the
/// first version understands too.
pub(crate) fn format_of(plan: &Plan) -> u64 {
    if plan.forms().len() > 1 { FORMAT } else { 1 }
}

/// Replaces the record, atomically.
pub(crate) fn write(plan: &Plan, disk: &dyn Disk, sync: SyncPolicy, sources: &[Come]) -> Result<()> {
    let path = plan.root().join(RECORD);
    let frames = sources.iter().map(|come| come.frames).fold(0, u64::saturating_add);
    let format = format_of(plan);
    let mut document = json!({"format": format, "frames": frames});
    if format > 1 {
        let each = |come: &Come| json!({"frames": come.frames, "levels": come.levels});
        document["sources"] = sources.iter().map(each).collect();
    }
    disk.put(&path, document.to_string().as_bytes(), sync).map_err(|source| Error::io("write", &path, source))
}

/// The file that has the record of the store in `root`: of this version or of an earlier one.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn name(source: &dyn Source, root: &Path) -> Result<Option<&'static str>> {
    for name in [RECORD, OLD_RECORD] {
        if reader::is_there(source, &root.join(name))? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// How far each source of the store in `root` has come; `None` where nothing tells.
///
/// # Errors
/// [`Error::Damaged`] for what is no record; [`Error::Io`].
pub(crate) fn read(source: &dyn Source, root: &Path) -> Result<Option<Vec<Come>>> {
    let Some(name) = name(source, root)? else { return Ok(None) };
    let path = root.join(name);
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let bytes = match reader::small(source, &path, limits::RECORD_BYTES)? {
        Small::Nothing => return Ok(None),
        Small::Bytes(bytes) => bytes,
        Small::TooLong(_) | Small::Link | Small::NoFile => return Err(damaged("not a record of this library".into())),
    };
    let document = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not a record: {error}")))?;
    sources_of(&document).map(Some).ok_or_else(|| damaged("not a record: no number of frames".into()))
}
