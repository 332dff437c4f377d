//! Zeroed memory on page boundaries, shared between the thread that fills it and those that write it out.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Alignment of every buffer, in bytes: what direct I/O asks of memory, offset and length on 4 KiB-sector disks.
pub const ALIGNMENT: usize = 4096;

/// Buffers from this size on start at a huge-page boundary, so that the kernel can back them with few page faults.
const HUGE_PAGE: usize = 2 << 20;

/// A zeroed, page-aligned allocation whose parts may be written and read by different threads.
///
/// It hands out bytes only through calls that name a range; that ranges which are written are not read at the same
/// time is the caller's duty (see [`super::Group`], the only user in this crate that shares one).
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
    /// `len` zeroed bytes; the allocation is rounded up to [`ALIGNMENT`].
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        let size = len.max(1).next_multiple_of(ALIGNMENT);
        let alignment = if size >= HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT };
        let Ok(layout) = Layout::from_size_align(size, alignment) else {
            // The plan bounds sizes far below isize::MAX; this is what the standard library does past it.
            handle_alloc_error(Layout::new::<u8>());
        };
        // SAFETY: the layout has a size above zero.
        let Some(start) = NonNull::new(unsafe { alloc_zeroed(layout) }) else {
            handle_alloc_error(layout);
        };
        Self { start, layout, len }
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

    /// Bytes allocated: [`Self::len`] rounded up to [`ALIGNMENT`].
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.layout.size()
    }

    /// All bytes, for a buffer that nobody shares.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: `&mut self` excludes all other users; the allocation is initialised and as long as its layout says.
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
        // SAFETY: in range and initialised (zeroed at allocation); the caller keeps writers away.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(offset), len) }
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

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout and freed once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_zeroed_aligned_and_rounded_up() {
        let mut buffer = AlignedBuffer::zeroed(5000);
        assert_eq!(buffer.len(), 5000);
        assert_eq!(buffer.capacity(), 8192);
        assert_eq!(buffer.as_mut_slice().as_ptr() as usize % ALIGNMENT, 0);
        assert!(buffer.as_mut_slice().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn what_is_written_is_read_and_zeroed_again() {
        let buffer = AlignedBuffer::zeroed(64);
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
        let buffer = AlignedBuffer::zeroed(16);
        // SAFETY: one thread.
        unsafe { buffer.write(ALIGNMENT - 1, &[1, 2]) };
    }

    #[test]
    fn two_threads_fill_disjoint_parts() {
        let buffer = AlignedBuffer::zeroed(8192);
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
