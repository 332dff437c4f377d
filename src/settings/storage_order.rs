//! Order of the axes on disk.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::dimension::Dimension;
use super::kind::DimensionType;
use crate::error::{Error, Result};
use crate::shown::quoted;

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

/// As command lines take it: `ome`, `acquisition`, or names with commas between them (without, where each is one
/// letter); y and x at the end may be left out.
impl FromStr for StorageOrder {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut names: Vec<String> = match text {
            "ome" => return Ok(Self::Ome),
            "acquisition" => return Ok(Self::Acquisition),
            list if list.contains(',') => list.split(',').map(|name| name.trim().to_owned()).collect(),
            letters => letters.chars().map(String::from).collect(),
        };
        if names.is_empty() || names.iter().any(String::is_empty) {
            let remedy = "use ome, acquisition, or names such as t,c,z";
            return Err(Error::settings("storage_order", quoted(text), "a name is empty", remedy));
        }
        for frame in ["y", "x"] {
            if !names.iter().any(|name| name == frame) {
                names.push(frame.to_owned());
            }
        }
        Ok(Self::Explicit(names))
    }
}

/// As it is read.
impl fmt::Display for StorageOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ome => formatter.write_str("ome"),
            Self::Acquisition => formatter.write_str("acquisition"),
            Self::Explicit(names) => formatter.write_str(&names.join(",")),
        }
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
                    _ => Err(E::invalid_value(de::Unexpected::Other("unknown order"), &self)),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, sequence: A) -> Result<StorageOrder, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(sequence)).map(StorageOrder::Explicit)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
