//! What an engine can do, as far as the plan of a run depends on it.

use super::StorageUnit;
use crate::zarr::ZarrFormat;

/// What an engine can do, for core to adapt to and for people to read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Capabilities {
    /// What it takes at a time.
    pub unit: StorageUnit,
    /// True where units must come one after another in the order in which frames arrive: core then uses one worker.
    pub in_order: bool,
    /// True where an incomplete unit may be written and written again when complete, so that live readers see it.
    pub provisional: bool,
    /// True where the engine holds no memory beyond what core's budget counts.
    pub bounded_memory: bool,
    /// True where it can continue a store and replace frames in it.
    pub random_access: bool,
    /// True where it makes documents of its own, of groups and of arrays, which then all have shards: ours are there
    /// before, and put in their place once it has sealed everything.
    pub own_documents: bool,
    /// True where it puts the checksum behind each chunk that the settings ask for.
    pub checksums: bool,
    /// Formats whose arrays it can fill.
    pub zarr_formats: &'static [ZarrFormat],
    /// Engine and version, as a person should see it.
    pub version: String,
}

impl Capabilities {
    /// Those of an engine that takes `unit`s in any order, shows live readers what it has in arrays of Zarr v3, and
    /// does no more than that.
    #[must_use]
    pub fn taking(unit: StorageUnit) -> Self {
        Self {
            unit,
            in_order: false,
            provisional: true,
            bounded_memory: true,
            random_access: false,
            own_documents: false,
            checksums: false,
            zarr_formats: &[ZarrFormat::V3],
            version: format!("takes {unit:?}s"),
        }
    }
}
