//! finish: from the last frame to a store that is complete and durable.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::housekeeping::Kept;
use super::shared::Counts;
use super::{Ending, Report, Stream, workers};
use crate::error::{Error, Result};
use crate::journal::record::{self, Come};
use crate::plan::Plan;
use crate::settings::Durability;

impl Stream {
    /// Ends a run that has not ended yet; also after a failure, so that what was written before it can be read.
    pub(super) fn end(&self, ending: &mut Ending) -> Result<Report> {
        let shared = &self.shared;
        shared.counts.finished.store(true, Ordering::Release);
        self.fronts.iter().for_each(|front| front.close(shared));
        let panicked = |error| shared.failure.set(shared.progress.counts().0, error);
        self.threads.join_workers(panicked);
        // Only now has everything come to them that will.
        workers::store_all(shared, shared.levels.close(shared));
        let note = |outcome: Result<()>| {
            if let Err(error) = outcome {
                shared.failure.set(shared.progress.counts().0, error);
            }
        };
        shared.failure.give_back_room();
        // Also after a failure: what was written before it shall be readable.
        let come: Vec<u64> = self.fronts.iter().map(super::front::Front::next).collect();
        let extents = match shared.failure.is_set() {
            true => shared.progress.extents(&shared.plan),
            false => extents(&shared.plan, &come),
        };
        note(shared.sink.finish(&extents));
        // Only now: what was written while the workers came to their end, and the engine to its own, was shown meanwhile.
        self.threads.join_live(panicked);
        // What fails once may go well the second time; of what belongs to the store the error is told all the same.
        let (disk, sync) = (&*shared.disk, shared.sync());
        let flush = || shared.metadata_lines.flush(&shared.plan, &shared.budget, disk, sync);
        shared.housekeeping.note(Kept::FrameMetadata, flush().or_else(|_| flush()));
        shared.housekeeping.note(Kept::Missing, shared.flush_missing().or_else(|_| shared.flush_missing()));
        let groups = || {
            // What the engine has put in the place of ours is not what was written last.
            let all = shared.capabilities.writes_groups;
            shared.groups.finish(&shared.plan, disk, sync, &extents, &shared.metadata_lines, all)
        };
        note(groups().inspect_err(|_| drop(groups())));
        if !shared.failure.is_set() {
            let all: Vec<Come> = come.iter().copied().map(Come::all).collect();
            let record = || record::write(&shared.plan, disk, sync, &all);
            shared.housekeeping.note(Kept::Record, record().or_else(|_| record()));
        }
        if shared.plan.settings().durability != Durability::None
            && let Some(sync_point) = ending.sync_point.take()
        {
            let root = shared.plan.root();
            let start = Instant::now();
            note(sync_point.sync().map_err(|source| Error::io("sync", root, source)));
            shared.counts.sync.add(start);
            if !shared.failure.is_set() {
                shared.progress.all_durable();
            }
        }
        if !shared.failure.is_set() && shared.housekeeping.check().is_ok() {
            // Last: as long as it is there the run counts as interrupted.
            note(shared.log.remove(disk));
        }
        drop(shared.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        shared.failure.check()?;
        shared.housekeeping.check()?;
        let (skipped, dropped) = (Counts::get(&shared.counts.skipped), Counts::get(&shared.counts.dropped));
        Ok(Report {
            path: shared.plan.root().to_path_buf(),
            frames: come.iter().sum::<u64>() - self.resumed - skipped - dropped,
            skipped,
            dropped,
            shapes: shared.plan.arrays()[..shared.plan.positions().len()]
                .iter()
                .zip(&extents)
                .map(|(array, extent)| array.geometry().shape_with(*extent))
                .collect(),
            bytes_written: shared.sink.bytes_written(),
            bytes_high_water: shared.budget.high_water(),
        })
    }
}

/// Planes along the append axis that each array has after so many frames of each source; `None` where its shape is fixed.
pub(super) fn extents(plan: &Plan, frames: &[u64]) -> Vec<Option<u64>> {
    plan.arrays()
        .iter()
        .map(|array| {
            let source = plan.source_of(array.id());
            let frames = frames.get(source.id().index()).copied().unwrap_or(0);
            source.extent(array.geometry(), source.position(array.image())?, frames)
        })
        .collect()
}
