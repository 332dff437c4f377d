//! Documents of groups, and what all documents have in common.

use serde::Serialize;
use serde_json::{Map, Value};

use super::json::bytes;
use super::zarr_format::ZarrFormat;
use super::{METADATA, V2_ATTRIBUTES, V2_GROUP};

/// A metadata file to be written whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Path relative to the root of the store, with `/`: `zarr.json`, `OME/zarr.json`, `0/zarr.json`.
    pub path: String,
    /// Contents.
    pub bytes: Vec<u8>,
}

impl Document {
    /// Name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

#[derive(Serialize)]
struct GroupV3<'a, A> {
    zarr_format: u8,
    node_type: &'static str,
    attributes: &'a A,
}

/// The document of a group of Zarr v3 with these attributes, at `path` below the root (empty for the root itself).
///
/// # Errors
/// Of attributes that are no JSON.
pub fn group_v3(path: &str, attributes: &impl Serialize) -> serde_json::Result<Document> {
    let group = GroupV3 { zarr_format: 3, node_type: "group", attributes };
    Ok(Document { path: below(path, METADATA), bytes: bytes(&group)? })
}

/// The same as an object.
#[must_use]
pub fn group_object(attributes: Value) -> Map<String, Value> {
    let (format, kind) = ("zarr_format".to_owned(), "node_type".to_owned());
    Map::from_iter([(format, 3.into()), (kind, "group".into()), ("attributes".to_owned(), attributes)])
}

/// What makes a group of a folder in Zarr v2.
#[must_use]
pub fn group_marker() -> Map<String, Value> {
    Map::from_iter([("zarr_format".to_owned(), 2.into())])
}

/// The documents of a group of Zarr v2, in the order in which they should be written: what makes it a group comes last.
///
/// # Errors
/// Of attributes that are no JSON.
pub fn group_v2(path: &str, attributes: &impl Serialize) -> serde_json::Result<[Document; 2]> {
    Ok([
        Document { path: below(path, V2_ATTRIBUTES), bytes: bytes(attributes)? },
        Document { path: below(path, V2_GROUP), bytes: bytes(&group_marker())? },
    ])
}

/// The documents of a group of a format, as [`group_v2`] and [`group_v3`] make them.
///
/// # Errors
/// Of attributes that are no JSON.
pub fn group(format: ZarrFormat, path: &str, attributes: &impl Serialize) -> serde_json::Result<Vec<Document>> {
    Ok(match format {
        ZarrFormat::V2 => group_v2(path, attributes)?.into(),
        ZarrFormat::V3 => vec![group_v3(path, attributes)?],
    })
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_have_the_documents_of_their_format() {
        let attributes = json!({"a": 1});
        let v3 = group_v3("", &attributes).expect("JSON");
        let text = "{\n  \"zarr_format\": 3,\n  \"node_type\": \"group\",\n  \"attributes\": {\n    \"a\": 1\n  }\n}\n";
        assert_eq!((v3.path.as_str(), v3.bytes.as_slice()), ("zarr.json", text.as_bytes()));
        assert_eq!(bytes(&group_object(attributes.clone())).expect("JSON"), v3.bytes);
        assert_eq!(group_v3("OME", &attributes).expect("JSON").path, "OME/zarr.json");
        let v2 = group_v2("A/1", &attributes).expect("JSON");
        let expected = [("A/1/.zattrs", "{\n  \"a\": 1\n}\n"), ("A/1/.zgroup", "{\n  \"zarr_format\": 2\n}\n")];
        assert_eq!(v2, expected.map(|(path, text)| Document { path: path.into(), bytes: text.into() }));
    }
}
