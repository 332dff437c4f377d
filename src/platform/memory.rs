//! Large zeroed memory for buffers.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Memory from this size on comes from the kernel in huge pages where there are any: first touch is then three times
/// faster, and what is given back leaves the process at once.
#[cfg(all(target_os = "linux", not(feature = "portable"), not(miri)))]
const MAP_FROM: usize = 2 << 20;

/// Zeroed memory of `layout`, whose alignment is at most a page; `None` where there is none.
pub(crate) fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    #[cfg(all(target_os = "linux", not(feature = "portable"), not(miri)))]
    if layout.size() >= MAP_FROM {
        return map::allocate(layout.size());
    }
    if layout.size() == 0 {
        return None;
    }
    // SAFETY: the size is above zero.
    NonNull::new(unsafe { alloc_zeroed(layout) })
}

/// Gives back what [`allocate`] gave for the same layout.
///
/// # Safety
/// `start` came from [`allocate`] with `layout`, and nobody uses it any more.
pub(crate) unsafe fn free(start: NonNull<u8>, layout: Layout) {
    #[cfg(all(target_os = "linux", not(feature = "portable"), not(miri)))]
    if layout.size() >= MAP_FROM {
        // SAFETY: mapped with this size, as the caller promises.
        return unsafe { map::free(start, layout.size()) };
    }
    // SAFETY: allocated with this layout, as the caller promises.
    unsafe { dealloc(start.as_ptr(), layout) };
}

#[cfg(all(target_os = "linux", not(feature = "portable"), not(miri)))]
mod map {
    use std::ptr::{NonNull, null_mut};

    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

    pub(super) fn allocate(size: usize) -> Option<NonNull<u8>> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new private mapping at a place of the kernel's choice touches no memory of anybody's.
        let start = unsafe { mmap_anonymous(null_mut(), size, protection, MapFlags::PRIVATE) }.ok()?;
        // SAFETY: the whole of our own mapping. Where there are no huge pages it stays as it is.
        let _ = unsafe { madvise(start, size, Advice::LinuxHugepage) };
        NonNull::new(start.cast())
    }

    pub(super) unsafe fn free(start: NonNull<u8>, size: usize) {
        // SAFETY: mapped by `allocate` with this size, and nobody uses it any more. It cannot fail for a whole mapping.
        let _ = unsafe { munmap(start.as_ptr().cast(), size) };
    }
}
