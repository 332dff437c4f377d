//! The groups that were handed to the workers and are not stored yet: whoever waits for one of them, or for fewer,
//! waits here.

use std::collections::HashSet;

use crate::plan::GroupKey;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Groups on their way from the queue to the engine.
#[derive(Debug, Default)]
pub(super) struct Storing {
    groups: Mutex<HashSet<GroupKey>>,
    /// Told when a group has ended.
    ended: Condvar,
}

impl Storing {
    /// A group is handed to the workers.
    pub(super) fn begin(&self, key: GroupKey) {
        self.lock().insert(key);
    }

    /// A group is stored, or its run has failed.
    pub(super) fn end(&self, key: GroupKey) {
        self.lock().remove(&key);
        self.ended.notify_all();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until a group is none of them.
    pub(super) fn wait_for(&self, key: GroupKey) {
        self.wait_while(|groups| groups.contains(&key));
    }

    /// Waits until there are at most so many.
    pub(super) fn wait_until(&self, most: usize) {
        self.wait_while(|groups| groups.len() > most);
    }

    fn wait_while(&self, wait: impl Fn(&HashSet<GroupKey>) -> bool) {
        let mut groups = self.lock();
        while wait(&groups) {
            groups = self.ended.wait(groups).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<GroupKey>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
