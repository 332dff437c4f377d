//! One run of the engine.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ome_stream::backend::{Batch, Sink, Stored};
use ome_stream::plan::ArrayId;
use ome_stream::platform::{Disk, Sync, partial_name};
use ome_stream::settings::Durability;
use ome_stream::{Error, Plan, Result};
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
    plan: Arc<Plan>,
    disk: Arc<dyn Disk>,
    sync: Sync,
    /// Key of each position's array; `None` where there is one position.
    keys: Vec<Option<CString>>,
    running: Mutex<Running>,
    /// Bytes in the arrays' folders, known at the end.
    bytes: AtomicU64,
}

struct Running {
    /// `None` once it is closed.
    stream: Option<Stream>,
    /// Frames that each position's array got, those of zeros included.
    frames: Vec<u64>,
    /// Bytes since the engine was last asked after its memory.
    unasked: u64,
}

impl AcquireSink {
    /// Starts the engine and makes the arrays' metadata; the engine itself writes none before the first shards are
    /// full.
    pub(crate) fn create(
        symbols: &'static Symbols,
        plan: &Arc<Plan>,
        disk: &Arc<dyn Disk>,
        order: &Order,
    ) -> Result<Self> {
        let root = std::path::absolute(plan.root()).map_err(|source| Error::io("find", plan.root(), source))?;
        let positions = plan.positions().len();
        let keys = (0..positions)
            .map(|position| document::key(plan, position).map(CString::new).transpose())
            .collect::<std::result::Result<_, _>>()
            .map_err(failure)?;
        let settings = Settings::new(symbols, &document::settings(plan, order, &root)).map_err(failure)?;
        let stream = Stream::create(settings).map_err(|told| explained(told, &**disk, plan.root()))?;
        let sink = Self {
            plan: Arc::clone(plan),
            disk: Arc::clone(disk),
            sync: match plan.settings().durability {
                Durability::Finish => Sync::Later,
                Durability::Shard => Sync::Now,
                Durability::None => Sync::Never,
            },
            keys,
            running: Mutex::new(Running { stream: Some(stream), frames: vec![0; positions], unasked: 0 }),
            bytes: AtomicU64::new(0),
        };
        let empty = plan.geometry().append_axis().map(|_| 0);
        (0..positions).try_for_each(|position| sink.write_metadata(position, empty))?;
        Ok(sink)
    }

    /// Bytes of all files in a folder and below, which the library wrote past our disk: each is synced as if it had not.
    fn adopt_below(&self, folder: &Path) -> io::Result<u64> {
        let mut bytes = 0;
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    bytes += entry.metadata()?.len();
                    self.disk.adopt(&entry.path(), self.sync)?;
                }
            }
            self.disk.adopt(&folder, self.sync)?;
        }
        Ok(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metadata_path(&self, position: usize) -> PathBuf {
        self.plan.array_path(position, 0).join("zarr.json")
    }

    fn write_metadata(&self, position: usize, extent: Option<u64>) -> Result<()> {
        let path = self.metadata_path(position);
        let document = serde_json::to_vec_pretty(&metadata::document(&self.plan, extent)).map_err(failure)?;
        if let Some(folder) = path.parent() {
            self.disk.create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        }
        self.disk.put(&path, &document, self.sync).map_err(|source| Error::io("write", &path, source))
    }

    /// Gives one frame to the engine, `None` for a frame of zeros.
    fn give(&self, batch: &Batch<'_>, pixels: Option<&[u8]>) -> Result<Stored> {
        // One array a position: the plan has no others.
        let position = batch.key.array.index();
        let Some(key) = self.keys.get(position) else {
            return Err(failure(format!("there is no position {position}")));
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
        .map_err(|told| self.explained(told, position))?;
        if let Some(frames) = frames.get_mut(position) {
            *frames += 1;
        }
        *unasked += bytes;
        if *unasked >= ASK_EVERY {
            *unasked = 0;
            hold_back(stream, self.plan.settings().memory_limit)?;
        }
        // The engine does not tell when a shard is on the medium.
        Ok(Stored::default())
    }

    /// The engine's failure with what keeps our own files out of a position's shards, if anything does.
    fn explained(&self, told: String, position: usize) -> Error {
        explained(told, &*self.disk, &self.plan.array_path(position, 0).join("c"))
    }

    /// Compares what the engine says about a position's array with what we shall say.
    fn compare(&self, position: usize, frames: u64) -> Result<()> {
        let path = self.metadata_path(position);
        let text = fs::read(&path).map_err(|source| Error::io("read", &path, source))?;
        let engine: Value =
            serde_json::from_slice(&text).map_err(|error| failure(format!("{}: {error}", path.display())))?;
        let ours = metadata::document(&self.plan, None);
        match metadata::difference(&engine, &ours, &self.plan, frames) {
            None => Ok(()),
            Some(difference) => Err(failure(format!("{}: {difference}", path.display()))),
        }
    }
}

/// The engine's failure with what keeps our own files out of `folder`, if anything does: it gives a number alone, and
/// prints its reason where many a host shows nothing.
fn explained(told: String, disk: &dyn Disk, folder: &Path) -> Error {
    let probe = partial_name(&folder.join("probe"));
    let tried = disk.create_dir(folder, Sync::Never).and_then(|()| disk.create(&probe, PROBE_BYTES).map(drop));
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

    /// The engine shows readers what it has when a row of shards is full, and cannot be asked to. This only asks whether
    /// its writing has failed, so that a host that waits for the next frame is told too.
    fn publish(&self, _changed: &[(ArrayId, Option<u64>)]) -> Result<()> {
        let mut running = match self.running.try_lock() {
            Ok(running) => running,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A frame is on its way, which learns of a failure itself.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let key = self.keys.first().and_then(Option::as_deref);
        let checked = running.stream.as_mut().map_or(Ok(()), |stream| stream.check(key));
        checked.map_err(|told| self.explained(told, 0))
    }

    fn finish(&self, extents: &[Option<u64>]) -> Result<()> {
        let (stream, frames) = {
            let mut running = self.lock();
            (running.stream.take(), running.frames.clone())
        };
        let closed = stream.map_or(Ok(()), Stream::close);
        let mut outcome = closed.map_err(|told| self.explained(told, 0));
        let mut bytes = 0;
        for (position, (extent, frames)) in extents.iter().zip(frames).enumerate() {
            if outcome.is_ok() && frames > 0 {
                outcome = self.compare(position, frames);
            }
            outcome = outcome.and(self.write_metadata(position, *extent));
            let array = self.plan.array_path(position, 0);
            match self.adopt_below(&array) {
                Ok(size) => bytes += size,
                Err(source) => outcome = outcome.and(Err(Error::io("sync", &array, source))),
            }
        }
        self.bytes.store(bytes, Ordering::Relaxed);
        outcome
    }

    /// The engine does not tell: 0 until the end of the run, then what lies in the arrays' folders.
    fn bytes_written(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
