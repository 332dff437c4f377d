//! The camera's side: which frame comes next, and the groups that are being filled.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::shared::Shared;
use super::workers::Job;
use crate::buffer::{Group, GroupKey, Unit};
use crate::error::{Error, Result};
use crate::router::Location;
use crossbeam_channel::Sender;

/// State of the append path; behind one lock that only appending calls (and the live thread, in passing) take.
pub(super) struct Front {
    next: u64,
    open: HashMap<GroupKey, Arc<Group>>,
    /// `None` once the stream is finished.
    queue: Option<Sender<Job>>,
}

/// Where the next frame goes.
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) location: Location,
    pub(super) key: GroupKey,
    pub(super) slot: usize,
}

impl Front {
    /// Starts with frame `next` and the groups that earlier frames left open.
    pub(super) fn new(queue: Sender<Job>, next: u64, open: HashMap<GroupKey, Arc<Group>>) -> Self {
        Self { next, open, queue: Some(queue) }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.queue.is_none()
    }

    /// Number that the next frame will get.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn open_groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.open.values()
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

    /// Opens the group of `place`.
    pub(super) fn open(&mut self, shared: &Shared, place: &Place) -> Arc<Group> {
        Arc::clone(self.open.entry(place.key).or_insert_with(|| Arc::new(Group::new(place.key, &shared.layout))))
    }

    /// Moves on past `place`; hands its group on if that made it complete.
    pub(super) fn advance(&mut self, shared: &Shared, place: &Place, complete: bool) {
        self.next += 1;
        if complete && let Some(group) = self.open.remove(&place.key) {
            self.dispatch(shared, &group);
        }
    }

    /// Jobs that wait for a worker.
    pub(super) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// Hands on every open group as it is, in the order in which their first frames came, and closes the queue.
    pub(super) fn close(&mut self, shared: &Shared) {
        let mut rest: Vec<_> = self.open.drain().map(|(_, group)| group).collect();
        rest.sort_by_key(|group| super::progress::first_frame(&shared.plan, &shared.layout, group));
        for group in &rest {
            self.dispatch(shared, group);
        }
        self.queue = None;
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
