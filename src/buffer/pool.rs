//! The byte budget: a pool that makes buffers as they are first needed, up to a fixed number, and reuses them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::AlignedBuffer;

/// Buffers of one size, at most `limit` of them. Taking one when all are out is how the camera's thread waits.
#[derive(Debug)]
pub struct Pool {
    returned: Receiver<AlignedBuffer>,
    home: Sender<AlignedBuffer>,
    bytes: usize,
    limit: u64,
    made: AtomicU64,
    out: Arc<AtomicU64>,
    most_out: AtomicU64,
}

/// A buffer on loan; dropping it gives it back.
#[derive(Debug)]
pub struct PooledBuffer {
    buffer: Option<AlignedBuffer>,
    home: Sender<AlignedBuffer>,
    out: Arc<AtomicU64>,
}

impl Pool {
    /// A pool of at most `limit` buffers of `bytes` bytes; nothing is allocated yet.
    #[must_use]
    pub fn new(bytes: usize, limit: u64) -> Self {
        let limit = limit.max(1);
        let (home, returned) = bounded(usize::try_from(limit).unwrap_or(usize::MAX));
        Self {
            returned,
            home,
            bytes,
            limit,
            made: AtomicU64::new(0),
            out: Arc::new(AtomicU64::new(0)),
            most_out: AtomicU64::new(0),
        }
    }

    /// Makes buffers of up to `bytes` bytes ahead of need, so that the first frames do not pay for it.
    pub fn warm(&self, bytes: u64) {
        for _ in 0..bytes / self.bytes.max(1) as u64 {
            let Some(mut buffer) = self.make() else { return };
            buffer.touch();
            // The channel has room for every buffer that may be made.
            let _ = self.home.try_send(buffer);
        }
    }

    /// Makes one more buffer if fewer than `spare` are free and the limit allows: for threads that can spare the time,
    /// so that `take` seldom has to.
    pub fn top_up(&self, spare: usize) {
        if self.returned.len() < spare
            && let Some(mut buffer) = self.make()
        {
            buffer.touch();
            let _ = self.home.try_send(buffer);
        }
    }

    /// A buffer if one is free or may still be made.
    ///
    /// Its content is what its last user left; a new one is zeroed.
    #[must_use]
    pub fn try_take(&self) -> Option<PooledBuffer> {
        self.returned
            .try_recv()
            .ok()
            .or_else(|| self.make())
            .map(|buffer| self.lend(buffer))
    }

    /// A buffer, waiting for one to come back if all are out.
    #[must_use]
    pub fn take(&self) -> PooledBuffer {
        if let Some(buffer) = self.try_take() {
            return buffer;
        }
        // The pool holds a sender itself, so the channel cannot be closed here.
        let buffer = self
            .returned
            .recv()
            .unwrap_or_else(|_| AlignedBuffer::zeroed(self.bytes));
        self.lend(buffer)
    }

    /// Bytes of the buffers that are out: accepted and not yet written.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.out.load(Ordering::Relaxed) * self.bytes as u64
    }

    /// Most bytes that were ever out at once.
    #[must_use]
    pub fn high_water(&self) -> u64 {
        self.most_out.load(Ordering::Relaxed) * self.bytes as u64
    }

    /// Bytes that may be out at once.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.limit * self.bytes as u64
    }

    fn make(&self) -> Option<AlignedBuffer> {
        self.made
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |made| {
                (made < self.limit).then_some(made + 1)
            })
            .ok()
            .map(|_| AlignedBuffer::zeroed(self.bytes))
    }

    fn lend(&self, buffer: AlignedBuffer) -> PooledBuffer {
        let out = self.out.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_out.fetch_max(out, Ordering::Relaxed);
        PooledBuffer {
            buffer: Some(buffer),
            home: self.home.clone(),
            out: Arc::clone(&self.out),
        }
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
            self.out.fetch_sub(1, Ordering::Relaxed);
            // The channel has room for every buffer the pool may make; after the pool is gone there is no one to
            // give it to, and it is freed.
            let _ = self.home.try_send(buffer);
        }
    }
}

#[cfg(test)]
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
