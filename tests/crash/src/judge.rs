//! What lies in a store, compared with what must be there: by zarrs here, by foreign readers in `judge.py`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use ome_stream::Plan;
use ome_stream_tests::case::Case;
use ome_stream_tests::model::{self, Image};
use ome_stream_tests::read::{self, Pixels};
use serde_json::{Value, json};
use zarrs::array::{Array, ArrayBytes, ArraySubset};
use zarrs_filesystem::FilesystemStore;

use crate::levels::{self, When};
use crate::writer::Camera;

/// What was found in a store.
#[derive(Debug, Default)]
pub struct Findings {
    /// Frames that must be there and are not.
    pub lost: u64,
    /// Frames found whole.
    pub whole: u64,
    /// Everything that is wrong, in words.
    pub errors: Vec<String>,
}

impl Findings {
    pub fn wrong(&mut self, message: String) {
        const MOST: usize = 10;
        if self.errors.len() < MOST {
            self.errors.push(message);
        }
    }
}

/// The config of `live_reader.py` and `judge.py` for every array of a case in `root`. What levels hold lies in files
/// beside it.
///
/// # Errors
/// The operating system's.
pub fn config(case: &Case, plan: &Plan, root: &Path) -> std::io::Result<Value> {
    let beside = root.parent().unwrap_or(root);
    let mut arrays = Vec::new();
    for (position, (image, planned)) in model::images(case).iter().zip(plan.positions()).enumerate() {
        let all = levels::expected(case, image).into_iter().zip(levels::last_frames(case, image));
        for (nth, (level, frames)) in all.enumerate() {
            let level_key = if planned.path.is_empty() { nth.to_string() } else { format!("{}/{nth}", planned.path) };
            let mut array = json!({
                "store": root,
                "array": level_key,
                "dtype": case.settings.dtype.name(),
                "shape": level.shape,
                "frames": frames,
            });
            if nth > 0 {
                let file = beside.join(format!("{position}.{nth}.pixels"));
                std::fs::write(&file, level.bytes(case))?;
                array["pixels"] = json!(file);
            }
            arrays.push(array);
        }
    }
    Ok(json!({"arrays": arrays, "unbounded": plan.geometry().append_axis().is_some()}))
}

/// Reads every array with zarrs and compares: each pixel right or fill value, frames below `must_have` whole, no array
/// longer than what it holds. Then every line of the frame metadata; those of frames below `must_tell` are there.
pub fn store(case: &Case, plan: &Plan, must_have: u64, must_tell: u64) -> Findings {
    look(case, plan, must_have, must_tell, When::Running)
}

/// As [`store`], of a store that is mended and says that so many frames have come. Its arrays may reach as far as parts
/// of frames do: `recover` wins back every whole chunk.
pub fn mended(case: &Case, plan: &Plan, written: u64, come: u64, lost: &BTreeSet<u64>) -> Findings {
    look(case, plan, written, written, When::Mended(come, lost))
}

/// As [`store`], of a store whose run has ended, and to which these frames were lost before it began.
pub fn ended(case: &Case, plan: &Plan, must_have: u64, must_tell: u64, lost: &BTreeSet<u64>) -> Findings {
    look(case, plan, must_have, must_tell, When::Ended(lost))
}

fn look(case: &Case, plan: &Plan, must_have: u64, must_tell: u64, when: When<'_>) -> Findings {
    let mut findings = Findings::default();
    let camera = Camera::new(case);
    for (position, image) in model::images(case).iter().enumerate() {
        let demand = Demand { must_have, ends_whole: !matches!(when, When::Mended(..)) };
        if let Some(full) = array(&camera, plan, position, image, demand, &mut findings) {
            levels::judge((case, plan), (position, image), &full, (must_have, when), &mut findings);
        }
        if let Err(error) = frame_metadata(plan, position, image, must_tell, &mut findings) {
            findings.wrong(format!("{error:#}"));
        }
    }
    findings
}

/// What an array must hold.
#[derive(Clone, Copy)]
struct Demand {
    /// Frames below this are whole.
    must_have: u64,
    /// Its last plane is.
    ends_whole: bool,
}

