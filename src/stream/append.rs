//! append, skip: taking the next frame, or passing over it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Stream;
use super::front::{NoTurn, State, Turn};
use crate::buffer::PooledBuffer;
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::FrameMetadata;
use crate::settings::WhenFull;
use crate::store::missing::Why;

/// Most frames that one `skip` may pass over: it walks them one by one, and this is a matter of seconds.
pub const MAX_SKIP: u64 = 100_000_000;

/// Jobs without a buffer (groups that were only skipped) that may wait: they take little memory, but not none.
const MAX_QUEUED_SKIPS: usize = 4096;

/// Jobs without a buffer that may wait where frames are dropped: a disk that stands still for minutes costs some 30 MiB of
/// them. Beyond that a frame is refused instead, and whoever sends it has to count it.
const MAX_QUEUED_DROPS: usize = 1 << 16;

/// Frames that `skip` passes over before it lets others have a look: some 0.1 ms.
const SKIPS_AT_A_TIME: u64 = 1024;

/// How long `skip` waits between looks at whether the queue has room again.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// What `append` does where there is no room.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum NoRoom {
    Wait,
    Refuse,
    Drop,
}

impl Stream {
    /// Passes over the next `frames` frames: their places read as fill value. Returns the number that the next frame
    /// will get.
    ///
    /// # Errors
    /// [`Error::TooManyFrames`] where fewer are left or `frames` is above [`MAX_SKIP`] (nothing is skipped then);
    /// [`Error::Failed`], [`Error::Finished`].
    pub fn skip(&self, frames: u64) -> Result<u64> {
        let shared = &*self.shared;
        shared.failure.check()?;
        self.threads.start()?;
        let mut front = self.turn(NoRoom::Wait)?;
        let left = match shared.plan.router().total() {
            Some(total) => total - front.next(),
            None => u64::MAX - front.next(),
        };
        if frames > left.min(MAX_SKIP) {
            return Err(Error::TooManyFrames {
                declared: shared.plan.router().total().unwrap_or(MAX_SKIP),
                accepted: front.next(),
                requested: frames,
            });
        }
        for nth in 1..=frames {
            if nth % SKIPS_AT_A_TIME == 0 {
                front = front.leave().back();
            }
            while front.queued() > MAX_QUEUED_SKIPS && !shared.failure.is_set() {
                let away = front.leave();
                away.waits();
                std::thread::sleep(LOOK_AGAIN);
                front = away.back();
            }
            self.pass_over(&mut front, Why::Skipped)?;
            shared.counts.skipped.fetch_add(1, Ordering::Release);
        }
        Ok(front.next())
    }

    pub(super) fn append_as(&self, pixels: &[u8], metadata: Option<&FrameMetadata>, no_room: NoRoom) -> Result<u64> {
        let start = Instant::now();
        let shared = &*self.shared;
        shared.failure.check()?;
        self.check_size(pixels)?;
        self.threads.start()?;
        let mut front = self.turn(no_room)?;
        let place = front.place(shared)?;
        let group = match front.with_buffer(place.key) {
            Some(group) => group,
            None => {
                let mut buffer = shared.pool.try_take_free();
                if buffer.is_none() {
                    (front, buffer) = self.fetch(front, no_room)?;
                    // While this frame waited, what it waited for may have failed.
                    shared.failure.check()?;
                }
                match buffer {
                    Some(buffer) => front.open_with(shared, place.key, buffer)?,
                    None if no_room == NoRoom::Drop && front.queued() < MAX_QUEUED_DROPS => {
                        self.pass_over(&mut front, Why::Dropped)?;
                        shared.counts.dropped.fetch_add(1, Ordering::Release);
                        return Ok(place.number);
                    }
                    None => return Err(self.full()),
                }
            }
        };
        // With the lock: lines come in the order of the frames. Before the frame counts as filled: the live thread may store
        // it from then on, and whoever stores a frame stores its line first.
        let due = metadata.is_some_and(|metadata| {
            let dimensions = shared.plan.geometry().index_dimensions();
            let line = metadata.line(place.number, &place.location.index[..dimensions]);
            shared.metadata_lines.push(place.location.position, &line)
        });
        let copying = Instant::now();
        let complete = group.fill(&shared.layout, place.slot, pixels);
        shared.counts.copy.add(copying);
        front.advance(shared, &place, complete);
        shared.counts.accepted.store(front.next(), Ordering::Release);
        drop(front);
        if due && let Err(error) = shared.flush_frame_metadata() {
            // The frame itself is accepted; the next call tells.
            shared.failure.set(place.number, error);
        }
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        shared.latencies.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanoseconds);
        Ok(place.number)
    }

    /// Waits for this thread's turn, or for want of it says why.
    fn turn(&self, no_room: NoRoom) -> Result<Turn<'_>> {
        let turn = self.front.turn(no_room != NoRoom::Refuse).map_err(|no_turn| match no_turn {
            NoTurn::Full => self.full(),
            NoTurn::Finished => Error::Finished,
        })?;
        // While this thread waited, what the others waited for may have failed.
        self.shared.failure.check()?;
        Ok(turn)
    }

    /// Lets go of the lock to take a buffer, as `no_room` says, and takes the lock again.
    fn fetch<'a>(&self, front: Turn<'a>, no_room: NoRoom) -> Result<(Turn<'a>, Option<PooledBuffer>)> {
        let pool = &self.shared.pool;
        let away = front.leave();
        let buffer = match no_room {
            NoRoom::Refuse | NoRoom::Drop => pool.try_take(|| self.shared.is_storing())?,
            NoRoom::Wait => {
                let start = Instant::now();
                let buffer = match pool.take_or_make(|| self.shared.is_storing())? {
                    Some(buffer) => buffer,
                    None => {
                        away.waits();
                        pool.take(|| self.shared.is_storing())?
                    }
                };
                self.shared.counts.wait.add(start);
                Some(buffer)
            }
        };
        Ok((away.back(), buffer))
    }

    pub(super) fn check_size(&self, pixels: &[u8]) -> Result<()> {
        let shared = &*self.shared;
        if pixels.len() == shared.layout.frame_bytes() {
            return Ok(());
        }
        let (height, width) = shared.plan.geometry().frame();
        Err(Error::FrameSize {
            got: pixels.len() as u64,
            expected: shared.layout.frame_bytes() as u64,
            height,
            width,
            dtype: shared.plan.dtype().name(),
        })
    }

    /// Moves past the next frame without data.
    fn pass_over(&self, front: &mut State, why: Why) -> Result<()> {
        let shared = &*self.shared;
        let place = front.place(shared)?;
        let complete = front.open(shared, place.key)?.skip(place.slot);
        // Before it counts as done: what readers are told is done must be listed.
        shared.missing.note(place.number, why);
        front.advance(shared, &place, complete);
        shared.counts.accepted.store(front.next(), Ordering::Release);
        shared.progress.skipped(place.number);
        Ok(())
    }

    fn full(&self) -> Error {
        Error::Full { in_flight: self.shared.pool.bytes_out(), limit: self.shared.pool.limit_bytes() }
    }

    pub(super) fn when_full(&self) -> NoRoom {
        match self.shared.plan.settings().when_full {
            WhenFull::Block => NoRoom::Wait,
            WhenFull::Error => NoRoom::Refuse,
            WhenFull::Drop => NoRoom::Drop,
        }
    }
}
