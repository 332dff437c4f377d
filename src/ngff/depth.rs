//! How deep what a host gives is nested.

use serde_json::Value;

/// Deepest nesting of an object that a host gives: a document that holds it can then still be read (128 levels), with
/// room for what stands around it.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a value that is nested deeper than [`MAX_DEPTH`].
pub(super) fn problem(value: &Value) -> Option<String> {
    is_deeper(value, MAX_DEPTH).then(|| format!("it is nested more than {MAX_DEPTH} deep"))
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let inside = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(list) => levels == 0 || list.iter().any(inside),
        Value::Object(object) => levels == 0 || object.values().any(inside),
        _ => false,
    }
}
