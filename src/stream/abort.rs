//! abort: a run is ended at once. What was written is kept, what waits for the disk is given up, and the store says so.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::shared::Shared;
use super::{Stream, Summary};
use crate::error::Result;
use crate::journal::record::Come;
use crate::recover;

/// The run goes on, or ends as `finish` ends it.
const GOES_ON: u8 = 0;
/// The host has given it up.
const ASKED: u8 = 1;
/// All is stored: there is nothing left to give up.
const TOO_LATE: u8 = 2;

/// Whether the host has given the run up; asked by workers before each job, and by `append` at the price of one atomic
/// load.
#[derive(Debug, Default)]
pub(super) struct Abort {
    state: AtomicU8,
    /// True once something was not done for it.
    gave_up: AtomicBool,
}

impl Abort {
    /// The host gives the run up, unless all is stored.
    fn ask(&self) {
        let _ = self.state.compare_exchange(GOES_ON, ASKED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// True once the host has.
    pub(super) fn is_asked(&self) -> bool {
        self.state.load(Ordering::Acquire) == ASKED
    }

    /// As [`Abort::is_asked`], for whoever then leaves out what it was to do.
    pub(super) fn gives_up(&self) -> bool {
        let asked = self.is_asked();
        if asked {
            self.gave_up.store(true, Ordering::Release);
        }
        asked
    }

    /// Whether the host has, once and for all: all that could be given up is stored, or never will be.
    pub(super) fn decide(&self) -> bool {
        self.state.compare_exchange(GOES_ON, TOO_LATE, Ordering::SeqCst, Ordering::SeqCst) == Err(ASKED)
    }
}

impl Stream {
    /// Ends the run at once: keeps what was written, and gives up the frames that wait for the disk. Waits for what a
    /// worker is in the middle of (a few MiB each, or one shard), and for what was written to be on the medium, as
    /// `durability` says; not for the rest. Calls of `append` and [`Stream::wait`] that wait in other threads return
    /// [`Error::Aborted`](crate::Error::Aborted), as all later ones do, and `finish`: not all is on the disk. A
    /// `finish` that is under way in another thread becomes an abort.
    ///
    /// The store is valid. It ends behind the last frame that was written; frames before it that were not are listed as
    /// lost, as are those behind it that were accepted, and the root group says that the run was given up. `resume`
    /// goes on behind the last frame that was written. Levels below full resolution may lag behind it: `resume`
    /// makes them whole, and so does `ome-stream recover --apply`.
    ///
    /// Asked again, and after a `finish` that has ended, it gives the answer that was given then: [`Summary::aborted`]
    /// tells whether anything was given up.
    ///
    /// # Errors
    /// As for [`Stream::finish`], of what was written.
    pub fn abort(&self) -> Result<Summary> {
        self.shared.abort.ask();
        self.wake_all();
        self.outcome()
    }

    /// True where all that was declared has come, and is stored, with its levels.
    pub(super) fn is_whole(&self, accepted: &[u64]) -> bool {
        let shared: &Shared = &self.shared;
        let stored = shared.progress.by_source();
        let come = shared.plan.sources().iter().zip(accepted).zip(stored);
        come.into_iter().all(|((source, accepted), (written, _))| {
            source.router().total() == Some(*accepted) && written == *accepted
        })
    }

    /// Finds out which of the frames that were accepted are written, and lists the others as lost. Returns how far each
    /// source has come.
    ///
    /// # Errors
    /// [`crate::Error::Io`] where the list of missing frames cannot be written or read.
    pub(super) fn give_up(&self, accepted: &[u64]) -> Result<Vec<Come>> {
        let shared: &Shared = &self.shared;
        shared.store.flush_missing()?;
        let reads = shared.store.disk().source();
        let mut come = Vec::new();
        for ((source, (base, stored)), accepted) in
            shared.plan.sources().iter().zip(shared.progress.stored()).zip(accepted)
        {
            let done = Come::all(base);
            let written = recover::of_source(&*reads, (&shared.plan, source), done, (&stored, *accepted), &[])?;
            let lost = written.lost.iter().map(|stretch| stretch.count).sum();
            shared.counts.lost.fetch_add(lost, Ordering::Release);
            shared.store.missing(source.id()).add(written.lost);
            let frames = written.come.frames;
            // Planes of levels may have waited for others, or for their slab.
            let behind = shared.has_levels() && shared.abort.gave_up.load(Ordering::Acquire);
            let levels = if behind { base.min(frames.saturating_sub(1)) } else { frames };
            come.push(Come { frames, levels });
        }
        Ok(come)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_cannot_be_given_up_any_more() {
        let (early, late) = (Abort::default(), Abort::default());
        early.ask();
        assert!(early.is_asked() && early.decide() && early.decide());
        assert!(!late.decide());
        late.ask();
        assert!(!late.is_asked() && !late.decide() && !late.gives_up());
    }
}
