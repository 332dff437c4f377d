//! The open file of a shard: kept between writes, unless the process needs its descriptors elsewhere.

use std::sync::{Arc, Weak};

use ome_stream::platform::DiskFile;
use ome_stream::platform::open_files::{Closable, Registered, register};
use ome_stream::sync::{Mutex, MutexGuard, PoisonError};

/// A file that is open, or was closed for now.
#[derive(Debug, Default)]
pub(crate) struct FileSlot(Mutex<Option<Open>>);

/// An open file, on the list of those that may be closed.
#[derive(Debug)]
pub(crate) struct Open {
    file: Arc<dyn DiskFile>,
    _registered: Registered,
}

/// The slot while nobody else opens or closes its file.
pub(crate) struct Locked<'a> {
    slot: &'a Arc<FileSlot>,
    open: MutexGuard<'a, Option<Open>>,
}

impl FileSlot {
    /// Waits until nobody else opens or closes the file.
    pub(crate) fn lock(self: &Arc<Self>) -> Locked<'_> {
        Locked { slot: self, open: self.0.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Locked<'_> {
    /// The file, where it is open.
    pub(crate) fn get(&self) -> Option<Arc<dyn DiskFile>> {
        self.open.as_ref().map(|open| Arc::clone(&open.file))
    }

    /// Keeps a file that was just opened.
    pub(crate) fn keep(mut self, file: &Arc<dyn DiskFile>) {
        let slot: Weak<dyn Closable> = Arc::downgrade(self.slot) as Weak<dyn Closable>;
        *self.open = Some(Open { file: Arc::clone(file), _registered: register(slot) });
    }

    /// Closes the file for now; whoever writes to it ends that first.
    pub(crate) fn close(mut self) {
        self.open.take();
    }
}

impl Closable for FileSlot {
    fn close(&self) -> bool {
        // Not waited for: the thread that holds this lock may be closing files too.
        self.0.try_lock().is_ok_and(|mut open| open.take().is_some())
    }
}
