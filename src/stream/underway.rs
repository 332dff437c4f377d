//! What was handed to the workers and is not done yet: whoever waits for one thing of it, or for fewer, waits here.

use std::collections::HashSet;
use std::hash::Hash;

use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is on its way from the queue to its end, by its key.
#[derive(Debug)]
pub(super) struct Underway<K> {
    keys: Mutex<HashSet<K>>,
    /// Told when one of them has ended.
    ended: Condvar,
}

impl<K> Default for Underway<K> {
    fn default() -> Self {
        Self { keys: Mutex::default(), ended: Condvar::default() }
    }
}

impl<K: Copy + Eq + Hash> Underway<K> {
    /// One more is handed to the workers.
    pub(super) fn begin(&self, key: K) {
        self.lock().insert(key);
    }

    /// One is done, or its run has failed.
    pub(super) fn end(&self, key: K) {
        self.lock().remove(&key);
        self.ended.notify_all();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until one is none of them.
    pub(super) fn wait_for(&self, key: K) {
        self.wait_while(|keys| keys.contains(&key));
    }

    /// Waits until there are at most so many.
    pub(super) fn wait_until(&self, most: usize) {
        self.wait_while(|keys| keys.len() > most);
    }

    /// Waits until none of them is such a one.
    pub(super) fn wait_while_any(&self, such: impl Fn(&K) -> bool) {
        self.wait_while(|keys| keys.iter().any(&such));
    }

    fn wait_while(&self, wait: impl Fn(&HashSet<K>) -> bool) {
        let mut keys = self.lock();
        while wait(&keys) {
            keys = self.ended.wait(keys).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<K>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
