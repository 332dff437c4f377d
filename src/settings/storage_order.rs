//! Order of the axes on disk.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::dimension::{Dimension, DimensionType};

/// Order of the axes on disk; the frame's two are always last. In JSON `"ome"`, `"acquisition"` or a list of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StorageOrder {
    /// Time, channel, other, space (z just before the frame), as OME-NGFF 0.5 asks (section "multiscales": axes are
    /// ordered by type).
    ///
    /// ome-writers puts other types between z and y, which its own validator then refuses.
    #[default]
    Ome,
    /// As acquired.
    Acquisition,
    /// As listed: every dimension's name (the position dimension's may be left out), the frame's two last.
    Explicit(Vec<String>),
}

impl StorageOrder {
    /// Sorts the index dimensions; names that an explicit list leaves out keep their order at the end.
    pub(super) fn sort<'a>(&self, mut dimensions: Vec<&'a Dimension>) -> Vec<&'a Dimension> {
        match self {
            Self::Ome => dimensions.sort_by_key(|each| rank(each)),
            Self::Acquisition => {}
            Self::Explicit(names) => {
                dimensions.sort_by_key(|each| names.iter().position(|name| *name == each.name).unwrap_or(names.len()))
            }
        }
        dimensions
    }
}

/// Place of an axis in the order that OME-NGFF asks for.
fn rank(dimension: &Dimension) -> u8 {
    match dimension.kind.or_else(|| dimension.inferred_kind()) {
        Some(DimensionType::Time) => 0,
        Some(DimensionType::Channel) => 1,
        Some(DimensionType::Space) => match dimension.name.as_str() {
            "z" | "Z" => 4,
            "y" | "Y" => 5,
            "x" | "X" => 6,
            _ => 3,
        },
        _ => 2,
    }
}

impl Serialize for StorageOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ome => serializer.serialize_str("ome"),
            Self::Acquisition => serializer.serialize_str("acquisition"),
            Self::Explicit(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StorageOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = StorageOrder;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"ome\", \"acquisition\" or a list of dimension names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StorageOrder, E> {
                match text {
                    "ome" => Ok(StorageOrder::Ome),
                    "acquisition" => Ok(StorageOrder::Acquisition),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, sequence: A) -> Result<StorageOrder, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(sequence)).map(StorageOrder::Explicit)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
