//! What Zarr looks like on disk, as data: documents, keys, codecs, the bytes of a shard index. Touches no file.
//!
//! Both formats are known: version 3, where a node has one document `zarr.json`, and version 2, where an array has
//! `.zarray`, a group `.zgroup`, and both `.zattrs`. [`ArrayDocument`] is an array as either describes it, whatever its
//! kind; [`ArrayFormat`] one of the kind that the engines of this project write, with the arithmetic of its chunks.
//! Attributes are made elsewhere ([`crate::ngff`]). Whatever is read here may come from anybody: nothing is allocated
//! whose size a document only tells, and what is not known is kept as it is.

mod array;
pub mod checksum;
mod codec;
mod data_type;
mod format;
mod group;
pub mod index;
pub mod json;
mod keys;
mod v2;
mod zarr_format;

pub use array::{ArrayDocument, MAX_AXES};
pub use codec::{Blosc, Chain, Codec, Endian, Gzip, Sharding, Shuffle, Zstd};
pub use data_type::DataType;
pub use format::{ArrayFormat, MAX_CHUNK_BYTES};
pub use group::{Document, group, group_marker, group_object, group_v2, group_v3};
pub use keys::{Keys, Separator, number};
pub use zarr_format::ZarrFormat;

/// Name of a node's document in Zarr v3.
pub const METADATA: &str = "zarr.json";

/// Names of a node's documents in Zarr v2: of an array, of a group, of the attributes of either.
pub const V2_ARRAY: &str = ".zarray";
/// As [`V2_ARRAY`].
pub const V2_GROUP: &str = ".zgroup";
/// As [`V2_ARRAY`].
pub const V2_ATTRIBUTES: &str = ".zattrs";
/// A copy of all documents below a group, which some writers make beside them (Zarr v2).
pub const V2_CONSOLIDATED: &str = ".zmetadata";
