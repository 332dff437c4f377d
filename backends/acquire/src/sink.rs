//! One run of the engine.

use std::ffi::CString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Sink, Stored};
use ome_stream::plan::{ArrayId, PlannedArray};
use ome_stream::platform::{Disk, EntryKind, Kind, SyncPolicy, partial_name};
use ome_stream::reader::{self, Document};
use ome_stream::store::Store;
use ome_stream::{Error, Result};
use serde_json::Value;

use crate::document;
use crate::engine::{Settings, Stream};
use crate::error::failure;
use crate::library::Symbols;
use crate::metadata;
use crate::order::Order;

/// Bytes given to the engine between two questions after its memory: a question reads the engine's tables while its
/// workers change them.
const ASK_EVERY: u64 = 32 << 20;

/// How often the engine is asked while it holds too much.
const POLL: Duration = Duration::from_millis(2);

/// A use of memory that has not fallen for so long will not fall by waiting: it is the shard being filled, which only
/// more frames complete.
const PATIENCE: Duration = Duration::from_millis(200);

/// What our own try at writing reserves after the engine has failed: a disk that has not even this is full.
const PROBE_BYTES: u64 = 1 << 20;

/// The engine's side of a run.
pub(crate) struct AcquireSink {
    store: Arc<Store>,
    /// Key of each array, of each position and level; `None` where there is one.
    keys: Vec<Option<CString>>,
    running: Mutex<Running>,
}

struct Running {
    /// `None` once it is closed.
    stream: Option<Stream>,
    /// Planes that each array got, those of zeros included.
    frames: Vec<u64>,
    /// Bytes since the engine was last asked after its memory.
    unasked: u64,
}

impl AcquireSink {
    /// Starts the engine, which writes nothing before the first shards are full.
    pub(crate) fn create(symbols: &'static Symbols, store: &Arc<Store>, order: &Order) -> Result<Self> {
        let plan = store.plan();
        let root = std::path::absolute(plan.root()).map_err(|source| Error::io("find", plan.root(), source))?;
        let arrays = plan.arrays();
        let keys = arrays
            .iter()
            .map(|array| document::key(plan, array).map(CString::new).transpose())
            .collect::<std::result::Result<_, _>>()
            .map_err(failure)?;
        let settings = Settings::new(symbols, &document::settings(plan, order, &root)).map_err(failure)?;
        let stream = Stream::create(settings).map_err(|told| explained(told, &**store.disk(), plan.root()))?;
        Ok(Self {
            store: Arc::clone(store),
            keys,
            running: Mutex::new(Running { stream: Some(stream), frames: vec![0; arrays.len()], unasked: 0 }),
        })
    }

