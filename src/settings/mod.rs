//! What the host declares: dimensions, positions, channels, codec, limits.
//!
//! Names and meaning follow `AcquisitionSettings` of the Python package ome-writers (0.3.2), so that its JSON settings
//! files can be read here; `docs/SETTINGS.md` lists what of them is refused, and why. The fields after `overwrite` are
//! ours. Unknown fields are refused.
//!
//! [`Settings`] are as they are written. [`Acquisition`] is what they mean: it can only be had of settings that keep
//! every rule, so that whoever has one checks none of them again.

mod acquisition;
mod axis;
mod color;
mod compression;
mod coords;
mod declared;
mod dimension;
mod dtype;
mod fields;
mod format;
mod full;
mod grammar;
mod json;
mod kind;
mod limits;
mod plate;
mod policy;
mod pyramid;
mod root_path;
mod schema;
mod storage_order;
mod tree;
mod unit;
mod validate;

#[cfg(test)]
mod tests;

pub use acquisition::Acquisition;
pub use axis::Axis;
pub use color::Color;
pub use compression::{Checksum, Codec, Compression, Shuffle};
pub use coords::{Channel, Coord, Position, Window};
pub use declared::Settings;
pub use dimension::Dimension;
pub use dtype::DataType;
pub(crate) use fields::folders_of_fields;
pub use format::{Format, NgffVersion};
pub use grammar::{parse_bytes, parse_dims};
pub use kind::DimensionType;
pub use limits::{
    LIVE_INTERVAL_RANGE, MAX_ACQUISITION_BYTES, MAX_AXES, MAX_CHUNK_BYTES, MAX_CHUNKS_PER_FRAME, MAX_CHUNKS_PER_SHARD,
    MAX_LEVELS, MAX_NAME_BYTES, MAX_PLATE_ENTRIES, MAX_POSITIONS, MAX_THREADS, MIN_MEMORY_LIMIT,
};
pub use plate::{Plate, PlateAcquisition};
pub use policy::{Durability, WhenFull};
pub use pyramid::{Pyramid, PyramidMethod};
pub(crate) use root_path::check_folders_to_make;
pub use storage_order::StorageOrder;
pub use unit::named_unit;
