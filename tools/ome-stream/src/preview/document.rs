//! The document of an array as a whole, of either Zarr format, for the library that decodes its chunks.

use std::path::Path;

use ome_stream::platform::Source;
use ome_stream::reader::Document;
use ome_stream::zarr::ZarrFormat;
use serde_json::{Map, Value};

/// The document of the array in `folder`, and its format.
///
/// # Errors
/// What is wrong with it.
pub fn array_document(source: &dyn Source, folder: &Path) -> Result<(Map<String, Value>, ZarrFormat), String> {
    for format in [ZarrFormat::V3, ZarrFormat::V2] {
        let name = format.array_file();
        match Document::read(source, &folder.join(name)).map_err(|error| error.to_string())? {
            Document::Nothing => {}
            Document::Object(object) => return Ok((object, format)),
            other => return Err(format!("{name}: {}", other.problem().unwrap_or("it cannot be read"))),
        }
    }
    Err("there is no array".to_owned())
}
