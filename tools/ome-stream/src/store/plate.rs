//! The well plate of a store, as its metadata tell.

use serde::Serialize;
use serde_json::Value;

use crate::report::text::clean;

/// Most acquisitions that are shown.
const MAX_ACQUISITIONS: usize = 100;

/// A well plate.
#[derive(Debug, Serialize)]
pub struct Plate {
    /// Its name.
    pub name: Option<String>,
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
    /// Wells that it lists.
    pub wells: usize,
    /// Most fields of a well, as it tells.
    pub field_count: Option<u64>,
    /// Acquisitions, by name or else by number.
    pub acquisitions: Vec<String>,
}

impl Plate {
    /// What `plate` tells.
    pub fn of(plate: &Value) -> Self {
        let count = |name: &str| plate.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        let acquisition = |each: &Value| match each.get("name").and_then(Value::as_str) {
            Some(name) => clean(name),
            None => clean(&each.get("id").unwrap_or(&Value::Null).to_string()),
        };
        let listed = plate.get("acquisitions").and_then(Value::as_array);
        Self {
            name: plate.get("name").and_then(Value::as_str).map(clean),
            rows: count("rows"),
            columns: count("columns"),
            wells: count("wells"),
            field_count: plate.get("field_count").and_then(Value::as_u64),
            acquisitions: listed.into_iter().flatten().take(MAX_ACQUISITIONS).map(acquisition).collect(),
        }
    }
}
