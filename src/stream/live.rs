//! The thread that lets readers see, within `live_interval`, what was written.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::housekeeping::Kept;
use super::shared::Shared;
use super::threads::{self, Alive};
use crate::backend::Batch;
use crate::buffer::{AlignedBuffer, Group, GroupKey};
use crate::error::{Error, Result};
use crate::store::record;

/// Rounds within one `live_interval`: a frame waits at most for one whole round before the next one takes it.
const ROUNDS: f64 = 2.5;

/// Starts the thread; it ends when `stop` is closed.
pub(super) fn start(shared: &Arc<Shared>, stop: Receiver<()>, alive: Alive) -> Result<JoinHandle<()>> {
    let interval = Duration::from_secs_f64(shared.plan.settings().live_interval / ROUNDS);
    let shared = Arc::clone(shared);
    let root = shared.plan.root().to_path_buf();
    let rounds = move || {
        let mut rounds = Rounds::default();
        while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
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
    /// Planes of each open group that readers were shown.
    shown: HashMap<GroupKey, usize>,
    scratch: Option<AlignedBuffer>,
    /// Frames that the record tells of.
    recorded: u64,
}

impl Rounds {
    pub(super) fn run(&mut self, shared: &Shared) -> Result<()> {
        // After a failure nothing new is stored, but readers shall see what was written before it.
        if !shared.failure.is_set() {
            shared.check_root()?;
            shared.flush_frame_metadata()?;
            if shared.capabilities.provisional {
                self.show_open(shared)?;
            }
        }
        // Asked before readers are shown: what the record says is then certainly there for them.
        let (written, _) = shared.progress.counts();
        let changed = shared.progress.take_changed();
        if let Err(error) = shared.sink.publish(&changed) {
            shared.progress.not_published(&changed);
            return Err(error);
        }
        shared.progress.published(&changed);
        // Before the record, which counts them as done.
        shared.list_missing();
        if written > self.recorded {
            let outcome = record::write(shared.plan.root(), &*shared.disk, shared.sync(), written);
            if shared.housekeeping.note(Kept::Record, outcome) {
                self.recorded = written;
            }
        }
        Ok(())
    }

    /// Shows readers what is in the groups that are open now.
    fn show_open(&mut self, shared: &Shared) -> Result<()> {
        // Not held: a group that is complete meanwhile gives its buffer back.
        let open: Vec<_> = shared.open().values().map(Arc::downgrade).collect();
        let before = std::mem::take(&mut self.shown);
        for group in open {
            let Some(group) = group.upgrade() else { continue };
            if let Some(shown) = before.get(&group.key()) {
                self.shown.insert(group.key(), *shown);
            }
            self.show(shared, &group)?;
        }
        Ok(())
    }

    /// Stores a provisional copy of a group that was already open in the last round and has new planes since.
    fn show(&mut self, shared: &Shared, group: &Group) -> Result<()> {
        let filled: Vec<usize> = group.filled().collect();
        let Some(shown) = self.shown.get_mut(&group.key()) else {
            // Most groups are complete before the next round.
            self.shown.insert(group.key(), 0);
            return Ok(());
        };
        let layout = &shared.layout;
        if filled.len() == *shown || !shared.sink.allows_copy(layout, *shown, filled.len()) {
            return Ok(());
        }
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            // The run goes on without memory for a copy: readers see these planes later.
            none => match AlignedBuffer::zeroed(layout.unit_bytes(), "a copy for live readers") {
                Ok(scratch) => none.insert(scratch),
                Err(error) => {
                    tracing::warn!(%error, "open chunks are not shown to live readers");
                    return Ok(());
                }
            },
        };
        let stored = group.store_provisional(|| {
            let not_stored = group.not_stored();
            let is_new = |slot: &usize| not_stored.as_ref().is_none_or(|new| new.binary_search(slot).is_ok());
            let new: Vec<usize> = filled.iter().copied().filter(is_new).collect();
            for unit in 0..layout.units() {
                let bytes = &mut scratch.as_mut_slice()[..layout.unit_bytes()];
                group.copy_partial(layout, unit, bytes);
                let stored = shared.sink.write(&Batch {
                    key: group.key(),
                    level: 0,
                    layout,
                    units: unit..unit + 1,
                    bytes,
                    complete: false,
                    new_planes: Some(&new),
                })?;
                if stored.refused {
                    return Ok(false);
                }
            }
            group.note_stored(new.iter().copied());
            Ok(true)
        });
        // What was not stored, or not of every unit, is not called written.
        if stored.transpose()? == Some(true) {
            *shown = filled.len();
            shared.flush_for_log()?;
            shared.log.planes(group.key(), filled.iter().copied())?;
            shared.progress.written(&shared.plan, layout, group.key(), filled.into_iter());
        }
        Ok(())
    }
}