    /// Counts the bytes of all files in a folder and below, which the library wrote past our disk: each is synced as if
    /// it had not.
    fn adopt_below(&self, folder: &Path) -> Result<()> {
        let (disk, sync) = (self.store.disk(), self.store.sync());
        let source = &*disk.source();
        let adopt = |path: &Path| disk.adopt(path, sync).map_err(|error| Error::io("sync", path, error));
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in reader::list(source, &folder)? {
                let entry = entry?;
                let path = folder.join(&entry.name);
                if entry.kind == EntryKind::Folder {
                    folders.push(path);
                } else if let Kind::File(length) = reader::kind(source, &path)? {
                    self.store.count(length);
                    adopt(&path)?;
                }
            }
            adopt(&folder)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives one plane to the engine, `None` for one of zeros. Those of a level come as those of full resolution do, in
    /// the order in which they are complete, which is that of the acquisition.
    fn give(&self, batch: &Batch<'_>, pixels: Option<&[u8]>) -> Result<Stored> {
        let array = batch.key.array;
        let Some(key) = self.keys.get(array.index()) else {
            return Err(failure(format!("there is no array {}", array.index())));
        };
        let mut running = self.lock();
        let Running { stream: Some(stream), frames, unasked } = &mut *running else {
            return Err(failure("a frame came after the end of the run"));
        };
        let bytes = batch.layout.frame_bytes() as u64;
        match pixels {
            Some(pixels) => stream.append(key.as_deref(), pixels),
            None => stream.append_zeros(key.as_deref(), bytes),
        }
        .map_err(|told| self.explained(told, array))?;
        if let Some(frames) = frames.get_mut(array.index()) {
            *frames += 1;
        }
        *unasked += bytes;
        if *unasked >= ASK_EVERY {
            *unasked = 0;
            hold_back(stream, self.store.plan().settings().memory_limit)?;
        }
        // The engine does not tell when a shard is on the medium.
        Ok(Stored::default())
    }

    /// The engine's failure with what keeps our own files out of an array's shards, if anything does.
    fn explained(&self, told: String, array: ArrayId) -> Error {
        let plan = self.store.plan();
        explained(told, &**self.store.disk(), &plan.folder_of(plan.array(array)).join("c"))
    }

    /// Compares what the engine says about an array with what core will say.
    fn compare(&self, array: &PlannedArray, frames: u64) -> Result<()> {
        let path = self.store.plan().folder_of(array).join("zarr.json");
        let engine = Value::Object(Document::read(&*self.store.disk().source(), &path)?.required(&path)?);
        let ours = self.store.array_metadata(array.form(), None);
        match metadata::difference(&engine, &ours, array.geometry(), frames) {
            None => Ok(()),
            Some(difference) => Err(failure(format!("{}: {difference}", path.display()))),
        }
    }
}

/// The engine's failure with what keeps our own files out of `folder`, if anything does: it gives a number alone, and
/// prints its reason where many a host shows nothing.
fn explained(told: String, disk: &dyn Disk, folder: &Path) -> Error {
    let probe = partial_name(&folder.join("probe"));
    let tried = disk.create_dir(folder, SyncPolicy::Never).and_then(|()| disk.create(&probe, PROBE_BYTES).map(drop));
    match tried.and_then(|()| disk.remove_file(&probe)) {
        Ok(()) => failure(told),
        Err(source) => failure(format!("{told}; {}", Error::io("write into", folder, source))),
    }
}

/// Waits while the engine says that it holds more than `limit` bytes and this becomes less.
fn hold_back(stream: &Stream, limit: u64) -> Result<()> {
    let mut least = u64::MAX;
    let mut fallen = Instant::now();
    loop {
        let held = stream.memory_in_use().map_err(failure)?;
        if held <= limit {
            return Ok(());
        }
        if held < least {
            least = held;
            fallen = Instant::now();
        } else if fallen.elapsed() > PATIENCE {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}

impl Sink for AcquireSink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        self.give(batch, Some(batch.bytes))
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        self.give(batch, None)
    }

    /// The engine shows readers what it has when a row of shards is full, and cannot be asked to. This only asks
    /// whether its writing has failed, so that a host that waits for the next frame is told too.
    fn tend(&self) -> Result<()> {
        let mut running = match self.running.try_lock() {
            Ok(running) => running,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A frame is on its way, which learns of a failure itself.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let key = self.keys.first().and_then(Option::as_deref);
        let checked = running.stream.as_mut().map_or(Ok(()), |stream| stream.check(key));
        checked.map_err(|told| self.explained(told, ArrayId::default()))
    }

    fn finish(&self) -> Result<()> {
        let (stream, frames) = {
            let mut running = self.lock();
            (running.stream.take(), running.frames.clone())
        };
        let closed = stream.map_or(Ok(()), Stream::close);
        let mut outcome = closed.map_err(|told| self.explained(told, ArrayId::default()));
        let plan = self.store.plan();
        for (array, frames) in plan.arrays().iter().zip(frames) {
            if outcome.is_ok() && frames > 0 {
                outcome = self.compare(array, frames);
            }
            // The engine does not tell how much it has written.
            outcome = outcome.and(self.adopt_below(&plan.folder_of(array)));
        }
        outcome
    }
}
