//! One run of the native engine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Done, Replacement, Sink, Stored, TimeSpent};
use ome_stream::journal::Log;
use ome_stream::plan::{ArrayId, Form, GroupKey, Layout, PlannedArray};
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
    pub(crate) fn object_path(&self, array: ArrayId, coordinates: &[u64]) -> PathBuf {
        let mut path = self.arrays.get(array.index()).cloned().unwrap_or_default();
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
    /// By form of array.
    forms: Vec<OfForm>,
    /// True where the arrays were there before.
    continued: bool,
    shapes: Mutex<Shapes>,
    /// Arrays with chunks that readers do not see yet because it would cost too much, and how far they reach.
    unseen: Mutex<BTreeMap<ArrayId, Option<u64>>>,
}

/// What stores the chunks of arrays of one form.
pub(crate) struct OfForm {
    pub(crate) encoder: Arc<Encoder>,
    /// `None` without shards.
    pub(crate) shards: Option<Shards>,
}

/// What the metadata of the arrays say.
#[derive(Debug, Default)]
struct Shapes {
    /// Planes along the append axis that each array's metadata show.
    extents: Vec<Option<u64>>,
    /// The document that was written last, its form and extent: many arrays have the same.
    latest: Option<(usize, Option<u64>, Vec<u8>)>,
}

impl ZarrsSink {
    pub(crate) fn create(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>) -> Result<Self> {
        let sink = Self::open(plan, disk, log, None)?;
        (0..plan.positions().len()).for_each(|image| sink.common.folders.is_there(plan.group_path(image)));
        for array in plan.arrays() {
            let empty = array.geometry().append_axis().map(|_| 0);
            sink.put_array(&mut sink.shapes(), array, empty, write_new)?;
        }
        Ok(sink)
    }

    /// Goes on with arrays that hold what is `done`.
    pub(crate) fn resume(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>, done: &Done) -> Result<Self> {
        let extent = |array: &PlannedArray| array::matching_extent(array.form(), &plan.folder_of(array));
        let extents = plan.arrays().iter().map(extent).collect::<Result<Vec<_>>>()?;
        let sink = Self::open(plan, disk, log, Some(done))?;
        sink.shapes().extents = extents;
        Ok(sink)
    }

    fn open(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, log: &Arc<Log>, resumed: Option<&Done>) -> Result<Self> {
        let sync = match plan.settings().durability {
            Durability::Finish => Sync::Later,
            Durability::Shard => Sync::Now,
            Durability::None => Sync::Never,
        };
        let common = Common {
            disk: Arc::clone(disk),
            log: Arc::clone(log),
            folders: Folders::new(disk, plan.root(), sync),
            sync,
            replacing: Mutex::new(()),
            account: Arc::new(Account::new(FLAT_BYTES)),
            arrays: plan.arrays().iter().map(|array| plan.folder_of(array)).collect(),
            encoding: Clock::default(),
            writing: Clock::default(),
        };
        let of_form = |form: &Arc<Form>| {
            let encoder = Arc::new(Encoder::new(form)?);
            Ok(OfForm { shards: Shards::new(plan, form, &common, &encoder, resumed), encoder })
        };
        Ok(Self {
            forms: plan.forms().iter().map(of_form).collect::<Result<_>>()?,
            continued: resumed.is_some(),
            shapes: Mutex::new(Shapes { extents: vec![None; plan.arrays().len()], latest: None }),
            unseen: Mutex::default(),
            common,
            plan: Arc::clone(plan),
        })
    }

    fn form(&self, array: ArrayId) -> &OfForm {
        &self.forms[self.plan.array(array).form().nth()]
    }

    /// The shards of all forms that have some.
    fn shards(&self) -> impl Iterator<Item = &Shards> {
        self.forms.iter().filter_map(|form| form.shards.as_ref())
    }

    /// Gives an array this extent where `wanted` holds for the one that it shows. Locked meanwhile: a round of the live thread
    /// may come while the run is being finished.
    fn reshape(&self, array: ArrayId, extent: Option<u64>, wanted: impl FnOnce(Option<u64>) -> bool) -> Result<()> {
        let mut shapes = self.shapes();
        match shapes.extents.get(array.index()) {
            Some(shown) if wanted(*shown) => {
                let put = |disk: &dyn Disk, path: &Path, bytes: &[u8], sync| disk.put(path, bytes, sync);
                self.put_array(&mut shapes, self.plan.array(array), extent, put)
            }
            _ => Ok(()),
        }
    }

