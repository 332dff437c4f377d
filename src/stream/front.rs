//! The camera's side: which frame comes next, and the groups that are being filled.
//!
//! One lock, held for the copy of one frame at most. Whoever has to wait before it can move on (for a buffer, for room in
//! the queue) lets go of the lock and keeps its [`Turn`] by being [`Away`]: nobody else moves on until it is back, so its
//! place is still the same, and everybody else can look.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::shared::Shared;
use super::workers::Job;
use crate::buffer::{Group, GroupKey, PooledBuffer, Unit};
use crate::error::{Error, Result};
use crate::router::Location;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The lock around the state of the append path.
pub(super) struct Front {
    state: Mutex<State>,
    /// Told when a thread that was away is back.
    back: Condvar,
}

/// State of the append path.
pub(super) struct State {
    next: u64,
    open: HashMap<GroupKey, Arc<Group>>,
    /// `None` once the stream is finished.
    queue: Option<Sender<Job>>,
    /// What the thread whose turn it is does without the lock, if it does.
    away: Option<Away>,
    /// True once `finish` was asked: no more turns.
    finishing: bool,
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
    pub(super) location: Location,
    pub(super) key: GroupKey,
    pub(super) slot: usize,
}

/// The right to move on, with the lock.
pub(super) struct Turn<'a> {
    front: &'a Front,
    state: MutexGuard<'a, State>,
}

/// The right to move on, without the lock. Dropped it ends the turn.
pub(super) struct TurnAway<'a>(&'a Front);

/// Why it is not this thread's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTurn {
    /// Another thread waits for room and this one does not want to wait.
    Full,
    /// `finish` was asked.
    Finished,
}

impl Front {
    /// Starts with frame `next` and the groups that earlier frames left open.
    pub(super) fn new(queue: Sender<Job>, next: u64, open: HashMap<GroupKey, Arc<Group>>) -> Self {
        let state = State { next, open, queue: Some(queue), away: None, finishing: false };
        Self { state: Mutex::new(state), back: Condvar::new() }
    }

    /// The lock, for those who do not move on.
    pub(super) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread is about to move on. Without `patience` only as long as that takes no waiting for the
    /// disk.
    pub(super) fn turn(&self, patience: bool) -> Result<Turn<'_>, NoTurn> {
        let mut state = self.look();
        loop {
            match state.away {
                _ if state.finishing => return Err(NoTurn::Finished),
                None => return Ok(Turn { front: self, state }),
                Some(Away::Waiting) if !patience => return Err(NoTurn::Full),
                Some(_) => state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Lets nobody move on any more, hands on every open group as it is, in the order in which their first frames came,
    /// and closes the queue. Returns the number of frames that came. A frame that waits for room is taken before that.
    pub(super) fn close(&self, shared: &Shared) -> u64 {
        let mut state = self.look();
        state.finishing = true;
        while state.away.is_some() {
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut rest: Vec<_> = state.open.drain().map(|(_, group)| group).collect();
        shared.open().clear();
        rest.sort_by_key(|group| super::progress::first_frame(&shared.plan, &shared.layout, group));
        for group in &rest {
            state.dispatch(shared, group);
        }
        state.queue = None;
        state.next
    }
}

impl<'a> Turn<'a> {
    /// Lets go of the lock, to fetch a buffer: nobody moves on, those who must not wait for the disk wait.
    pub(super) fn leave(mut self) -> TurnAway<'a> {
        self.state.away = Some(Away::Fetching);
        TurnAway(self.front)
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
    /// This thread waits for the disk: those who must not do that go away.
    pub(super) fn waits(&self) {
        self.0.look().away = Some(Away::Waiting);
        self.0.back.notify_all();
    }

    /// Takes the lock again.
    pub(super) fn back(self) -> Turn<'a> {
        let front = self.0;
        // Not by its drop: nobody may come in between.
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

    /// Number that the next frame will get.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Where the next frame goes.
    pub(super) fn place(&self, shared: &Shared) -> Result<Place> {
        if self.is_finished() {
            return Err(Error::Finished);
        }
        let location = shared.plan.router().locate(self.next).ok_or_else(|| Error::TooManyFrames {
            declared: shared.plan.router().total().unwrap_or(u64::MAX),
            accepted: self.next,
            requested: 1,
        })?;
        let (index, slot) = shared.layout.slot(&location.index);
        Ok(Place { number: self.next, location, key: GroupKey { position: location.position, index }, slot })
    }

    /// A group, if it is open.
    pub(super) fn group(&self, key: GroupKey) -> Option<&Arc<Group>> {
        self.open.get(&key)
    }

    /// A group, if it is open and has its buffer.
    pub(super) fn with_buffer(&self, key: GroupKey) -> Option<Arc<Group>> {
        self.open.get(&key).filter(|group| group.buffer().is_some()).cloned()
    }

    /// Opens a group, unless it is open.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; nothing has changed then.
    pub(super) fn open(&mut self, shared: &Shared, key: GroupKey) -> Result<Arc<Group>> {
        Ok(match self.open.entry(key) {
            Entry::Occupied(open) => Arc::clone(open.get()),
            Entry::Vacant(free) => Arc::clone(free.insert(Arc::new(Group::new(key, &shared.layout)?))),
        })
    }

    /// Opens a group, unless it is open, and gives it its buffer.
    ///
    /// # Errors
    /// As for [`State::open`].
    pub(super) fn open_with(&mut self, shared: &Shared, key: GroupKey, buffer: PooledBuffer) -> Result<Arc<Group>> {
        let group = self.open(shared, key)?;
        group.attach(buffer);
        shared.show_open(&group);
        Ok(group)
    }

    /// Moves on past `place`; hands its group on if that made it complete.
    pub(super) fn advance(&mut self, shared: &Shared, place: &Place, complete: bool) {
        self.next += 1;
        if complete && let Some(group) = self.open.remove(&place.key) {
            shared.hide_open(place.key);
            self.dispatch(shared, &group);
        }
    }

    /// Jobs that wait for a worker.
    pub(super) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    fn dispatch(&self, shared: &Shared, group: &Arc<Group>) {
        let Some(queue) = &self.queue else { return };
        group.seal(&shared.layout);
        let sharded = shared.plan.geometry().shard().is_some();
        let whole = match shared.layout.unit() {
            Unit::Frame => true,
            Unit::Chunk => sharded && shared.plan.is_uncompressed(),
            Unit::Shard => false,
        };
        let jobs = shared.layout.jobs(whole);
        group.expect_jobs(jobs.len());
        shared.storing.lock().unwrap_or_else(PoisonError::into_inner).insert(group.key());
        for units in jobs {
            // The workers outlive the queue; if they are gone, the failure that ended them is told elsewhere.
            let _ = queue.send(Job { group: Arc::clone(group), units: units.clone() });
        }
    }
}
