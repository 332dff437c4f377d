//! JSON text -> settings, with errors that name the field, its value and what would work.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::tree::{Flaw, Node};
use crate::error::{Error, Result};
use crate::shown;

/// Reads one JSON document.
///
/// By way of a tree that keeps every field of an object: one that is given twice must be refused, not overwritten.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    // Some editors put a byte order mark before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let tree: Node = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| not_json(error.inner(), &field_name(error.path())))?;
    reader.end().map_err(|error| not_json(&error, ""))?;
    serde_path_to_error::deserialize(&tree).map_err(|error| {
        let path = error.path().clone();
        unfit(error.into_inner(), &path, text)
    })
}

fn not_json(error: &serde_json::Error, field: &str) -> Error {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    Error::settings(
        if field.is_empty() { "settings" } else { field },
        format!("line {}, column {}", error.line(), error.column()),
        format!("not valid JSON: {}", message.strip_suffix(&place).unwrap_or(&message)),
        "correct the text there",
    )
}

fn unfit(flaw: Flaw, path: &Path, text: &str) -> Error {
    let mut field = field_name(path);
    // The path ends before a field that is missing, and before one that is given twice or with it, depending on who
    // noticed.
    let ends_with_it = |name: &str| matches!(path.iter().next_back(), Some(Segment::Map { key }) if key == name);
    if let Flaw::Missing(name) | Flaw::Twice(name) = flaw
        && !ends_with_it(name)
    {
        field = if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    }
    let whole = serde_json::from_str::<Value>(text).ok();
    let value = whole.as_ref().and_then(|whole| lookup(whole, path));
    let value = value.map_or_else(|| "(unreadable)".to_owned(), |value| shown::value(&value.to_string()));
    flaw.told(if field.is_empty() { "settings".to_owned() } else { field }, value)
}

/// The path as a person writes it: `dimensions[1].chunk_size`.
fn field_name(path: &Path) -> String {
    let mut name = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => name.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(key);
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    name
}

fn lookup<'a>(whole: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter().try_fold(whole, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    })
}
