//! The budget: bytes that the slabs of a run may take, whatever the shape of their arrays.
//!
//! Buffers of one size are a **class** (one for each form of array). Each class has a guaranteed share, enough to go
//! on, so that a fast source can neither starve a slow one nor wait for it for ever; the rest is common. Buffers are
//! made as they are first needed and kept for the next; free ones of another class give way. Only `append` (and whoever
//! replaces a frame) waits here, for the buffers of a frame's whole family at once, and holds no lock meanwhile:
//! waiting while holding another buffer, or on a worker thread, could deadlock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::AlignedBuffer;
use super::loan::{Beside, Buffer};
use crate::error::{Error, Result};
use crate::plan::{Form, Memory, Need};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where the system has no memory for one more buffer, how long to wait for one that comes back before it is asked
/// again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Bytes of buffers that all runs of the process may make ahead of need: what a fast camera fills while the first ones
/// go to disk. Streams that wait for their first frame share them; with all else that dozens of such streams take, it
/// is 128 MiB.
const WARM_BYTES: u64 = 112 << 20;

/// Slabs for each worker that are made at once where none is free: one that it writes, and one that waits for it.
const SLABS_A_WORKER: u64 = 2;

/// How many times longer than making a buffer takes `append` waits for one that comes back, where there are several
/// classes: workers that make levels are behind a fast camera in any case, and fresh memory takes time from them
/// (measured with a mean pyramid on tmpfs: 0.83 to 0.86, 0.90 to 0.96 and 0.79 to 0.83 of the pace without one).
const PATIENCE: u32 = 16;

/// Time within which more buffers than one are made once the store is there, and nothing else could be done meanwhile.
const FIRST_TIME: Duration = Duration::from_millis(2);

/// Bytes that are touched at a time while somebody may call the maker away.
const TOUCH_BYTES: usize = 2 << 20;

/// Bytes of [`WARM_BYTES`] that runs have taken.
static WARM: AtomicU64 = AtomicU64::new(0);

/// The bytes of a run. If the system runs out of memory first, the budget is full with the buffers that exist.
#[derive(Debug)]
pub(crate) struct Budget {
    shared: Arc<Shared>,
    /// Its part of [`WARM_BYTES`].
    warmed: AtomicU64,
}

/// Buffers of one size.
#[derive(Debug, Clone, Copy)]
struct Class {
    bytes: usize,
    /// What is counted for each buffer: its own bytes and what goes with it.
    cost: u64,
    /// What these buffers may take whatever others do.
    sure: u64,
}

/// What the budget and all that it has lent share.
#[derive(Debug)]
pub(super) struct Shared {
    classes: Vec<Class>,
    /// Bytes that buffers may take.
    limit: u64,
    /// Bytes that buffers and what counts beside them may take together: more, where so many buffers were of no use.
    total: u64,
    /// Bytes up to which buffers are made at once where none is free: with fewer, workers would have nothing to do.
    at_once: u64,
    state: Mutex<State>,
    returned: Condvar,
    /// Nanoseconds that the making of the latest buffer took.
    making: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    of: Vec<OfClass>,
    /// Bytes of buffers that are out, with what goes with them.
    out: u64,
    most_out: u64,
    /// Bytes of buffers that are free.
    free: u64,
    /// Bytes that count beside.
    beside: u64,
}

#[derive(Debug, Default)]
struct OfClass {
    /// The last one that came back is the first to go out: it is most likely still in a cache.
    free: Vec<AlignedBuffer>,
    /// Bytes that are out.
    out: u64,
}

