//! The first thing that went wrong, kept and told again.

use std::sync::OnceLock;
use std::sync::Arc;

use crate::error::{Error, Result};

/// Set once by whichever thread fails first; asked by `append` at the price of one atomic load.
#[derive(Debug, Default)]
pub(super) struct Failure(OnceLock<(u64, Arc<Error>)>);

impl Failure {
    /// Notes the cause unless there is one.
    pub(super) fn set(&self, frame: u64, cause: Error) {
        if self.0.set((frame, Arc::new(cause.clone()))).is_ok() {
            tracing::error!(frame, %cause, "writing failed");
        }
    }

    /// True once something failed.
    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// The failure as the host sees it.
    pub(super) fn get(&self) -> Option<Error> {
        self.0.get().map(|(frame, cause)| Error::Failed {
            frame: *frame,
            cause: Arc::clone(cause),
        })
    }

    /// The failure as an error, if there is one.
    pub(super) fn check(&self) -> Result<()> {
        self.get().map_or(Ok(()), Err)
    }
}
