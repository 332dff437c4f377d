//! The byte budget: a pool that makes buffers as they are first needed, up to a fixed number, and reuses them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::AlignedBuffer;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Threads that make the first buffers: the system zeroes pages for several at a time, up to the memory's own pace.
const MAKERS: usize = 4;

/// Buffers of one size, at most `limit` of them. Taking one when all are out is how the camera's thread waits.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
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

impl Pool {
    /// A pool of at most `limit` buffers of `bytes` bytes; nothing is allocated yet.
    #[must_use]
    pub fn new(bytes: usize, limit: u64) -> Self {
        let (state, returned) = (Mutex::new(State::default()), Condvar::new());
        Self { shared: Arc::new(Shared { bytes, limit: limit.max(1), state, returned, making: AtomicU64::new(0) }) }
    }

    /// Makes buffers of up to `bytes` bytes ahead of need, so that the first frames do not pay for it.
    pub fn warm(&self, bytes: u64) {
        let count = usize::try_from(bytes / self.shared.bytes.max(1) as u64).unwrap_or(usize::MAX);
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

    /// A buffer if one is free or may still be made.
    ///
    /// Its content is what its last user left; a new one is zeroed.
    #[must_use]
    pub fn try_take(&self) -> Option<PooledBuffer> {
        self.lend(self.shared.state()).ok()
    }

    /// A buffer if one is free.
    #[must_use]
    pub fn try_take_free(&self) -> Option<PooledBuffer> {
        let state = self.shared.state();
        if state.free.is_empty() { None } else { self.lend(state).ok() }
    }

    /// A buffer: one that is free, or a new one; `None` where the limit forbids that.
    ///
    /// Where others are `coming` back, waits for one of them for as long as making one would take before it makes it.
    /// Fresh memory can cost more than the disk needs to free some (measured on a virtual machine that had given its own
    /// back to the host: 0.5 GB/s against 2 GB/s), and a pool that grows only where it must stays small.
    #[must_use]
    pub fn take_or_make(&self, coming: impl FnOnce() -> bool) -> Option<PooledBuffer> {
        let mut state = self.shared.state();
        if state.free.is_empty() && state.made < self.shared.limit && coming() {
            let patience = Duration::from_nanos(self.shared.making.load(Ordering::Relaxed));
            state = self.shared.wait_for_a_return(state, patience);
        }
        self.lend(state).ok()
    }

    /// A buffer: one that is free, or a new one, or, where the limit forbids that, the first that comes back.
    #[must_use]
    pub fn take(&self) -> PooledBuffer {
        let mut state = self.shared.state();
        loop {
            match self.lend(state) {
                Ok(buffer) => return buffer,
                Err(full) => state = self.shared.returned.wait(full).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Bytes of the buffers that are out: accepted and not yet written.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.shared.state().out * self.shared.bytes as u64
    }

    /// Most bytes that were ever out at once.
    #[must_use]
    pub fn high_water(&self) -> u64 {
        self.shared.state().most_out * self.shared.bytes as u64
    }

    /// Bytes that may be out at once.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.shared.limit * self.shared.bytes as u64
    }

    /// Lends a free buffer or a new one; gives the lock back where there is neither.
    fn lend<'a>(&self, mut state: MutexGuard<'a, State>) -> Result<PooledBuffer, MutexGuard<'a, State>> {
        let free = state.free.pop();
        if free.is_none() && state.made >= self.shared.limit {
            return Err(state);
        }
        state.made += u64::from(free.is_none());
        state.out += 1;
        state.most_out = state.most_out.max(state.out);
        drop(state);
        // Made without the lock: others may return theirs in the meantime.
        let buffer = free.unwrap_or_else(|| self.shared.make());
        Ok(PooledBuffer { buffer: Some(buffer), home: Arc::clone(&self.shared) })
    }

    fn make_spare(&self) -> bool {
        let mut state = self.shared.state();
        if state.made >= self.shared.limit {
            return false;
        }
        state.made += 1;
        drop(state);
        let buffer = self.shared.make();
        self.shared.put_back(buffer, 0);
        true
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer whose pages are all there.
    fn make(&self) -> AlignedBuffer {
        let start = Instant::now();
        let mut buffer = AlignedBuffer::zeroed(self.bytes);
        buffer.touch();
        self.making.store(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        buffer
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
    use super::*;

    #[test]
    fn never_lends_more_than_its_limit() {
        let pool = Pool::new(4096, 2);
        let first = pool.try_take().expect("the first");
        let second = pool.try_take().expect("the second");
        assert!(pool.try_take().is_none());
        assert_eq!(pool.bytes_out(), 8192);
        drop(first);
        assert_eq!(pool.bytes_out(), 4096);
        let third = pool.try_take().expect("what came back");
        assert!(pool.try_take().is_none());
        drop((second, third));
        assert_eq!((pool.bytes_out(), pool.high_water()), (0, 8192));
    }

    #[test]
    fn taking_waits_until_a_buffer_comes_back() {
        let pool = Pool::new(4096, 1);
        let only = pool.take();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| pool.take().len());
            drop(only);
            assert_eq!(waiter.join().expect("no panic"), 4096);
        });
    }
}
