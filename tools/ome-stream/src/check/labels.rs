//! "labels" and "image-label" metadata.

use serde_json::Value;

use super::at::{At, Findings, is_filled, is_integer};
use super::parts::here;
use super::rules::*;
use super::version::Version;

/// The list of label images in the metadata `ome`.
pub fn list(found: &mut Findings, ome: &At<'_>) {
    let Some(labels) = found.may(LABELS_LIST, ome, "labels", Value::is_array) else { return };
    for label in labels.items().filter(|label| !label.value.is_string()) {
        found.at(LABELS_LIST, &label);
    }
}

/// What the metadata `ome` say of a label image.
pub fn image_label(found: &mut Findings, ome: &At<'_>) {
    let Some(label) = found.may(LABEL_OBJECT, ome, "image-label", Value::is_object) else { return };
    // 0.5 asks for a version too, which its schemas and examples have not.
    if found.version == Version::V04 || label.get("version").is_some() {
        here(found, &label);
    }
    if label.get("colors").is_none() {
        found.missing(LABEL_TOLD, &label, "colors");
    }
    for key in ["colors", "properties"] {
        let Some(list) = found.may(LABEL_COLORS, &label, key, is_filled) else { continue };
        for each in list.items() {
            found.need(LABEL_VALUE, &each, "label-value", is_integer);
            if key == "colors" {
                found.may(LABEL_RGBA, &each, "rgba", is_rgba);
            }
        }
        found.unique(LABEL_UNIQUE, list.items(), "label-value");
    }
    if let Some(source) = found.may(LABEL_OBJECT, &label, "source", Value::is_object) {
        found.may(LABEL_OBJECT, &source, "image", Value::is_string);
    }
}

/// Four numbers of a byte.
fn is_rgba(value: &Value) -> bool {
    let is_byte = |value: &Value| is_integer(value) && value.as_f64().is_some_and(|byte| (0.0..=255.0).contains(&byte));
    value.as_array().is_some_and(|list| list.len() == 4 && list.iter().all(is_byte))
}
