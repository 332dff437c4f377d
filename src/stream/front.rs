//! Append state of one source: its next frame number, and its open slabs of full resolution.
//!
//! One lock, held for the copy of one frame at most. Whoever has to wait before it can move on (for a buffer, for room
//! in the queue) lets go of the lock and keeps its [`Turn`] by being [`Away`]: nobody else moves on until it is back,
//! so its place is still the same, and everybody else can look.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::intervals::Intervals;
use super::levels::{Lacking, LevelSlabs, PlaneKey};
use super::reduce::Reduction;
use super::shared::Shared;
use super::workers::{Job, jobs};
use crate::buffer::{Arrival, Buffer, Open, Plane, Sealed};
use crate::error::{Error, Result};
use crate::plan::{ArrayId, SlabKey, SourceId};
use crate::router::{Location, StorageIndex};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The lock around the state of a source's append path.
pub(super) struct Front {
    source: SourceId,
    state: Mutex<State>,
    /// Told when a thread that was away is back.
    back: Condvar,
    /// Number that the next frame will get, and its arrival; only changed with the lock, read without it.
    next: AtomicU64,
}

/// State of the append path.
pub(super) struct State {
    /// Most often one or a few: looked up for each frame.
    open: BTreeMap<SlabKey, Open>,
    /// The slabs of levels that its frames feed.
    levels: LevelSlabs,
    /// `None` once the stream is finished.
    queue: Option<Sender<Job>>,
    /// What the thread whose turn it is does without the lock, if it does.
    away: Option<Away>,
    /// True once `finish` was asked: no more turns.
    finishing: bool,
    /// Times from one time point to the next.
    pub(super) times: Intervals,
}

/// What a thread does that has let go of the lock while it is its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Away {
    /// It takes a free buffer or makes one.
    Fetching,
    /// It waits for others.
    Waiting,
}

/// Where the next frame goes.
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) arrival: Arrival,
    pub(super) array: ArrayId,
    pub(super) location: Location,
    pub(super) key: SlabKey,
    pub(super) slot: usize,
}

/// The source's turn, with its lock held.
pub(super) struct Turn<'a> {
    front: &'a Front,
    state: MutexGuard<'a, State>,
}

/// The source's turn, with the lock released; dropping it ends the turn.
pub(super) struct TurnAway<'a>(&'a Front);

/// Why it is not this thread's turn.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// It does not wait any longer.
    GivenUp(Error),
    /// Another thread waits for room and this one does not want to wait.
    Full,
    /// `finish` was asked.
    Finished,
}

impl Front {
    /// Starts with frame `next` of a source and the slabs that earlier frames left open.
    pub(super) fn new(
        source: SourceId,
        queue: Sender<Job>,
        next: u64,
        open: BTreeMap<SlabKey, Open>,
        levels: LevelSlabs,
        times: Intervals,
    ) -> Self {
        let state = State { open, levels, queue: Some(queue), away: None, finishing: false, times };
        Self { source, state: Mutex::new(state), back: Condvar::new(), next: AtomicU64::new(next) }
    }

    /// Number that the next frame will get.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// Locks the state without taking the turn.
    pub(super) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn, as long as `left` says. Without `patience`, says so if the thread that has it waits for the
    /// disk.
    pub(super) fn turn(&self, patience: bool, left: impl Fn() -> Result<Option<Duration>>) -> Result<Turn<'_>, NoTurn> {
        let mut state = self.look();
        loop {
            match state.away {
                _ if state.finishing => return Err(NoTurn::Finished),
                None => return Ok(Turn { front: self, state }),
                Some(Away::Waiting) if !patience => return Err(NoTurn::Full),
                Some(_) => {
                    state = match left().map_err(NoTurn::GivenUp)? {
                        None => self.back.wait(state).unwrap_or_else(PoisonError::into_inner),
                        Some(left) => self.back.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                    }
                }
            }
        }
    }

    /// Wakes all that wait for their turn.
    pub(super) fn wake(&self) {
        let _state = self.look();
        self.back.notify_all();
    }

    /// Lets nobody move on any more, hands on every open slab as it is, in the order in which their first frames came,
    /// and lets go of the queue. A frame that waits for room is taken before that.
    pub(super) fn close(&self, shared: &Shared) {
        let mut state = self.look();
        state.finishing = true;
        while state.away.is_some() {
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut rest: Vec<Open> = std::mem::take(&mut state.open).into_values().collect();
        rest.sort_by_key(Open::first_arrival);
        for slab in rest.into_iter().filter_map(|slab| shared.seal(Some(slab))) {
            state.dispatch(shared, &slab);
        }
        state.queue = None;
    }
}

impl<'a> Turn<'a> {
    /// Releases the lock but keeps the turn, to fetch buffers.
    pub(super) fn leave(mut self) -> TurnAway<'a> {
        self.state.away = Some(Away::Fetching);
        TurnAway(self.front)
    }

    /// Number that the next frame will get.
    pub(super) fn next(&self) -> u64 {
        self.front.next()
    }

    /// Where the next frame goes.
    pub(super) fn place(&self, shared: &Shared) -> Result<Place> {
        if self.state.is_finished() {
            return Err(shared.over());
        }
        let number = self.next();
        let (array, location) = shared.plan.place(self.front.source, number).ok_or_else(|| Error::TooManyFrames {
            declared: shared.plan.source(self.front.source).router().total().unwrap_or(u64::MAX),
            accepted: number,
            requested: 1,
        })?;
        let (index, slot) = shared.plan.array(array).layout().slot(&location.index);
        Ok(Place { number, arrival: Arrival(number), array, location, key: SlabKey { array, index }, slot })
    }

    /// Moves on past `place`, and hands on what that made complete.
    pub(super) fn advance(&mut self, shared: &Shared, place: &Place, complete: bool) {
        if complete && let Some(slab) = shared.seal(self.state.open.remove(&place.key)) {
            self.state.dispatch(shared, &slab);
        }
        self.front.next.store(place.number + 1, Ordering::Release);
    }
}

