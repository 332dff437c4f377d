//! The thread that lets readers see, within `live_interval`, what was written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::housekeeping::Kept;
use super::shared::Shared;
use super::threads::{self, Alive};
use crate::backend::Batch;
use crate::buffer::{AlignedBuffer, Arrival, Filled, Watched};
use crate::error::{Error, Result};
use crate::journal::record::Come;
use crate::plan::{ArrayId, SlabKey, SourceId};
use crate::platform::SyncPolicy;

/// Rounds within one `live_interval`: a frame waits at most for one whole round before the next one takes it.
const ROUNDS: f64 = 2.5;

/// Starts the thread; it ends when `stop` is closed.
pub(super) fn start(shared: &Arc<Shared>, stop: Receiver<()>, alive: Alive) -> Result<JoinHandle<()>> {
    let interval = Duration::from_secs_f64(shared.plan.settings().live_interval / ROUNDS);
    let shared = Arc::clone(shared);
    let root = shared.plan.root().to_path_buf();
    let rounds = move || {
        let mut rounds = Rounds::default();
        let mut warm = false;
        while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            if !std::mem::replace(&mut warm, true) {
                // A camera that has begun makes what it needs: making more beside it costs what both have in common.
                shared.budget.warm(&|| stop.try_recv() == Err(TryRecvError::Empty));
            }
            if let Err(error) = rounds.run(&shared) {
                shared.failure.set(shared.progress.counts().0, error);
            }
        }
    };
    threads::start("ome-stream-live".into(), alive, rounds)
        .map_err(|source| Error::io("start a thread for", root, source))
}

/// What the last round left behind.
#[derive(Default)]
pub(super) struct Rounds {
    /// Planes of each open slab that readers were shown.
    shown: HashMap<SlabKey, usize>,
    scratch: Option<AlignedBuffer>,
    /// Arrays with planes that readers do not see yet because it would cost too much, and how far they reach.
    unseen: BTreeMap<ArrayId, Option<u64>>,
    /// Frames of each source that the record tells of.
    recorded: Vec<u64>,
    /// Frames of each source that the log says are on the medium.
    durable: Vec<u64>,
}

impl Rounds {
    pub(super) fn run(&mut self, shared: &Shared) -> Result<()> {
        // After a failure nothing new is stored, but readers shall see what was written before it.
        if shared.check().is_ok() {
            shared.store.check_root()?;
            shared.flush_frame_metadata()?;
            if shared.capabilities.provisional {
                self.show_open(shared)?;
            }
        }
        // Asked before readers are shown: what the record says is then certainly there for them.
        let come = shared.progress.by_source();
        let changed = shared.progress.take_changed(&shared.plan);
        if let Err(error) = self.publish(shared, &changed) {
            shared.progress.not_published(&changed);
            return Err(error);
        }
        shared.progress.published(&shared.plan, &changed);
        if self.unseen.is_empty() {
            shared.progress.readable(come.iter().map(|(written, _)| *written));
        }
        // Before the record, which counts them as done.
        shared.list_missing();
        self.record(shared, &come)
    }

    /// Lets readers see what was written to arrays, and tells them how far each reaches; goes on after an error, which
    /// it returns.
    fn publish(&mut self, shared: &Shared, changed: &[(ArrayId, Option<u64>)]) -> Result<()> {
        let mut outcome = Ok(());
        // Arrays whose publishing cost too much, or failed, in an earlier round.
        let mut all = std::mem::take(&mut self.unseen);
        all.extend(changed.iter().copied());
        for (array, extent) in all {
            // Data first: no reader may be told of planes that it cannot read.
            let published = shared.sink.publish(array).and_then(|seen| {
                if !seen {
                    self.unseen.insert(array, extent);
                }
                // What is durable needs a shape that reaches it.
                if seen || shared.store.sync() == SyncPolicy::Now { shared.store.grow(array, extent) } else { Ok(()) }
            });
            if published.is_err() {
                self.unseen.insert(array, extent);
            }
            outcome = outcome.and(published);
        }
        outcome.and(shared.sink.tend())
    }

