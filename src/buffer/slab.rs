//! A slab of planes on its way from the camera to the engine.
//!
//! Who may touch its memory is said by types. [`Open`] is the one handle that fills it; there is one, on one thread at
//! a time. [`Open::seal`] ends it and gives a [`Sealed`], which many may read and nobody writes. [`Watched`] and
//! [`Plane`] read filled planes meanwhile, which nobody writes either, but for [`Open::try_replace`], which keeps them
//! away first. A [`Claim`] is the right to make one plane where it will lie, while others make others.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};

use super::copy::{copy_in, copy_out, zero};
use super::{AlignedBuffer, Beside, Buffer};
use crate::error::{Error, Result};
use crate::plan::{Form, Layout, SlabKey};
use crate::pyramid::{Piece, Tiles};
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{PoisonError, RwLock, TryLockError};

/// The order in which the frames of a source were accepted: 0 for the first. Never derived from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(pub u64);

const FILLED: u64 = 1;
const SKIPPED: u64 = 2;
/// Set beside the state of a slot whose plane the engine has stored.
const STORED: u64 = 4;
/// Set alone, as long as somebody has the right to make the plane of a slot.
const CLAIMED: u64 = 8;
/// The arrival stands above the bits of the state.
const STATE_BITS: u32 = 4;

/// What all handles of a slab share.
#[derive(Debug)]
struct Inner {
    key: SlabKey,
    form: Arc<Form>,
    buffer: OnceLock<Buffer>,
    /// State and arrival of each plane; 0 as long as there is nothing.
    slots: Box<[AtomicU64]>,
    /// Planes written or skipped so far.
    done: AtomicUsize,
    expected: usize,
    jobs_left: AtomicUsize,
    /// Held for reading by whoever reads filled planes of an open slab, for writing by whoever replaces one. True once
    /// the complete slab is being stored: a provisional copy may no longer be.
    storing: RwLock<bool>,
    /// Held for reading by whoever makes a plane in a claimed slot, for writing by whoever ends the filling. True once
    /// it has ended.
    making: RwLock<bool>,
    /// True once a provisional copy was stored.
    copied: AtomicBool,
    /// True once something of the complete slab could not be stored.
    spoiled: AtomicBool,
}

/// A slab that is being filled.
///
/// ```
/// use ome_stream::buffer::{Open, Sealed};
/// fn end(open: Open) -> Sealed {
///     open.seal()
/// }
/// fn read_by_many(sealed: &Sealed) -> Sealed {
///     sealed.clone()
/// }
/// fn on_another_thread(open: Open) -> std::thread::JoinHandle<Sealed> {
///     std::thread::spawn(move || end(open))
/// }
/// ```
///
/// There is one handle that fills it:
///
/// ```compile_fail
/// use ome_stream::buffer::{Open, Sealed};
/// fn two_that_fill(open: Open) -> (Open, Open) {
///     (open.clone(), open)
/// }
/// ```
///
/// which no two threads use at once:
///
/// ```compile_fail
/// use ome_stream::buffer::{Open, Sealed};
/// fn from_two_threads(open: &Open) {
///     std::thread::scope(|scope| _ = scope.spawn(|| open.key()));
/// }
/// ```
///
/// and which is gone once the bytes may be read:
///
/// ```compile_fail
/// use ome_stream::buffer::{Arrival, Open, Sealed};
/// fn fill_what_is_read(mut open: Open, frame: &[u8]) -> Sealed {
///     let sealed = open.seal();
///     open.fill(0, Arrival(0), frame);
///     sealed
/// }
/// ```
#[derive(Debug)]
pub struct Open {
    inner: Arc<Inner>,
    /// Counts for it as long as it has no buffer, whose cost is that of the whole slab.
    beside: Option<Beside>,
    not_sync: PhantomData<Cell<()>>,
}

