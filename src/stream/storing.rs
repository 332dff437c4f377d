//! The slabs that were handed to the workers and are not stored yet: whoever waits for one of them, or for fewer,
//! waits here.

use std::collections::HashSet;

use crate::plan::SlabKey;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Slabs on their way from the queue to the engine.
#[derive(Debug, Default)]
pub(super) struct Storing {
    slabs: Mutex<HashSet<SlabKey>>,
    /// Told when a slab has ended.
    ended: Condvar,
}

impl Storing {
    /// A slab is handed to the workers.
    pub(super) fn begin(&self, key: SlabKey) {
        self.lock().insert(key);
    }

    /// A slab is stored, or its run has failed.
    pub(super) fn end(&self, key: SlabKey) {
        self.lock().remove(&key);
        self.ended.notify_all();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Waits until a slab is none of them.
    pub(super) fn wait_for(&self, key: SlabKey) {
        self.wait_while(|slabs| slabs.contains(&key));
    }

    /// Waits until there are at most so many.
    pub(super) fn wait_until(&self, most: usize) {
        self.wait_while(|slabs| slabs.len() > most);
    }

    fn wait_while(&self, wait: impl Fn(&HashSet<SlabKey>) -> bool) {
        let mut slabs = self.lock();
        while wait(&slabs) {
            slabs = self.ended.wait(slabs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<SlabKey>> {
        self.slabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
