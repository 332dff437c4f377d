//! Going on with a store that is already there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{frame_metadata, lines};
use crate::backend::{Backend, Sink, no_random_access};
use crate::buffer::{Group, GroupKey, Layout, Pool, SlotState};
use crate::document::{parse_object, with_member};
use crate::error::{Error, Result};
use crate::journal as log;
use crate::ngff::{Attributes, RESERVED_NAMESPACES, documents_v05};
use crate::plan::Plan;
use crate::platform::{Disk, Sync};
use crate::recover::{self, Verdict};
use crate::store::files::MARK;
use crate::store::{self, Mark, files, missing, record};

/// Largest group metadata file that is read.
const MAX_METADATA_BYTES: u64 = 256 << 20;

/// Most stretches of missing frames in the groups that are open that are looked at; others are taken for frames of fill
/// value.
const MAX_STRETCHES: usize = 1 << 16;

/// Files that could not be mended that an error names.
const MAX_FAILURES: usize = 3;

/// What an earlier run left.
#[derive(Debug)]
pub(super) struct Found {
    /// Frames that are done: the number of the next one.
    pub(super) frames: u64,
    /// The host's metadata.
    pub(super) metadata: Attributes,
    /// What a person should know of it.
    pub(super) notes: Vec<String>,
}

/// Compares the store with the plan, mends what an interrupted run left (a store of another plan is not touched), and finds
/// out where to go on. The caller holds the lock of the store.
pub(super) fn find(plan: &Plan, backend: &dyn Backend, disk: &dyn Disk) -> Result<Found> {
    if !backend.capabilities().random_access {
        return Err(no_random_access(backend.name()));
    }
    compare(plan, Strictness::WhatIsThere)?;
    let mut notes = Vec::new();
    if log::is_there(plan.root()) {
        let report = recover::mend_to_go_on(plan, backend.verifier(), disk)?;
        // The log is there still where something could not be mended.
        if log::is_there(plan.root()) {
            let failures = report.findings.iter().filter(|finding| !finding.mended).map(|finding| {
                let why = finding.failure.as_deref().unwrap_or(&finding.cause);
                format!("{}: {why}", finding.file)
            });
            let failures: Vec<_> = failures.take(MAX_FAILURES).collect();
            let problem = format!("an interrupted run left it, and it could not be mended: {}", failures.join("; "));
            return Err(Error::Damaged { path: plan.root().to_path_buf(), problem });
        }
        if report.verdict == Verdict::Lost {
            let lost = report.lost_chunks;
            notes.push(format!("the run before was interrupted; {lost} chunk(s) that it had written are not whole"));
        }
        notes.extend(report.notes);
    }
    let metadata = compare(plan, Strictness::Everything)?;
    let frames = match record::read(plan.root())? {
        Some(frames) => frames,
        // This version writes it before the first frame: it was lost, and so would the frames be.
        None if plan.root().join(MARK).is_file() && store::holds_chunks(plan.root()) => {
            let problem = "it is missing: write {\"frames\": N} to go on after N frames".to_owned();
            return Err(Error::Damaged { path: plan.root().join(files::RECORD), problem });
        }
        // A run of an earlier version that ended before its first frame was shown.
        None => 0,
    };
    if plan.router().total().is_some_and(|total| frames > total) {
        let difference = format!("it holds {frames} frames, the settings declare {:?}", plan.router().total());
        return Err(Error::Mismatch { path: plan.root().to_path_buf(), difference });
    }
    Ok(Found { frames, metadata, notes })
}

/// What has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Nothing: what is missing or torn may be mended.
    WhatIsThere,
    Everything,
}