/// Why there is no buffer.
enum Lack<'a> {
    /// The limit forbids it.
    Full(MutexGuard<'a, State>),
    /// The system has no memory for one more.
    NoMemory(MutexGuard<'a, State>, u64),
}

impl Budget {
    /// The budget of a plan with these forms of arrays; nothing is allocated yet.
    #[must_use]
    pub(crate) fn new(forms: &[Arc<Form>], memory: &Memory) -> Self {
        let windows = forms.iter().filter_map(|form| Some(*form.windows()?.need()));
        let needs = forms.iter().map(|form| *form.need()).chain(windows);
        Self::of_needs(needs, memory.budget_bytes, memory.pool_bytes, memory.threads)
    }

    /// `limit` bytes for buffers of these needs, or what they are sure of if that is more, and `total` with what counts
    /// beside; so many `workers` store them.
    fn of_needs(needs: impl Iterator<Item = Need>, limit: u64, total: u64, workers: usize) -> Self {
        let classes: Vec<Class> = needs
            .map(|need| Class { bytes: need.buffer_bytes as usize, cost: need.cost(), sure: need.sure_bytes() })
            .collect();
        let sure = classes.iter().map(|class| class.sure).fold(0, u64::saturating_add);
        let state = State { of: classes.iter().map(|_| OfClass::default()).collect(), ..State::default() };
        let most = classes.iter().map(|class| class.cost).max().unwrap_or(0);
        let shared = Shared {
            limit: limit.max(sure),
            total: total.max(limit).max(sure),
            at_once: most.saturating_mul(SLABS_A_WORKER * workers as u64).min(WARM_BYTES),
            classes,
            state: Mutex::new(state),
            returned: Condvar::new(),
            making: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), warmed: AtomicU64::new(0) }
    }

    /// A budget of `limit` bytes, or of these classes if they are more: bytes of a buffer, and how many are sure.
    #[cfg(all(test, feature = "shuttle"))]
    pub(crate) fn of_classes(classes: &[(u64, u64)], limit: u64) -> Self {
        let need = |(bytes, sure): &(u64, u64)| Need { buffer_bytes: *bytes, open_slabs: sure - 1, ..Need::default() };
        Self::of_needs(classes.iter().map(need), limit, 0, 0)
    }

    /// A budget of at most `count` buffers of `bytes` bytes, each counted with `beside` bytes more.
    #[cfg(test)]
    pub(crate) fn of_buffers(bytes: usize, beside: u64, count: u64) -> Self {
        let need = Need {
            buffer_bytes: bytes as u64,
            slab_bytes: beside,
            open_slabs: count.saturating_sub(1),
            ..Need::default()
        };
        Self::of_needs(std::iter::once(need), 0, 0, 0)
    }

    /// Makes what the first frames need: one buffer of each class, and more as long as that takes no time to speak of;
    /// as far as the process may have so much that nobody needs yet.
    pub(crate) fn make_first(&self) {
        let classes = self.shared.classes.len();
        let start = Instant::now();
        for nth in 0.. {
            let class = nth % classes.max(1);
            let lacks = || self.shared.state().of.get(class).is_some_and(|of| of.free.is_empty());
            if nth < classes && !lacks() {
                continue;
            }
            let wanted = nth < classes || start.elapsed() < FIRST_TIME && self.lacks_at_once();
            if !wanted || !self.may_warm(class) || !self.make_spare(class, &|| true) {
                return;
            }
        }
    }

    /// True where there are fewer buffers than are made at once.
    fn lacks_at_once(&self) -> bool {
        let state = self.shared.state();
        state.out + state.free < self.shared.at_once
    }

    /// Takes the bytes of one buffer of [`WARM_BYTES`].
    fn may_warm(&self, class: usize) -> bool {
        let cost = self.shared.classes[class].cost;
        let more = |taken: u64| taken.checked_add(cost).filter(|all| *all <= WARM_BYTES);
        let may = WARM.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if may {
            self.warmed.fetch_add(cost, Ordering::Relaxed);
        }
        may
    }

    /// Makes buffers ahead of need while `go_on` holds and no frame is on its way: as many as keep the workers busy,
    /// and as the process may still have that nobody needs yet.
    pub(crate) fn warm(&self, go_on: &dyn Fn() -> bool) {
        let go_on = &|| go_on() && self.bytes_out() == 0 && self.lacks_at_once();
        for class in (0..self.shared.classes.len()).cycle() {
            if !go_on() || !self.may_warm(class) || !self.make_spare(class, go_on) {
                return;
            }
        }
    }

    /// Does `work`, which leaves a core idle (it waits for files), and makes buffers ahead of need meanwhile. Where the
    /// system has no thread for that, they are made when they are needed.
    pub(crate) fn warm_while<T>(&self, work: impl FnOnce() -> T) -> T {
        let working = AtomicBool::new(true);
        std::thread::scope(|scope| {
            let warm = || self.warm(&|| working.load(Ordering::Relaxed));
            let _ = std::thread::Builder::new().name("ome-stream-warm".into()).spawn_scoped(scope, warm);
            let done = work();
            working.store(false, Ordering::Relaxed);
            done
        })
    }

    /// Buffers of these classes if all are free.
    pub(crate) fn try_take_free(&self, classes: &[usize]) -> Option<Vec<Buffer>> {
        let state = self.shared.state();
        let free = |class: &usize| {
            let wanted = classes.iter().filter(|other| *other == class).count();
            state.of[*class].free.len() >= wanted
        };
        if classes.iter().all(free) { self.lend(state, classes).ok() } else { None }
    }

    /// Buffers of these classes if they are free or may still be made; `None` where the budget is full.
    ///
    /// Their content is what their last user left; a new one is zeroed.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for one and none is `coming` back.
    pub(crate) fn try_take(&self, classes: &[usize], coming: impl Fn() -> bool) -> Result<Option<Vec<Buffer>>> {
        match self.lend(self.shared.state(), classes) {
            Ok(buffers) => Ok(Some(buffers)),
            Err(Lack::Full(_)) => Ok(None),
            Err(Lack::NoMemory(state, _)) if state.out > 0 && coming() => Ok(None),
            Err(Lack::NoMemory(_, bytes)) => Err(no_memory(bytes)),
        }
    }

    /// Buffers of these classes: free ones, or new ones; `None` where the limit or the system forbids that.
    ///
    /// Where two for each worker are out and some are `coming` back, waits for one of them for as long as making one
    /// would take before it makes it; no longer, for a burst of a camera is faster than the disk. Fresh memory can cost
    /// more than the disk needs to free some (measured on a virtual machine that had given its own back to the host:
    /// 0.5 GB/s against 2 GB/s), and a run that takes more only where it must stays small.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for the first.
    pub(crate) fn take_or_make(&self, classes: &[usize], coming: impl FnOnce() -> bool) -> Result<Option<Vec<Buffer>>> {
        let mut state = self.shared.state();
        let lacks = |state: &State| classes.iter().any(|class| state.of[*class].free.is_empty());
        if lacks(&state) && state.out >= self.shared.at_once && self.shared.fits(&state, classes) && coming() {
            let times = if self.shared.classes.len() > 1 { PATIENCE } else { 1 };
            let patience = Duration::from_nanos(self.shared.making.load(Ordering::Relaxed)).saturating_mul(times);
            state = self.shared.wait_while(state, patience, lacks);
        }
        match self.lend(state, classes) {
            Ok(buffers) => Ok(Some(buffers)),
            Err(Lack::NoMemory(state, bytes)) if state.out == 0 => Err(no_memory(bytes)),
            Err(_) => Ok(None),
        }
    }

    /// Buffers of these classes: free ones, or new ones, or, where the limit or the system forbids that, the first that
    /// come back.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the system has no memory for one and none is `coming` back.
    pub(crate) fn take(&self, classes: &[usize], coming: impl Fn() -> bool) -> Result<Vec<Buffer>> {
        self.take_while(classes, coming, || Ok(None))
    }

    /// As [`Budget::take`], for as long as `left` says, if it says a time.
    ///
    /// # Errors
    /// As for [`Budget::take`], and those of `left`.
    pub(crate) fn take_while(
        &self,
        classes: &[usize],
        coming: impl Fn() -> bool,
        left: impl Fn() -> Result<Option<Duration>>,
    ) -> Result<Vec<Buffer>> {
        let mut state = self.shared.state();
        loop {
            state = match self.lend(state, classes) {
                Ok(buffers) => return Ok(buffers),
                Err(Lack::Full(full)) => match left()? {
                    None => self.shared.returned.wait(full).unwrap_or_else(PoisonError::into_inner),
                    Some(left) => {
                        self.shared.returned.wait_timeout(full, left).unwrap_or_else(PoisonError::into_inner).0
                    }
                },
                Err(Lack::NoMemory(state, bytes)) => {
                    left()?;
                    // Asked before waiting: what was stored a moment ago may not be back yet.
                    let hope = state.out > 0 && coming();
                    let lacks = |state: &State| classes.iter().any(|class| state.of[*class].free.is_empty());
                    let state = self.shared.wait_while(state, ASK_AGAIN, lacks);
                    if lacks(&state) && !hope {
                        return Err(no_memory(bytes));
                    }
                    state
                }
            };
        }
    }

    /// Wakes all that wait, for them to ask again how long they may.
    pub(crate) fn wake(&self) {
        let _state = self.shared.state();
        self.shared.returned.notify_all();
    }

    /// Counts bytes that a slab without a buffer takes.
    #[must_use]
    pub(crate) fn slab_beside(&self, class: usize) -> Beside {
        let class = self.shared.classes[class];
        self.beside(class.cost - class.bytes as u64)
    }

    fn beside(&self, bytes: u64) -> Beside {
        self.shared.state().beside += bytes;
        Beside::new(Arc::clone(&self.shared), bytes)
    }

    /// Counts bytes that wait beside the buffers from now on, instead of `before`.
    pub(crate) fn count_beside(&self, before: u64, now: u64) {
        self.shared.count_beside(before, now);
    }

    /// Bytes that count beside the buffers.
    #[cfg(test)]
    pub(crate) fn bytes_beside(&self) -> u64 {
        self.shared.state().beside
    }

    /// Bytes that are out: accepted and not yet written, with what goes with them.
    #[must_use]
    pub(crate) fn bytes_out(&self) -> u64 {
        self.shared.state().out
    }

    /// Most bytes that were ever out at once.
    #[must_use]
    pub(crate) fn high_water(&self) -> u64 {
        self.shared.state().most_out
    }

    /// Bytes that may be out at once.
    #[must_use]
    pub(crate) fn limit_bytes(&self) -> u64 {
        self.shared.limit
    }

    /// Lends free buffers or new ones, all that are wanted or none; gives the lock back where that cannot be.
    fn lend<'a>(&'a self, mut state: MutexGuard<'a, State>, classes: &[usize]) -> Result<Vec<Buffer>, Lack<'a>> {
        let shared = &self.shared;
        if !shared.fits(&state, classes) {
            return Err(Lack::Full(state));
        }
        let mut taken: Vec<Option<AlignedBuffer>> = Vec::with_capacity(classes.len());
        let mut new = 0;
        for class in classes {
            let free = state.of[*class].free.pop();
            match &free {
                Some(_) => state.free -= shared.classes[*class].bytes as u64,
                None => new += shared.classes[*class].bytes as u64,
            }
            let cost = shared.classes[*class].cost;
            state.of[*class].out += cost;
            state.out += cost;
            taken.push(free);
        }
        state.most_out = state.most_out.max(state.out);
        let given_up = if new > 0 { shared.make_way(&mut state) } else { Vec::new() };
        drop(state);
        drop(given_up);
        // Made without the lock: others may return theirs in the meantime.
        let mut buffers = Vec::with_capacity(classes.len());
        let mut lacking = None;
        for (class, free) in classes.iter().zip(&mut taken) {
            let is_new = free.is_none();
            match free.take().or_else(|| shared.make(*class, &|| true)) {
                Some(memory) => buffers.push((*class, is_new, memory)),
                None => {
                    lacking = Some(shared.classes[*class].bytes as u64);
                    break;
                }
            }
        }
        let Some(bytes) = lacking else {
            let lent = buffers.into_iter().map(|(class, _, memory)| Buffer::of(Arc::clone(shared), class, memory));
            return Ok(lent.collect());
        };
        // All or none: what was free is free again, what was made for this goes back to the system.
        let mut state = shared.state();
        for class in classes {
            let cost = shared.classes[*class].cost;
            state.of[*class].out -= cost;
            state.out -= cost;
        }
        let kept = buffers.into_iter().filter(|(_, is_new, _)| !is_new).map(|(class, _, memory)| (class, memory));
        let rest = classes.iter().copied().zip(taken).filter_map(|(class, free)| Some((class, free?)));
        for (class, memory) in kept.chain(rest).collect::<Vec<_>>() {
            state.free += memory.len() as u64;
            state.of[class].free.push(memory);
        }
        // What classes that are not wanted keep is of use here.
        let mut given_up = Vec::new();
        for class in (0..shared.classes.len()).filter(|class| !classes.contains(class)) {
            let free = std::mem::take(&mut state.of[class].free);
            state.free -= free.iter().map(|memory| memory.len() as u64).sum::<u64>();
            given_up.extend(free);
        }
        if given_up.is_empty() {
            return Err(Lack::NoMemory(state, bytes));
        }
        drop(state);
        drop(given_up);
        self.lend(shared.state(), classes)
    }

    /// Makes a free buffer; false where the limit or the system forbids it.
    fn make_spare(&self, class: usize, go_on: &dyn Fn() -> bool) -> bool {
        let shared = &self.shared;
        let bytes = shared.classes[class].bytes as u64;
        {
            let state = shared.state();
            if shared.is_over(&state, shared.classes[class].cost) {
                return false;
            }
        }
        let Some(memory) = shared.make(class, go_on) else { return false };
        let mut state = shared.state();
        // While it was made, others may have taken what was left.
        if shared.is_over(&state, bytes) {
            return false;
        }
        state.free += bytes;
        state.of[class].free.push(memory);
        drop(state);
        shared.tell();
        true
    }
}

