//! The live streams. A handle is a number in the shape of a pointer: looked up here, never followed, so that a wrong or
//! freed one is an error and not a crash.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use ome_stream::Stream;

use crate::refusal::Refusal;

/// The first handle: far from small integers that a host may pass by mistake.
const FIRST: usize = 0x4F4D_4501;

/// Handles are odd, so that no pointer to an object of the host's, which is aligned, can be one.
const STEP: usize = 2;

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(|| RwLock::new(Table { next: FIRST, live: HashMap::new() }));

struct Table {
    next: usize,
    live: HashMap<usize, Arc<Stream>>,
}

impl Table {
    /// A number that no live stream has. On 64-bit machines none comes twice while a process lives.
    fn unused(&mut self) -> usize {
        loop {
            let handle = self.next;
            self.next = self.next.checked_add(STEP).unwrap_or(FIRST);
            if !self.live.contains_key(&handle) {
                return handle;
            }
        }
    }
}

/// Takes a stream in; from now on its handle is valid.
pub(crate) fn insert(stream: Stream) -> usize {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    let handle = table.unused();
    table.live.insert(handle, Arc::new(stream));
    handle
}

/// The stream of a handle. It lives on while the caller holds it, whoever frees the handle meanwhile.
pub(crate) fn get(handle: usize) -> Result<Arc<Stream>, Refusal> {
    let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
    table.live.get(&handle).cloned().ok_or_else(|| refused(handle))
}

/// Takes a stream out; from now on its handle is invalid, and nobody but the caller can finish it.
pub(crate) fn remove(handle: usize) -> Result<Arc<Stream>, Refusal> {
    let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    table.live.remove(&handle).ok_or_else(|| refused(handle))
}

fn refused(handle: usize) -> Refusal {
    if handle == 0 { Refusal::NullPointer("stream") } else { Refusal::InvalidHandle(handle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_odd_and_come_only_once() {
        let mut table = Table { next: FIRST, live: HashMap::new() };
        let handles: Vec<_> = (0..1000).map(|_| table.unused()).collect();
        assert!(handles.iter().all(|handle| handle % 2 == 1));
        assert!(handles.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn numbers_start_again_when_they_run_out() {
        let mut table = Table { next: usize::MAX, live: HashMap::new() };
        assert_eq!(table.unused(), usize::MAX);
        assert_eq!(table.unused(), FIRST);
    }

    #[test]
    fn what_is_not_a_handle_is_refused() {
        for number in [1, 2, FIRST - 2, usize::MAX, std::ptr::from_ref(&FIRST).addr()] {
            assert_eq!(get(number).map(|_| ()).map_err(|refusal| refusal.code()), Err(33), "{number:#x}");
            assert_eq!(remove(number).map(|_| ()).map_err(|refusal| refusal.code()), Err(33), "{number:#x}");
        }
        assert_eq!(get(0).map(|_| ()).map_err(|refusal| refusal.code()), Err(32));
    }
}