impl Open {
    /// A slab with no plane yet and no buffer: one that is only skipped never needs one. `beside` counts it until
    /// then; one that gets its buffer at once needs no count.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for the state of its planes.
    pub(crate) fn new(key: SlabKey, form: &Arc<Form>, beside: Option<Beside>) -> Result<Self> {
        let planes = form.layout().planes();
        let mut slots = Vec::new();
        slots.try_reserve_exact(planes).map_err(|_| Error::OutOfMemory {
            bytes: (planes * size_of::<AtomicU64>()) as u64,
            purpose: "the state of planes",
        })?;
        slots.extend((0..planes).map(|_| AtomicU64::new(0)));
        let inner = Inner {
            key,
            expected: form.layout().expected_planes(&key.index),
            form: Arc::clone(form),
            buffer: OnceLock::new(),
            slots: slots.into_boxed_slice(),
            done: AtomicUsize::new(0),
            jobs_left: AtomicUsize::new(0),
            storing: RwLock::new(false),
            making: RwLock::new(false),
            copied: AtomicBool::new(false),
            spoiled: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner), beside, not_sync: PhantomData })
    }

    /// Gives the slab its buffer, before its first frame.
    pub(crate) fn attach(&mut self, buffer: Buffer) {
        // A second one would go straight back to the budget.
        let _ = self.inner.buffer.set(buffer);
        self.beside = None;
    }

    /// Which slab this is.
    #[must_use]
    pub fn key(&self) -> SlabKey {
        self.inner.key
    }

    /// True once it has its buffer.
    #[must_use]
    pub(crate) fn has_buffer(&self) -> bool {
        self.inner.buffer.get().is_some()
    }

    /// Copies `frame` into `slot`; true when the slab is now complete. A slot that is not empty stays as it is, and so
    /// does a slab without a buffer.
    pub fn fill(&mut self, slot: usize, arrival: Arrival, frame: &[u8]) -> bool {
        let Some(buffer) = self.inner.memory().filter(|_| self.inner.is_empty(slot)) else { return false };
        // SAFETY: the slot is empty, so no reader looks at it, nobody has claimed it, and this is the one handle that
        // writes.
        unsafe { copy_in(self.inner.form.layout(), frame, slot, buffer) };
        self.inner.mark(slot, FILLED, arrival)
    }

    /// The right to make the plane of an empty slot where it will lie; `None` for one that is not empty, and without a
    /// buffer. The slot holds nothing until [`Open::fill_claimed`].
    pub(crate) fn claim(&mut self, slot: usize) -> Option<Claim> {
        if !self.has_buffer() || !self.inner.is_empty(slot) {
            return None;
        }
        self.inner.slots[slot].store(CLAIMED, Ordering::Release);
        Some(Claim { inner: Arc::clone(&self.inner), slot })
    }

    /// The plane of a claimed slot is made; true when the slab is now complete.
    pub(crate) fn fill_claimed(&mut self, claim: Claim, arrival: Arrival) -> bool {
        let slot = claim.slot;
        let mine = Arc::ptr_eq(&claim.inner, &self.inner);
        // Gives the slot back.
        drop(claim);
        mine && self.inner.mark(slot, FILLED, arrival)
    }

    /// Notes that `slot` will never hold a frame; true when the slab is now complete.
    pub(crate) fn skip(&mut self, slot: usize, arrival: Arrival) -> bool {
        self.inner.mark(slot, SKIPPED, arrival)
    }

    /// Puts back a plane's part of unit `nth` that was read from a store, before the slot is
    /// [restored](Open::restored).
    pub(crate) fn restore(&mut self, nth: usize, slot: usize, plane: &[u8]) {
        let layout = self.inner.form.layout();
        if let Some(buffer) = self.inner.memory().filter(|_| self.inner.is_empty(slot)) {
            // SAFETY: the slot is empty, so no reader looks at it, nobody has claimed it, and this is the one handle
            // that writes.
            unsafe { buffer.write(layout.unit_offset(nth) + slot * layout.plane_bytes(), plane) };
        }
    }

    /// Marks a slot as it was in a store: with a frame (after [`Open::restore`]) or without one. True when the slab is
    /// now complete.
    pub(crate) fn restored(&mut self, slot: usize, arrival: Arrival, filled: bool) -> bool {
        self.inner.mark(slot, if filled { FILLED } else { SKIPPED }, arrival)
    }

    /// Replaces what is in `slot`, a frame or none; false, and nothing is changed, while somebody reads filled planes
    /// or makes this one, or the slab has no buffer: wait with [`Watched::wait`] and ask again.
    #[must_use]
    pub(crate) fn try_replace(&mut self, slot: usize, frame: &[u8]) -> bool {
        let _nobody_reads = match self.inner.storing.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let is_claimed = self.inner.slots[slot].load(Ordering::Acquire) == CLAIMED;
        let Some(buffer) = self.inner.memory().filter(|_| !is_claimed) else { return false };
        // SAFETY: the slab is open and nobody has claimed the slot, so only readers of filled planes could look, and
        // they need the lock held here.
        unsafe { copy_in(self.inner.form.layout(), frame, slot, buffer) };
        let arrival = self.inner.slots[slot].load(Ordering::Acquire) >> STATE_BITS;
        self.inner.slots[slot].store(arrival << STATE_BITS | FILLED, Ordering::Release);
        true
    }

    /// A plane that is filled; `None` for another one.
    pub(crate) fn plane(&self, slot: usize) -> Option<Plane> {
        (self.inner.state(slot) == FILLED).then(|| Plane { inner: Arc::clone(&self.inner), slot })
    }

    /// A view for those who look on.
    #[must_use]
    pub(crate) fn watch(&self) -> Watched {
        Watched(Arc::downgrade(&self.inner))
    }

    /// The first frame in it by arrival; `None` where it has none.
    pub(crate) fn first_arrival(&self) -> Option<Arrival> {
        self.inner.arrivals(|_| true).map(|(_, arrival)| arrival).min()
    }

    /// Planes that are still to come.
    pub(crate) fn left(&self) -> usize {
        self.inner.expected.saturating_sub(self.inner.done.load(Ordering::Acquire))
    }

    /// Ends the filling. Planes without a frame become fill value, so that the whole buffer may be written.
    #[must_use]
    pub fn seal(self) -> Sealed {
        let inner = self.inner;
        // Waits for those who make planes, and lets none begin.
        *inner.making.write().unwrap_or_else(PoisonError::into_inner) = true;
        if let Some(buffer) = inner.memory() {
            for slot in (0..inner.slots.len()).filter(|slot| inner.state(*slot) != FILLED) {
                // SAFETY: readers only look at filled slots until there is a `Sealed`, nobody makes a plane any more, and
                // this is the one handle that writes.
                unsafe { zero(inner.form.layout(), slot, buffer) };
            }
        }
        Sealed { inner, _beside: self.beside.map(Arc::new) }
    }
}

