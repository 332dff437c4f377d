//! The JSON schema against what the reader takes and refuses.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::*;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&Settings::schema()).unwrap());

/// What a schema cannot see: a field that is given twice, and that a word is the name of no color.
fn is_beyond_a_schema(error: &Error, file: &Value) -> bool {
    let (field, value, _, _) = parts(error);
    value == "(given twice)" || (field.ends_with(".color") && value.starts_with('"') && file.is_object())
}

/// The schema takes settings that can be used, and refuses by their form those that the reader refuses by it.
#[track_caller]
pub(super) fn judges_like_the_reader(text: &str) {
    let Ok(file) = serde_json::from_str::<Value>(text.strip_prefix('\u{feff}').unwrap_or(text)) else { return };
    let taken = SCHEMA.validate(&file);
    match (Settings::parse_json(text), Settings::from_json(text)) {
        (_, Ok(_)) => assert!(taken.is_ok(), "{}: {text}", taken.unwrap_err()),
        (Err(error), _) => assert!(taken.is_err() || is_beyond_a_schema(&error, &file), "{error}: {text}"),
        // What several fields mean together is not the schema's to judge.
        (Ok(_), Err(_)) => {}
    }
}

/// Texts of a folder's files, or of a file of seeds, which is a table of names and texts.
fn texts_in(place: &str) -> Vec<String> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
    if let Ok(table) = std::fs::read_to_string(&place) {
        return serde_json::from_str::<BTreeMap<String, String>>(&table).unwrap().into_values().collect();
    }
    let files = std::fs::read_dir(place).into_iter().flatten();
    files.filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok()).collect()
}

#[test]
fn settings_files_of_the_tests_are_judged_alike() {
    let of_ome_writers = texts_in("tests/data/ome-writers-settings");
    assert!(of_ome_writers.len() >= 9, "{} files of ome-writers", of_ome_writers.len());
    let seeds = ["fuzz/seeds/c_settings.json", "fuzz/seeds/plans.json"].map(texts_in).concat();
    assert!(seeds.len() >= 40, "{} seeds", seeds.len());
    let mut taken = 0;
    for text in of_ome_writers.iter().chain(&seeds) {
        judges_like_the_reader(text);
        taken += u32::from(Settings::from_json(text).is_ok());
    }
    assert!(taken >= 12, "{taken} files that can be used");
}

#[test]
fn the_example_of_the_documentation_can_be_used() {
    let documentation = include_str!("../../../docs/SETTINGS.md");
    let example = documentation.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    judges_like_the_reader(example);
    let mut settings = Settings::from_json(example).unwrap();
    assert_eq!(settings.validate().unwrap(), Vec::<String>::new());
}

#[test]
fn the_schema_documents_every_field() {
    let schema = Settings::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let objects = std::iter::once(&schema).chain(schema["$defs"].as_object().unwrap().values());
    let mut fields = 0;
    for (name, field) in objects.filter_map(|each| each["properties"].as_object()).flatten() {
        let described =
            [field, &field["anyOf"][0], &field["allOf"][0]].iter().any(|each| !each["description"].is_null());
        assert!(described || field.get("$ref").is_some(), "{name}: {field}");
        fields += 1;
    }
    assert!(fields > 40, "{fields}");
    let text = schema.to_string();
    assert!(!text.contains("[`") && !text.contains("`]"), "links into the documentation of the code");
    let required = schema["required"].as_array().unwrap();
    assert_eq!(required, &["root_path", "dimensions", "dtype"]);
}

#[test]
fn bounds_of_the_schema_are_those_of_the_settings() {
    let schema = Settings::schema();
    let bound = |place: &str| schema.pointer(place).and_then(Value::as_f64);
    assert_eq!(bound("/properties/memory_limit/minimum"), Some(MIN_MEMORY_LIMIT as f64));
    assert_eq!(bound("/properties/threads/maximum"), Some(MAX_THREADS as f64));
    assert_eq!(bound("/properties/live_interval/minimum"), Some(*LIVE_INTERVAL_RANGE.start()));
    assert_eq!(bound("/properties/live_interval/maximum"), Some(*LIVE_INTERVAL_RANGE.end()));
    assert_eq!(bound("/properties/dimensions/maxItems"), Some(MAX_AXES as f64 + 1.0));
    assert_eq!(bound("/$defs/Dimension/properties/count/minimum"), Some(1.0));
}
