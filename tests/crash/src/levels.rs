//! What lies on the levels below full resolution, compared with what the naive model makes of full resolution.

use std::collections::BTreeSet;
use std::path::Path;

use ome_stream::Plan;
use ome_stream_tests::case::Case;
use ome_stream_tests::levels::{self, Level};
use ome_stream_tests::model::Image;
use ome_stream_tests::read::{self, Pixels};
use serde_json::Value;

use crate::judge::Findings;
use crate::writer::Camera;

/// How far a store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When<'a> {
    /// Its run goes on, or was interrupted: a plane of a level shows all that becomes it, or fill value.
    Running,
    /// It is made whole, with as many frames as it says have come, but for those that it lists as lost: of the planes
    /// that came each level has what becomes of them.
    Mended(u64, &'a BTreeSet<u64>),
    /// A run has ended; these frames were lost to an earlier one. Of those that came each level has what becomes of them.
    Ended(&'a BTreeSet<u64>),
}

/// Every level of an image, if all frames of a case come.
pub fn expected(case: &Case, image: &Image) -> Vec<Level> {
    let camera = Camera::new(case);
    let frame = |number: &Option<u64>| {
        let mut frame = camera.memory();
        camera.take((*number)?, &mut frame);
        Some(frame)
    };
    levels::all(&case.settings, image, image.frames.iter().map(frame).collect())
}

/// The last frame that becomes a part of each plane of each level; `None` of a plane to which none comes.
pub fn last_frames(case: &Case, image: &Image) -> Vec<Vec<Option<u64>>> {
    parts(case, image).iter().map(|level| level.iter().map(|of| of.iter().copied().max()).collect()).collect()
}

/// The frames that become each plane of each level.
fn parts(case: &Case, image: &Image) -> Vec<Vec<Vec<u64>>> {
    let mut all = vec![image.frames.iter().map(|number| number.iter().copied().collect()).collect::<Vec<Vec<u64>>>()];
    let mut shape = image.shape.clone();
    for step in levels::steps(&case.settings, &image.axes) {
        let above = all.last().cloned().unwrap_or_default();
        let (made, targets) = levels::targets(&step, &shape);
        let mut below = vec![Vec::new(); made.iter().rev().skip(2).product::<u64>() as usize];
        for (frames, target) in above.into_iter().zip(targets) {
            below[target].extend(frames);
        }
        all.push(below);
        shape = made;
    }
    all
}

/// Compares the levels of an image of whose full resolution `full` was found.
pub fn judge(
    (case, plan): (&Case, &Plan),
    (position, image): (usize, &Image),
    full: &Pixels,
    (must_have, when): (u64, When<'_>),
    findings: &mut Findings,
) {
    if let Err(error) = datasets(plan, position) {
        findings.wrong(error);
    }
    if case.settings.pyramid.is_none() {
        return;
    }
    let all = expected(case, image);
    let bytes = all.first().and_then(|level| level.planes.iter().flatten().next()).map_or(1, Vec::len);
    let planes = || full.bytes.chunks_exact(bytes).zip(&image.frames);
    let is_there = |plane: &[u8]| plane.iter().any(|byte| *byte != 0);
    let there: BTreeSet<u64> =
        planes().filter(|(plane, _)| is_there(plane)).filter_map(|(_, number)| *number).collect();
    // What becomes of what there is: of each plane that is not fill value, and of those that were not lost alone.
    let made_of = |is_taken: &dyn Fn(u64) -> bool| {
        let shape = [&full.shape[..1], &image.shape[1..]].concat();
        let taken = |number: &Option<u64>| number.is_some_and(|number| there.contains(&number) && is_taken(number));
        let planes = planes().map(|(plane, number)| taken(number).then(|| plane.to_vec())).collect();
        levels::all(&case.settings, &Image { shape, ..image.clone() }, planes)
    };
    let also: Vec<Vec<Level>> = match when {
        When::Running => Vec::new(),
        // Of a frame that was lost on its way every chunk may be there: levels are made without it.
        When::Mended(frames, lost) => vec![
            made_of(&|_| true),
            made_of(&|number| number < frames),
            made_of(&|number| number < frames && !lost.contains(&number)),
        ],
        When::Ended(lost) => vec![made_of(&|_| true), made_of(&|number| !lost.contains(&number))],
    };
    let parts = parts(case, image);
    for (nth, array) in (1..).zip(plan.levels_of(position)) {
        let folder = plan.folder_of(array);
        let found = match read::zarrs(&folder) {
            Ok(found) => found,
            Err(error) => {
                findings.wrong(error);
                continue;
            }
        };
        let (level, says) = (&all[nth], format!("level {nth}, {}", folder.display()));
        if found.shape[1..] != level.shape[1..] || found.shape[0] > level.shape[0] {
            findings.wrong(format!("{says}: shape {:?}, at most {:?}", found.shape, level.shape));
            continue;
        }
        let bytes = level.planes.iter().flatten().next().map_or(1, Vec::len);
        let mut planes = found.bytes.chunks_exact(bytes);
        for (flat, (expected, frames)) in level.planes.iter().zip(&parts[nth]).enumerate() {
            let Some(expected) = expected else { continue };
            let plane = planes.next().unwrap_or(&[]);
            let others: Vec<&[u8]> =
                also.iter().filter_map(|levels| levels[nth].planes.get(flat)?.as_deref()).collect();
            let must =
                |is_one: &dyn Fn(&u64) -> bool| frames.iter().any(|number| there.contains(number) && is_one(number));
            // While it runs, a plane waits for all of its frames.
            let is_whole = match when {
                When::Running => plane == expected || !frames.iter().all(|number| *number < must_have),
                When::Mended(..) => others.contains(&plane) || !must(&|number| *number < must_have),
                When::Ended(lost) => others.contains(&plane) || !must(&|number| !lost.contains(number)),
            };
            if !is_whole {
                findings.lost += 1;
                findings.wrong(format!("{says}: the plane of frames {frames:?} is not whole"));
            } else if let Some(wrong) = first_wrong(plane, expected, &others) {
                findings.wrong(format!("{says}: pixel {wrong} of the plane of frames {frames:?} is wrong"));
            }
        }
    }
}

/// The first pixel that is neither as in one of these nor fill value.
fn first_wrong(plane: &[u8], expected: &[u8], others: &[&[u8]]) -> Option<usize> {
    let pixel = |plane: &[u8], nth: usize| plane.get(2 * nth..2 * nth + 2).map(<[u8]>::to_vec);
    (0..plane.len() / 2).find(|nth| {
        let found = pixel(plane, *nth);
        found != Some(vec![0; 2])
            && found != pixel(expected, *nth)
            && !others.iter().any(|other| found == pixel(other, *nth))
    })
}

/// Every dataset that an image lists is an array that opens.
fn datasets(plan: &Plan, position: usize) -> Result<(), String> {
    let group = plan.group_path(position);
    let document =
        |name: &str| -> Option<Value> { serde_json::from_slice(&std::fs::read(group.join(name)).ok()?).ok() };
    let listed = |multiscales: &Value| -> Vec<String> {
        let datasets = multiscales[0]["datasets"].as_array().cloned().unwrap_or_default();
        datasets.iter().filter_map(|dataset| dataset["path"].as_str().map(str::to_owned)).collect()
    };
    let paths = match (document("zarr.json"), document(".zattrs")) {
        (Some(document), _) => listed(&document["attributes"]["ome"]["multiscales"]),
        (None, Some(attributes)) => listed(&attributes["multiscales"]),
        (None, None) => Vec::new(),
    };
    paths.iter().try_for_each(|path| opens(&group.join(path)))
}

fn opens(array: &Path) -> Result<(), String> {
    crate::judge::Plane::open(array).map(|_| ()).map_err(|error| format!("a dataset that is listed: {error}"))
}