/// The right to make the plane of one slot of an open slab, on any thread, while others make others. Dropped, it gives
/// the slot back empty.
#[derive(Debug)]
pub(crate) struct Claim {
    inner: Arc<Inner>,
    slot: usize,
}

impl Claim {
    /// Gives the tiles of the slot to `make`; `None` where the filling of the slab has ended.
    pub(crate) fn make<T>(&mut self, make: impl FnOnce(&mut dyn Tiles) -> T) -> Option<T> {
        let buffer = self.inner.memory()?;
        let has_ended = self.inner.making.read().unwrap_or_else(PoisonError::into_inner);
        (!*has_ended).then(|| make(&mut Slot { layout: self.inner.form.layout(), slot: self.slot, buffer }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.inner.slots[self.slot].store(0, Ordering::Release);
    }
}

/// The tiles of a slot that somebody makes.
struct Slot<'a> {
    layout: &'a Layout,
    slot: usize,
    buffer: &'a AlignedBuffer,
}

impl Tiles for Slot<'_> {
    fn shape(&self) -> (usize, usize) {
        self.layout.tile()
    }

    fn tile(&mut self, down: usize, across: usize) -> &mut [u8] {
        let plane = self.layout.plane_bytes();
        let offset = self.layout.unit_offset(self.layout.unit_of_tile(down, across)) + self.slot * plane;
        // SAFETY: the bytes belong to a claimed slot, which nobody reads; there is one claim, which is borrowed, and as
        // it is borrowed the filling of the slab has not ended.
        unsafe { self.buffer.slice_mut(offset, plane) }
    }
}

/// A slab whose filling has ended.
#[derive(Debug, Clone)]
pub struct Sealed {
    inner: Arc<Inner>,
    _beside: Option<Arc<Beside>>,
}

impl Sealed {
    /// Which slab this is.
    #[must_use]
    pub fn key(&self) -> SlabKey {
        self.inner.key
    }

    /// What its array has in common with others.
    #[must_use]
    pub(crate) fn form(&self) -> &Arc<Form> {
        &self.inner.form
    }

    /// True where no frame came to it: nothing is stored.
    #[must_use]
    pub(crate) fn is_skipped(&self) -> bool {
        self.inner.buffer.get().is_none()
    }

