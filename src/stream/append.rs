//! append, skip: taking the next frame, or passing over it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Stream;
use super::front::{Front, NoTurn, Turn};
use super::patience::Patience;
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::ngff::frame_metadata::{self, FrameMetadata};
use crate::plan::SourceId;
use crate::settings::WhenFull;
use crate::store::missing::Why;

/// Most frames that one `skip` may pass over: it walks them one by one, and this is a matter of seconds.
pub const MAX_SKIP: u64 = 100_000_000;

/// Slabs that may be on their way to the engine, and planes to their levels, where `skip` adds ones without a buffer:
/// they take little memory, but not none.
const MAX_QUEUED_SKIPS: usize = 4096;

/// Slabs that may be on their way where frames are dropped: a disk that stands still for minutes costs some 30 MiB of
/// them. Beyond that a frame is refused instead, and whoever sends it has to count it.
const MAX_QUEUED_DROPS: usize = 1 << 16;

/// Frames that `skip` passes over before it lets others have a look: some 0.1 ms.
const SKIPS_AT_A_TIME: u64 = 1024;

/// What `append` does where there is no room.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum NoRoom {
    Wait,
    /// For so long.
    WaitFor(Duration),
    Refuse,
    Drop,
}

/// What had not happened when a frame was given up.
const NO_ROOM: &str = "no room within the memory limit";

impl Stream {
    /// Passes over the next `frames` frames: their places read as fill value. Returns the number that the next frame
    /// will get.
    ///
    /// # Errors
    /// [`Error::TooManyFrames`] where fewer are left or `frames` is above [`MAX_SKIP`] (nothing is skipped then);
    /// [`Error::Failed`], [`Error::Finished`], [`Error::Aborted`].
    pub fn skip(&self, frames: u64) -> Result<u64> {
        self.skip_from(SourceId(0), frames)
    }

    /// As [`Stream::skip`], of frames of a source.
    ///
    /// # Errors
    /// As [`Stream::skip`]; [`Error::InvalidSettings`] for a source that the plan has not.
    pub fn skip_from(&self, source: SourceId, frames: u64) -> Result<u64> {
        let shared = &*self.shared;
        let front = self.front(source)?;
        shared.check()?;
        self.threads.start()?;
        let patience = shared.waits.begin(None, NO_ROOM);
        let mut turn = self.turn(front, NoRoom::Wait, &patience)?;
        let total = shared.plan.source(source).router().total();
        let left = total.unwrap_or(u64::MAX) - turn.next();
        if frames > left.min(MAX_SKIP) {
            return Err(Error::TooManyFrames {
                declared: total.unwrap_or(MAX_SKIP),
                accepted: turn.next(),
                requested: frames,
            });
        }
        for nth in 1..=frames {
            if nth % SKIPS_AT_A_TIME == 0 {
                turn = turn.leave().back();
                shared.check()?;
            }
            if shared.storing.len() > MAX_QUEUED_SKIPS || shared.reducing.len() > MAX_QUEUED_SKIPS {
                let away = turn.leave();
                away.waits();
                shared.storing.wait_until(MAX_QUEUED_SKIPS);
                shared.reducing.wait_until(MAX_QUEUED_SKIPS);
                turn = away.back();
            }
            self.pass_over(source, &mut turn, Why::Skipped)?;
            shared.counts.skipped.fetch_add(1, Ordering::Release);
        }
        Ok(turn.next())
    }

