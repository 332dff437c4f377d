//! Files that stay open between writes, of all streams of the process: one budget, and room where there is none.
//!
//! The limit on open files belongs to the process, and its host has files of its own. An engine registers each file
//! that it could close and open again. Beyond the budget the one that was opened first is closed, and wherever the
//! system says that there are too many, too.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

/// Descriptors that a registered file takes at most: one through the page cache and one past it.
const DESCRIPTORS: u64 = 2;

/// Part of the process's limit that registered files may take; the rest is the host's, and for files that are written
/// at once.
const SHARE: u64 = 2;

/// The limit where the system does not tell one.
const USUAL_LIMIT: u64 = 1024;

/// Most descriptors that registered files take, however many the process may have: each costs the kernel memory, too.
const MOST_DESCRIPTORS: u64 = 8192;

/// A file that can be closed at any time, because its owner opens it again when it is next needed.
pub trait Closable: Send + Sync {
    /// Closes it unless it is in use this moment; true where that closed something.
    fn close(&self) -> bool;
}

/// A registered file; dropping this takes it off the list.
#[derive(Debug)]
pub struct Registered(u64);

/// Files by the order in which they were opened.
struct List {
    files: BTreeMap<u64, Weak<dyn Closable>>,
    next: u64,
}

static LIST: Mutex<List> = Mutex::new(List { files: BTreeMap::new(), next: 0 });

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files that may be registered at once.
fn budget() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    let descriptors = (limit.unwrap_or(USUAL_LIMIT) / SHARE).min(MOST_DESCRIPTORS);
    usize::try_from(descriptors / DESCRIPTORS).unwrap_or(usize::MAX).max(1)
}

/// Registers a file that was just opened, and closes those that were opened first where there are too many.
pub fn register(file: Weak<dyn Closable>) -> Registered {
    let (number, many) = {
        let mut list = list();
        let number = list.next;
        list.next += 1;
        list.files.insert(number, file);
        (number, list.files.len().saturating_sub(budget()))
    };
    for _ in 0..many {
        close_oldest();
    }
    Registered(number)
}

/// Closes the file that was opened first and is not in use; false where there is none.
fn close_oldest() -> bool {
    let mut from = 0;
    loop {
        // Closed without the lock: a file that is closed takes itself off the list.
        let (number, file) = {
            let list = list();
            let Some((number, file)) = list.files.range(from..).next() else { return false };
            (*number, Weak::clone(file))
        };
        if file.upgrade().is_some_and(|file| file.close()) {
            return true;
        }
        from = number + 1;
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        list().files.remove(&self.0);
    }
}

/// Opens something; where there are too many open files, closes the one that was opened first and tries again.
pub(super) fn with_room<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match open() {
            Err(error) if too_many(&error) && close_oldest() => {}
            outcome => return outcome,
        }
    }
}

/// True where the process or the system has too many open files.
fn too_many(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

#[cfg(all(test, unix, not(feature = "shuttle")))]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Counting {
        closed: AtomicU32,
        registered: Mutex<Option<Registered>>,
    }

    impl Closable for Counting {
        fn close(&self) -> bool {
            self.closed.fetch_add(1, Ordering::SeqCst);
            self.registered.lock().expect("not poisoned").take().is_some()
        }
    }

    fn registered() -> Arc<Counting> {
        let file = Arc::new(Counting { closed: AtomicU32::new(0), registered: Mutex::default() });
        let as_closable: Weak<dyn Closable> = Arc::downgrade(&file) as Weak<dyn Closable>;
        *file.registered.lock().expect("not poisoned") = Some(register(as_closable));
        file
    }

    fn none_left() -> io::Error {
        rustix::io::Errno::MFILE.into()
    }

    #[test]
    fn too_many_open_files_close_one_and_try_again() {
        let file = registered();
        let mut calls = 0;
        let opened = with_room(|| {
            calls += 1;
            if file.closed.load(Ordering::SeqCst) == 0 { Err(none_left()) } else { Ok(()) }
        });
        assert!(opened.is_ok() && calls > 1);
        assert!(file.registered.lock().expect("not poisoned").is_none(), "it is closed");
    }

    #[test]
    fn other_errors_are_told_at_once() {
        let mut calls = 0;
        let opened: io::Result<()> = with_room(|| {
            calls += 1;
            Err(io::ErrorKind::NotFound.into())
        });
        assert_eq!((opened.expect_err("as it was").kind(), calls), (io::ErrorKind::NotFound, 1));
    }
}
