//! Levels that a crash or somebody left behind full resolution, made whole without a run that goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::{Begun, ending, reduce, resume, shared, workers};
use crate::backend::{self, Backend};
use crate::buffer::Budget;
use crate::error::{Error, Result};
use crate::journal::record::{self, Come};
use crate::names::own::MARK;
use crate::plan::{ArrayId, Plan, PlannedArray};
use crate::platform::Disk;
use crate::recover::Report;
use crate::store::{self, Mark};

/// A level below full resolution of which planes were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeLevel {
    /// Path of the array below the store, with `/`.
    pub array: String,
    /// Planes.
    pub planes: u64,
}

/// Makes the levels of the store in `root` whole, whose run has ended or was interrupted and mended
/// ([`recover`](crate::recover::recover)): planes that are not there, or may not be, are made of full resolution as it
/// is stored. Says nothing of how the run ended.
///
/// # Errors
/// [`Error::Damaged`] where nothing tells which levels there are, and where the store was not mended;
/// [`Error::Busy`]; [`Error::Unsupported`] for an engine that cannot continue a store; [`Error::MemoryLimit`];
/// [`Error::Io`]. What was made until then stays, and the next call goes on.
pub fn complete_levels(root: &Path, backend: &dyn Backend, disk: &Arc<dyn Disk>) -> Result<Vec<MadeLevel>> {
    let source = &*disk.source();
    let root = store::root_of(source, root)?;
    let capabilities = backend.capabilities();
    let nothing_tells = || {
        let problem = "it does not tell the settings of the run, so nobody knows which levels there are".to_owned();
        Error::Damaged { path: root.join(MARK), problem }
    };
    let settings = Mark::read(source, &root)?.and_then(|mark| mark.sources(&root)).ok_or_else(nothing_tells)?;
    let plan = Plan::going_on(&settings, &root, &capabilities)?;
    let Some(come) = record::read(source, &root)? else { return Ok(Vec::new()) };
    // A level may also have been shown ahead of full resolution.
    if come.iter().all(|come| come.levels >= come.frames) && resume::levels_reach(source, &plan)? {
        return Ok(Vec::new());
    }
    backend::check(backend, &plan)?;
    let plan = Arc::new(plan);
    let budget = Budget::new(plan.forms(), plan.memory());
    let begun = resume::go_on(&plan, &capabilities, backend, disk, &budget, resume::Frames::None)?;
    let Begun { root, store, sink, come, mut left, notes } = begun;
    // It stays as it is.
    left.full.clear();
    let frames: Vec<u64> = come.iter().map(|come| come.frames).collect();
    let mut made = left.planes(&plan);
    let shared = shared::Shared::new(&plan, (capabilities, budget), (store, sink), &frames, notes)?;
    // Held until all is done.
    let locks = shared.store.stands(root);
    tracing::debug!(locks, "levels are made");
    for (array, planes) in resume::take_up(&shared, &mut left)? {
        *made.entry(array).or_default() += planes;
    }
    shared.levels.start_with(left.levels, left.windows);
    reduce::finish_windows(&shared, |complete| workers::store_all(&shared, complete))?;
    workers::store_all(&shared, shared.levels.close(&shared));
    shared.failure.check()?;
    shared.store.check_root()?;
    shared.store.give_back_reserve();
    // Full resolution stays as it is, and shows what was on its way too.
    let full = |array: &PlannedArray| shared.store.extent(plan.arrays()[array.image()].id());
    let extents: Vec<_> = plan.arrays().iter().map(|array| plan.extent_below(array, full(array))).collect();
    ending::seal(&shared, &extents)?;
    shared.store.record(&frames.iter().copied().map(Come::all).collect::<Vec<_>>())?;
    shared.store.sync_all().unwrap_or(Ok(()))?;
    shared.store.remove_log()?;
    shared.store.unlock();
    Ok(told(&plan, &made))
}

/// By array in the order of the plan.
fn told(plan: &Plan, made: &BTreeMap<ArrayId, u64>) -> Vec<MadeLevel> {
    let key = |array: ArrayId| plan.array(array).key().to_owned();
    made.iter().map(|(array, planes)| MadeLevel { array: key(*array), planes: *planes }).collect()
}

impl Report {
    /// Takes note of the levels that [`complete_levels`] made.
    pub fn completed(&mut self, made: &[MadeLevel]) {
        for level in &mut self.levels {
            let of_array = made.iter().filter(|made| made.array == level.array);
            level.made = Some(of_array.map(|made| made.planes).sum());
        }
    }
}