/// Refuses a store that is another than the plan's, by what matters for going on: the order of acquisition, the positions
/// and their folders, axes, arrays. Names, display settings, pixel sizes, further levels and attributes may have been edited.
/// Returns the host's metadata.
fn compare(plan: &Plan, strictness: Strictness) -> Result<Attributes> {
    let mismatch = |path: &Path, difference| Error::Mismatch { path: path.to_path_buf(), difference };
    let may_lack = strictness == Strictness::WhatIsThere;
    let read = |path: &Path| match read_json(path) {
        Err(_) if may_lack => Ok(None),
        read => read.map(Some),
    };
    let mut metadata = Attributes::new();
    let layout = plan.ngff(None);
    for document in documents_v05(&layout, &Attributes::new(), |_| Ok(Attributes::new()))? {
        let document = document?;
        if !document.path.ends_with("zarr.json") {
            continue;
        }
        let path = plan.root().join(&document.path);
        let expected: Value = serde_json::from_slice(&document.bytes)
            .map_err(|error| Error::Internal { place: "group metadata", message: error.to_string() })?;
        let Some(found) = read(&path)? else { continue };
        if let Some(difference) = group_difference(&expected, &found) {
            return Err(mismatch(&path, difference));
        }
        if document.path == "zarr.json"
            && let Some(Value::Object(attributes)) = found.get("attributes")
        {
            let host = attributes.iter().filter(|(name, _)| !RESERVED_NAMESPACES.contains(&name.as_str()));
            metadata.extend(host.map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    for position in 0..plan.positions().len() {
        let path = plan.array_path(position, 0).join("zarr.json");
        let Some(found) = read(&path)? else { continue };
        if let Some(difference) = array_difference(plan, &found) {
            return Err(mismatch(&path, difference));
        }
    }
    let mark = Mark::read(plan.root())?.and_then(|mark| mark.router);
    if mark.is_some_and(|router| router != *plan.router()) {
        let difference = "its frames came in another order of dimensions and positions than the settings say".into();
        return Err(mismatch(&plan.root().join(MARK), difference));
    }
    Ok(metadata)
}

/// What keeps a run from going on with a group.
fn group_difference(expected: &Value, found: &Value) -> Option<String> {
    let kind = difference("node_type", &expected["node_type"], found.get("node_type").unwrap_or(&Value::Null));
    if kind.is_some() {
        return kind;
    }
    let at = |value: &Value, pointer: &str| value.pointer(pointer).cloned().unwrap_or_default();
    let names = |value: &Value| -> Value {
        let axes = at(value, "/attributes/ome/multiscales/0/axes");
        let parts = |axis: &Value| json!({"name": axis.get("name"), "type": axis.get("type")});
        axes.as_array().map(|axes| axes.iter().map(parts).collect()).unwrap_or_default()
    };
    let levels = |value: &Value| -> Vec<Value> {
        let datasets = at(value, "/attributes/ome/multiscales/0/datasets");
        datasets.as_array().into_iter().flatten().filter_map(|level| level.get("path").cloned()).collect()
    };
    let (wanted, there) = (levels(expected), levels(found));
    let series = |value: &Value| at(value, "/attributes/ome/series").as_array().cloned().unwrap_or_default();
    let (positions, images) = (series(expected), series(found));
    difference("attributes.ome.multiscales[0].axes", &names(expected), &names(found))
        .or_else(|| {
            let missing = wanted.iter().find(|level| !there.contains(level))?;
            Some(format!("attributes.ome.multiscales[0].datasets has no path {missing}"))
        })
        .or_else(|| {
            let (positions, images) = (Value::from(positions.clone()), Value::from(images.clone()));
            // Other tools may list images of theirs behind ours.
            (!images.as_array()?.starts_with(positions.as_array()?))
                .then(|| difference("attributes.ome.series", &positions, &images))?
        })
}

/// What keeps a run of `plan` from going on with the array whose metadata are `found`: all that says how its pixels are
/// stored, but for its extent along the append axis.
pub fn array_difference(plan: &Plan, found: &Value) -> Option<String> {
    let axis = plan.geometry().append_axis();
    let extent = axis.and_then(|axis| found.pointer(&format!("/shape/{axis}"))?.as_u64());
    let Value::Object(expected) = plan.array_metadata(extent) else { return None };
    let nothing = Value::Null;
    expected
        .iter()
        .filter(|(key, _)| *key != "attributes")
        .find_map(|(key, value)| difference(&format!("array.{key}"), value, found.get(key).unwrap_or(&nothing)))
        .or_else(|| {
            let transformers = found.get("storage_transformers")?.as_array()?;
            (!transformers.is_empty()).then(|| "array.storage_transformers is there, the settings have none".to_owned())
        })
}

/// The text of a group's document as it is, with what this run has to say: others may have edited the rest. `None` where
/// the file is not there or is no document any more, and all of it has to be written.
pub(super) fn edited(path: &Path, new: &[u8]) -> Option<Edited> {
    let mut text = read_small(path).ok()?;
    let document = parse_object(&text).ok()?;
    let there = document.get("attributes")?.as_object()?;
    let new = parse_object(new).ok()?;
    let mut changed = false;
    for (name, value) in new.get("attributes")?.as_object()? {
        let ours = ["ome", "ome_stream"].contains(&name.as_str());
        if there.get(name).is_none_or(|known| !ours && known != value) {
            text = with_member(&text, &["attributes", name], value)?;
            changed = true;
        }
    }
    Some(if changed { Edited::To(text) } else { Edited::Nothing })
}

/// What becomes of a document.
pub(super) enum Edited {
    /// It says all that it has to say.
    Nothing,
    /// Its new text.
    To(Vec<u8>),
}

/// The first difference between two JSON values, in words; numbers are compared as numbers.
pub fn difference(at: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .find_map(|(key, value)| difference(&format!("{at}.{key}"), value, found.get(key).unwrap_or(&Value::Null)))
            .or_else(|| {
                let more = found.keys().find(|key| !expected.contains_key(*key))?;
                Some(format!("{at}.{more} is there, the settings have none"))
            }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(nth, (expected, found))| difference(&format!("{at}[{nth}]"), expected, found)),
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => None,
        _ if expected == found => None,
        _ => Some(format!("{at} is {found}, the settings say {expected}")),
    }
}

/// Planes along the append axis that hold one of the first `frames` frames, for each position.
pub(super) fn extents(plan: &Plan, frames: u64) -> Vec<u64> {
    (0..plan.positions().len()).map(|position| super::extent(plan, position, frames).unwrap_or(0)).collect()
}

/// The groups that the first `frames` frames left incomplete, with their planes read back.
pub(super) fn open_groups(
    plan: &Plan,
    layout: &Layout,
    sink: &dyn Sink,
    pool: &Pool,
    frames: u64,
) -> Result<HashMap<GroupKey, Arc<Group>>> {
    let from = frames.saturating_sub(plan.group_span(layout));
    let missing = missing::read_from(plan.root(), from, MAX_STRETCHES)?.unwrap_or_default();
    let mut slots: BTreeMap<GroupKey, Vec<(usize, bool)>> = BTreeMap::new();
    for frame in from..frames {
        let Some(location) = plan.router().locate(frame) else { break };
        let (index, slot) = layout.slot(&location.index);
        let key = GroupKey { position: location.position, index };
        if !plan.is_group_done(layout, key, frames) {
            slots.entry(key).or_default().push((slot, missing.has(frame)));
        }
    }
    slots
        .into_iter()
        .map(|(key, slots)| {
            let group = Group::new(key, layout)?;
            let mut there = false;
            for unit in 0..layout.units() {
                let Some(pixels) = sink.read(key, layout, unit)? else { continue };
                if !std::mem::replace(&mut there, true) {
                    group.attach(pool.take(|| false)?);
                }
                for (slot, _) in slots.iter().filter(|(_, missing)| !missing) {
                    let start = slot * layout.plane_bytes();
                    let plane = pixels.get(start..start + layout.plane_bytes());
                    group.restore(layout, unit, *slot, plane.unwrap_or_default());
                }
            }
            for (slot, missing) in slots {
                group.restored(slot, if there && !missing { SlotState::Filled } else { SlotState::Skipped });
            }
            Ok((key, Arc::new(group)))
        })
        .collect()
}

/// Cuts what each position's frame metadata and the list of missing frames tell to the first `frames` frames: what came
/// later will come again.
pub(super) fn trim(plan: &Plan, disk: &dyn Disk, sync: Sync, frames: u64) -> Result<()> {
    for position in 0..plan.positions().len() {
        lines::keep_first(&frame_metadata::path(plan, position), frames, disk, sync)?;
    }
    missing::trim(plan.root(), frames, disk, sync)
}

fn read_json(path: &Path) -> Result<Value> {
    let damaged = |problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    parse_object(&read_small(path)?)
        .map(Value::Object)
        .map_err(|defect| damaged(format!("{defect}; `ome-stream recover` may help")))
}

fn read_small(path: &Path) -> Result<Vec<u8>> {
    let meta = fs::symlink_metadata(path).map_err(|source| Error::io("look at", path, source))?;
    if !meta.is_file() || meta.len() > MAX_METADATA_BYTES {
        let problem = format!("not a metadata file of at most {MAX_METADATA_BYTES} bytes");
        return Err(Error::Damaged { path: path.to_path_buf(), problem });
    }
    fs::read(path).map_err(|source| Error::io("read", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let say = |expected: Value, found: Value| difference("a", &expected, &found);
        assert_eq!(say(json!({"b": [1, 2.0]}), json!({"b": [1.0, 2]})), None, "numbers are numbers");
        let text = say(json!({"b": [1, 2]}), json!({"b": [1, 3]})).expect("they differ");
        assert_eq!(text, "a.b[1] is 3, the settings say 2");
        assert!(say(json!({}), json!({"c": 1})).expect("more").contains("a.c"));
        assert!(say(json!({"c": 1}), json!({})).expect("less").contains("a.c is null"));
    }
}
