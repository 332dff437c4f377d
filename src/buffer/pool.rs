//! The byte budget: a pool that makes buffers as they are first needed, up to a fixed number, and reuses them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::AlignedBuffer;
use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads that make the first buffers: the system zeroes pages for several at a time, up to the memory's own pace.
const MAKERS: usize = 4;

/// Where the system has no memory for one more buffer, how long to wait for one that comes back before it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Bytes of buffers that all pools of the process may make ahead of need: what a fast camera fills while the first ones
/// go to disk. Streams that wait for their first frame share them; with all else that dozens of such streams take, it is
/// 128 MiB.
const WARM_BYTES: u64 = 112 << 20;

/// Bytes of [`WARM_BYTES`] that pools have taken.
static WARM: AtomicU64 = AtomicU64::new(0);

/// Buffers of one size, at most `limit` of them. Taking one when all are out is how the camera's thread waits. Where the
/// system has no memory for more, those that there are are all: the pool is full earlier.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    /// Its part of [`WARM_BYTES`].
    warmed: AtomicU64,
}

/// A buffer on loan; dropping it gives it back.
#[derive(Debug)]
pub struct PooledBuffer {
    buffer: Option<AlignedBuffer>,
    home: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bytes: usize,
    /// Bytes that are counted for each buffer: its own and what goes with it.
    cost: u64,
    limit: u64,
    state: Mutex<State>,
    returned: Condvar,
    /// Nanoseconds that the making of the latest buffer took.
    making: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The last one that came back is the first to go out: it is most likely still in a cache.
    free: Vec<AlignedBuffer>,
    made: u64,
    out: u64,
    most_out: u64,
}

