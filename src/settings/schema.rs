//! The JSON schema of settings files, made of the types that read them.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::color::Color;
use super::compression::{self, Codec, Compression};
use super::declared::Settings;
use super::dtype::DataType;
use super::format::{self, Format};
use super::plate::{self, Plate};
use super::storage_order::StorageOrder;

impl Settings {
    /// The JSON schema (draft 2020-12) of settings files: names, kinds and bounds of all fields.
    ///
    /// What is read is valid by it, and what is not valid by it is not read. It cannot say what depends on several
    /// fields, nor list the names of all colors.
    #[must_use]
    pub fn schema() -> Value {
        let generator =
            SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_links)).into_generator();
        generator.into_root_schema_for::<Self>().to_value()
    }
}

/// Descriptions are the documentation of the types, whose links lead nowhere outside of it.
fn without_links(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`");
    }
}

impl JsonSchema for DataType {
    fn schema_name() -> Cow<'static, str> {
        "DataType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all =
            |name: fn(Self) -> &'static str| Self::ALL.iter().map(|each| name(*each)).collect::<Vec<_>>().join("|");
        let pattern = format!("^({}|half|single|double|[<|=]?({})|>[ui]1)$", all(Self::name), all(Self::code));
        json_schema!({
            "description": "Type of a pixel: NumPy's name (uint16) or short name (u2, <u2), little-endian.",
            "type": "string",
            "pattern": pattern,
        })
    }
}

impl JsonSchema for Color {
    fn schema_name() -> Cow<'static, str> {
        "Color".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let part = json!({"type": "number", "minimum": 0, "maximum": 255});
        json_schema!({
            "description": "#rrggbb, a CSS color, or red, green and blue from 0 to 255; an opacity is left out.",
            "anyOf": [
                {"type": "string", "minLength": 3},
                {
                    "type": "array",
                    "prefixItems": [part, part, part, {"type": "number", "minimum": 0, "maximum": 1}],
                    "minItems": 3,
                    "maxItems": 4,
                },
            ],
        })
    }
}

impl JsonSchema for Compression {
    fn schema_name() -> Cow<'static, str> {
        "Compression".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How chunks are compressed.",
            "anyOf": [
                {"type": "null"},
                generator.subschema_for::<Codec>(),
                generator.subschema_for::<compression::Object>(),
            ],
        })
    }
}

impl JsonSchema for Format {
    fn schema_name() -> Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Format version, engine and suffix, or one word: auto, ome-zarr, zarr, or an engine's name.",
            "anyOf": [
                {"type": "string", "minLength": 1, "not": {"enum": format::FOREIGN}},
                generator.subschema_for::<format::Object>(),
            ],
        })
    }
}

impl JsonSchema for Plate {
    fn schema_name() -> Cow<'static, str> {
        "Plate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        plate::Object::json_schema(generator)
    }
}

impl JsonSchema for StorageOrder {
    fn schema_name() -> Cow<'static, str> {
        "StorageOrder".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Order of the axes on disk; the frame's two are always last.",
            "anyOf": [
                {"enum": ["ome", "acquisition"]},
                {"type": "array", "items": {"type": "string"}, "minItems": 2},
            ],
        })
    }
}
