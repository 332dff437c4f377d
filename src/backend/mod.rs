//! The border between core and engines.
//!
//! An engine says in its [`Capabilities`] which [`Unit`] it takes; core assembles exactly that, so that no engine ever
//! has to read, modify and write. The trait stays small: conveniences live in [`crate::stream`].

mod memory;

pub use memory::{MemoryBackend, MemoryStore};

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::buffer::{GroupKey, Layout, Unit, UnitPlace};
use crate::error::{Error, Result};
use crate::journal::Log;
use crate::plan::Plan;
use crate::platform::Disk;
use crate::recover::Verifier;

/// What an engine can do, for core to adapt to and for people to read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Capabilities {
    /// What it takes at a time.
    pub unit: Unit,
    /// True where units must come one after another in the order in which frames arrive: core then uses one worker.
    pub in_order: bool,
    /// True where an incomplete unit may be written and written again when complete, so that live readers see it.
    pub provisional: bool,
    /// True where the engine holds no memory beyond what core's budget counts.
    pub bounded_memory: bool,
    /// True where it can continue a store and replace frames in it.
    pub random_access: bool,
    /// True where it writes documents of groups by itself: core then writes all of its own once more at the end.
    pub writes_groups: bool,
    /// Engine and version, as a person should see it.
    pub version: String,
}

