//! What a budget has lent: memory for planes, and bytes that are only counted. Dropping it gives it back.

use std::sync::Arc;

use super::AlignedBuffer;
use super::budget::Shared;

/// Memory for the planes of a slab, on loan; dropping it gives it back to its owner.
#[derive(Debug)]
pub(crate) struct Buffer {
    memory: Option<AlignedBuffer>,
    owner: Owner,
}

/// Whose the memory of a buffer is, and what becomes of it.
#[derive(Debug)]
enum Owner {
    /// A budget keeps it for the next slab.
    Budget { home: Arc<Shared>, class: usize },
}

/// Bytes that count beside the buffers as long as this is there.
#[derive(Debug)]
pub(crate) struct Beside {
    home: Arc<Shared>,
    bytes: u64,
}

impl Buffer {
    /// Memory of a class of a budget, which gets it back.
    pub(super) fn of(home: Arc<Shared>, class: usize, memory: AlignedBuffer) -> Self {
        Self { memory: Some(memory), owner: Owner::Budget { home, class } }
    }

    #[expect(clippy::expect_used, reason = "the memory leaves only in drop")]
    pub(super) fn memory(&self) -> &AlignedBuffer {
        self.memory.as_ref().expect("a loan holds its memory until it is dropped")
    }
}

impl AsMut<[u8]> for Buffer {
    /// As many bytes as its class has.
    fn as_mut(&mut self) -> &mut [u8] {
        self.memory.as_mut().map(AlignedBuffer::as_mut_slice).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Owner::Budget { home, class } = &self.owner;
        if let Some(memory) = self.memory.take() {
            home.put_back(*class, memory);
        }
    }
}

impl Beside {
    /// Bytes that a budget counts already.
    pub(super) fn new(home: Arc<Shared>, bytes: u64) -> Self {
        Self { home, bytes }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.home.count_beside(self.bytes, 0);
    }
}