    /// Tells in the store how far the run has come, where that has changed.
    fn record(&mut self, shared: &Shared, come: &[(u64, u64)]) -> Result<()> {
        let written: Vec<u64> = come.iter().map(|(written, _)| *written).collect();
        if written.iter().any(|written| *written > 0) && written != self.recorded {
            let all: Vec<Come> = written.iter().copied().map(Come::all).collect();
            if shared.housekeeping.note(Kept::Record, shared.store.record(&all)) {
                self.recorded = written;
            }
        }
        self.durable.resize(come.len(), 0);
        for ((nth, (_, durable)), told) in (0_u16..).zip(come).zip(&mut self.durable) {
            if durable > told {
                shared.store.log().durable(SourceId(nth), *durable)?;
                *told = *durable;
            }
        }
        Ok(())
    }

    /// Shows readers what is in the slabs that are open now.
    fn show_open(&mut self, shared: &Shared) -> Result<()> {
        // Not held: a slab that is complete meanwhile gives its buffer back.
        let open: Vec<_> = shared.open().iter().map(|(key, slab)| (*key, slab.clone())).collect();
        let before = std::mem::take(&mut self.shown);
        for (key, slab) in open {
            if let Some(shown) = before.get(&key) {
                self.shown.insert(key, *shown);
            }
            // There may be thousands, on a disk that is slow.
            if shared.abort.is_asked() {
                break;
            }
            self.show(shared, key, &slab)?;
        }
        Ok(())
    }

    /// Stores a provisional copy of a slab that was already open in the last round and has new planes since.
    fn show(&mut self, shared: &Shared, key: SlabKey, slab: &Watched) -> Result<()> {
        let Some(shown) = self.shown.get_mut(&key) else {
            // Most slabs are complete before the next round.
            self.shown.insert(key, 0);
            return Ok(());
        };
        let layout = shared.plan.array(key.array).layout();
        let Some(filled) = slab.filled() else { return Ok(()) };
        if filled == *shown || !shared.sink.allows_copy(key.array, *shown, filled) {
            return Ok(());
        }
        if self.scratch.as_ref().is_none_or(|scratch| scratch.capacity() < layout.unit_bytes()) {
            // The run goes on without memory for a copy: readers see these planes later.
            match AlignedBuffer::zeroed(layout.unit_bytes(), "a copy for live readers") {
                Ok(scratch) => self.scratch = Some(scratch),
                Err(error) => {
                    tracing::warn!(%error, "open chunks are not shown to live readers");
                    return Ok(());
                }
            }
        }
        let Some(scratch) = &mut self.scratch else { return Ok(()) };
        let scratch = &mut scratch.as_mut_slice()[..layout.unit_bytes()];
        // Planes count as written only if every unit was stored.
        let Some(Some(planes)) = slab.provisionally(|slab| copy(shared, key, slab, scratch)).transpose()? else {
            return Ok(());
        };
        *shown = planes.len();
        shared.flush_for_log()?;
        shared.store.log().planes(key, planes.iter().copied())?;
        shared.progress.written(&shared.plan, key, &planes);
        Ok(())
    }
}

/// Gives a copy of the filled planes of a slab to the engine, unit by unit in `scratch`; `None` where one was not
/// stored.
fn copy(shared: &Shared, key: SlabKey, slab: &Filled<'_>, scratch: &mut [u8]) -> Result<Option<Vec<(usize, Arrival)>>> {
    let (planes, not_stored, layout) = (slab.slots(), slab.not_stored(), slab.layout());
    let is_new = |slot: &usize| not_stored.as_ref().is_none_or(|new| new.binary_search(slot).is_ok());
    let new: Vec<usize> = planes.iter().map(|(slot, _)| *slot).filter(is_new).collect();
    for unit in 0..layout.units() {
        slab.copy_unit(&planes, unit, scratch);
        let stored = shared.sink.write(&Batch {
            key,
            layout,
            units: unit..unit + 1,
            bytes: scratch,
            complete: false,
            new_planes: Some(&new),
        })?;
        if stored.refused {
            return Ok(None);
        }
    }
    slab.note_stored(new.iter().copied());
    Ok(Some(planes))
}