impl Deref for Turn<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl<'a> TurnAway<'a> {
    /// Marks this thread as waiting for the disk, so that calls that may not wait are refused.
    pub(super) fn waits(&self) {
        self.0.look().away = Some(Away::Waiting);
        self.0.back.notify_all();
    }

    /// Takes the lock again.
    pub(super) fn back(self) -> Turn<'a> {
        let front = self.0;
        // Skips `Drop`, which would end the turn before the lock is taken.
        std::mem::forget(self);
        let mut state = front.look();
        state.away = None;
        front.back.notify_all();
        Turn { front, state }
    }
}

impl Drop for TurnAway<'_> {
    fn drop(&mut self) {
        self.0.look().away = None;
        self.0.back.notify_all();
    }
}

impl State {
    pub(super) fn is_finished(&self) -> bool {
        self.queue.is_none()
    }

    /// A slab, if it is open.
    pub(super) fn slab(&mut self, key: SlabKey) -> Option<&mut Open> {
        self.open.get_mut(&key)
    }

    /// As [`State::slab`], to look on.
    pub(super) fn look_at(&self, key: SlabKey) -> Option<&Open> {
        self.open.get(&key)
    }

    /// What is open of the levels of a frame that was passed over, and lacks a buffer.
    pub(super) fn lacking_in_levels(
        &self,
        shared: &Shared,
        array: ArrayId,
        full: &StorageIndex,
    ) -> Vec<(Lacking, usize)> {
        self.levels.lacking(shared, array, full).filter(|(what, _)| self.levels.is_open(*what)).collect()
    }

    /// What of a frame's family lacks a buffer: its own slab, and the slabs and windows of all levels.
    pub(super) fn lacking(&self, shared: &Shared, place: &Place) -> Vec<(Lacking, usize)> {
        let mut lacking = Vec::new();
        if !self.open.get(&place.key).is_some_and(Open::has_buffer) {
            lacking.push((Lacking::Slab(place.key), shared.plan.array(place.array).form().nth()));
        }
        if !shared.has_levels() {
            return lacking;
        }
        lacking.extend(self.levels.lacking(shared, place.array, &place.location.index));
        lacking
    }

    /// Opens a slab, unless it is open; whoever opens it with a `buffer` gives it that at once.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; nothing has changed then.
    fn open(&mut self, shared: &Shared, key: SlabKey, buffer: bool) -> Result<&mut Open> {
        Ok(match self.open.entry(key) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(free) => free.insert(shared.new_slab(key, buffer)?),
        })
    }

    /// Opens what lacks a buffer, unless it is open, and gives it its own.
    ///
    /// # Errors
    /// As for [`State::open`].
    pub(super) fn open_with(
        &mut self,
        shared: &Shared,
        lacking: &[(Lacking, usize)],
        buffers: Vec<Buffer>,
    ) -> Result<()> {
        for ((what, _), buffer) in lacking.iter().zip(buffers) {
            match *what {
                Lacking::Slab(key) if shared.plan.array(key.array).level() == 0 => {
                    let open = self.open(shared, key, true)?;
                    open.attach(buffer);
                    shared.show_open(open);
                }
                what => self.levels.open(shared, what, Some(buffer))?,
            }
        }
        Ok(())
    }

    /// Opens the slabs of a frame's whole family, unless they are open.
    ///
    /// # Errors
    /// As for [`State::open`].
    pub(super) fn open_family(&mut self, shared: &Shared, place: &Place) -> Result<()> {
        self.open(shared, place.key, false)?;
        self.levels.open_all(shared, place.array, &place.location.index)
    }

    /// Hands the levels below a frame, or below one that is passed over (`None`), to the workers.
    pub(super) fn reduce(&mut self, shared: &Shared, place: &Place, plane: Option<Plane>) {
        if shared.plan.levels_of(shared.plan.array(place.array).image()).next().is_some() {
            let (array, index, arrival) = (place.array, place.location.index, place.arrival);
            self.levels.advance(shared, array, &index);
            shared.reducing.begin(PlaneKey { array, index });
            self.send(Job::Reduce(Box::new(Reduction { plane, array, index, arrival })));
        }
    }

    /// Gives a job to the workers.
    fn send(&self, job: Job) {
        if let Some(queue) = &self.queue {
            // The workers outlive the queue; if they are gone, the failure that ended them is told elsewhere.
            let _ = queue.send(job);
        }
    }

    /// Hands a complete slab to the workers.
    pub(super) fn dispatch(&self, shared: &Shared, slab: &Sealed) {
        let jobs = jobs(slab);
        slab.expect_jobs(jobs.len());
        shared.storing.begin(slab.key());
        for units in jobs {
            self.send(Job::Store { slab: slab.clone(), units: units.clone() });
        }
    }
}
