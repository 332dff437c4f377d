//! What workers do: they hand complete slabs to the engine, and make levels of filled planes.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::levels::PlaneKey;
use super::reduce::{self, Reduction};
use super::shared::Shared;
use crate::backend::Batch;
use crate::buffer::{Arrival, Sealed};
use crate::error::{Error, Result};
use crate::plan::StorageUnit;

/// What a worker does at a time.
#[derive(Debug)]
pub(super) enum Job {
    /// Some units of a complete slab.
    Store { slab: Sealed, units: Range<usize> },
    /// The levels below a plane, or below one that is passed over.
    Reduce(Box<Reduction>),
}

/// Does one job. After a failure, and once the run is given up, jobs are only released, so that memory is freed and
/// nobody waits for ever.
pub(super) fn run(shared: &Shared, job: Job) {
    match job {
        Job::Store { slab, units } => store(shared, &slab, units),
        Job::Reduce(reduction) => {
            let _ends = Ends(shared, PlaneKey { array: reduction.array, index: reduction.index });
            let made = attempt(shared, reduction.arrival.0, || reduce::reduce(shared, &reduction));
            drop(reduction);
            match made {
                Some(complete) => store_all(shared, complete),
                // Other workers may be making planes of what is open: it goes when they are done.
                None if shared.abort.is_asked() => {}
                // Nobody makes what is missing any more: who waits for memory gets that of what waits for it.
                None => drop(shared.levels.close(shared)),
            }
        }
    }
}

/// Tells that the levels of a plane are made, or will not be.
struct Ends<'a>(&'a Shared, PlaneKey);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.reducing.end(self.1);
    }
}

/// Stores slabs of levels on the calling thread; queuing them would need a free worker.
pub(super) fn store_all(shared: &Shared, slabs: Vec<Sealed>) {
    for slab in slabs {
        shared.storing.begin(slab.key());
        let jobs = jobs(&slab).to_vec();
        slab.expect_jobs(jobs.len());
        jobs.into_iter().for_each(|units| store(shared, &slab, units));
    }
}

/// The units of a complete slab that go to the engine together.
pub(super) fn jobs(slab: &Sealed) -> &[Range<usize>] {
    let form = slab.form();
    // Skipped slabs, and chunks stored as they lie, need no encoding: one job for each shard.
    let whole = slab.is_skipped()
        || match form.layout().unit() {
            StorageUnit::Frame => true,
            StorageUnit::Chunk => form.geometry().shard().is_some() && form.is_verbatim(),
            StorageUnit::Shard => false,
        };
    form.layout().jobs(whole)
}

fn store(shared: &Shared, slab: &Sealed, units: Range<usize>) {
    let first = slab.first_arrival().map_or(0, |arrival| arrival.0);
    let mut last = None;
    // Also after a failure: no provisional copy may reach the engine once it seals.
    slab.end_provisional();
    let stored = attempt(shared, first, || {
        hand_over(shared, slab, units)?;
        // Noted by the last of its jobs, unless another of them failed.
        let whole = *last.insert(slab.job_done()) && !slab.is_spoiled();
        if whole { note_stored(shared, slab).map(Some) } else { Ok(None) }
    });
    if stored.is_none() {
        slab.spoil();
    }
    // Also of what was not stored: nobody waits for it any more.
    if last.unwrap_or_else(|| slab.job_done()) {
        shared.storing.end(slab.key());
    }
    if let Some(Some(planes)) = stored {
        // A run does not end by what is only shown.
        let _ = catch_unwind(AssertUnwindSafe(|| shared.windows.note(&shared.plan, slab, &planes)));
    }
}

/// Runs `work` unless something failed before, or the run is given up; a failure or a panic in it becomes the run's, at frame `frame`.
pub(super) fn attempt<T>(shared: &Shared, frame: u64, work: impl FnOnce() -> Result<T>) -> Option<T> {
    if shared.abort.gives_up() {
        return None;
    }
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

/// Gives units of a slab to the engine.
fn hand_over(shared: &Shared, slab: &Sealed, units: Range<usize>) -> Result<()> {
    let not_stored = slab.not_stored();
    let batch = Batch {
        key: slab.key(),
        layout: slab.form().layout(),
        bytes: slab.bytes(&units),
        units,
        complete: true,
        new_planes: not_stored.as_deref(),
    };
    let stored = if slab.is_skipped() { shared.sink.skip(&batch)? } else { shared.sink.write(&batch)? };
    shared.progress.sealed(&shared.plan, slab.key(), stored.sealed_durable);
    Ok(())
}

/// Notes that all units of a slab are stored, and says which of its slots hold a frame.
fn note_stored(shared: &Shared, slab: &Sealed) -> Result<Vec<(usize, Arrival)>> {
    let planes: Vec<_> = slab.filled().collect();
    let (plan, key) = (&*shared.plan, slab.key());
    shared.flush_for_log()?;
    shared.store.log().planes(key, planes.iter().copied())?;
    shared.progress.written(plan, key, &planes);
    shared.progress.slab_stored(plan, key, &planes);
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