    /// The bytes of units, one after another; none where no frame came.
    #[must_use]
    pub fn bytes(&self, units: &Range<usize>) -> &[u8] {
        let layout = self.inner.form.layout();
        match self.inner.memory() {
            // SAFETY: the one handle that wrote is gone.
            Some(buffer) => unsafe { buffer.slice(layout.unit_offset(units.start), units.len() * layout.unit_bytes()) },
            None => &[],
        }
    }

    /// Slots that hold a frame, with its arrival.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, Arrival)> + '_ {
        self.inner.arrivals(|state| state == FILLED)
    }

    /// The first frame in it by arrival; `None` where it has none.
    pub(crate) fn first_arrival(&self) -> Option<Arrival> {
        self.inner.arrivals(|_| true).map(|(_, arrival)| arrival).min()
    }

    /// Slots whose planes the engine has not stored, the empty ones among them; `None` where it has stored none.
    #[must_use]
    pub(crate) fn not_stored(&self) -> Option<Vec<usize>> {
        self.inner.not_stored()
    }

    /// Waits for a provisional copy that is being stored, and lets none start from now on.
    pub(crate) fn end_provisional(&self) {
        // Of several jobs the first does it.
        if !*self.inner.storing.read().unwrap_or_else(PoisonError::into_inner) {
            *self.inner.storing.write().unwrap_or_else(PoisonError::into_inner) = true;
        }
    }

    /// Something of it could not be stored.
    pub(crate) fn spoil(&self) {
        self.inner.spoiled.store(true, Ordering::Release);
    }

    /// True once something of it could not be stored.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.inner.spoiled.load(Ordering::Acquire)
    }

    /// Number of jobs that will carry this slab; before the first of them starts.
    pub(crate) fn expect_jobs(&self, jobs: usize) {
        self.inner.jobs_left.store(jobs, Ordering::Release);
    }

    /// One job is done; true for the last.
    pub(crate) fn job_done(&self) -> bool {
        self.inner.jobs_left.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// A filled plane of a slab, open or sealed.
#[derive(Debug, Clone)]
pub(crate) struct Plane {
    inner: Arc<Inner>,
    slot: usize,
}

impl Plane {
    /// The frame, rows without padding.
    ///
    /// # Panics
    /// If `frame` is shorter than a frame.
    pub(crate) fn copy_to(&self, frame: &mut [u8]) {
        let Some(buffer) = self.inner.memory() else { return };
        let _nobody_replaces = self.inner.storing.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a filled slot is only written by whoever replaces it, who needs the lock held here.
        unsafe { copy_out(self.inner.form.layout(), self.slot, buffer, frame) };
    }

    /// Gives the frame to `use_pieces` where it lies, a piece for each tile.
    pub(crate) fn with_pieces<T>(&self, use_pieces: impl FnOnce(&mut dyn Iterator<Item = Piece<'_>>) -> T) -> T {
        let Some(buffer) = self.inner.memory() else { return use_pieces(&mut std::iter::empty()) };
        let _nobody_replaces = self.inner.storing.read().unwrap_or_else(PoisonError::into_inner);
        let (layout, plane) = (self.layout(), self.layout().plane_bytes());
        let ((all_rows, all_columns), (rows, columns)) = (layout.frame(), layout.tile());
        let mut pieces = layout.tiles().iter().enumerate().map(|(unit, (down, across))| {
            let (row, column) = (*down as usize * rows, *across as usize * columns);
            Piece {
                // SAFETY: a filled slot is only written by whoever replaces it, who needs the lock held here.
                bytes: unsafe { buffer.slice(layout.unit_offset(unit) + self.slot * plane, plane) },
                stride: columns * layout.item_size(),
                row,
                column,
                rows: rows.min(all_rows - row),
                columns: columns.min(all_columns - column),
            }
        });
        use_pieces(&mut pieces)
    }

    /// How its slab is laid out.
    pub(crate) fn layout(&self) -> &Layout {
        self.inner.form.layout()
    }
}

/// A slab that somebody else fills.
#[derive(Debug, Clone)]
pub(crate) struct Watched(Weak<Inner>);

impl Watched {
    /// Waits for those who read filled planes.
    pub(crate) fn wait(&self) {
        if let Some(inner) = self.0.upgrade() {
            drop(inner.storing.write().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Runs `use_planes` unless the complete slab is already being stored, or gone; the complete one waits for it.
    pub(crate) fn provisionally<T>(&self, use_planes: impl FnOnce(&Filled<'_>) -> T) -> Option<T> {
        let inner = self.0.upgrade()?;
        let storing = inner.storing.read().unwrap_or_else(PoisonError::into_inner);
        (!*storing).then(|| use_planes(&Filled(&inner)))
    }

    /// Number of planes that hold a frame; `None` once the slab is gone.
    pub(crate) fn filled(&self) -> Option<usize> {
        let inner = self.0.upgrade()?;
        Some((0..inner.slots.len()).filter(|slot| inner.state(*slot) == FILLED).count())
    }
}

/// The filled planes of a slab that nobody replaces meanwhile.
#[derive(Debug)]
pub(crate) struct Filled<'a>(&'a Inner);

impl Filled<'_> {
    /// How the slab is laid out.
    pub(crate) fn layout(&self) -> &Layout {
        self.0.form.layout()
    }

    /// Slots that hold a frame, with its arrival.
    pub(crate) fn slots(&self) -> Vec<(usize, Arrival)> {
        self.0.arrivals(|state| state == FILLED).collect()
    }

    /// Slots whose planes the engine has not stored; `None` where it has stored none.
    pub(crate) fn not_stored(&self) -> Option<Vec<usize>> {
        self.0.not_stored()
    }

    /// Copies the planes in `slots` of unit `nth` to `target` (one unit long), fill value elsewhere: what a reader may
    /// see of a unit that is not complete.
    pub(crate) fn copy_unit(&self, slots: &[(usize, Arrival)], nth: usize, target: &mut [u8]) {
        target.fill(0);
        let (Some(buffer), layout) = (self.0.memory(), self.layout()) else { return };
        let plane = layout.plane_bytes();
        for slot in slots.iter().map(|(slot, _)| *slot).filter(|slot| self.0.state(*slot) == FILLED) {
            let inside = slot * plane;
            // SAFETY: a filled slot is only written by whoever replaces it, who needs the lock that this view holds.
            let bytes = unsafe { buffer.slice(layout.unit_offset(nth) + inside, plane) };
            target[inside..inside + plane].copy_from_slice(bytes);
        }
    }

    /// Marks the planes in these slots as stored; replacing a plane clears the mark.
    pub(crate) fn note_stored(&self, slots: impl Iterator<Item = usize>) {
        for slot in slots {
            self.0.slots[slot].fetch_or(STORED, Ordering::AcqRel);
        }
        self.0.copied.store(true, Ordering::Release);
    }
}

impl Inner {
    fn memory(&self) -> Option<&AlignedBuffer> {
        self.buffer.get().map(Buffer::memory)
    }

    /// What has become of a slot: nothing, [`FILLED`] or [`SKIPPED`].
    fn state(&self, slot: usize) -> u64 {
        self.slots[slot].load(Ordering::Acquire) & (FILLED | SKIPPED)
    }

    /// Whether nothing has become of a slot, and nobody is about to make its plane.
    fn is_empty(&self, slot: usize) -> bool {
        self.slots[slot].load(Ordering::Acquire) & (FILLED | SKIPPED | CLAIMED) == 0
    }

    /// Slots in a state that is `wanted`, with the arrivals of their frames; not those to which none has come.
    fn arrivals(&self, wanted: impl Fn(u64) -> bool) -> impl Iterator<Item = (usize, Arrival)> {
        self.slots.iter().enumerate().filter_map(move |(nth, slot)| {
            let slot = slot.load(Ordering::Acquire);
            let state = slot & (FILLED | SKIPPED);
            (state != 0 && wanted(state)).then_some((nth, Arrival(slot >> STATE_BITS)))
        })
    }

    fn not_stored(&self) -> Option<Vec<usize>> {
        let stored = |slot: &usize| self.slots[*slot].load(Ordering::Acquire) & STORED != 0;
        self.copied.load(Ordering::Acquire).then(|| (0..self.slots.len()).filter(|slot| !stored(slot)).collect())
    }

    fn mark(&self, slot: usize, state: u64, arrival: Arrival) -> bool {
        if !self.is_empty(slot) {
            return false;
        }
        self.slots[slot].store(arrival.0 << STATE_BITS | state, Ordering::Release);
        self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.expected
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
#[path = "slab_tests.rs"]
mod tests;
