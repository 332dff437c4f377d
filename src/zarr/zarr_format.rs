//! The two formats: which files tell what, and how stored objects are named.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::keys::{Keys, Separator};
use super::{METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_GROUP};
use crate::settings::NgffVersion;

/// Format of a Zarr hierarchy. As JSON its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ZarrFormat {
    /// Version 2: an array has `.zarray`, a group `.zgroup`, and both may have `.zattrs`.
    V2,
    /// Version 3: a node has one document, `zarr.json`.
    #[default]
    V3,
}

impl From<NgffVersion> for ZarrFormat {
    /// The format that a version of OME-NGFF lies on.
    fn from(version: NgffVersion) -> Self {
        match version {
            NgffVersion::V0_4 => Self::V2,
            NgffVersion::V0_5 | NgffVersion::V0_6 => Self::V3,
        }
    }
}

impl Serialize for ZarrFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

impl ZarrFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];

    /// 2 or 3, as `zarr_format` tells it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// The format that the document of an array says it has; version 3 where it says none.
    #[must_use]
    pub fn of_array(document: &Map<String, Value>) -> Self {
        match document.get("zarr_format").and_then(Value::as_u64) {
            Some(2) => Self::V2,
            _ => Self::V3,
        }
    }

    /// How our arrays of the format name their objects: with a folder for each axis.
    #[must_use]
    pub const fn keys(self) -> Keys {
        match self {
            Self::V2 => Keys::V2(Separator::Slash),
            Self::V3 => Keys::Default(Separator::Slash),
        }
    }

    /// Name of the file with an array's document.
    #[must_use]
    pub const fn array_file(self) -> &'static str {
        match self {
            Self::V2 => V2_ARRAY,
            Self::V3 => METADATA,
        }
    }

    /// Name of the file that makes a group of a folder.
    #[must_use]
    pub const fn group_file(self) -> &'static str {
        match self {
            Self::V2 => V2_GROUP,
            Self::V3 => METADATA,
        }
    }

    /// Name of the file with the attributes of a node.
    #[must_use]
    pub const fn attributes_file(self) -> &'static str {
        match self {
            Self::V2 => V2_ATTRIBUTES,
            Self::V3 => METADATA,
        }
    }

    /// Where the attributes lie in that file.
    #[must_use]
    pub const fn attributes_at(self) -> &'static [&'static str] {
        match self {
            Self::V2 => &[],
            Self::V3 => &["attributes"],
        }
    }

    /// Where an attribute lies in that file.
    #[must_use]
    pub fn attribute_at(self, name: &str) -> Vec<&str> {
        self.attributes_at().iter().copied().chain([name]).collect()
    }

    /// Whether a file of this name in the folder of a node is one of its documents.
    #[must_use]
    pub fn is_document(self, name: &str) -> bool {
        [self.array_file(), self.group_file(), self.attributes_file()].contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_keys_are_those_of_the_format() {
        let [v2, v3] = [ZarrFormat::V2, ZarrFormat::V3];
        assert_eq!([NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6].map(ZarrFormat::from), [v2, v3, v3]);
        assert_eq!([v2, v3].map(ZarrFormat::number), [2, 3]);
        assert_eq!(
            [v2, v3].map(|format| format.keys().key(&[4, 0, 1])),
            ["4/0/1", "c/4/0/1"].map(|key| Some(key.into()))
        );
        assert_eq!((v2.attribute_at("a"), v3.attribute_at("a")), (vec!["a"], vec!["attributes", "a"]));
        for name in [".zarray", ".zgroup", ".zattrs"] {
            assert!(v2.is_document(name) && !v3.is_document(name), "{name}");
        }
        assert!(v3.is_document("zarr.json") && !v2.is_document("zarr.json"));
        assert_eq!(serde_json::to_string(&[v2, v3]).expect("JSON"), "[2,3]");
    }
}
