//! Zeroed memory, large pieces on page boundaries, shared between the thread that fills it and those that write it out.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::error::{Error, Result};
use crate::platform::{ALIGNMENT, DIRECT_FROM, memory};

/// Alignment of buffers below [`DIRECT_FROM`]: what every allocator gives without padding. On pages, a buffer of a few
/// hundred pixels would take up to four times its size.
const PACKED: usize = 16;

/// A zeroed allocation whose parts may be written and read by different threads.
///
/// It hands out bytes only through calls that name a range; that ranges which are written are not read at the same
/// time is the caller's duty (see [`super::Open`], the only user in this crate that shares one).
#[derive(Debug)]
pub struct AlignedBuffer {
    start: NonNull<u8>,
    layout: Layout,
    len: usize,
}

// SAFETY: the buffer owns its memory and has no thread affinity.
unsafe impl Send for AlignedBuffer {}
// SAFETY: shared access is only through `unsafe` calls whose contract forbids overlapping concurrent use.
unsafe impl Sync for AlignedBuffer {}

impl AlignedBuffer {
    /// `len` zeroed bytes on a page boundary; the allocation is rounded up to [`ALIGNMENT`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], with `purpose`, where the system has none to give.
    pub fn zeroed(len: usize, purpose: &'static str) -> Result<Self> {
        Self::try_zeroed(len, ALIGNMENT).ok_or(Error::OutOfMemory { bytes: len as u64, purpose })
    }

    /// `len` zeroed bytes for planes: as [`Self::zeroed`] from [`DIRECT_FROM`] on, without padding below it. `None`
    /// where the system has none to give.
    #[must_use]
    pub fn of_planes(len: usize) -> Option<Self> {
        Self::try_zeroed(len, if len < DIRECT_FROM { PACKED } else { ALIGNMENT })
    }

    fn try_zeroed(len: usize, alignment: usize) -> Option<Self> {
        let size = len.max(1).checked_next_multiple_of(alignment)?;
        let layout = Layout::from_size_align(size, alignment).ok()?;
        let start = memory::allocate(layout)?;
        Some(Self { start, layout, len })
    }

    /// Bytes asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for a buffer of no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated: [`Self::len`] rounded up.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// Makes the system back every page of a piece of new memory now rather than at the first frame.
    pub(super) fn touch(piece: &mut [u8]) {
        piece.iter_mut().step_by(ALIGNMENT).for_each(|byte| *byte = 0);
    }

    /// All bytes, for a buffer that nobody shares.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: `&mut self` excludes all other users; the allocation is initialized and as long as its layout says.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }

    /// The bytes `offset .. offset + len`.
    ///
    /// # Safety
    /// Nobody writes these bytes for as long as the slice lives.
    ///
    /// # Panics
    /// If the range is outside the allocation.
    #[must_use]
    pub unsafe fn slice(&self, offset: usize, len: usize) -> &[u8] {
        self.check(offset, len);
        // SAFETY: in range and initialized (zeroed at allocation); the caller keeps writers away.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(offset), len) }
    }

    /// The bytes `offset .. offset + len`, to change them.
    ///
    /// # Safety
    /// Nobody else reads or writes these bytes for as long as the slice lives.
    ///
    /// # Panics
    /// If the range is outside the allocation.
    #[must_use]
    #[expect(
        clippy::mut_from_ref,
        reason = "parts of one buffer are changed by several at once: the caller keeps them apart"
    )]
    pub(super) unsafe fn slice_mut(&self, offset: usize, len: usize) -> &mut [u8] {
        self.check(offset, len);
        // SAFETY: in range and initialized; the caller keeps all others away.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), len) }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Safety
    /// Nobody reads or writes these bytes at the same time.
    ///
    /// # Panics
    /// If the range is outside the allocation.
    pub unsafe fn write(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        // SAFETY: in range; `bytes` is a shared slice and the target is owned memory that the caller keeps others
        // from, so the two cannot overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.as_ptr().add(offset), bytes.len());
        }
    }

    /// Copies `bytes` to `offset` past the processor's caches, for large copies that this processor will not read
    /// again. A fence must follow before another thread may look: see `fence` in this module.
    ///
    /// # Safety
    /// As for [`Self::write`].
    ///
    /// # Panics
    /// As for [`Self::write`].
    pub unsafe fn write_past_cache(&self, offset: usize, bytes: &[u8]) {
        self.check(offset, bytes.len());
        // SAFETY: in range; the caller keeps others away.
        unsafe { past_cache::copy(bytes, self.start.as_ptr().add(offset)) };
    }

    /// Zeroes `offset .. offset + len`.
    ///
    /// # Safety
    /// Nobody reads or writes these bytes at the same time.
    ///
    /// # Panics
    /// If the range is outside the allocation.
    pub unsafe fn zero(&self, offset: usize, len: usize) {
        self.check(offset, len);
        // SAFETY: in range; the caller keeps others away.
        unsafe { std::ptr::write_bytes(self.start.as_ptr().add(offset), 0, len) };
    }

    fn check(&self, offset: usize, len: usize) {
        assert!(
            offset.checked_add(len).is_some_and(|end| end <= self.layout.size()),
            "{len} bytes at {offset} are outside a buffer of {}",
            self.layout.size()
        );
    }
}

/// Makes what [`AlignedBuffer::write_past_cache`] wrote visible to threads that synchronize with this one.
pub fn fence() {
    past_cache::fence();
}

