//! What storing a chunk needs, whatever it is stored in.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ome_stream::plan::ArrayId;
use ome_stream::platform::{Clock, Disk, SyncPolicy};
use ome_stream::store::Store;

use crate::account::{Account, FLAT_BYTES};
use crate::shard_file::Surroundings;

/// What storing a chunk needs, whether in a file of its own or in a shard.
pub(crate) struct Common {
    pub(crate) store: Arc<Store>,
    /// Held while a plane is replaced.
    replacing: Mutex<()>,
    pub(crate) account: Arc<Account>,
    pub(crate) encoding: Clock,
    pub(crate) writing: Clock,
    arrays: Vec<PathBuf>,
}

impl Common {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        let plan = store.plan();
        Self {
            store: Arc::clone(store),
            replacing: Mutex::new(()),
            account: Arc::new(Account::new(FLAT_BYTES, store.counter())),
            arrays: plan.arrays().iter().map(|array| plan.folder_of(array)).collect(),
            encoding: Clock::default(),
            writing: Clock::default(),
        }
    }

    /// Path of a chunk file or shard file.
    pub(crate) fn object_path(&self, array: ArrayId, coordinates: &[u64]) -> PathBuf {
        let mut path = self.arrays.get(array.index()).cloned().unwrap_or_default();
        path.extend(self.store.plan().array(array).form().object_key(coordinates).split('/'));
        path
    }

    /// What files are written through.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        self.store.disk()
    }

    /// True where each object is on the medium before its write returns.
    pub(crate) fn syncs_now(&self) -> bool {
        self.store.sync() == SyncPolicy::Now
    }

    /// Held while a plane is replaced, or where none may be.
    pub(crate) fn replacing(&self) -> MutexGuard<'_, ()> {
        self.replacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a shard file needs to know of the run.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings {
            disk: Arc::clone(self.store.disk()),
            log: Arc::clone(self.store.log()),
            account: Arc::clone(&self.account),
        }
    }
}
