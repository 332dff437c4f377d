//! Settings with every field told, for who wants to see what holds where nothing was said.

use serde_json::{Map, Value, json};

use super::declared::Settings;
use super::pyramid::Pyramid;

impl Settings {
    /// The settings as a JSON object in which no field is left out, neither those that hold their default nor those of
    /// `format` and `pyramid`. What stands for "chosen" or "none" is `null`. Read again they are the same settings.
    #[must_use]
    pub fn in_full(&self) -> Map<String, Value> {
        // Texts, numbers and lists of them: JSON has them all.
        let Ok(Value::Object(mut all)) = serde_json::to_value(self) else { return Map::new() };
        let left_out = [
            ("resume", json!(self.resume)),
            ("pyramid", json!(self.pyramid)),
            ("memory_limit", json!(self.memory_limit)),
            ("threads", json!(self.threads)),
            ("durability", json!(self.durability)),
            ("when_full", json!(self.when_full)),
            ("live_interval", json!(self.live_interval)),
            ("program", json!(self.program)),
            ("frame_times", json!(self.frame_times)),
        ];
        add(&mut all, left_out);
        if let Some(Value::Object(format)) = all.get_mut("format") {
            add(format, [("suffix", json!(self.format.suffix)), ("version", json!(self.format.version))]);
        }
        if let (Some(Value::Object(levels)), Some(pyramid)) = (all.get_mut("pyramid"), &self.pyramid) {
            let smallest = pyramid.smallest.or(pyramid.levels.is_none().then_some(Pyramid::SMALLEST));
            let left_out = [
                ("levels", json!(pyramid.levels)),
                ("smallest", json!(smallest)),
                ("factors", json!(pyramid.factors)),
                ("chunks", json!(pyramid.chunks)),
                ("shards", json!(pyramid.shards)),
            ];
            add(levels, left_out);
        }
        all
    }
}

/// Adds the members that are not there.
fn add<const N: usize>(object: &mut Map<String, Value>, members: [(&str, Value); N]) {
    for (name, value) in members {
        object.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DataType, parse_dims};

    fn settings() -> Settings {
        Settings::new("run.zarr", parse_dims("t:inf,y:64,x:64").expect("valid"), DataType::UInt16)
    }

    /// The names in an object of the schema.
    fn names(schema: &Value) -> Vec<&String> {
        schema["properties"].as_object().expect("an object").keys().collect()
    }

    #[test]
    fn no_field_is_left_out() {
        let settings = Settings { pyramid: Some(Pyramid::default()), ..settings() };
        let (all, schema) = (Value::from(settings.in_full()), Settings::schema());
        let told = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        for (object, declared) in [
            (&all, &schema),
            (&all["format"], &schema["$defs"]["FormatObject"]),
            (&all["pyramid"], &schema["$defs"]["Pyramid"]),
            (&all["dimensions"][0], &schema["$defs"]["Dimension"]),
        ] {
            let told = told(object);
            let missing: Vec<_> = names(declared).into_iter().filter(|name| !told.contains(name)).collect();
            assert!(missing.is_empty(), "{missing:?} of {object}");
        }
        assert_eq!((&all["memory_limit"], &all["when_full"]), (&json!(1 << 30), &json!("block")));
        assert_eq!(all["pyramid"]["smallest"], 256);
    }

    #[test]
    fn read_again_they_are_the_same() {
        let with_levels = Pyramid { levels: Some(2), ..Pyramid::default() };
        let other = Settings { threads: Some(3), program: Some("a".into()), pyramid: Some(with_levels), ..settings() };
        for settings in [settings(), other] {
            let text = Value::from(settings.in_full()).to_string();
            assert_eq!(Settings::parse_json(&text).expect("settings"), settings);
        }
    }
}
