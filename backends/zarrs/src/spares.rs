//! Working memory that is kept from job to job.
//!
//! Where the system has no memory for one more, whoever needs it waits for one that comes back: a run goes on as long
//! as there is one.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use ome_stream::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use ome_stream::{Error, Result};

/// How long to wait for one that comes back before the system is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How often the system is asked where no other is in use: what the host frees in the meantime will do.
const ATTEMPTS: u32 = 40;

/// Pieces of working memory that nobody uses: altogether at most one for each thread that works at the same time.
#[derive(Debug)]
pub(crate) struct Spares<T> {
    state: Mutex<State<T>>,
    returned: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// The one that was put away last, which is most likely still in a cache, goes out first.
    free: Vec<T>,
    out: usize,
}

/// One in use; dropping it puts it away.
#[derive(Debug)]
pub(crate) struct Spare<'a, T> {
    item: Option<T>,
    home: &'a Spares<T>,
}

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { free: Vec::new(), out: 0 }), returned: Condvar::new() }
    }
}

impl<T: Default> Spares<T> {
    /// One, made `ready` for use, which may need memory.
    ///
    /// # Errors
    /// What `ready` says, in the end.
    pub(crate) fn take(&self, mut ready: impl FnMut(&mut T) -> Result<()>) -> Result<Spare<'_, T>> {
        let mut attempts = ATTEMPTS;
        let mut state = self.state();
        loop {
            let item = state.free.pop().unwrap_or_default();
            state.out += 1;
            drop(state);
            let mut spare = Spare { item: Some(item), home: self };
            let error = match ready(&mut spare) {
                Ok(()) => return Ok(spare),
                Err(error) => error,
            };
            // What it held is free for others.
            spare.item = None;
            drop(spare);
            state = self.state();
            attempts = if state.out > 0 { ATTEMPTS } else { attempts.saturating_sub(1) };
            if attempts == 0 || !matches!(error, Error::OutOfMemory { .. }) {
                return Err(error);
            }
            state = self.returned.wait_timeout(state, ASK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Those that nobody uses.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.state().free.len()
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Deref for Spare<'_, T> {
    type Target = T;

    #[expect(clippy::expect_used, reason = "it leaves only in drop")]
    fn deref(&self) -> &T {
        self.item.as_ref().expect("in use")
    }
}

impl<T> DerefMut for Spare<'_, T> {
    #[expect(clippy::expect_used, reason = "it leaves only in drop")]
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("in use")
    }
}

impl<T> Drop for Spare<'_, T> {
    fn drop(&mut self) {
        let mut state = self.home.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.out -= 1;
        state.free.extend(self.item.take());
        drop(state);
        self.home.returned.notify_one();
    }
}

/// Room for `length` bytes in `memory`, which then has at least so many.
///
/// # Errors
/// [`Error::OutOfMemory`] with `purpose`.
pub(crate) fn grow(memory: &mut Vec<u8>, length: usize, purpose: &'static str) -> Result<()> {
    let more = length.saturating_sub(memory.len());
    if more > 0 {
        memory.try_reserve_exact(more).map_err(|_| Error::OutOfMemory { bytes: length as u64, purpose })?;
        memory.resize(length, 0);
    }
    Ok(())
}

/// `length` zeros.
///
/// # Errors
/// [`Error::OutOfMemory`] with `purpose`.
pub(crate) fn zeros(length: usize, purpose: &'static str) -> Result<Vec<u8>> {
    let mut memory = Vec::new();
    grow(&mut memory, length, purpose)?;
    Ok(memory)
}

/// Asks whether there are `length` bytes for a library that ends the process where there are none. Another thread may
/// take them in between; it makes the end unlikely, not impossible.
///
/// # Errors
/// [`Error::OutOfMemory`] with `purpose`.
pub(crate) fn ask(length: usize, purpose: &'static str) -> Result<()> {
    let mut memory = Vec::<u8>::new();
    memory.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { bytes: length as u64, purpose })?;
    // Kept from the optimizer, which may leave out what nobody uses.
    std::hint::black_box(&mut memory);
    Ok(())
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn none() -> Error {
        Error::OutOfMemory { bytes: 1, purpose: "a test" }
    }

    #[test]
    fn what_was_put_away_is_used_again() {
        let spares = Spares::<Vec<u8>>::default();
        spares.take(|memory| grow(memory, 10, "a test")).expect("memory");
        assert_eq!(spares.take(|_| Ok(())).expect("memory").len(), 10);
    }

    #[test]
    fn without_memory_one_that_is_out_is_waited_for() {
        let spares = Spares::<Vec<u8>>::default();
        let first = spares.take(|memory| grow(memory, 10, "a test")).expect("memory");
        let asked = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let only_what_was_made = |memory: &mut Vec<u8>| {
                    asked.store(true, Ordering::SeqCst);
                    if memory.is_empty() { Err(none()) } else { Ok(()) }
                };
                spares.take(only_what_was_made).map(|memory| memory.len())
            });
            while !asked.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            drop(first);
            assert_eq!(second.join().expect("no panic").expect("what came back"), 10);
        });
    }

    #[test]
    fn without_memory_and_without_hope_it_is_an_error() {
        let spares = Spares::<Vec<u8>>::default();
        assert_eq!(spares.take(|_| Err(none())).expect_err("nothing comes back").code(), 20);
        assert!(zeros(usize::MAX / 4, "a test").is_err());
        assert!(ask(usize::MAX / 4, "a test").is_err());
    }
}
