//! finish: from the last frame to a store that is complete and durable.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::housekeeping::Kept;
use super::shared::Counts;
use super::{Ending, Report, Stream};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::settings::Durability;
use crate::store::record;

impl Stream {
    /// Ends a run that has not ended yet; also after a failure, so that what was written before it can be read.
    pub(super) fn end(&self, ending: &mut Ending) -> Result<Report> {
        let shared = &self.shared;
        shared.counts.finished.store(true, Ordering::Release);
        let accepted = self.front.close(shared);
        let panicked = |error| shared.failure.set(shared.progress.counts().0, error);
        self.threads.join_workers(panicked);
        let note = |outcome: Result<()>| {
            if let Err(error) = outcome {
                shared.failure.set(shared.progress.counts().0, error);
            }
        };
        shared.failure.give_back_room();
        // Also after a failure: what was written before it shall be readable.
        let extents: Vec<_> = (0..shared.plan.positions().len())
            .map(|position| match shared.failure.is_set() {
                true => shared.progress.extent(position),
                false => extent(&shared.plan, position, accepted),
            })
            .collect();
        note(shared.sink.finish(&extents));
        // Only now: what was written while the workers came to their end, and the engine to its own, was shown meanwhile.
        self.threads.join_live(panicked);
        // What fails once may go well the second time; of what belongs to the store the error is told all the same.
        let (disk, sync) = (&*shared.disk, shared.sync());
        let flush = || shared.metadata_lines.flush(&shared.plan, disk, sync);
        shared.housekeeping.note(Kept::FrameMetadata, flush().or_else(|_| flush()));
        let list = || shared.missing.flush(disk, sync);
        shared.housekeeping.note(Kept::Missing, list().or_else(|_| list()));
        let groups = || {
            // What the engine has put in the place of ours is not what was written last.
            let all = shared.capabilities.writes_groups;
            shared.groups.finish(&shared.plan, disk, sync, &extents, &shared.metadata_lines, all)
        };
        note(groups().inspect_err(|_| drop(groups())));
        if !shared.failure.is_set() {
            let record = || record::write(shared.plan.root(), disk, sync, accepted);
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
            frames: accepted - self.resumed - skipped - dropped,
            skipped,
            dropped,
            shapes: extents.iter().map(|extent| shared.plan.geometry().shape_with(*extent)).collect(),
            bytes_written: shared.sink.bytes_written(),
            bytes_high_water: shared.pool.high_water(),
        })
    }
}

/// Planes along the append axis that a position has after `accepted` frames; `None` where its shape is fixed.
pub(super) fn extent(plan: &Plan, position: usize, accepted: u64) -> Option<u64> {
    let axis = plan.geometry().append_axis()?;
    Some(record::extent(plan.router(), axis, u32::try_from(position).ok()?, accepted))
}
