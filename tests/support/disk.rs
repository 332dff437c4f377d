//! Disks that misbehave as a test needs it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ome_stream::platform::faulty::{Fault, FaultyDisk, Operation};
use ome_stream::platform::{self, Disk};

/// Longest time that a closed gate holds a write: a test that fails must not hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether an operation writes pixels: it concerns a file below an array's `c` folder.
#[must_use]
pub fn writes_pixels(operation: &Operation) -> bool {
    matches!(operation, Operation::Write(path, _, _) if is_chunk(path))
}

/// Copies a folder in which nothing moves.
///
/// # Errors
/// What the operating system says.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Whether a path is that of a chunk or shard file (Zarr v3 default keys begin with `c`).
#[must_use]
pub fn is_chunk(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "c")
}

/// Holds every write of pixels until it is opened.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets every write through from now on.
    pub fn open(&self) {
        let (open, changed) = &*self.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Waits until it is open.
    pub fn wait(&self) {
        let (open, changed) = &*self.0;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(open, PATIENCE, |open| !*open);
        drop(waited);
    }

    /// A disk behind this gate.
    #[must_use]
    pub fn disk(&self) -> Arc<dyn Disk> {
        let gate = self.clone();
        faulty(move |operation| {
            if writes_pixels(operation) {
                gate.wait();
            }
            Fault::default()
        })
    }
}

/// A disk on which each write of pixels takes this much longer.
#[must_use]
pub fn slow(delay: Duration) -> Arc<dyn Disk> {
    faulty(move |operation| Fault {
        delay: if writes_pixels(operation) { delay } else { Duration::ZERO },
        ..Fault::default()
    })
}

/// A disk on which every operation that `concerns` picks fails from its `nth` on, counted from 0.
#[must_use]
pub fn failing(
    nth: u64,
    errno: rustix::io::Errno,
    concerns: impl Fn(&Operation) -> bool + Send + Sync + 'static,
) -> Arc<dyn Disk> {
    let count = AtomicU64::new(0);
    faulty(move |operation| {
        let fails = concerns(operation) && count.fetch_add(1, Ordering::Relaxed) >= nth;
        Fault { errno: fails.then(|| errno.raw_os_error()), ..Fault::default() }
    })
}

/// A disk with the faults that `script` says.
#[must_use]
pub fn faulty(script: impl Fn(&Operation) -> Fault + Send + Sync + 'static) -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::new(platform::native(), Box::new(move |_, operation| script(operation))))
}

/// Asks `question` until it answers or a generous time has passed; then the last complaint.
///
/// # Errors
/// The complaint that was still there at the end.
pub fn wait_for<T>(mut question: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        match question() {
            Err(_) if start.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(10)),
            answer => return answer,
        }
    }
}

/// Takes out of a group's document how its run ended: two runs never end at the same time.
pub fn forget_end(document: &mut serde_json::Value) {
    for place in ["/attributes/ome_stream", "/ome_stream"] {
        let writer = document.pointer_mut(place).and_then(serde_json::Value::as_object_mut);
        writer.and_then(|writer| writer.remove("run"));
    }
}