/// Why there is no buffer.
enum Lack<'a> {
    /// All that there may be are out.
    Full(MutexGuard<'a, State>),
    /// The system has no memory for one more.
    NoMemory(MutexGuard<'a, State>),
}

impl Pool {
    /// A pool of at most `limit` buffers of `bytes` bytes, each counted with `beside` bytes more that go with it; nothing
    /// is allocated yet.
    #[must_use]
    pub fn new(bytes: usize, beside: u64, limit: u64) -> Self {
        let (state, returned) = (Mutex::new(State::default()), Condvar::new());
        let cost = (bytes as u64).saturating_add(beside);
        let limit = limit.max(1);
        let shared = Arc::new(Shared { bytes, cost, limit, state, returned, making: AtomicU64::new(0) });
        Self { shared, warmed: AtomicU64::new(0) }
    }

    /// Makes buffers ahead of need, so that the first frames do not pay for it: as many as the process may still have
    /// that nobody needs yet.
    pub fn warm(&self) {
        let left = |taken: u64| (taken < WARM_BYTES).then_some(WARM_BYTES);
        let Ok(taken) = WARM.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) else { return };
        let bytes = (WARM_BYTES - taken).min(self.limit_bytes());
        let count = usize::try_from(bytes / self.shared.cost.max(1)).unwrap_or(usize::MAX);
        let mine = count as u64 * self.shared.cost;
        WARM.fetch_sub(WARM_BYTES - taken - mine, Ordering::Relaxed);
        self.warmed.fetch_add(mine, Ordering::Relaxed);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let makers = cores.min(MAKERS).min(count);
        std::thread::scope(|scope| {
            for nth in 0..makers {
                let mine = count / makers + usize::from(nth < count % makers);
                let make = move || _ = (0..mine).all(|_| self.make_spare());
                // Where the system has no thread to give, these are made when they are needed.
                let _ = std::thread::Builder::new().spawn_scoped(scope, make);
            }
        });
    }

    /// A buffer if one is free or may still be made; `None` where the pool is full.
    ///
    /// Its content is what its last user left; a new one is zeroed.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for one and none is `coming` back.
    pub fn try_take(&self, coming: impl Fn() -> bool) -> Result<Option<PooledBuffer>> {
        match self.lend(self.shared.state()) {
            Ok(buffer) => Ok(Some(buffer)),
            Err(Lack::Full(_)) => Ok(None),
            Err(Lack::NoMemory(state)) if state.made > 0 && coming() => Ok(None),
            Err(Lack::NoMemory(_)) => Err(self.no_memory()),
        }
    }

    /// A buffer if one is free.
    #[must_use]
    pub fn try_take_free(&self) -> Option<PooledBuffer> {
        let state = self.shared.state();
        if state.free.is_empty() { None } else { self.lend(state).ok() }
    }

    /// A buffer: one that is free, or a new one; `None` where the limit or the system forbids that.
    ///
    /// Where others are `coming` back, waits for one of them for as long as making one would take before it makes it.
    /// Fresh memory can cost more than the disk needs to free some (measured on a virtual machine that had given its own
    /// back to the host: 0.5 GB/s against 2 GB/s), and a pool that grows only where it must stays small.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for the first.
    pub fn take_or_make(&self, coming: impl FnOnce() -> bool) -> Result<Option<PooledBuffer>> {
        let mut state = self.shared.state();
        if state.free.is_empty() && state.made < self.shared.limit && coming() {
            let patience = Duration::from_nanos(self.shared.making.load(Ordering::Relaxed));
            state = self.shared.wait_for_a_return(state, patience);
        }
        match self.lend(state) {
            Ok(buffer) => Ok(Some(buffer)),
            Err(Lack::NoMemory(state)) if state.made == 0 => Err(self.no_memory()),
            Err(_) => Ok(None),
        }
    }

    /// A buffer: one that is free, or a new one, or, where the limit or the system forbids that, the first that comes
    /// back.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for one and none is `coming` back.
    pub fn take(&self, coming: impl Fn() -> bool) -> Result<PooledBuffer> {
        let mut state = self.shared.state();
        loop {
            state = match self.lend(state) {
                Ok(buffer) => return Ok(buffer),
                Err(Lack::Full(full)) => self.shared.returned.wait(full).unwrap_or_else(PoisonError::into_inner),
                Err(Lack::NoMemory(state)) => {
                    // Asked before waiting: what was stored a moment ago may not be back yet.
                    let hope = state.made > 0 && coming();
                    let state = self.shared.wait_for_a_return(state, ASK_AGAIN);
                    if state.free.is_empty() && !hope {
                        return Err(self.no_memory());
                    }
                    state
                }
            };
        }
    }

    fn no_memory(&self) -> Error {
        Error::OutOfMemory { bytes: self.shared.bytes as u64, purpose: "planes that are completed together" }
    }

    /// Bytes of the buffers that are out, with what goes with them: accepted and not yet written.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.shared.state().out * self.shared.cost
    }

    /// Most bytes that were ever out at once.
    #[must_use]
    pub fn high_water(&self) -> u64 {
        self.shared.state().most_out * self.shared.cost
    }

    /// Bytes that may be out at once.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.shared.limit.saturating_mul(self.shared.cost)
    }

    /// Lends a free buffer or a new one; gives the lock back where there is neither.
    fn lend<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<PooledBuffer, Lack<'a>> {
        let free = state.free.pop();
        if free.is_none() && state.made >= self.shared.limit {
            return Err(Lack::Full(state));
        }
        state.made += u64::from(free.is_none());
        state.out += 1;
        state.most_out = state.most_out.max(state.out);
        drop(state);
        // Made without the lock: others may return theirs in the meantime.
        let Some(buffer) = free.or_else(|| self.shared.make()) else {
            let mut state = self.shared.state();
            state.made -= 1;
            state.out -= 1;
            return Err(Lack::NoMemory(state));
        };
        Ok(PooledBuffer { buffer: Some(buffer), home: Arc::clone(&self.shared) })
    }

    fn make_spare(&self) -> bool {
        let mut state = self.shared.state();
        if state.made >= self.shared.limit {
            return false;
        }
        state.made += 1;
        drop(state);
        match self.shared.make() {
            Some(buffer) => {
                self.shared.put_back(buffer, 0);
                true
            }
            None => {
                self.shared.state().made -= 1;
                false
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        WARM.fetch_sub(self.warmed.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer whose pages are all there; `None` where the system has no memory to give.
    fn make(&self) -> Option<AlignedBuffer> {
        let start = Instant::now();
        let mut buffer = AlignedBuffer::of_planes(self.bytes)?;
        buffer.touch();
        self.making.store(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Some(buffer)
    }

    fn wait_for_a_return<'a>(&self, mut state: MutexGuard<'a, State>, patience: Duration) -> MutexGuard<'a, State> {
        let until = Instant::now() + patience;
        while state.free.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn put_back(&self, buffer: AlignedBuffer, from_out: u64) {
        let mut state = self.state();
        state.out -= from_out;
        state.free.push(buffer);
        drop(state);
        self.returned.notify_one();
    }
}

impl std::ops::Deref for PooledBuffer {
    type Target = AlignedBuffer;

    #[expect(clippy::expect_used, reason = "the buffer leaves only in drop")]
    fn deref(&self) -> &AlignedBuffer {
        self.buffer.as_ref().expect("a loan holds its buffer until it is dropped")
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.home.put_back(buffer, 1);
        }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;

    fn take(pool: &Pool) -> Option<PooledBuffer> {
        pool.try_take(|| true).expect("memory")
    }

    #[test]
    fn never_lends_more_than_its_limit() {
        let pool = Pool::new(4096, 0, 2);
        let first = take(&pool).expect("the first");
        let second = take(&pool).expect("the second");
        assert!(take(&pool).is_none());
        assert_eq!(pool.bytes_out(), 8192);
        drop(first);
        assert_eq!(pool.bytes_out(), 4096);
        let third = take(&pool).expect("what came back");
        assert!(take(&pool).is_none());
        drop((second, third));
        assert_eq!((pool.bytes_out(), pool.high_water()), (0, 8192));
    }

    #[test]
    fn taking_waits_until_a_buffer_comes_back() {
        let pool = Pool::new(4096, 0, 1);
        let only = pool.take(|| false).expect("memory");
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.take(|| false).expect("memory").len());
            drop(only);
            assert_eq!(waiter.join().expect("no panic"), 4096);
        });
    }

    #[test]
    fn what_goes_with_a_buffer_is_counted() {
        let pool = Pool::new(1600, 400, 3);
        let _first = take(&pool);
        assert_eq!((pool.bytes_out(), pool.high_water(), pool.limit_bytes()), (2000, 2000, 6000));
    }

    #[test]
    fn without_memory_for_a_first_buffer_taking_is_an_error() {
        let pool = Pool::new(usize::MAX / 4, 0, 3);
        assert_eq!(pool.take(|| true).expect_err("no machine has so much").code(), 20);
        assert_eq!(pool.try_take(|| true).expect_err("no machine has so much").code(), 20);
        assert_eq!((pool.bytes_out(), pool.shared.state().made), (0, 0), "nothing is left of the attempts");
    }

    #[test]
    fn what_is_made_ahead_is_bounded_in_the_process_and_given_back() {
        let pools: Vec<Pool> = (0..4).map(|_| Pool::new(28 << 20, 0, 100)).collect();
        let made = |pools: &[Pool]| pools.iter().map(|pool| pool.shared.state().made).sum::<u64>();
        pools[0].warm();
        assert!(made(&pools) <= 4, "{}", made(&pools));
        pools.iter().for_each(Pool::warm);
        assert!(made(&pools) <= 4, "{}", made(&pools));
    }
}
