//! Settings that one engine is measured with beside those of the command line.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result};
use ome_stream::Settings;
use serde_json::Value;

/// Fields of the settings with their values, as `durability=shard,live_interval=0.1`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variant(Vec<(String, Value)>);

impl Variant {
    /// `settings` with the fields replaced.
    pub fn apply(&self, settings: &Settings) -> Result<Settings> {
        if self.0.is_empty() {
            return Ok(settings.clone());
        }
        let mut document = serde_json::to_value(settings)?;
        for (field, value) in &self.0 {
            document[field] = value.clone();
        }
        Settings::from_json(&document.to_string()).with_context(|| format!("--variant {self}"))
    }

    /// How the engine `name` is called with these settings.
    pub fn name_of(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{name} {self}") }
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields = text.split(',').map(|field| match field.split_once('=') {
            // What is not JSON is a word.
            Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                Ok((name.to_owned(), value))
            }
            _ => Err(format!("{field:?} is not FIELD=VALUE, such as durability=shard")),
        });
        fields.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (field, value)) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            match value {
                Value::String(word) => write!(f, "{comma}{field}={word}")?,
                value => write!(f, "{comma}{field}={value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ome_stream::settings::{DataType, Durability, parse_dims};

    use super::*;

    #[test]
    fn fields_are_replaced_and_told_in_the_name() {
        let variant: Variant = "durability=shard,live_interval=0.1".parse().unwrap();
        assert_eq!(variant.to_string(), "durability=shard,live_interval=0.1");
        let settings = Settings::new("a", parse_dims("t:2,y:8").unwrap(), DataType::UInt8);
        let changed = variant.apply(&settings).unwrap();
        assert_eq!((changed.durability, changed.live_interval), (Durability::Shard, 0.1));
        assert_eq!(Variant::default().apply(&settings).unwrap(), settings);
    }

    #[test]
    fn what_is_no_field_is_refused_by_name() {
        assert!("durability".parse::<Variant>().unwrap_err().contains("FIELD=VALUE"));
        let settings = Settings::new("a", parse_dims("t:2,y:8").unwrap(), DataType::UInt8);
        let problem = format!("{:#}", "durabillity=shard".parse::<Variant>().unwrap().apply(&settings).unwrap_err());
        assert!(problem.contains("durabillity"), "{problem}");
    }
}
