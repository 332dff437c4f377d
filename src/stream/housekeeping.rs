//! What the run keeps beside the pixels, and what becomes of it where a disk refuses it.
//!
//! A camera does not stop because a small file of ours cannot be renewed: it is tried again in the next round of the
//! live thread, `status` tells of it meanwhile, and `finish` does where it never went well.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    /// How many frames readers can see.
    Record,
    /// The lines of frame metadata that wait.
    FrameMetadata,
    /// The list of frames that are missing.
    Missing,
    /// How the run ended.
    End,
}

/// What could not be kept up to date, and why.
#[derive(Debug, Default)]
pub(super) struct Housekeeping {
    behind: Mutex<BTreeMap<Kept, Error>>,
}

impl Housekeeping {
    /// Notes how it went to bring `kept` up to date; true where it went well.
    pub(super) fn note(&self, kept: Kept, outcome: Result<()>) -> bool {
        let mut behind = self.lock();
        match outcome {
            Ok(()) => {
                behind.remove(&kept);
                true
            }
            Err(error) => {
                if behind.insert(kept, error.clone()).is_none() {
                    tracing::warn!(%error, "will be tried again");
                }
                false
            }
        }
    }

    /// What is not up to date, in words.
    pub(super) fn told(&self) -> Option<String> {
        let behind = self.lock();
        let told: Vec<_> = behind.values().map(Error::to_string).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// The first thing that is not up to date, as an error.
    pub(super) fn check(&self) -> Result<()> {
        self.lock().values().next().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kept, Error>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_until_it_has_passed() {
        let housekeeping = Housekeeping::default();
        let fail = |path: &str| Err(Error::io("write", path, std::io::ErrorKind::StorageFull.into()));
        assert!(housekeeping.note(Kept::Record, Ok(())));
        assert_eq!(housekeeping.told(), None);
        assert!(!housekeeping.note(Kept::Record, fail("the-record")));
        assert!(!housekeeping.note(Kept::FrameMetadata, fail("the-lines")));
        let told = housekeeping.told().expect("two errors");
        assert!(told.contains("the-record") && told.contains("the-lines"), "{told}");
        assert!(housekeeping.check().is_err());
        assert!(housekeeping.note(Kept::Record, Ok(())));
        assert!(!housekeeping.told().expect("one error").contains("the-record"));
        assert!(housekeeping.note(Kept::FrameMetadata, Ok(())));
        assert!(housekeeping.check().is_ok());
    }
}