fn no_memory(bytes: u64) -> Error {
    Error::OutOfMemory { bytes, purpose: "planes that are completed together" }
}

impl Drop for Budget {
    fn drop(&mut self) {
        WARM.fetch_sub(self.warmed.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where buffers of these classes may go out: every class keeps what it is sure of, or has it already. What
    /// counts beside takes from what is common, never from that.
    fn fits(&self, state: &State, classes: &[usize]) -> bool {
        let (mut all, mut own) = (0_u64, true);
        for (nth, (class, of)) in self.classes.iter().zip(&state.of).enumerate() {
            let wanted = classes.iter().filter(|other| **other == nth).count() as u64;
            let out = of.out + wanted * class.cost;
            own &= wanted == 0 || out <= class.sure;
            all = all.saturating_add(out.max(class.sure));
        }
        own || all <= self.limit && all.saturating_add(state.beside) <= self.total
    }

    /// True where there would be too much with `more` bytes, free buffers counted.
    fn is_over(&self, state: &State, more: u64) -> bool {
        let buffers = state.out + state.free + more;
        buffers > self.limit || buffers + state.beside > self.total
    }

    /// Takes free buffers away where all together would be more than the limit.
    fn make_way(&self, state: &mut State) -> Vec<AlignedBuffer> {
        let mut given_up = Vec::new();
        while self.is_over(state, 0) {
            let fullest = state.of.iter_mut().max_by_key(|of| of.free.len());
            let Some(buffer) = fullest.and_then(|of| of.free.pop()) else { break };
            state.free -= buffer.len() as u64;
            given_up.push(buffer);
        }
        given_up
    }

    /// A buffer whose pages are there, as far as `go_on` held; `None` where the system has no memory to give.
    fn make(&self, class: usize, go_on: &dyn Fn() -> bool) -> Option<AlignedBuffer> {
        let start = Instant::now();
        let mut buffer = AlignedBuffer::of_planes(self.classes[class].bytes)?;
        for piece in buffer.as_mut_slice().chunks_mut(TOUCH_BYTES) {
            if !go_on() {
                // The rest is touched by whoever fills it.
                return Some(buffer);
            }
            AlignedBuffer::touch(piece);
        }
        self.making.store(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Some(buffer)
    }

    fn wait_while<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        patience: Duration,
        lacks: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let until = Instant::now() + patience;
        while lacks(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    pub(super) fn count_beside(&self, before: u64, now: u64) {
        let mut state = self.state();
        state.beside = (state.beside + now).saturating_sub(before);
        drop(state);
        if before > now {
            self.tell();
        }
    }

    pub(super) fn put_back(&self, class: usize, memory: AlignedBuffer) {
        let mut state = self.state();
        let cost = self.classes[class].cost;
        state.of[class].out -= cost;
        state.out -= cost;
        state.free += memory.len() as u64;
        state.of[class].free.push(memory);
        drop(state);
        self.tell();
    }

    /// Tells whoever waits. Where there is one class, one of them can use what came back.
    fn tell(&self) {
        if self.classes.len() == 1 { self.returned.notify_one() } else { self.returned.notify_all() }
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
#[path = "budget_tests.rs"]
mod tests;
