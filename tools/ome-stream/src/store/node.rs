//! One folder of a hierarchy and its documents, of either format of Zarr.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ome_stream::ngff::is_ngff;
use ome_stream::platform::Source;
use ome_stream::reader::limits::DOCUMENT_BYTES;
use ome_stream::reader::{Small, small};
use ome_stream::zarr::{ArrayDocument, METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_GROUP, ZarrFormat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::NOTES_NAMESPACE;

/// Why a store cannot be shown at all.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is nothing, or nothing that may be read.
    #[error("{0}")]
    Io(#[from] ome_stream::Error),
    /// It is something else.
    #[error("{0}: {1}")]
    NotAStore(PathBuf, &'static str),
    /// Its own metadata cannot be read.
    #[error("{0}: {1}")]
    Damaged(PathBuf, String),
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Group,
    Array,
}

/// A group or an array.
#[derive(Debug)]
pub struct Node {
    pub kind: Kind,
    pub zarr: ZarrFormat,
    /// False where a document has NaN or Infinity, which JSON has not.
    pub is_json: bool,
    attributes: Attributes,
    /// The members of an array's document that are looked at.
    array: Map<String, Value>,
}

/// What is looked at of a `zarr.json`; the rest of it (mirrored frame metadata, most of all) never becomes a value.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a JSON object")]
struct Document {
    zarr_format: Option<Value>,
    node_type: Option<Value>,
    attributes: Option<Attributes>,
    shape: Option<Value>,
    data_type: Option<Value>,
    chunk_grid: Option<Value>,
    chunk_key_encoding: Option<Value>,
    codecs: Option<Value>,
    fill_value: Option<Value>,
    dimension_names: Option<Value>,
}

impl Node {
    /// Reads the node at `folder`; `None` where there is no metadata.
    ///
    /// # Errors
    /// What is wrong with the metadata.
    pub fn read(source: &dyn Source, folder: &Path) -> Result<Option<Self>, String> {
        let Some((document, is_json)) = file::<Document>(source, folder, METADATA)? else {
            return Self::read_v2(source, folder);
        };
        match document.zarr_format.as_ref().map(Value::as_u64) {
            Some(Some(3)) => {}
            Some(Some(other)) => return Err(format!("zarr_format is {other}; {METADATA} belongs to Zarr format 3")),
            _ => return Err(format!("{METADATA} has no zarr_format")),
        }
        let kind = match document.node_type.as_ref().and_then(Value::as_str) {
            Some("group") => Kind::Group,
            Some("array") => Kind::Array,
            _ => return Err(format!("node_type in {METADATA} is neither group nor array")),
        };
        let members = [
            ("shape", document.shape),
            ("data_type", document.data_type),
            ("chunk_grid", document.chunk_grid),
            ("chunk_key_encoding", document.chunk_key_encoding),
            ("codecs", document.codecs),
            ("fill_value", document.fill_value),
            ("dimension_names", document.dimension_names),
        ];
        let array = members.into_iter().filter_map(|(name, member)| Some((name.to_owned(), member?))).collect();
        let attributes = document.attributes.unwrap_or_default();
        Ok(Some(Self { kind, zarr: ZarrFormat::V3, is_json, attributes, array }))
    }

    /// As [`Node::read`] of Zarr v2.
    fn read_v2(source: &dyn Source, folder: &Path) -> Result<Option<Self>, String> {
        let zarr = ZarrFormat::V2;
        let array = file::<Map<String, Value>>(source, folder, V2_ARRAY)?;
        let group = file::<Map<String, Value>>(source, folder, V2_GROUP)?;
        let (kind, (array, is_json)) = match (array, group) {
            (Some(array), _) => (Kind::Array, array),
            (None, Some((group, is_json))) if group.get("zarr_format").and_then(Value::as_u64) == Some(2) => {
                (Kind::Group, (Map::new(), is_json))
            }
            (None, Some(_)) => return Err(format!("zarr_format in {V2_GROUP} is not 2")),
            (None, None) => return Ok(None),
        };
        let found = file::<Attributes>(source, folder, V2_ATTRIBUTES)?;
        let (Attributes(mut attributes), also_json) = found.unwrap_or((Attributes::default(), true));
        // From 0.5 on they have a place of their own.
        let names: Vec<String> = attributes.keys().filter(|name| is_ngff(name)).cloned().collect();
        let ome: Map<String, Value> = names.iter().filter_map(|name| attributes.remove_entry(name)).collect();
        if !ome.is_empty() {
            attributes.insert("ome".to_owned(), ome.into());
        }
        let is_json = is_json && also_json;
        Ok(Some(Self { kind, zarr, is_json, attributes: Attributes(attributes), array }))
    }

    /// A value among the node's attributes, if it is one of [`ATTRIBUTES`], or NGFF's `ome`.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.0.get(name)
    }

    /// Metadata of OME-NGFF: the object `ome`, or in Zarr v2 an object of the keys that stand there by themselves.
    pub fn ome(&self) -> Option<&Value> {
        self.attribute("ome")
    }

    /// Whether metadata of OME-NGFF stand where another version has them: in `ome` of Zarr v2, or beside it in v3.
    pub fn is_misplaced(&self) -> bool {
        match self.zarr {
            ZarrFormat::V2 => self.ome().is_some_and(|ome| ome.get("ome").is_some()),
            ZarrFormat::V3 => self.attributes.0.keys().any(|name| name != "ome" && is_ngff(name)),
        }
    }

    /// What an array's document says.
    ///
    /// # Errors
    /// What is missing or impossible.
    pub fn array(&self) -> Result<ArrayDocument, String> {
        match self.zarr {
            ZarrFormat::V2 => ArrayDocument::of_v2(&self.array),
            ZarrFormat::V3 => ArrayDocument::of(|name| self.array.get(name)),
        }
    }
}

/// What the file called `name` in `folder` says, and whether it is JSON to the letter; `None` where there is none.
fn file<T: DeserializeOwned>(source: &dyn Source, folder: &Path, name: &str) -> Result<Option<(T, bool)>, String> {
    let found = small(source, &folder.join(name), DOCUMENT_BYTES).map_err(|error| error.to_string())?;
    let text = match found {
        Small::Nothing => return Ok(None),
        Small::Bytes(text) => text,
        Small::TooLong(_) => return Err(format!("{name} is larger than {DOCUMENT_BYTES} bytes; it was not read")),
        Small::Link => return Err(format!("{name} is a link; links are not followed")),
        Small::NoFile => return Err(format!("{name} is not a file")),
    };
    read(&text).map(Some).map_err(|problem| format!("{name} cannot be read: {problem}"))
}

/// Reads a document, as others write it too: zarr-python puts NaN and Infinity into attributes.
fn read<T: DeserializeOwned>(text: &[u8]) -> Result<(T, bool), String> {
    match serde_json::from_slice(text) {
        Ok(document) => Ok((document, true)),
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(_) => {
            let value = ome_stream::zarr::json::parse(text).map_err(|defect| defect.to_string())?;
            T::deserialize(value).map(|document| (document, false)).map_err(|error| error.to_string())
        }
    }
}

/// Attributes that are looked at beside NGFF's.
const ATTRIBUTES: [&str; 2] = ["ome_stream", NOTES_NAMESPACE];

/// NGFF's and those of [`ATTRIBUTES`] that a node has.
#[derive(Debug, Default)]
struct Attributes(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Attributes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("attributes as a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut kept = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if is_ngff(&name) || ATTRIBUTES.contains(&name.as_str()) {
                        kept.insert(name, map.next_value()?);
                    } else {
                        map.next_value::<de::IgnoredAny>()?;
                    }
                }
                Ok(Attributes(kept))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use ome_stream::platform::native_source;

    use super::*;

    #[test]
    fn only_the_attributes_that_are_looked_at_are_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = r#"{"zarr_format": 3, "node_type": "group", "more": [],
            "attributes": {"ome": {"version": "0.5"}, "ome_writers": {"frame_metadata": [{}, {}]}}}"#;
        fs::write(folder.path().join(METADATA), text).expect("written");
        let node = Node::read(&*native_source(), folder.path()).expect("valid").expect("there");
        assert_eq!(node.attribute("ome"), Some(&serde_json::json!({"version": "0.5"})));
        assert_eq!(node.attribute("ome_writers"), None);
    }

    #[test]
    fn what_python_writes_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = r#"{"zarr_format": 3, "node_type": "group",
            "attributes": {"mean": NaN, "ome": {"version": "0.5", "least": -Infinity}}}"#;
        fs::write(folder.path().join(METADATA), text).expect("written");
        let node = Node::read(&*native_source(), folder.path()).expect("valid").expect("there");
        assert_eq!(node.ome(), Some(&serde_json::json!({"version": "0.5", "least": null})));
        assert!(!node.is_json && !node.is_misplaced());
        fs::write(folder.path().join(METADATA), &text[..40]).expect("written");
        let said = Node::read(&*native_source(), folder.path()).expect_err("cut short");
        assert!(said.contains("cut short after 40 bytes"), "{said}");
    }

    #[test]
    fn a_huge_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = File::create(folder.path().join(METADATA)).expect("created");
        file.set_len(DOCUMENT_BYTES + 1).expect("sparse");
        let said = Node::read(&*native_source(), folder.path()).expect_err("too large");
        assert!(said.contains("larger than"), "{said}");
    }
}
