//! One run of the native engine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Plane, Sink, Stored, TimeSpent};
use ome_stream::buffer::{GroupKey, Layout};
use ome_stream::journal::Log;
use ome_stream::platform::{Disk, Sync, write_new};
use ome_stream::settings::Durability;
use ome_stream::{Error, Plan, Result};

use crate::account::{Account, FLAT_BYTES};
use crate::encode::Encoder;
use crate::folders::Folders;
use crate::shard_file::Surroundings;
use crate::shards::Shards;
use crate::{array, chunk_files, random_access};

/// What storing a chunk needs, whether in a file of its own or in a shard.
pub(crate) struct Common {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) encoder: Encoder,
    pub(crate) folders: Folders,
    pub(crate) log: Arc<Log>,
    pub(crate) sync: Sync,
    /// Held while a plane is replaced.
    replacing: Mutex<()>,
    pub(crate) account: Arc<Account>,
    pub(crate) encoding: Clock,
    pub(crate) writing: Clock,
    arrays: Vec<PathBuf>,
}

/// Nanoseconds that all threads together spent in one kind of work.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// Runs `work` and adds its time.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.0.fetch_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        done
    }

    fn total(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Common {
    /// Path of a chunk file or shard file (chunk key encoding `default` with `/`).
    pub(crate) fn object_path(&self, position: usize, coordinates: &[u64]) -> PathBuf {
        let mut path = self.arrays.get(position).cloned().unwrap_or_default();
        path.push("c");
        path.extend(coordinates.iter().map(u64::to_string));
        path
    }

    /// True where each object is on the medium before its write returns.
    pub(crate) fn syncs_now(&self) -> bool {
        self.sync == Sync::Now
    }

    /// Counts bytes handed to the disk.
    pub(crate) fn count(&self, bytes: usize) {
        self.account.count(bytes as u64);
    }

    /// Held while a plane is replaced, or where none may be.
    pub(crate) fn replacing(&self) -> MutexGuard<'_, ()> {
        self.replacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a shard file needs to know of the run.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings { disk: Arc::clone(&self.disk), log: Arc::clone(&self.log), account: Arc::clone(&self.account) }
    }
}

/// The native engine's side of a run.
pub(crate) struct ZarrsSink {
    plan: Arc<Plan>,
    common: Common,
    shards: Option<Shards>,
    /// True where the arrays were there before.
    continued: bool,
    shapes: Mutex<Shapes>,
    /// Positions with chunks that readers do not see yet because it would cost too much, and how far they reach.
    unseen: Mutex<BTreeMap<usize, Option<u64>>>,
}

/// What the metadata of the arrays say.
#[derive(Debug, Default)]
struct Shapes {
    /// Planes along the append axis that each position's metadata show.
    extents: Vec<Option<u64>>,
    /// The document that was written last: many positions have the same.
    latest: Option<(Option<u64>, Vec<u8>)>,
}

impl ZarrsSink {
    pub(crate) fn create(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>) -> Result<Self> {
        let sink = Self::open(plan, disk, log, None)?;
        let empty = plan.geometry().append_axis().map(|_| 0);
        for position in 0..plan.positions().len() {
            sink.common.folders.is_there(plan.group_path(position));
            sink.put_array(&mut sink.shapes(), position, empty, write_new)?;
        }
        Ok(sink)
    }

    /// Goes on with arrays that hold the first `frames` frames.
    pub(crate) fn resume(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>, frames: u64) -> Result<Self> {
        let extents = (0..plan.positions().len())
            .map(|position| array::matching_extent(plan, position))
            .collect::<Result<Vec<_>>>()?;
        let sink = Self::open(plan, disk, log, Some(frames))?;
        sink.shapes().extents = extents;
        Ok(sink)
    }

    fn open(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>, resumed: Option<u64>) -> Result<Self> {
        let positions = plan.positions().len();
        let sync = match plan.settings().durability {
            Durability::Finish => Sync::Later,
            Durability::Shard => Sync::Now,
            Durability::None => Sync::Never,
        };
        let encoder = Encoder::new(plan)?;
        let common = Common {
            disk: Arc::clone(disk),
            log: Arc::clone(log),
            encoder,
            folders: Folders::new(disk, plan.root(), sync),
            sync,
            replacing: Mutex::new(()),
            account: Arc::new(Account::new(FLAT_BYTES)),
            arrays: (0..positions).map(|position| plan.array_path(position, 0)).collect(),
            encoding: Clock::default(),
            writing: Clock::default(),
        };
        Ok(Self {
            shards: Shards::new(plan, &common, resumed),
            continued: resumed.is_some(),
            common,
            shapes: Mutex::new(Shapes { extents: vec![None; positions], latest: None }),
            unseen: Mutex::default(),
            plan: Arc::clone(plan),
        })
    }

