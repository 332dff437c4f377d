//! The thread that lets readers see, within `live_interval`, what was written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::front::Front;
use super::shared::Shared;
use crate::backend::Batch;
use crate::buffer::{AlignedBuffer, Group, GroupKey};
use crate::error::{Error, Result};
use crate::store::record;

/// Rounds within one `live_interval`: a frame waits at most for one whole round before the next one takes it.
const ROUNDS: f64 = 2.5;

/// Starts the thread; it ends when `stop` is closed.
pub(super) fn start(shared: &Arc<Shared>, front: &Arc<Mutex<Front>>, stop: Receiver<()>) -> Result<JoinHandle<()>> {
    let interval = Duration::from_secs_f64(shared.plan.settings().live_interval / ROUNDS);
    let (shared, front) = (Arc::clone(shared), Arc::clone(front));
    let root = shared.plan.root().to_path_buf();
    std::thread::Builder::new()
        .name("ome-stream-live".into())
        .spawn(move || {
            let mut rounds = Rounds::default();
            while stop.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = rounds.run(&shared, &front) {
                    shared.failure.set(shared.progress.counts().0, error);
                }
            }
        })
        .map_err(|source| Error::io("start a thread for", root, source))
}

/// What the last round left behind.
#[derive(Default)]
struct Rounds {
    /// Planes of each open group that readers were shown.
    shown: HashMap<GroupKey, usize>,
    scratch: Option<AlignedBuffer>,
    /// Frames that the record tells of.
    recorded: u64,
}

impl Rounds {
    fn run(&mut self, shared: &Shared, front: &Mutex<Front>) -> Result<()> {
        // After a failure nothing new is stored, but readers shall see what was written before it.
        let failed = shared.failure.is_set();
        if !failed {
            shared.check_root()?;
            shared.journal.flush(&shared.plan, &*shared.disk, shared.sync())?;
        }
        if shared.capabilities.provisional && !failed {
            let open: Vec<Arc<Group>> = {
                let front = front.lock().unwrap_or_else(PoisonError::into_inner);
                front.open_groups().filter(|group| group.buffer().is_some()).cloned().collect()
            };
            self.shown.retain(|key, _| open.iter().any(|group| group.key() == *key));
            for group in open {
                self.show(shared, &group)?;
            }
        }
        // Asked before readers are shown: what the record says is then certainly there for them.
        let (written, _) = shared.progress.counts();
        let mut outcome = Ok(());
        for position in 0..shared.plan.positions().len() {
            let extent = shared.progress.extent(position);
            let published = shared.sink.publish(position, extent);
            if published.is_ok() {
                shared.progress.published(position, extent);
            }
            // What one position's disk refuses, another's may take.
            outcome = outcome.and(published);
        }
        outcome?;
        if written > self.recorded {
            record::write(shared.plan.root(), &*shared.disk, shared.sync(), written)?;
            self.recorded = written;
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
        if filled.len() == *shown {
            return Ok(());
        }
        *shown = filled.len();
        let layout = &shared.layout;
        let scratch = self.scratch.get_or_insert_with(|| AlignedBuffer::zeroed(layout.unit_bytes()));
        let stored = group.store_provisional(|| {
            for unit in 0..layout.units() {
                let bytes = &mut scratch.as_mut_slice()[..layout.unit_bytes()];
                group.copy_partial(layout, unit, bytes);
                shared.sink.write(&Batch {
                    key: group.key(),
                    level: 0,
                    layout,
                    units: unit..unit + 1,
                    bytes,
                    complete: false,
                })?;
            }
            Ok(())
        });
        match stored {
            Some(outcome) => {
                outcome?;
                shared.log.planes(group.key(), filled.iter().copied())?;
                shared.progress.written(&shared.plan, layout, group.key(), filled.into_iter());
                Ok(())
            }
            None => Ok(()),
        }
    }
}
