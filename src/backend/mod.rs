//! The border between core and engines.
//!
//! An engine says in its [`Capabilities`] which [`StorageUnit`](crate::plan::StorageUnit) it takes; core assembles
//! exactly that, so that no engine ever has to read, modify and write. The trait stays small: conveniences live in the
//! stream.

mod memory;
mod verify;

pub use crate::plan::Capabilities;
pub use memory::{MemoryBackend, MemoryStore};
pub use verify::{ChunkChecker, Verifier};

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::plan::{ArrayId, Layout, Plan, SlabKey, UnitPlace};
use crate::shown::quoted;
use crate::store::Store;

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

    /// Makes ready to write the arrays of a new store, which has its groups; core makes the documents of the arrays
    /// when this returns. An engine that places chunks in shards notes their places in the store's log.
    ///
    /// # Errors
    /// What the engine or the disk reports; core then removes what was made.
    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>>;

    /// Makes ready to write on in a store that an earlier run has made, whose arrays are what the plan says. What is
    /// `done` is stored, or missing for ever.
    ///
    /// # Errors
    /// [`Error::Damaged`]; [`Error::Unsupported`] from engines without [`Capabilities::random_access`].
    fn resume(&self, store: &Arc<Store>, done: &Done) -> Result<Box<dyn Sink>> {
        let _ = (store, done);
        Err(no_random_access(self.name()))
    }

    /// Tells whether stored bytes are whole chunks, where the engine knows its codecs: asked when an interrupted store
    /// is mended before it is continued.
    fn verifier(&self) -> Option<&dyn Verifier> {
        None
    }
}

/// Whether `backend` can write a plan that was made for what it can do: in the Zarr format of the plan, with its
/// checksums, and all else that it refuses by itself.
///
/// # Errors
/// [`Error::Unsupported`] with the reason.
pub fn check(backend: &dyn Backend, plan: &Plan) -> Result<()> {
    let unsupported = |reason: String| Error::Unsupported { backend: backend.name().to_owned(), reason };
    let capabilities = backend.capabilities();
    if !capabilities.zarr_formats.contains(&plan.zarr()) {
        return Err(unsupported(format!(
            "format.version {} lies on Zarr v{}, which it does not write; use another version, or the engine `zarrs`",
            quoted(plan.settings().format.version.name()),
            plan.zarr().number()
        )));
    }
    if let Some(checksum) = plan.settings().compression.checksum.filter(|_| !capabilities.checksums) {
        return Err(unsupported(format!(
            "compression.checksum {}: it stores no checksums; leave it out, or use the engine `zarrs`",
            quoted(checksum.name())
        )));
    }
    backend.check(plan).map_err(|Unsupported(reason)| unsupported(reason))
}

/// What of a store that is continued is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// For each source: every one of its frames below this number is stored, or missing for ever.
    pub frames: Vec<u64>,
    /// As `frames`, of the levels below full resolution.
    pub levels: Vec<u64>,
}

impl Done {
    /// True where nothing more comes to a slab.
    #[must_use]
    pub fn has(&self, plan: &Plan, key: SlabKey) -> bool {
        let array = plan.array(key.array);
        let frames = if array.level() == 0 { &self.frames } else { &self.levels };
        frames.get(array.form().source().index()).is_some_and(|frames| plan.is_slab_done(key, *frames))
    }
}

/// The error of engines without random access.
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

    /// Pixels of unit `nth` of a slab that was written; `None` where it is not there.
    ///
    /// # Errors
    /// What the disk reports, [`Error::Damaged`] for what cannot be decoded, [`Error::Unsupported`].
    fn read(&self, key: SlabKey, layout: &Layout, nth: usize) -> Result<Option<Vec<u8>>> {
        let _ = (key, layout, nth);
        Err(no_random_access("this engine"))
    }

    /// Replaces one plane in units that were written before, and lets readers see it.
    ///
    /// # Errors
    /// As for [`Sink::read`] and [`Sink::write`].
    fn replace(&self, plane: &Replacement<'_>) -> Result<()> {
        let _ = plane;
        Err(no_random_access("this engine"))
    }

    /// Lets readers see all that was written to an array: then core tells in its document how far it reaches. False
    /// where that would cost more than readers may: it is asked for again in the next round of the live thread.
    ///
    /// # Errors
    /// What the engine or the disk reports; what one array's disk refuses, another's may take.
    fn publish(&self, array: ArrayId) -> Result<bool> {
        let _ = array;
        Ok(true)
    }

    /// What is to be done now and then. Asked in every round of the live thread, also where nothing has changed, and
    /// also while the run is being finished.
    ///
    /// # Errors
    /// As for [`Sink::publish`].
    fn tend(&self) -> Result<()> {
        Ok(())
    }

    /// Seals all that was written to an array, to which nothing more comes; core then gives its document the final
    /// shape. Called once for each, also after a failure: then it saves what it can.
    ///
    /// # Errors
    /// The first thing that could not be stored.
    fn seal(&self, array: ArrayId) -> Result<()> {
        let _ = array;
        Ok(())
    }

    /// Ends the run: every array is sealed. Called once, also after a failure.
    ///
    /// # Errors
    /// As for [`Sink::seal`].
    fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// Of the bytes handed to the disk ([`Store::count`]), what was written for readers that look while the run goes
    /// on, and would not have been written without them: copies of incomplete units, and indices.
    fn bytes_for_live_readers(&self) -> u64 {
        0
    }

    /// Whether a provisional copy of a slab of `array` may be stored now that `filled` of its planes are there, of
    /// which `shown` were in the last copy (0: there is none): an engine that stores units as a whole bounds what that
    /// costs.
    fn allows_copy(&self, array: ArrayId, shown: usize, filled: usize) -> bool {
        let _ = (array, shown, filled);
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

/// A plane that takes the place of one, cut into the units of its slab.
#[derive(Debug)]
pub struct Replacement<'a> {
    /// Array and slab.
    pub key: SlabKey,
    /// How the slab is laid out.
    pub layout: &'a Layout,
    /// Place of the plane in each unit.
    pub slot: usize,
    /// The plane's part of each unit ([`Layout::plane_bytes`] each), one after another.
    pub bytes: &'a [u8],
}

/// Units of one slab that lie side by side in memory (and, with shards, in one shard).
#[derive(Debug)]
pub struct Batch<'a> {
    /// Array and slab.
    pub key: SlabKey,
    /// How the slab is laid out.
    pub layout: &'a Layout,
    /// Which units of the slab.
    pub units: Range<usize>,
    /// Their bytes, one unit after another; empty in [`Sink::skip`].
    pub bytes: &'a [u8],
    /// False for a provisional copy of units that will be written again.
    pub complete: bool,
    /// Slots whose planes no earlier call has stored, ascending; `None` where nothing of this slab was stored before.
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
