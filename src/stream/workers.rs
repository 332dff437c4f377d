//! What workers do: they hand complete groups to the engine, and make levels of filled planes.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::levels::{self, Reduction};
use super::shared::Shared;
use crate::backend::Batch;
use crate::buffer::{Arrival, Sealed};
use crate::error::{Error, Result};
use crate::plan::StorageUnit;

/// What a worker does at a time.
#[derive(Debug)]
pub(super) enum Job {
    /// Some units of a complete group.
    Store { group: Sealed, units: Range<usize> },
    /// The levels below a plane, or below one that is passed over.
    Reduce(Box<Reduction>),
}

/// Does one job. After a failure jobs are only released, so that memory is freed and nobody waits for ever.
pub(super) fn run(shared: &Shared, job: Job) {
    match job {
        Job::Store { group, units } => store(shared, &group, units),
        Job::Reduce(reduction) => {
            let made = attempt(shared, reduction.arrival.0, || levels::reduce(shared, &reduction));
            // What nobody makes any more must not be waited for.
            let complete = made.unwrap_or_else(|| levels::pass_over(shared, &reduction));
            drop(reduction);
            store_all(shared, complete);
        }
    }
}

/// Stores groups of levels on the calling thread; queuing them would need a free worker.
pub(super) fn store_all(shared: &Shared, groups: Vec<Sealed>) {
    for group in groups {
        shared.storing.begin(group.key());
        let jobs = jobs(&group).to_vec();
        group.expect_jobs(jobs.len());
        jobs.into_iter().for_each(|units| store(shared, &group, units));
    }
}

/// The units of a complete group that go to the engine together.
pub(super) fn jobs(group: &Sealed) -> &[Range<usize>] {
    let form = group.form();
    // Skipped groups, and chunks stored as they lie, need no encoding: one job for each shard.
    let whole = group.is_skipped()
        || match form.layout().unit() {
            StorageUnit::Frame => true,
            StorageUnit::Chunk => form.geometry().shard().is_some() && form.is_verbatim(),
            StorageUnit::Shard => false,
        };
    form.layout().jobs(whole)
}

fn store(shared: &Shared, group: &Sealed, units: Range<usize>) {
    let first = group.first_arrival().map_or(0, |arrival| arrival.0);
    let mut last = None;
    // Also after a failure: no provisional copy may reach the engine once it seals.
    group.end_provisional();
    let stored = attempt(shared, first, || {
        hand_over(shared, group, units)?;
        // Noted by the last of its jobs, unless another of them failed.
        let whole = *last.insert(group.job_done()) && !group.is_spoiled();
        if whole { note_stored(shared, group).map(Some) } else { Ok(None) }
    });
    if stored.is_none() {
        group.spoil();
    }
    // Also of what was not stored: nobody waits for it any more.
    if last.unwrap_or_else(|| group.job_done()) {
        shared.storing.end(group.key());
    }
    if let Some(Some(planes)) = stored {
        // A run does not end by what is only shown.
        let _ = catch_unwind(AssertUnwindSafe(|| shared.windows.note(&shared.plan, group, &planes)));
    }
}

/// Runs `work` unless something failed before; a failure or a panic in it becomes the run's, at frame `frame`.
fn attempt<T>(shared: &Shared, frame: u64, work: impl FnOnce() -> Result<T>) -> Option<T> {
    let storing = shared.failure.storing()?;
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => error,
        Err(payload) => Error::Internal { place: "a worker thread", message: panic_message(payload.as_ref()) },
    };
    shared.failure.set(frame, failure);
    drop(storing);
    None
}

/// Gives units of a group to the engine.
fn hand_over(shared: &Shared, group: &Sealed, units: Range<usize>) -> Result<()> {
    let not_stored = group.not_stored();
    let batch = Batch {
        key: group.key(),
        layout: group.form().layout(),
        bytes: group.bytes(&units),
        units,
        complete: true,
        new_planes: not_stored.as_deref(),
    };
    let stored = if group.is_skipped() { shared.sink.skip(&batch)? } else { shared.sink.write(&batch)? };
    shared.progress.sealed(&shared.plan, group.key(), stored.sealed_durable);
    Ok(())
}

/// Notes that all units of a group are stored, and says which of its slots hold a frame.
fn note_stored(shared: &Shared, group: &Sealed) -> Result<Vec<(usize, Arrival)>> {
    let planes: Vec<_> = group.filled().collect();
    let (plan, key) = (&*shared.plan, group.key());
    shared.flush_for_log()?;
    shared.store.log().planes(key, planes.iter().copied())?;
    shared.progress.written(plan, key, &planes);
    shared.progress.group_stored(plan, key, &planes);
    Ok(planes)
}

/// What a panic said.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