/// Compares an array of full resolution; returns what it holds, where that can be read.
fn array(
    camera: &Camera,
    plan: &Plan,
    position: usize,
    image: &Image,
    demand: Demand,
    findings: &mut Findings,
) -> Option<Pixels> {
    let Demand { must_have, ends_whole } = demand;
    let folder = plan.array_path(position, 0);
    let found = match read::zarrs(&folder) {
        Ok(found) => found,
        Err(error) => {
            findings.wrong(error);
            return None;
        }
    };
    let unbounded = plan.geometry().append_axis();
    let fits = found.shape.len() == image.shape.len()
        && found.shape.iter().zip(&image.shape).enumerate().all(|(axis, (got, expected))| match unbounded {
            Some(append) if append == axis => got <= expected,
            _ => got == expected,
        });
    // What grows is the outermost axis of every case here, so a shorter array holds the first frames of the longer one.
    if !fits || unbounded.is_some_and(|axis| axis != 0) {
        findings.wrong(format!("{}: shape {:?}, at most {:?}", folder.display(), found.shape, image.shape));
        return None;
    }
    let mut expected = camera.memory();
    let mut last_whole = None;
    let mut planes = found.bytes.chunks_exact(expected.len());
    for (flat, number) in image.frames.iter().enumerate() {
        let (Some(number), plane) = (*number, planes.next()) else { continue };
        let mut whole = false;
        if let Some(plane) = plane {
            camera.take(number, &mut expected);
            whole = plane == expected;
            if !whole
                && plane.chunks_exact(2).zip(expected.chunks_exact(2)).any(|(got, want)| got != want && got != [0, 0])
            {
                findings.wrong(format!("{}: frame {number} has wrong pixels", folder.display()));
            }
        }
        if whole {
            findings.whole += 1;
            last_whole = Some(flat);
        } else if number < must_have {
            findings.lost += 1;
            findings.wrong(format!("{}: frame {number} is not whole, {must_have} must be", folder.display()));
        }
    }
    let round: u64 = found.shape.iter().skip(1).rev().skip(2).product();
    let held = last_whole.map_or(0, |flat| flat as u64 / round.max(1) + 1);
    if ends_whole && unbounded.is_some() && found.shape[0] != held {
        findings.wrong(format!("{}: is {} long and holds frames up to {held}", folder.display(), found.shape[0]));
    }
    Some(found)
}

/// Every line that has its end is a frame's, in order of arrival; those of frames below `must_tell` are there.
fn frame_metadata(plan: &Plan, position: usize, image: &Image, must_tell: u64, findings: &mut Findings) -> Result<()> {
    let path = plan.group_path(position).join(ome_stream::ngff::frame_metadata::FILE_NAME);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut told = Vec::new();
    for line in text[..end].split_inclusive(|byte| *byte == b'\n') {
        let line: Value = serde_json::from_slice(line).with_context(|| format!("{}: a torn line", path.display()))?;
        let frame = line["frame"].as_u64().with_context(|| format!("{}: {line} has no frame", path.display()))?;
        if line["sent"] != json!(frame) || told.last().is_some_and(|last| *last >= frame) {
            findings.wrong(format!("{}: {line} is not what was sent", path.display()));
        }
        told.push(frame);
    }
    let mut numbers: Vec<u64> = image.frames.iter().copied().flatten().filter(|number| *number < must_tell).collect();
    numbers.sort_unstable();
    if !told.starts_with(&numbers) {
        let missing = numbers.iter().zip(&told).position(|(number, told)| number != told).unwrap_or(told.len());
        findings.wrong(format!("{}: frame {:?} has no line", path.display(), numbers.get(missing)));
    }
    Ok(())
}

/// An array of which single planes are read, whatever the others are like.
pub struct Plane(Array<FilesystemStore>);

impl Plane {
    /// Opens the array in `folder`.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
        let store = FilesystemStore::new(folder).map_err(|error| said(&error))?;
        Array::open(Arc::new(store), "/").map(Self).map_err(|error| said(&error))
    }

    /// The plane at the storage index `flat`, counted in C order in an array of `shape`.
    pub fn read(&self, shape: &[u64], flat: u64) -> Result<Vec<u8>, String> {
        let mut rest = flat;
        let mut start = vec![0; shape.len()];
        let mut extent = vec![1; shape.len()];
        let planes = shape.len().saturating_sub(2);
        for axis in (0..planes).rev() {
            start[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        extent[planes..].copy_from_slice(&shape[planes..]);
        if start.iter().zip(self.0.shape()).any(|(at, end)| at >= end) {
            return Err(format!("the array ends at {:?}, before {start:?}", self.0.shape()));
        }
        let subset = ArraySubset::new_with_start_shape(start, extent).map_err(|error| error.to_string())?;
        let bytes = self.0.retrieve_array_subset::<ArrayBytes<'_>>(&subset).map_err(|error| error.to_string())?;
        bytes.into_fixed().map(std::borrow::Cow::into_owned).map_err(|error| error.to_string())
    }
}
