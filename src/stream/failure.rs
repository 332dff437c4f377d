//! The first thing that went wrong, kept and told again.

use std::sync::Arc;
use std::sync::OnceLock;

use super::room::Room;
use crate::error::{Error, Result};

/// Set once by whichever thread fails first; asked by `append` at the price of one atomic load.
#[derive(Debug)]
pub(super) struct Failure {
    first: OnceLock<(u64, Arc<Error>)>,
    /// Given back at the first failure, which may be a full disk.
    room: Room,
}

impl Failure {
    pub(super) fn new(room: Room) -> Self {
        Self { first: OnceLock::new(), room }
    }

    /// What was kept for a failure is no longer needed.
    pub(super) fn give_back_room(&self) {
        self.room.give_back();
    }

    /// Notes the cause unless there is one.
    pub(super) fn set(&self, frame: u64, cause: Error) {
        if self.first.set((frame, Arc::new(cause.clone()))).is_ok() {
            self.room.give_back();
            tracing::error!(frame, %cause, "writing failed");
        }
    }

    /// True once something failed.
    pub(super) fn is_set(&self) -> bool {
        self.first.get().is_some()
    }

    /// The failure as the host sees it.
    pub(super) fn get(&self) -> Option<Error> {
        self.first.get().map(|(frame, cause)| Error::Failed { frame: *frame, cause: Arc::clone(cause) })
    }

    /// The failure as an error, if there is one.
    pub(super) fn check(&self) -> Result<()> {
        self.get().map_or(Ok(()), Err)
    }
}
