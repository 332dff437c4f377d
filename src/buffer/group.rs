//! A group of planes on its way from the camera to the engine.

use std::sync::OnceLock;

use super::{AlignedBuffer, Layout, PooledBuffer};
use crate::error::{Error, Result};
use crate::router::StorageIndex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Mutex, PoisonError, TryLockError};

/// Which group: its position and its coordinates, counted in groups along the index dimensions in storage order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Position.
    pub position: u32,
    /// Coordinates in groups.
    pub index: StorageIndex,
}

const FILLED: u8 = 1;
const SKIPPED: u8 = 2;
/// Set beside the state of a slot whose plane the engine has stored.
const STORED: u8 = 4;

/// What has become of one plane of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing yet.
    Empty,
    /// Holds a frame.
    Filled,
    /// Will never hold one: reads as fill value.
    Skipped,
}

/// Planes that are completed together, and the buffer that holds them.
///
/// One thread fills it, slot by slot; a filled slot is never touched again until the group is gone, so any thread may
/// read it. After [`Group::seal`] every byte may be read.
#[derive(Debug)]
pub struct Group {
    key: GroupKey,
    buffer: OnceLock<PooledBuffer>,
    slots: Box<[AtomicU8]>,
    /// Planes written or skipped so far.
    done: AtomicUsize,
    expected: usize,
    jobs_left: AtomicUsize,
    /// True once the complete group is being stored: a provisional copy may no longer be.
    storing: Mutex<bool>,
    /// True once a provisional copy was stored.
    copied: AtomicBool,
}

impl Group {
    /// A group with no plane yet and no buffer: one that is only skipped never needs one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for the state of its planes.
    pub fn new(key: GroupKey, layout: &Layout) -> Result<Self> {
        let mut slots = Vec::new();
        slots
            .try_reserve_exact(layout.planes())
            .map_err(|_| Error::OutOfMemory { bytes: layout.planes() as u64, purpose: "the state of planes" })?;
        slots.extend((0..layout.planes()).map(|_| AtomicU8::new(0)));
        Ok(Self {
            key,
            buffer: OnceLock::new(),
            slots: slots.into_boxed_slice(),
            done: AtomicUsize::new(0),
            expected: layout.expected_planes(&key.index),
            jobs_left: AtomicUsize::new(0),
            storing: Mutex::new(false),
            copied: AtomicBool::new(false),
        })
    }

    /// Which group this is.
    #[must_use]
    pub fn key(&self) -> GroupKey {
        self.key
    }

    /// Gives the group its buffer, before its first frame.
    pub fn attach(&self, buffer: PooledBuffer) {
        // A second buffer would go straight back to its pool; the stream attaches one, before the first frame.
        let _ = self.buffer.set(buffer);
    }

    /// The buffer, once there is a frame.
    #[must_use]
    pub fn buffer(&self) -> Option<&AlignedBuffer> {
        self.buffer.get().map(|buffer| &**buffer)
    }

    /// Copies `frame` into `slot`; true when the group is now complete. Only the one filling thread may call this.
    pub fn fill(&self, layout: &Layout, slot: usize, frame: &[u8]) -> bool {
        if let Some(buffer) = self.buffer() {
            // SAFETY: the slot is still empty, so no reader looks at it, and there is one filling thread.
            unsafe { layout.copy_in(frame, slot, buffer) };
        }
        self.mark(slot, SlotState::Filled)
    }

    /// Puts back a plane's part of unit `nth` that was read from a store. Only the filling thread may call this, before
    /// the slot is [restored](Group::restored).
    pub fn restore(&self, layout: &Layout, nth: usize, slot: usize, plane: &[u8]) {
        if let Some(buffer) = self.buffer() {
            // SAFETY: the slot is still empty, so no reader looks at it, and there is one filling thread.
            unsafe { buffer.write(layout.unit_offset(nth) + slot * layout.plane_bytes(), plane) };
        }
    }

    /// Marks a slot as it was in a store: filled (after [`Group::restore`]) or without a frame.
    pub fn restored(&self, slot: usize, state: SlotState) {
        self.mark(slot, state);
    }

    /// Replaces what is in `slot`, a frame or none, of a group that is still open and has its buffer; false, and nothing
    /// is changed, while a provisional copy is being stored: [`Group::wait_for_copy`] and ask again. Only the filling
    /// thread may call this.
    #[must_use]
    pub fn try_replace(&self, layout: &Layout, slot: usize, frame: &[u8]) -> bool {
        let _nobody_reads = match self.storing.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let Some(buffer) = self.buffer() else { return false };
        // SAFETY: the group is open, so only a provisional copy could read it, and that needs the lock held here.
        unsafe { layout.copy_in(frame, slot, buffer) };
        self.slots[slot].store(FILLED, Ordering::Release);
        true
    }

