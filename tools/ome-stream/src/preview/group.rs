//! A group of a store, of either Zarr format: what its OME attributes say.

use std::path::Path;

use ome_stream::platform::Source;
use ome_stream::reader::{Document, is_file};
use ome_stream::zarr::{METADATA, V2_ARRAY, V2_ATTRIBUTES, V2_GROUP};
use serde_json::{Map, Value};

use crate::store::node::{Kind, Node};

/// What a folder is.
pub enum Group {
    /// An array.
    Array,
    /// A group, with its OME attributes: those below `ome` (OME-NGFF 0.5 and later), or all of them (0.4).
    Group(Value),
}

impl Group {
    /// Reads what the folder is; `None` where it is neither.
    ///
    /// # Errors
    /// What is wrong with its metadata.
    pub fn read(source: &dyn Source, folder: &Path) -> Result<Option<Self>, String> {
        if let Some(node) = Node::read(source, folder)? {
            return Ok(Some(match node.kind {
                Kind::Array => Self::Array,
                Kind::Group => Self::Group(node.attribute("ome").cloned().unwrap_or(Value::Null)),
            }));
        }
        let there = |name: &str| is_file(source, &folder.join(name)).map_err(|error| error.to_string());
        if there(V2_ARRAY)? {
            return Ok(Some(Self::Array));
        }
        let attributes = document(source, &folder.join(V2_ATTRIBUTES))?;
        match attributes {
            Some(attributes) => Ok(Some(Self::Group(Value::Object(attributes)))),
            None if there(V2_GROUP)? => Ok(Some(Self::Group(Value::Null))),
            None => Ok(None),
        }
    }
}

/// The document of an array, and whether it is of Zarr format 2.
///
/// # Errors
/// What is wrong with it.
pub fn array_document(source: &dyn Source, folder: &Path) -> Result<(Map<String, Value>, bool), String> {
    if let Some(found) = document(source, &folder.join(METADATA))? {
        return Ok((found, false));
    }
    let found = document(source, &folder.join(V2_ARRAY))?;
    found.map(|found| (found, true)).ok_or_else(|| "there is no array".to_owned())
}

fn document(source: &dyn Source, path: &Path) -> Result<Option<Map<String, Value>>, String> {
    let document = Document::read(source, path).map_err(|error| error.to_string())?;
    match document {
        Document::Nothing => Ok(None),
        Document::Object(object) => Ok(Some(object)),
        other => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Err(format!("{name}: {}", other.problem().unwrap_or("it cannot be read")))
        }
    }
}