/// Stores that bypass the caches: half the memory traffic of an ordinary copy, which reads each line before it is
/// overwritten.
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod past_cache {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};

    const LANE: usize = size_of::<__m128i>();
    const LINE: usize = 64;

    /// # Safety
    /// `target` is valid for writes of `source.len()` bytes that nobody else touches, and does not overlap `source`.
    pub(super) unsafe fn copy(source: &[u8], target: *mut u8) {
        let head = target.align_offset(LANE).min(source.len());
        let (start, rest) = source.split_at(head);
        let lines = rest.len() / LINE * LINE;
        // SAFETY: head, lines and tail together are the source's length; after `head` the target is aligned for
        // streaming stores; loads may be unaligned. SSE2 is part of x86-64.
        unsafe {
            std::ptr::copy_nonoverlapping(start.as_ptr(), target, head);
            let (mut from, mut to) = (rest.as_ptr(), target.add(head));
            for _ in 0..lines / LINE {
                let lanes: [__m128i; 4] = std::array::from_fn(|lane| _mm_loadu_si128(from.add(lane * LANE).cast()));
                for (lane, value) in lanes.into_iter().enumerate() {
                    _mm_stream_si128(to.add(lane * LANE).cast(), value);
                }
                from = from.add(LINE);
                to = to.add(LINE);
            }
            std::ptr::copy_nonoverlapping(from, to, rest.len() - lines);
        }
    }

    pub(super) fn fence() {
        // SAFETY: SSE is part of x86-64; the instruction touches no memory.
        unsafe { _mm_sfence() };
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
mod past_cache {
    /// # Safety
    /// `target` is valid for writes of `source.len()` bytes that nobody else touches, and does not overlap `source`.
    pub(super) unsafe fn copy(source: &[u8], target: *mut u8) {
        // SAFETY: as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), target, source.len()) };
    }

    pub(super) fn fence() {}
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout and freed once.
        unsafe { memory::free(self.start, self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zeroed_aligned_and_rounded_up() {
        let mut buffer = AlignedBuffer::zeroed(5000, "a test").expect("memory");
        assert_eq!(buffer.len(), 5000);
        assert_eq!(buffer.capacity(), 8192);
        assert_eq!(buffer.as_mut_slice().as_ptr() as usize % ALIGNMENT, 0);
        assert!(buffer.as_mut_slice().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn planes_of_small_frames_take_no_page() {
        let small = AlignedBuffer::of_planes(1600).expect("memory");
        assert_eq!((small.len(), small.capacity()), (1600, 1600));
        let large = AlignedBuffer::of_planes(DIRECT_FROM + 1).expect("memory");
        assert_eq!(large.capacity(), DIRECT_FROM + ALIGNMENT);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri ends where there is no memory")]
    fn more_than_there_is_is_refused() {
        let error = AlignedBuffer::zeroed(usize::MAX / 4, "a test").expect_err("no machine has so much");
        assert_eq!(error.code(), 20);
        assert!(error.to_string().contains("for a test"), "{error}");
        assert!(AlignedBuffer::of_planes(usize::MAX).is_none());
    }

    #[test]
    fn what_is_written_is_read_and_zeroed_again() {
        let buffer = AlignedBuffer::zeroed(64, "a test").expect("memory");
        // SAFETY: one thread.
        unsafe {
            buffer.write(10, &[1, 2, 3]);
            assert_eq!(buffer.slice(9, 5), [0, 1, 2, 3, 0]);
            buffer.zero(11, 1);
            assert_eq!(buffer.slice(9, 5), [0, 1, 0, 3, 0]);
        }
    }

    #[test]
    #[should_panic(expected = "outside a buffer")]
    fn a_range_outside_is_caught() {
        let buffer = AlignedBuffer::zeroed(16, "a test").expect("memory");
        // SAFETY: one thread.
        unsafe { buffer.write(ALIGNMENT - 1, &[1, 2]) };
    }

    #[test]
    fn past_the_cache_the_same_bytes_arrive() {
        let source: Vec<u8> = (0..5000u32).map(|at| (at * 31 % 251) as u8).collect();
        for (offset, from, len) in [(0, 0, 5000), (3, 1, 4000), (16, 7, 63), (17, 0, 64), (1, 2, 15), (5, 5, 0)] {
            let buffer = AlignedBuffer::zeroed(8192, "a test").expect("memory");
            // SAFETY: one thread.
            unsafe {
                buffer.write_past_cache(offset, &source[from..from + len]);
                fence();
                assert_eq!(buffer.slice(offset, len), &source[from..from + len]);
                assert_eq!(buffer.slice(offset + len, 64), [0; 64], "nothing behind it is touched");
            }
        }
    }

    #[test]
    fn two_threads_fill_disjoint_parts() {
        let buffer = AlignedBuffer::zeroed(8192, "a test").expect("memory");
        std::thread::scope(|scope| {
            for half in 0..2u8 {
                let buffer = &buffer;
                // SAFETY: each thread writes its own half.
                scope.spawn(move || unsafe { buffer.write(usize::from(half) * 4096, &[half + 1; 4096]) });
            }
        });
        // SAFETY: the writers are gone.
        let all = unsafe { buffer.slice(0, 8192) };
        assert!(all[..4096].iter().all(|byte| *byte == 1) && all[4096..].iter().all(|byte| *byte == 2));
    }
}
