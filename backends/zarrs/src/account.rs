//! What a run has written, and how much of it may be for readers that look while it goes on.
//!
//! An incomplete compressed chunk has to be stored anew for each look at it, and an index once for each time that a
//! shard is shown: the slower the camera, the more often. So all of that comes from one account. What it holds is
//! [`FLAT_BYTES`] at the start and grows by one byte for each byte of payload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What may be written for live readers whatever the payload: enough to show small frames at once for hours, and below
/// what a disk writes in a second.
pub(crate) const FLAT_BYTES: u64 = 64 << 20;

/// Part of what is left (beyond half of [`FLAT_BYTES`], which is kept for copies that are due) that a copy may cost
/// which is not due: however often it is asked for, there is something left for later.
const EARLY_SHARE: u64 = 64;

/// Counts of a run; shared by the workers and the live thread.
#[derive(Debug)]
pub(crate) struct Account {
    flat: u64,
    /// All bytes handed to the disk.
    written: Arc<AtomicU64>,
    /// Bytes of complete compressed chunks.
    payload: AtomicU64,
    /// Bytes written for live readers.
    spent: AtomicU64,
    /// Bytes that went into the encoder and came out of it.
    raw: AtomicU64,
    encoded: AtomicU64,
}

impl Account {
    /// With `flat` bytes at the start, of a store that counts what is `written`.
    pub(crate) fn new(flat: u64, written: &Arc<AtomicU64>) -> Self {
        Self {
            flat,
            written: Arc::clone(written),
            payload: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            raw: AtomicU64::new(0),
            encoded: AtomicU64::new(0),
        }
    }

    /// Counts bytes handed to the disk.
    pub(crate) fn count(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes written for live readers so far.
    pub(crate) fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// Complete chunks of so many bytes were stored.
    pub(crate) fn earn(&self, bytes: u64) {
        self.payload.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes of pixels became so many bytes as stored.
    pub(crate) fn encoded(&self, raw: u64, encoded: u64) {
        self.raw.fetch_add(raw, Ordering::Relaxed);
        self.encoded.fetch_add(encoded, Ordering::Relaxed);
    }

    /// What may still be written for live readers.
    fn left(&self) -> u64 {
        (self.flat + self.payload.load(Ordering::Relaxed)).saturating_sub(self.spent())
    }

    /// Whether a copy of an incomplete slab may be stored that holds `raw` bytes of pixels. One that is `due` may take
    /// half of what is left, another a small part of it.
    pub(crate) fn allows_copy(&self, raw: u64, due: bool) -> bool {
        let (all, encoded) = (self.raw.load(Ordering::Relaxed), self.encoded.load(Ordering::Relaxed));
        let cost = if all == 0 { raw } else { (raw as f64 * (encoded as f64 / all as f64)) as u64 };
        let left = self.left();
        cost <= if due { left / 2 } else { left.saturating_sub(self.flat / 2) / EARLY_SHARE }
    }

    /// Takes `bytes` from the account if they are there.
    pub(crate) fn try_spend(&self, bytes: u64) -> bool {
        let allowed = self.flat + self.payload.load(Ordering::Relaxed);
        let spend = |spent: u64| spent.checked_add(bytes).filter(|after| *after <= allowed);
        self.spent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// Takes `bytes`, at most half of what is left, for an index.
    pub(crate) fn try_index(&self, bytes: u64) -> bool {
        bytes <= self.left() / 2 && self.try_spend(bytes)
    }

    /// Takes `bytes` that have to be written in any case.
    pub(crate) fn spend(&self, bytes: u64) {
        self.spent.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_readers_have_a_bounded_cost() {
        let account = Account::new(1000, &Arc::default());
        account.encoded(100, 50);
        let mut copies = 0;
        for round in 0..10_000u64 {
            if account.allows_copy(20, round % 10 == 0) && account.try_spend(10) {
                copies += 1;
            }
            if round % 100 == 0 {
                account.earn(5);
            }
            assert!(account.spent() <= 1000 + 5 * (round / 100 + 1));
        }
        assert!(copies > 100, "{copies}");
        assert!(!account.try_spend(10_000));
    }

    #[test]
    fn copies_that_are_not_due_leave_half_of_the_flat_part() {
        let account = Account::new(1 << 20, &Arc::default());
        let mut asked = 0;
        while asked < 1_000_000 && account.allows_copy(64, false) {
            assert!(account.try_spend(64));
            asked += 1;
        }
        assert!(account.left() >= 1 << 19, "{}", account.left());
        assert!(account.allows_copy(1 << 18, true), "what is due is still allowed");
    }
}
