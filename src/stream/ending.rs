//! finish: from the last frame to a store that is complete and durable.

use std::fs::File;
use std::io::BufReader;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::shared::{Counts, Final, Stage, write_groups};
use super::{Ending, Report, Stream, journal, workers};
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FrameLog;
use crate::plan::Plan;
use crate::settings::Durability;
use crate::store::record;

impl Stream {
    /// Ends a run that has not ended yet; also after a failure, so that what was written before it can be read.
    pub(super) fn end(&self, ending: &mut Ending) -> Result<Report> {
        let shared = &self.shared;
        let accepted = {
            let mut front = self.lock();
            front.close(shared);
            shared.counts.finished.store(true, Ordering::Release);
            front.next()
        };
        let live = ending.live.take().map(|(stop, thread)| {
            drop(stop);
            thread
        });
        for thread in ending.workers.drain(..).chain(live) {
            if let Err(panic) = thread.join() {
                let message = workers::panic_message(panic.as_ref());
                shared.failure.set(shared.progress.counts().0, Error::Internal { place: "a thread", message });
            }
        }
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
        if !shared.failure.is_set() {
            note(shared.log.remove(&*shared.disk));
        }
        // What fails once may go well the second time; the error is told all the same.
        let twice = |write: &dyn Fn() -> Result<()>| note(write().inspect_err(|_| drop(write())));
        twice(&|| shared.journal.flush(&shared.plan, &*shared.disk, shared.sync()));
        twice(&|| self.write_final_groups(&extents));
        if !shared.failure.is_set() {
            note(record::write(shared.plan.root(), &*shared.disk, shared.sync(), accepted));
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
        drop(shared.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        shared.failure.check()?;
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

    /// Group metadata as it stays, with the mirror of the frame metadata.
    fn write_final_groups(&self, extents: &[Option<u64>]) -> Result<()> {
        let shared = &self.shared;
        let mirrors = (0..shared.plan.positions().len())
            .map(|position| {
                let path = journal::path(&shared.plan, position);
                match File::open(&path) {
                    Ok(file) => FrameLog::read(BufReader::new(file))
                        .map(FrameLog::into_attribute)
                        .map_err(|source| Error::io("read", &path, source)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(Error::io("open", &path, source)),
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let metadata = shared.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        let last = Final { mirrors: &mirrors, extents };
        write_groups(&shared.plan, &*shared.disk, shared.sync(), &metadata, Stage::Finish(&last))
    }
}

/// Planes along the append axis that a position has after `accepted` frames; `None` where its shape is fixed.
pub(super) fn extent(plan: &Plan, position: usize, accepted: u64) -> Option<u64> {
    let axis = plan.geometry().append_axis()?;
    Some(record::extent(plan.router(), axis, u32::try_from(position).ok()?, accepted))
}
