//! What workers do: they hand complete groups to the engine.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use super::progress;
use super::shared::Shared;
use crate::backend::Batch;
use crate::buffer::Group;
use crate::error::{Error, Result};

/// Some units of a complete group.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) group: Arc<Group>,
    pub(super) units: Range<usize>,
}

/// Stores one job. After a failure jobs are only released, so that memory is freed and nobody waits for ever.
pub(super) fn run(shared: &Shared, job: Job) {
    let Some(storing) = shared.failure.storing() else { return };
    let outcome = catch_unwind(AssertUnwindSafe(|| store(shared, &job)));
    let failure = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(payload) => Error::Internal { place: "a worker thread", message: panic_message(payload.as_ref()) },
    };
    let frame = progress::first_frame(&shared.plan, &shared.layout, &job.group);
    shared.failure.set(frame, failure);
    drop(storing);
}

fn store(shared: &Shared, job: &Job) -> Result<()> {
    let Job { group, units } = job;
    group.end_provisional();
    let skipped = group.buffer().is_none();
    let length = if skipped { 0 } else { units.len() * shared.layout.unit_bytes() };
    // SAFETY: jobs are made from groups that were sealed and taken from the open ones.
    let bytes = unsafe { group.sealed_bytes(shared.layout.unit_offset(units.start), length) };
    let not_stored = group.not_stored();
    let batch = Batch {
        key: group.key(),
        level: 0,
        layout: &shared.layout,
        units: units.clone(),
        bytes,
        complete: true,
        new_planes: not_stored.as_deref(),
    };
    let stored = if skipped { shared.sink.skip(&batch)? } else { shared.sink.write(&batch)? };
    shared.progress.sealed(&shared.layout, group.key(), stored.sealed_durable);
    if group.job_done() {
        let (plan, layout, key) = (&*shared.plan, &shared.layout, group.key());
        let filled = || group.filled();
        shared.flush_for_log()?;
        shared.log.planes(key, filled())?;
        shared.progress.written(plan, layout, key, filled());
        shared.progress.group_stored(plan, layout, key, filled());
        shared.storing.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
    Ok(())
}

/// What a panic said.
pub(super) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
