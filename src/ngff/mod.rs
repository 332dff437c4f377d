//! OME-NGFF metadata: one model, one emitter for each version; the only writer of group metadata.
//!
//! Pure: a [`Hierarchy`] becomes [`Document`]s, relative paths and bytes; putting them on disk (temporary file +
//! rename) is another layer's work. The model says what is true of an image (axes, pixel sizes, origins, channels) in
//! no version's words; `v05` and `v06` say it in those of OME-NGFF 0.5 and 0.6, with `parts` holding what several
//! versions write alike, and `documents` what all have in common.
//!
//! Beside NGFF's own `ome` a group's attributes hold
//! - `ome_stream`: who wrote it (`version`) and the `channels`' wavelengths and fluorophores, which no NGFF version
//!   has a place for;
//! - `ome_writers`: frame metadata, in the shape of the Python package ome-writers ([`frame_metadata`]);
//! - the host's own namespaces ([`check_namespace`]).

pub mod convert;
pub mod depth;
pub mod display;
mod documents;
pub mod found;
mod frame_fields;
pub mod frame_metadata;
mod model;
mod namespace;
mod ome_xml;
mod parts;
mod planes;
mod plate;
mod plate_parts;
mod v05;
mod v06;
mod validate;

pub use crate::zarr::Document;
pub use documents::{collection, documents, documents_with_planes, series_xml};
pub use model::{Attributes, Axis, AxisKind, Channel, Dataset, Hierarchy, Image, Window};
pub use namespace::{MAX_NAMESPACE_BYTES, RESERVED_NAMESPACES, check_namespace, is_ngff};
pub use planes::Planes;
pub use plate::{Acquisition, Field, Plate, Well};

#[cfg(test)]
mod golden_tests;
