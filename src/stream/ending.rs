//! finish: from the last frame to a store that is complete and durable.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::housekeeping::Kept;
use super::shared::{Counts, Shared};
use super::{Stream, Summary, reduce, workers};
use crate::error::Result;
use crate::journal::record::Come;
use crate::plan::Plan;
use crate::store::Learned;

impl Stream {
    /// Ends a run that has not ended yet; also after a failure, so that what was written before it can be read.
    pub(super) fn end(&self) -> Result<Summary> {
        let shared = &self.shared;
        let _replaced = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        shared.counts.finished.store(true, Ordering::Release);
        self.fronts.iter().for_each(|front| front.close(shared));
        let panicked = |error| shared.failure.set(shared.progress.counts().0, error);
        self.threads.join_workers(panicked);
        let note = |outcome: Result<()>| {
            if let Err(error) = outcome {
                shared.failure.set(shared.progress.counts().0, error);
            }
        };
        // Only now: the workers have made all planes of levels that were complete.
        let store = |complete| workers::store_all(shared, complete);
        workers::attempt(shared, shared.progress.counts().0, || reduce::finish_windows(shared, store));
        workers::store_all(shared, shared.levels.close(shared));
        note(shared.store.check_root());
        shared.store.give_back_reserve();
        let accepted: Vec<u64> = self.fronts.iter().map(super::front::Front::next).collect();
        // From here on nothing is given up any more.
        let given_up = shared.abort.decide() && !shared.failure.is_set() && !self.is_whole(&accepted);
        let come = if given_up { self.give_up(&accepted) } else { Ok(all(&accepted)) };
        let come = come.unwrap_or_else(|error| {
            note(Err(error));
            all(&accepted)
        });
        let frames: Vec<u64> = come.iter().map(|come| come.frames).collect();
        // Also after a failure: what was written before it shall be readable.
        let extents = match shared.failure.is_set() {
            true => shared.progress.extents(&shared.plan),
            false => extents(&shared.plan, &frames),
        };
        note(seal(shared, &extents));
        // The live thread stops last, so that readers were shown what workers and engine wrote until now.
        self.threads.join_live(panicked);
        // What fails once may go well the second time; of what belongs to the store the error is told all the same.
        let flush = || shared.store.flush_lines(&shared.budget);
        shared.housekeeping.note(Kept::FrameMetadata, flush().or_else(|_| flush()));
        if given_up && !shared.failure.is_set() {
            shared.housekeeping.note(Kept::FrameMetadata, shared.store.cut_lines(&frames));
        }
        let flush = || shared.store.flush_missing();
        shared.housekeeping.note(Kept::Missing, flush().or_else(|_| flush()));
        let intervals = self.fronts.iter().map(|front| front.look().times.found()).collect();
        let learned = Learned { windows: shared.windows.found(), intervals };
        let groups = || shared.store.finish_groups(&extents, &learned);
        note(groups().inspect_err(|_| drop(groups())));
        if !shared.failure.is_set() {
            let record = || shared.store.record(&come);
            shared.housekeeping.note(Kept::Record, record().or_else(|_| record()));
        }
        // Behind all that it tells of, and before all is put on the medium, so that it is there too.
        let aborted = shared.failure.is_set();
        let tell = || self.how_it_ended(&accepted, given_up).and_then(|ended| shared.store.tell_end(&ended));
        shared.housekeeping.note(Kept::End, tell().or_else(|_| tell()));
        let start = Instant::now();
        if let Some(synced) = shared.store.sync_all() {
            note(synced);
            shared.counts.sync.add(start);
            if !shared.failure.is_set() {
                shared.progress.all_durable();
            }
        }
        if !shared.failure.is_set() && shared.housekeeping.check().is_ok() {
            // Last: as long as it is there the run counts as interrupted.
            note(shared.store.remove_log());
        }
        if shared.failure.is_set() && !aborted {
            // It has not ended as well as it looked.
            let _ = tell();
        }
        shared.store.unlock();
        shared.failure.check()?;
        shared.housekeeping.check()?;
        let count = |counter| Counts::get(counter);
        let counts = &shared.counts;
        let (skipped, dropped, lost) = (count(&counts.skipped), count(&counts.dropped), count(&counts.lost));
        Ok(Summary {
            path: shared.plan.root().to_path_buf(),
            frames: accepted.iter().sum::<u64>() - self.resumed - skipped - dropped - lost,
            skipped,
            dropped,
            lost,
            aborted: given_up,
            shapes: shared.plan.arrays()[..shared.plan.positions().len()]
                .iter()
                .zip(&extents)
                .map(|(array, extent)| array.geometry().shape_with(*extent))
                .collect(),
            bytes_written: shared.store.bytes_written(),
            bytes_high_water: shared.budget.high_water(),
        })
    }
}

/// All of so many frames of each source.
fn all(frames: &[u64]) -> Vec<Come> {
    frames.iter().copied().map(Come::all).collect()
}

/// Seals what was written to each array and gives its document the final shape; goes on after an error, which it
/// returns.
pub(super) fn seal(shared: &Shared, extents: &[Option<u64>]) -> Result<()> {
    let mut outcome = Ok(());
    for (array, extent) in shared.plan.arrays().iter().zip(extents) {
        // Each array's shape after its own planes: readers need not wait for all of them.
        outcome = outcome.and(shared.sink.seal(array.id())).and(shared.store.trim(array.id(), *extent));
    }
    outcome = outcome.and(shared.sink.finish());
    if shared.capabilities.own_documents { outcome.and(shared.store.replace_arrays(extents)) } else { outcome }
}

/// Planes along the append axis that each array has after so many frames of each source; `None` where its shape is
/// fixed.
pub(super) fn extents(plan: &Plan, frames: &[u64]) -> Vec<Option<u64>> {
    plan.arrays()
        .iter()
        .map(|array| {
            let source = plan.source_of(array.id());
            let frames = frames.get(source.id().index()).copied().unwrap_or(0);
            source.extent(array.form(), source.position(array.image())?, frames)
        })
        .collect()
}
