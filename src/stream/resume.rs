//! Going on with a store that is already there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::Arc;

use serde_json::Value;

use super::journal;
use crate::backend::Sink;
use crate::buffer::{Group, GroupKey, Layout, Pool, SlotState};
use crate::document::{self, Defect};
use crate::error::{Error, Result};
use crate::ngff::{Attributes, RESERVED_NAMESPACES, documents_v05};
use crate::plan::Plan;
use crate::platform::{Disk, Sync};
use crate::store::record;

/// Largest group metadata file that is read.
const MAX_METADATA_BYTES: u64 = 256 << 20;

/// What an earlier run left.
#[derive(Debug)]
pub(super) struct Found {
    /// Frames that are there: the number of the next one.
    pub(super) frames: u64,
    /// The host's metadata.
    pub(super) metadata: Attributes,
}

/// Looks at the store and compares its groups with the plan; touches nothing.
pub(super) fn find(plan: &Plan) -> Result<Found> {
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
        let found = read_json(&path)?;
        let ome = |value: &Value| value.pointer("/attributes/ome").cloned().unwrap_or_default();
        if let Some(difference) = difference("attributes.ome", &ome(&expected), &ome(&found)) {
            return Err(Error::Mismatch { path, difference });
        }
        if document.path == "zarr.json"
            && let Some(Value::Object(attributes)) = found.get("attributes")
        {
            let host = attributes.iter().filter(|(name, _)| !RESERVED_NAMESPACES.contains(&name.as_str()));
            metadata.extend(host.map(|(name, value)| (name.clone(), value.clone())));
        }
    }
    // A run that ended before its first frame was shown.
    let frames = record::read(plan.root())?.unwrap_or(0);
    if plan.router().total().is_some_and(|total| frames > total) {
        let difference = format!("it holds {frames} frames, the settings declare {:?}", plan.router().total());
        return Err(Error::Mismatch { path: plan.root().to_path_buf(), difference });
    }
    Ok(Found { frames, metadata })
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
    let mut slots: BTreeMap<GroupKey, Vec<usize>> = BTreeMap::new();
    for frame in frames.saturating_sub(plan.group_span(layout))..frames {
        let Some(location) = plan.router().locate(frame) else { break };
        let (index, slot) = layout.slot(&location.index);
        let key = GroupKey { position: location.position, index };
        if !plan.is_group_done(layout, key, frames) {
            slots.entry(key).or_default().push(slot);
        }
    }
    slots
        .into_iter()
        .map(|(key, slots)| {
            let group = Group::new(key, layout);
            let mut there = false;
            for unit in 0..layout.units() {
                let Some(pixels) = sink.read(key, layout, unit)? else { continue };
                if !std::mem::replace(&mut there, true) {
                    group.attach(pool.take());
                }
                for slot in &slots {
                    let start = slot * layout.plane_bytes();
                    let plane = pixels.get(start..start + layout.plane_bytes());
                    group.restore(layout, unit, *slot, plane.unwrap_or_default());
                }
            }
            let state = if there { SlotState::Filled } else { SlotState::Skipped };
            slots.iter().for_each(|slot| group.restored(*slot, state));
            Ok((key, Arc::new(group)))
        })
        .collect()
}

/// Cuts each position's frame metadata to the first `frames` frames: what came later will come again.
pub(super) fn trim_frame_metadata(plan: &Plan, disk: &dyn Disk, sync: Sync, frames: u64) -> Result<()> {
    (0..plan.positions().len())
        .try_for_each(|position| journal::keep(&journal::path(plan, position), disk, sync, |frame| frame < frames))
}

fn read_json(path: &std::path::Path) -> Result<Value> {
    let damaged = |problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    let meta = fs::symlink_metadata(path).map_err(|source| Error::io("look at", path, source))?;
    if !meta.is_file() || meta.len() > MAX_METADATA_BYTES {
        return Err(damaged("not a metadata file".into()));
    }
    let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
    let problem = match (serde_json::from_slice(&bytes), document::parse(&bytes)) {
        (Ok(value), _) => return Ok(value),
        // Python's NaN and Infinity.
        (Err(error), Ok(_)) => {
            format!("not JSON: {error}; going on would write null for NaN and Infinity: take them out")
        }
        (_, Err(Defect::Torn(problem))) => format!("{problem}; `ome-stream recover` tells whether it can be made anew"),
        (_, Err(defect)) => defect.to_string(),
    };
    Err(damaged(problem))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
