//! Plans with an allocation cap: judging settings, making a plan and asking it for memory take no more memory than the
//! settings allow. Shared by the fuzz target and the suite `plans`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::{Plan, Settings};

/// Bytes that a plan may take whatever `memory_limit` says.
const ALWAYS: usize = 64 << 20;

/// Bytes for each byte of the settings: names and coordinates are copied to where they are needed.
const FOR_EACH_BYTE: usize = 64;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Counts what each thread has allocated and not freed.
pub struct Counting;

fn add(bytes: usize) {
    let _ = NOW.try_with(|now| {
        now.set(now.get().wrapping_add(bytes));
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

fn subtract(bytes: usize) {
    // What another thread allocated may be freed here.
    let _ = NOW.try_with(|now| now.set(now.get().saturating_sub(bytes)));
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be there for a moment.
        add(size);
        subtract(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Most bytes that `work` had allocated at once on this thread.
fn most_allocated<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.get();
    MOST.set(before);
    let done = work();
    (MOST.get().saturating_sub(before), done)
}

/// Plans of settings from anybody. Counts only where [`Counting`] is the program's allocator.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(settings) = Settings::from_json(text) else { return };
    planned(&settings, text.len());
}

/// Makes the plan of `settings`, whose text has `length` bytes, and its layouts where their memory was granted. True
/// where there is a plan.
pub fn planned(settings: &Settings, length: usize) -> bool {
    let limit = usize::try_from(settings.memory_limit).unwrap_or(usize::MAX);
    planned_within(settings, limit.max(ALWAYS).saturating_add(length * FOR_EACH_BYTE))
}

/// As [`planned`], with a cap in bytes.
pub fn planned_within(settings: &Settings, cap: usize) -> bool {
    let (most, planned) = most_allocated(|| {
        let units = [StorageUnit::Frame, StorageUnit::Chunk, StorageUnit::Shard];
        units.map(|unit| Plan::new(settings, &Capabilities::taking(unit)).is_ok()).contains(&true)
    });
    assert!(most <= cap, "{most} bytes were allocated, {cap} allowed, for {settings:?}");
    planned
}
