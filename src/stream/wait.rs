//! Waiting: for a frame to have come so far, for room within a time limit; and calling that off.

use std::time::Duration;

use super::Stream;
use super::append::NoRoom;
use super::progress::FrameState;
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FrameMetadata;
use crate::plan::SourceId;
use crate::settings::Durability;
use crate::shown::quoted;

/// How often who waits for a frame looks whether the run has failed meanwhile.
const LOOK: Duration = Duration::from_millis(50);

impl Stream {
    /// Waits until frame `frame`, and every one before it, is written, durable or readable. `limit`: as long as that;
    /// `None` for as long as it takes. A frame that has not been appended yet is waited for too.
    ///
    /// Frames become readable with every round of the live thread, some `live_interval` after they are written; durable
    /// before `finish` only with durability `shard`, when their shard is full.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`] by [`Stream::cancel`], [`Error::Failed`] where the run failed before,
    /// [`Error::Finished`] or [`Error::Aborted`] where it ended without the frame; [`Error::InvalidSettings`] for what never happens: durable
    /// with durability `none`.
    pub fn wait(&self, frame: u64, state: FrameState, limit: Option<Duration>) -> Result<()> {
        let (shared, source) = (&*self.shared, SourceId(0));
        if state == FrameState::Durable && shared.plan.settings().durability == Durability::None {
            let problem = "no frame becomes durable";
            return Err(Error::settings("durability", quoted("none"), problem, "use \"shard\", or \"finish\""));
        }
        let what = match state {
            FrameState::Written => "the frame was not written",
            FrameState::Durable => "the frame was not durable",
            FrameState::Readable => "the frame was not readable",
        };
        let patience = shared.waits.begin(limit, what);
        let left = || {
            shared.check()?;
            Ok(Some(shared.waits.left(&patience)?.map_or(LOOK, |left| left.min(LOOK))))
        };
        match shared.progress.wait(source, state, frame.saturating_add(1), left)? {
            true => Ok(()),
            false => shared.failure.check().and(Err(shared.over())),
        }
    }

    /// As [`Stream::append_with`] (or [`Stream::append`] without metadata), but waits for room no longer than `limit`,
    /// whatever `when_full` says.
    ///
    /// # Errors
    /// As [`Stream::append_with`]; [`Error::TimedOut`] where there was no room by then: the frame was refused and used
    /// no number.
    pub fn append_within(&self, pixels: &[u8], metadata_json: Option<&str>, limit: Duration) -> Result<u64> {
        let metadata = metadata_json.map(FrameMetadata::from_json).transpose()?;
        self.append_as(SourceId(0), pixels, metadata.as_ref(), NoRoom::WaitFor(limit))
    }

    /// Calls off what waits now: calls of `append` that wait for room, and of [`Stream::wait`], return
    /// [`Error::Canceled`]. Their frames are refused; the stream goes on. Calls that come later wait as before.
    pub fn cancel(&self) {
        self.shared.waits.cancel();
        self.wake_all();
    }

    /// Wakes all calls of the host that wait, for them to ask again how long they may.
    pub(super) fn wake_all(&self) {
        self.shared.budget.wake();
        self.shared.progress.wake();
        self.fronts.iter().for_each(super::front::Front::wake);
    }
}