    fn put_array(
        &self,
        shapes: &mut Shapes,
        array: &PlannedArray,
        extent: Option<u64>,
        put: impl FnOnce(&dyn Disk, &Path, &[u8], Sync) -> io::Result<()>,
    ) -> Result<()> {
        let (form, folder) = (array.form(), &self.common.arrays[array.id().index()]);
        let path = folder.join("zarr.json");
        let own = if self.continued { array::grown(form, folder, extent) } else { None };
        let common = own.is_none();
        let document = match (own, shapes.latest.take()) {
            (Some(document), _) => document,
            (None, Some((nth, same, document))) if (nth, same) == (form.nth(), extent) => document,
            _ => array::document(form, extent)?,
        };
        self.common.folders.for_file(&path)?;
        put(&*self.common.disk, &path, &document, self.common.sync)
            .map_err(|source| Error::io("write", &path, source))?;
        self.common.count(document.len());
        shapes.latest = common.then_some((form.nth(), extent, document));
        if let Some(shown) = shapes.extents.get_mut(array.id().index()) {
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
        let OfForm { encoder, shards } = self.form(batch.key.array);
        match shards {
            Some(shards) => shards.write(&self.common, batch),
            None => chunk_files::write(&self.common, encoder, batch),
        }
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        match &self.form(batch.key.array).shards {
            Some(shards) => shards.skip(&self.common, batch),
            // Nothing is stored, and what is not stored needs no medium.
            None => {
                let sealed_durable = if self.common.syncs_now() { batch.units.len() } else { 0 };
                Ok(Stored { sealed_durable, ..Stored::default() })
            }
        }
    }

    fn read(&self, key: GroupKey, layout: &Layout, nth: usize) -> Result<Option<Vec<u8>>> {
        random_access::read(&self.common, self.form(key.array), key, layout, nth)
    }

    fn replace(&self, plane: &Replacement<'_>) -> Result<()> {
        random_access::replace(&self.common, self.form(plane.key.array), plane)
    }

    fn publish(&self, changed: &[(ArrayId, Option<u64>)]) -> Result<()> {
        let mut outcome = Ok(());
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        // What was too dear in an earlier round is tried again.
        let mut all = std::mem::take(&mut *unseen);
        all.extend(changed.iter().copied());
        for (array, extent) in all {
            // Data first: no reader may be told of planes that it cannot read.
            let shards = self.form(array).shards.as_ref();
            let published = match shards.map_or(Ok(true), |shards| shards.publish(array)) {
                Ok(false) => {
                    unseen.insert(array, extent);
                    // What is durable needs a shape that reaches it.
                    Ok(self.common.syncs_now())
                }
                published => published,
            };
            outcome = outcome.and(published.and_then(|may| match may {
                true => self.reshape(array, extent, |shown| extent > shown),
                false => Ok(()),
            }));
        }
        drop(unseen);
        for shards in self.shards() {
            outcome = outcome.and(shards.shorten_due(&self.common)).and(shards.look_after());
        }
        outcome
    }

    fn finish(&self, extents: &[Option<u64>]) -> Result<()> {
        let mut outcome = Ok(());
        for (array, extent) in self.plan.arrays().iter().zip(extents) {
            let array = array.id();
            // Each array's shape after its own shards: readers need not wait for all of them.
            let shards = self.form(array).shards.as_ref();
            let sealed = shards.map_or(Ok(()), |shards| shards.seal(&self.common, array));
            let reshape = || self.reshape(array, *extent, |shown| *extent != shown);
            // Twice, as for shards.
            outcome = outcome.and(sealed).and(reshape().inspect_err(|_| drop(reshape())));
        }
        self.shards().fold(outcome, |outcome, shards| outcome.and(shards.shorten_all(&self.common)))
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

    fn allows_copy(&self, array: ArrayId, shown: usize, filled: usize) -> bool {
        // Uncompressed, only what is new is written.
        self.form(array).encoder.is_identity() || {
            let layout = self.plan.array(array).layout();
            let raw = (layout.plane_bytes() * filled) as u64 * layout.units() as u64;
            self.common.account.allows_copy(raw, filled >= 2 * shown)
        }
    }
}
