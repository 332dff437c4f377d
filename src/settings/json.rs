//! JSON text -> settings, with errors that name the field, its value and what would work.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::error::{Error, Result};
use crate::shown;

pub(super) use crate::shown::quoted as quote;

/// Reads one JSON document.
///
/// Straight from text, not through a tree of values: a field that is given twice must be refused, not overwritten.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    // Some editors put a byte order mark before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| translate(&error, text))?;
    reader.end().map_err(|error| not_json(&error, None))?;
    Ok(parsed)
}

fn not_json(error: &serde_json::Error, field: Option<String>) -> Error {
    Error::settings(
        field.unwrap_or_else(|| "settings".to_owned()),
        format!("line {}, column {}", error.line(), error.column()),
        format!("not valid JSON: {}", without_place(error)),
        "correct the text there",
    )
}

/// The message without serde_json's line and column at its end.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

fn translate(error: &serde_path_to_error::Error<serde_json::Error>, text: &str) -> Error {
    let mut field = field_name(error.path());
    let inner = error.inner();
    if !inner.is_data() {
        return not_json(inner, (!field.is_empty()).then_some(field));
    }
    let message = without_place(inner);
    if let Some(missing) = between(&message, "missing field `", '`') {
        let field = if field.is_empty() { missing.to_owned() } else { format!("{field}.{missing}") };
        return Error::settings(field, "(missing)", "this field is required", "add it");
    }
    if let Some(twice) = between(&message, "duplicate field `", '`') {
        // The path ends before the field or with it, depending on who noticed.
        if field.rsplit('.').next() != Some(twice) {
            field = if field.is_empty() { twice.to_owned() } else { format!("{field}.{twice}") };
        }
        return Error::settings(field, "(given twice)", "a field may be given once", "remove one of them");
    }
    let value = serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|whole| Some(shown::value(&lookup(&whole, error.path())?.to_string())))
        .unwrap_or_else(|| "(unreadable)".to_owned());
    if field.is_empty() {
        field = "settings".to_owned();
    }
    let (problem, remedy) = split_message(&message);
    Error::settings(field, value, problem, remedy)
}

/// Problem and remedy: own messages have both, separated by a semicolon; serde's have "expected".
fn split_message(message: &str) -> (String, String) {
    // Serde's messages repeat what was given, in which anything may stand; field and value are named already.
    let repeating = ["unknown field `", "unknown variant `", "invalid type: ", "invalid value: "];
    let repeats = repeating.iter().any(|start| message.starts_with(start));
    if !repeats && let Some((problem, remedy)) = message.split_once("; ") {
        return (problem.to_owned(), remedy.to_owned());
    }
    let halves = if repeats { message.rsplit_once(", expected ") } else { message.split_once(", expected ") };
    if let Some((problem, expected)) = halves {
        let problem = match problem.split_once(['`', '"']) {
            Some(("unknown field ", _)) => "unknown field",
            Some(("unknown variant ", _)) => "unknown value",
            Some((kind, _)) if repeats => kind.trim_end(),
            _ => problem,
        };
        let expected = match expected {
            "u64" | "u32" | "usize" => "a whole number of at least 0",
            "i64" | "i32" => "a whole number",
            "f64" => "a number",
            "struct Settings" => "an object with root_path, dimensions, dtype",
            "struct Dimension" => "an object with name and count",
            other => other,
        };
        return (problem.to_owned(), format!("expected {}", expected.replace('`', "")));
    }
    (message.to_owned(), "see the documentation of this field".to_owned())
}

fn between<'a>(text: &'a str, before: &str, after: char) -> Option<&'a str> {
    text.strip_prefix(before)?.split(after).next()
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
