//! Byte budget, buffer pool and the layout in which frames become chunks and shards.
//!
//! A **group** is a set of planes that are completed together: those that share one chunk (or shard) along the index
//! dimensions. Its buffer holds every **unit** (chunk, shard or frame) of those planes, one after another, each laid
//! out as Zarr wants it (C order). Appending a frame is therefore one copy, and an uncompressed unit is written to
//! disk from where it lies.

mod aligned;
mod group;
mod layout;
mod pool;

#[cfg(all(test, not(feature = "shuttle")))]
mod layout_tests;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;

pub use aligned::{ALIGNMENT, AlignedBuffer, DIRECT_FROM};
pub use group::{Group, GroupKey, SlotState};
pub use layout::{Layout, Unit, UnitPlace};
pub use pool::{Pool, PooledBuffer};
