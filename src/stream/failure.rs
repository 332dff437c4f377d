//! The first thing that went wrong, kept and told again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::store::Store;

/// Set once by whichever thread fails first; asked by `append` at the price of one atomic load.
#[derive(Debug)]
pub(super) struct Failure {
    first: Mutex<Option<(u64, Arc<Error>)>>,
    /// True once there is one.
    set: AtomicBool,
    /// Whose reserve is given back after the first failure, which may be a full disk.
    store: Arc<Store>,
    /// Workers that are storing something.
    storing: AtomicUsize,
}

/// A worker that is storing something.
#[derive(Debug)]
pub(super) struct Storing<'a>(&'a Failure);

impl Drop for Storing<'_> {
    fn drop(&mut self) {
        let others = self.0.storing.fetch_sub(1, Ordering::SeqCst) - 1;
        self.0.after_failure(others);
    }
}

impl Failure {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { first: Mutex::default(), set: AtomicBool::new(false), store, storing: AtomicUsize::new(0) }
    }

    /// Lets a worker store something; `None` once something failed.
    pub(super) fn storing(&self) -> Option<Storing<'_>> {
        self.storing.fetch_add(1, Ordering::SeqCst);
        // Counted down by its drop, also where it is too late.
        let storing = Storing(self);
        (!self.is_set()).then_some(storing)
    }

    /// Gives the reserve back when nobody stores any more: pixels that were under way when the disk was full would take
    /// it, and the indices of what was stored before them would have none.
    fn after_failure(&self, storing: usize) {
        if storing == 0 && self.is_set() {
            self.store.give_back_reserve();
        }
    }

    /// Notes the cause unless there is one.
    pub(super) fn set(&self, frame: u64, cause: Error) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some((frame, Arc::new(cause.clone())));
            self.set.store(true, Ordering::SeqCst);
            drop(first);
            tracing::error!(frame, %cause, "writing failed");
            self.after_failure(self.storing.load(Ordering::SeqCst));
        }
    }

    /// True once something failed.
    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// The failure as the host sees it.
    pub(super) fn get(&self) -> Option<Error> {
        if !self.is_set() {
            return None;
        }
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.as_ref().map(|(frame, cause)| Error::Failed { frame: *frame, cause: Arc::clone(cause) })
    }

    /// The failure as an error, if there is one.
    pub(super) fn check(&self) -> Result<()> {
        self.get().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::platform;
    use crate::settings::{DataType, Settings, parse_dims};
    use crate::{Plan, names::own};

    #[test]
    fn the_reserve_is_given_back_after_the_last_worker() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("a").display().to_string();
        let dimensions = parse_dims("t:1,y:8,x:8").expect("valid");
        let settings = Settings::new(root, dimensions, DataType::UInt16);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        let (plan, engine) = (Arc::new(plan), Capabilities::taking(StorageUnit::Chunk));
        let (_root, store) = Store::create(&plan, &platform::native(), &engine).expect("made");
        let store = Arc::new(store);
        let failure = || {
            store.complete(&[]).expect("kept");
            Failure::new(Arc::clone(&store))
        };
        let is_kept = || platform::partial_name(&plan.root().join(own::RESERVE)).exists();
        let cause = || Error::Internal { place: "a test", message: "full".into() };

        let of_worker = failure();
        let (first, second) = (of_worker.storing().expect("all is well"), of_worker.storing().expect("all is well"));
        of_worker.set(3, cause());
        drop(first);
        assert!(is_kept(), "another worker is still storing");
        assert!(of_worker.storing().is_none(), "nothing more is stored");
        assert!(is_kept());
        drop(second);
        assert!(!is_kept());

        // While no worker stores anything: a failure of the live thread.
        let of_live = failure();
        drop(of_live.storing());
        assert!(is_kept(), "nothing has failed");
        of_live.set(3, cause());
        assert!(!is_kept());
    }
}