/// Why an engine cannot write a plan, as data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// An engine that writes OME-Zarr stores.
pub trait Backend: std::fmt::Debug + Send + Sync {
    /// Name as given to `-b` and in settings.
    fn name(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether it can write this plan; asked before anything touches disk.
    ///
    /// # Errors
    /// The reason why not.
    fn check(&self, plan: &Plan) -> Result<(), Unsupported>;

    /// Makes the arrays, valid and empty, in a root that exists and has its group metadata. An engine that places chunks
    /// in shards notes their places in `log`.
    ///
    /// # Errors
    /// What the engine or the disk reports; core then removes what was made.
    fn create(&self, plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>) -> Result<Box<dyn Sink>>;

    /// Opens the arrays of a store that was made with this plan, to write on. Its first `frames` frames are done: each is
    /// stored, or it is missing for ever.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with the difference where an array is not what the plan says; [`Error::Damaged`];
    /// [`Error::Unsupported`] from engines without [`Capabilities::random_access`].
    fn resume(&self, plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>, frames: u64) -> Result<Box<dyn Sink>> {
        let _ = (plan, disk, log, frames);
        Err(no_random_access(self.name()))
    }

    /// Tells whether stored bytes are whole chunks, where the engine knows its codecs: asked when an interrupted store is
    /// mended before it is continued.
    fn verifier(&self) -> Option<&dyn Verifier> {
        None
    }
}

/// What an engine answers that can only write forward.
pub(crate) fn no_random_access(backend: &str) -> Error {
    Error::Unsupported {
        backend: backend.to_owned(),
        reason: "it can neither continue a store nor replace a frame; use the engine `zarrs`".to_owned(),
    }
}

/// One run of an engine. Calls come from several threads at once unless the engine asked for order.
pub trait Sink: Send + Sync {
    /// Stores units.
    ///
    /// # Errors
    /// What the engine or the disk reports; the run then fails with it.
    fn write(&self, batch: &Batch<'_>) -> Result<Stored>;

    /// Takes note that units will never be written: they read as fill value.
    ///
    /// # Errors
    /// As for [`Sink::write`].
    fn skip(&self, batch: &Batch<'_>) -> Result<Stored>;

    /// Pixels of unit `nth` of a group that was written; `None` where it is not there.
    ///
    /// # Errors
    /// What the disk reports, [`Error::Damaged`] for what cannot be decoded, [`Error::Unsupported`].
    fn read(&self, key: GroupKey, layout: &Layout, nth: usize) -> Result<Option<Vec<u8>>> {
        let _ = (key, layout, nth);
        Err(no_random_access("this engine"))
    }

    /// Replaces one plane in units that were written before, and lets readers see it.
    ///
    /// # Errors
    /// As for [`Sink::read`] and [`Sink::write`].
    fn replace(&self, plane: &Plane<'_>) -> Result<()> {
        let _ = plane;
        Err(no_random_access("this engine"))
    }

    /// Lets readers see all that was written to the positions in `changed`, and the array of each grow to so many planes
    /// along its append axis (never smaller than before); `None` where the array has a fixed shape. What one position's
    /// disk refuses, another's may take: goes on after an error.
    ///
    /// Asked in every round of the live thread, also where nothing has changed, and also while [`Sink::finish`] runs.
    ///
    /// # Errors
    /// The first that the engine or the disk reports; all of `changed` comes again in the next round.
    fn publish(&self, changed: &[(usize, Option<u64>)]) -> Result<()>;

    /// Seals everything, trims the array of each position to `extents[position]` planes along its append axis, and
    /// ends the run. Called once, also after a failure: then it saves what it can.
    ///
    /// # Errors
    /// The first thing that could not be stored.
    fn finish(&self, extents: &[Option<u64>]) -> Result<()>;

    /// Bytes handed to the disk so far: payload after encoding, indices and array metadata.
    fn bytes_written(&self) -> u64;

    /// Of these, what was written for readers that look while the run goes on, and would not have been written without
    /// them: copies of incomplete units, and indices.
    fn bytes_for_live_readers(&self) -> u64 {
        0
    }

    /// Whether a provisional copy of a group may be stored now that `filled` of its planes are there, of which `shown`
    /// were in the last copy (0: there is none): an engine that stores units as a whole bounds what that costs.
    fn allows_copy(&self, layout: &Layout, shown: usize, filled: usize) -> bool {
        let _ = (layout, shown, filled);
        true
    }

    /// Time that all threads together have spent in this engine so far; zero where it does not say.
    fn time_spent(&self) -> TimeSpent {
        TimeSpent::default()
    }
}

/// Where an engine's time went, all threads added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeSpent {
    /// Encoding chunks.
    pub encode: Duration,
    /// Calls that write files, renaming and metadata included.
    pub write: Duration,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Shards that this write completed and put on the medium. Without shards, every durable unit counts as one.
    pub sealed_durable: usize,
    /// True where a provisional copy was not stored, because it would cost more than live readers may.
    pub refused: bool,
}

/// One plane, cut into the units of its group.
#[derive(Debug)]
pub struct Plane<'a> {
    /// Position and group.
    pub key: GroupKey,
    /// How the group is laid out.
    pub layout: &'a Layout,
    /// Place of the plane in each unit.
    pub slot: usize,
    /// The plane's part of each unit ([`Layout::plane_bytes`] each), one after another.
    pub bytes: &'a [u8],
}

/// Units of one group that lie side by side in memory (and, with shards, in one shard).
#[derive(Debug)]
pub struct Batch<'a> {
    /// Position and group.
    pub key: GroupKey,
    /// Resolution level; 0 is full.
    pub level: u32,
    /// How the group is laid out.
    pub layout: &'a Layout,
    /// Which units of the group.
    pub units: Range<usize>,
    /// Their bytes, one unit after another; empty in [`Sink::skip`].
    pub bytes: &'a [u8],
    /// False for a provisional copy of units that will be written again.
    pub complete: bool,
    /// Slots whose planes no earlier call has stored, ascending; `None` where nothing of this group was stored before.
    /// `bytes` holds the others all the same, for engines that store a unit as a whole.
    pub new_planes: Option<&'a [usize]>,
}

impl<'a> Batch<'a> {
    /// The units with their places and bytes.
    pub fn units(&self) -> impl Iterator<Item = (UnitPlace, &'a [u8])> + '_ {
        let each = self.layout.unit_bytes();
        let bytes = self.bytes;
        self.units.clone().enumerate().map(move |(nth, unit)| {
            let part = bytes.get(nth * each..(nth + 1) * each).unwrap_or(&[]);
            (self.layout.place(&self.key.index, unit), part)
        })
    }
}
