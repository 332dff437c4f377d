//! How long a call of the host waits, and how it is called off.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU64, Ordering};

/// Calls that wait, of one stream: they are called off all at once.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// How often they were.
    canceled: AtomicU64,
}

/// How long one call waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    limit: Option<(Duration, Instant)>,
    /// As [`Waits::canceled`] when the call began.
    canceled: u64,
    what: &'static str,
}

impl Waits {
    /// For a call that begins to wait now, for at most `limit`; `what` says what did not happen by then.
    pub(super) fn begin(&self, limit: Option<Duration>, what: &'static str) -> Patience {
        // A limit beyond what the clock can tell is none.
        let limit = limit.and_then(|limit| Some((limit, Instant::now().checked_add(limit)?)));
        Patience { limit, canceled: self.canceled.load(Ordering::Acquire), what }
    }

    /// Calls off all that wait; whoever asks then wakes them.
    pub(super) fn cancel(&self) {
        self.canceled.fetch_add(1, Ordering::AcqRel);
    }

    /// The time that is left; `None` where there is no limit.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Canceled`].
    pub(super) fn left(&self, patience: &Patience) -> Result<Option<Duration>> {
        if self.canceled.load(Ordering::Acquire) != patience.canceled {
            return Err(Error::Canceled);
        }
        let Some((limit, until)) = patience.limit else { return Ok(None) };
        match until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            Some(left) => Ok(Some(left)),
            None => Err(Error::TimedOut { what: patience.what, limit }),
        }
    }
}