    /// Gives the array of a position this extent where `wanted` holds for the one that it shows. Locked meanwhile: a round
    /// of the live thread may come while the run is being finished.
    fn reshape(&self, position: usize, extent: Option<u64>, wanted: impl FnOnce(Option<u64>) -> bool) -> Result<()> {
        let mut shapes = self.shapes();
        match shapes.extents.get(position) {
            Some(shown) if wanted(*shown) => {
                self.put_array(&mut shapes, position, extent, |disk, path, bytes, sync| disk.put(path, bytes, sync))
            }
            _ => Ok(()),
        }
    }

    fn put_array(
        &self,
        shapes: &mut Shapes,
        position: usize,
        extent: Option<u64>,
        put: impl FnOnce(&dyn Disk, &Path, &[u8], Sync) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.plan.array_path(position, 0).join("zarr.json");
        let own = if self.continued { array::grown(&self.plan, position, extent) } else { None };
        let common = own.is_none();
        let document = match (own, shapes.latest.take()) {
            (Some(document), _) => document,
            (None, Some((same, document))) if same == extent => document,
            _ => array::document(&self.plan, extent)?,
        };
        self.common.folders.for_file(&path)?;
        put(&*self.common.disk, &path, &document, self.common.sync)
            .map_err(|source| Error::io("write", &path, source))?;
        self.common.count(document.len());
        shapes.latest = common.then_some((extent, document));
        if let Some(shown) = shapes.extents.get_mut(position) {
            *shown = extent;
        }
        Ok(())
    }

    fn shapes(&self) -> MutexGuard<'_, Shapes> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for ZarrsSink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        match &self.shards {
            Some(shards) => shards.write(&self.common, batch),
            None => chunk_files::write(&self.common, batch),
        }
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        match &self.shards {
            Some(shards) => shards.skip(&self.common, batch),
            // Nothing is stored, and what is not stored needs no medium.
            None => {
                let sealed_durable = if self.common.syncs_now() { batch.units.len() } else { 0 };
                Ok(Stored { sealed_durable, ..Stored::default() })
            }
        }
    }

    fn read(&self, key: GroupKey, layout: &Layout, nth: usize) -> Result<Option<Vec<u8>>> {
        random_access::read(&self.common, self.shards.as_ref(), key, layout, nth)
    }

    fn replace(&self, plane: &Plane<'_>) -> Result<()> {
        random_access::replace(&self.common, self.shards.as_ref(), plane)
    }

    fn publish(&self, changed: &[(usize, Option<u64>)]) -> Result<()> {
        let mut outcome = Ok(());
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        // What was too dear in an earlier round is tried again.
        let mut all = std::mem::take(&mut *unseen);
        all.extend(changed.iter().copied());
        for (position, extent) in all {
            // Data first: no reader may be told of planes that it cannot read.
            let published = match self.shards.as_ref().map_or(Ok(true), |shards| shards.publish(position)) {
                Ok(false) => {
                    unseen.insert(position, extent);
                    // What is durable needs a shape that reaches it.
                    Ok(self.common.syncs_now())
                }
                published => published,
            };
            outcome = outcome.and(published.and_then(|may| match may {
                true => self.reshape(position, extent, |shown| extent > shown),
                false => Ok(()),
            }));
        }
        drop(unseen);
        let Some(shards) = &self.shards else { return outcome };
        outcome.and(shards.shorten_due(&self.common)).and(shards.look_after())
    }

    fn finish(&self, extents: &[Option<u64>]) -> Result<()> {
        let mut outcome = Ok(());
        for (position, extent) in extents.iter().enumerate() {
            // Each position's shape after its own shards: readers need not wait for all of them.
            let sealed = self.shards.as_ref().map_or(Ok(()), |shards| shards.seal(&self.common, position));
            let reshape = || self.reshape(position, *extent, |shown| *extent != shown);
            // Twice, as for shards.
            outcome = outcome.and(sealed).and(reshape().inspect_err(|_| drop(reshape())));
        }
        outcome.and(self.shards.as_ref().map_or(Ok(()), |shards| shards.shorten_all(&self.common)))
    }

    fn time_spent(&self) -> TimeSpent {
        TimeSpent { encode: self.common.encoding.total(), write: self.common.writing.total() }
    }

    fn bytes_written(&self) -> u64 {
        self.common.account.written()
    }

    fn bytes_for_live_readers(&self) -> u64 {
        self.common.account.spent()
    }

    fn allows_copy(&self, layout: &Layout, shown: usize, filled: usize) -> bool {
        // Uncompressed, only what is new is written.
        self.common.encoder.is_identity() || {
            let raw = (layout.plane_bytes() * filled) as u64 * layout.units() as u64;
            self.common.account.allows_copy(raw, filled >= 2 * shown)
        }
    }
}