    /// Waits for a provisional copy that is being stored.
    pub fn wait_for_copy(&self) {
        drop(self.storing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that `slot` will never hold a frame; true when the group is now complete.
    pub fn skip(&self, slot: usize) -> bool {
        self.mark(slot, SlotState::Skipped)
    }

    /// What has become of `slot`.
    #[must_use]
    pub fn slot(&self, slot: usize) -> SlotState {
        match self.slots[slot].load(Ordering::Acquire) & !STORED {
            FILLED => SlotState::Filled,
            SKIPPED => SlotState::Skipped,
            _ => SlotState::Empty,
        }
    }

    /// Slots that hold a frame.
    pub fn filled(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.slots.len()).filter(|slot| self.slot(*slot) == SlotState::Filled)
    }

    /// Zeroes every plane without a frame, so that the whole buffer may be written. Only the filling thread may call
    /// this, after the last frame.
    pub fn seal(&self, layout: &Layout) {
        let Some(buffer) = self.buffer() else { return };
        for slot in (0..self.slots.len()).filter(|slot| self.slot(*slot) != SlotState::Filled) {
            // SAFETY: readers only look at filled slots until the group is handed on, which happens after this.
            unsafe { layout.zero(slot, buffer) };
        }
    }

    /// The bytes of `len` from `offset` of a sealed group.
    ///
    /// # Safety
    /// The group is sealed: the filling thread has handed it on.
    #[must_use]
    pub unsafe fn sealed_bytes(&self, offset: usize, len: usize) -> &[u8] {
        match self.buffer() {
            // SAFETY: after sealing nobody writes the buffer.
            Some(buffer) => unsafe { buffer.slice(offset, len) },
            None => &[],
        }
    }

    /// Copies the filled planes of unit `nth` to `target` (one unit long), fill value elsewhere: what a reader may see
    /// of a unit that is not complete.
    pub fn copy_partial(&self, layout: &Layout, nth: usize, target: &mut [u8]) {
        target.fill(0);
        let Some(buffer) = self.buffer() else { return };
        let plane = layout.plane_bytes();
        for slot in self.filled() {
            let inside = slot * plane;
            // SAFETY: a filled slot is not written again until the group is gone.
            let bytes = unsafe { buffer.slice(layout.unit_offset(nth) + inside, plane) };
            target[inside..inside + plane].copy_from_slice(bytes);
        }
    }

    /// Number of jobs that will carry this group; before the first of them starts.
    pub fn expect_jobs(&self, jobs: usize) {
        self.jobs_left.store(jobs, Ordering::Release);
    }

    /// One job is done; true for the last.
    pub fn job_done(&self) -> bool {
        self.jobs_left.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Waits for a provisional copy that is being stored, and lets none start from now on.
    pub fn end_provisional(&self) {
        *self.storing.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Runs `store` unless the complete group is already being stored; the complete one waits for it.
    pub fn store_provisional<T>(&self, store: impl FnOnce() -> T) -> Option<T> {
        let storing = self.storing.lock().unwrap_or_else(PoisonError::into_inner);
        (!*storing).then(store)
    }

    /// Notes that the engine has stored the planes in these slots. Only within [`Group::store_provisional`]: a plane that
    /// is replaced counts as not stored again.
    pub fn note_stored(&self, slots: impl Iterator<Item = usize>) {
        for slot in slots {
            self.slots[slot].fetch_or(STORED, Ordering::AcqRel);
        }
        self.copied.store(true, Ordering::Release);
    }

    /// Slots whose planes the engine has not stored, the empty ones among them; `None` where it has stored none.
    #[must_use]
    pub fn not_stored(&self) -> Option<Vec<usize>> {
        let stored = |slot: &usize| self.slots[*slot].load(Ordering::Acquire) & STORED != 0;
        self.copied.load(Ordering::Acquire).then(|| (0..self.slots.len()).filter(|slot| !stored(slot)).collect())
    }

    /// Planes written or skipped so far.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }

    fn mark(&self, slot: usize, state: SlotState) -> bool {
        self.slots[slot].store(if state == SlotState::Filled { FILLED } else { SKIPPED }, Ordering::Release);
        self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.expected
    }
}