    pub(super) fn append_as(
        &self,
        source: SourceId,
        pixels: &[u8],
        metadata: Option<&FrameMetadata>,
        no_room: NoRoom,
    ) -> Result<u64> {
        let start = Instant::now();
        let shared = &*self.shared;
        let front = self.front(source)?;
        shared.check()?;
        self.check_size(source, pixels)?;
        self.threads.start()?;
        let limit = if let NoRoom::WaitFor(limit) = no_room { Some(limit) } else { None };
        let patience = shared.waits.begin(limit, NO_ROOM);
        let mut turn = self.turn(front, no_room, &patience)?;
        let place = turn.place(shared)?;
        let lacking = turn.lacking(shared, &place);
        if !lacking.is_empty() {
            let classes: Vec<usize> = lacking.iter().map(|(_, class)| *class).collect();
            let mut buffers = shared.budget.try_take_free(&classes);
            if buffers.is_none() {
                (turn, buffers) = self.fetch(turn, &classes, no_room, &patience)?;
                // While this frame waited, what it waited for may have failed.
                shared.check()?;
            }
            match buffers {
                Some(buffers) => turn.open_with(shared, &lacking, buffers)?,
                None if no_room == NoRoom::Drop
                    && shared.storing.len().max(shared.reducing.len()) < MAX_QUEUED_DROPS =>
                {
                    self.pass_over(source, &mut turn, Why::Dropped)?;
                    shared.counts.dropped.fetch_add(1, Ordering::Release);
                    return Ok(place.number);
                }
                None => return Err(self.full()),
            }
        }
        // Under the lock, so that lines keep the order of frames; before `fill`, because the live thread may store the
        // frame from then on, and its line must be stored first.
        let times = shared.plan.settings().frame_times;
        let of_every_frame = || (times == Some(true)).then_some(&frame_metadata::NOTHING);
        let due = metadata.or_else(of_every_frame).is_some_and(|metadata| {
            let array = shared.plan.array(place.array);
            let since = self.began.elapsed();
            turn.times.note(&place.location, metadata.delta_t(), since);
            let index = &place.location.index[..array.geometry().index_dimensions()];
            let accepted = (times != Some(false)).then(|| self.began.since_1970(since));
            let line = metadata.line(place.number, index, accepted);
            shared.store.lines().push(&shared.budget, array.image(), &line)
        });
        let copying = Instant::now();
        let Some(slab) = turn.slab(place.key) else { return Err(lost_slab()) };
        let complete = slab.fill(place.slot, place.arrival, pixels);
        shared.counts.copy.add(copying);
        if shared.has_levels()
            && let Some(plane) = slab.plane(place.slot)
        {
            turn.reduce(shared, &place, Some(plane));
        }
        turn.advance(shared, &place, complete);
        drop(turn);
        if due && let Err(error) = shared.flush_frame_metadata() {
            // The frame itself is accepted; the next call tells.
            shared.failure.set(place.number, error);
        }
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        shared.latencies.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanoseconds);
        Ok(place.number)
    }

    /// The side of a source.
    pub(super) fn front(&self, source: SourceId) -> Result<&Front> {
        let none = || {
            let problem = format!("the run has {} source(s), counted from 0", self.fronts.len());
            Error::settings("source", source.0, problem, "use one that the plan has")
        };
        self.fronts.get(source.index()).ok_or_else(none)
    }

    /// Waits for this thread's turn; an error says why it did not get it.
    pub(super) fn turn<'a>(&self, front: &'a Front, no_room: NoRoom, patience: &Patience) -> Result<Turn<'a>> {
        let left = || {
            if self.shared.abort.is_asked() { Err(Error::Aborted) } else { self.shared.waits.left(patience) }
        };
        let turn = front.turn(no_room != NoRoom::Refuse, left).map_err(|no_turn| match no_turn {
            NoTurn::GivenUp(error) => error,
            NoTurn::Full => self.full(),
            NoTurn::Finished => self.shared.over(),
        })?;
        // While this thread waited, what the others waited for may have failed.
        self.shared.failure.check()?;
        Ok(turn)
    }

    /// Lets go of the lock to take buffers, as `no_room` says, and takes the lock again.
    fn fetch<'a>(
        &self,
        turn: Turn<'a>,
        classes: &[usize],
        no_room: NoRoom,
        patience: &Patience,
    ) -> Result<(Turn<'a>, Option<Vec<Buffer>>)> {
        let budget = &self.shared.budget;
        let away = turn.leave();
        let buffers = match no_room {
            NoRoom::Refuse | NoRoom::Drop => budget.try_take(classes, || self.shared.is_storing())?,
            NoRoom::Wait | NoRoom::WaitFor(_) => {
                let start = Instant::now();
                let buffers = match budget.take_or_make(classes, || self.shared.is_storing())? {
                    Some(buffers) => buffers,
                    None => {
                        away.waits();
                        let left = || {
                            self.shared.check()?;
                            self.shared.waits.left(patience)
                        };
                        budget.take_while(classes, || self.shared.is_storing(), left)?
                    }
                };
                self.shared.counts.wait.add(start);
                Some(buffers)
            }
        };
        Ok((away.back(), buffers))
    }

    pub(super) fn check_size(&self, source: SourceId, pixels: &[u8]) -> Result<()> {
        let plan = &self.shared.plan;
        let form = plan.array(plan.source(source).array(0)).form();
        let expected = form.layout().frame_bytes();
        if pixels.len() == expected {
            return Ok(());
        }
        let (height, width) = form.geometry().frame();
        let (got, expected) = (pixels.len() as u64, expected as u64);
        Err(Error::FrameSize { got, expected, height, width, dtype: form.dtype().name() })
    }

    /// Moves past the next frame without data.
    fn pass_over(&self, source: SourceId, turn: &mut Turn<'_>, why: Why) -> Result<()> {
        let shared = &*self.shared;
        let place = turn.place(shared)?;
        // All that can fail comes first.
        turn.open_family(shared, &place)?;
        let Some(slab) = turn.slab(place.key) else { return Err(lost_slab()) };
        let complete = slab.skip(place.slot, place.arrival);
        turn.reduce(shared, &place, None);
        // Before it counts as done: what readers are told is done must be listed.
        shared.store.missing(source).note(place.number, why);
        turn.advance(shared, &place, complete);
        shared.progress.passed_over(source, place.arrival);
        Ok(())
    }

    fn full(&self) -> Error {
        Error::Full { in_flight: self.shared.budget.bytes_out(), limit: self.shared.budget.limit_bytes() }
    }

    pub(super) fn when_full(&self) -> NoRoom {
        match self.shared.plan.settings().when_full {
            WhenFull::Block => NoRoom::Wait,
            WhenFull::Error => NoRoom::Refuse,
            WhenFull::Drop => NoRoom::Drop,
        }
    }
}

/// Unreachable: the slab of a frame was opened in the same turn.
fn lost_slab() -> Error {
    Error::Internal { place: "append", message: "the slab of a frame is not open".into() }
}
