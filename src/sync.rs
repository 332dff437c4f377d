//! Locks and atomics of everything that several threads share.
//!
//! They are the standard library's; with the feature `shuttle` they are those of the crate of that name, whose tests
//! run the same code under thousands of different schedules.

#[cfg(not(feature = "shuttle"))]
pub use std::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic};

#[cfg(feature = "shuttle")]
pub use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, atomic};

pub use std::sync::{PoisonError, TryLockError};
