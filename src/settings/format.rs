//! Format version, engine and suffix.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// Version of OME-NGFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum NgffVersion {
    /// 0.4, on Zarr v2.
    #[serde(rename = "0.4")]
    V0_4,
    /// 0.5, on Zarr v3.
    #[default]
    #[serde(rename = "0.5")]
    V0_5,
    /// 0.6, on Zarr v3.
    #[serde(rename = "0.6")]
    V0_6,
}

impl NgffVersion {
    /// The version as it is written: `0.5`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V0_4 => "0.4",
            Self::V0_5 => "0.5",
            Self::V0_6 => "0.6",
        }
    }

    /// The version that is written so.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::V0_4, Self::V0_5, Self::V0_6].into_iter().find(|version| version.name() == name)
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Format version, engine and suffix. In JSON an object, or one word: `"auto"`, `"ome-zarr"`, `"zarr"`, or the name of
/// an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Format {
    /// Always `ome-zarr`.
    pub name: String,
    /// Name of the engine that writes; `auto` lets the registry choose. Which names there are is the registry's
    /// business: this crate knows no engine.
    pub backend: String,
    /// What the store's folder ends with. Empty: as `root_path` does, else `.ome.zarr`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub suffix: String,
    /// Version of OME-NGFF.
    #[serde(skip_serializing_if = "NgffVersion::is_default")]
    pub version: NgffVersion,
}

impl Format {
    /// The one format's name.
    pub const NAME: &'static str = "ome-zarr";

    /// The `backend` that lets the registry choose.
    pub const AUTO: &'static str = "auto";

    /// OME-Zarr written by the engine of this name.
    #[must_use]
    pub fn with_backend(backend: &str) -> Self {
        Self {
            name: Self::NAME.to_owned(),
            backend: backend.to_owned(),
            suffix: String::new(),
            version: NgffVersion::default(),
        }
    }
}

impl Default for Format {
    fn default() -> Self {
        Self::with_backend(Self::AUTO)
    }
}

/// Words of ome-writers for what is not OME-Zarr.
pub(super) const FOREIGN: [&str; 4] = ["ome-tiff", "tiff", "tifffile", "scratch"];

/// Every `name` there is.
const NAMES: &str = "\"ome-zarr\"";

fn refuse_foreign<E: de::Error>(word: &str) -> Result<(), E> {
    if FOREIGN.contains(&word) {
        let problem = format!("{word} is not written, only OME-Zarr is");
        return Err(E::invalid_value(de::Unexpected::Other(&problem), &NAMES));
    }
    Ok(())
}

/// The object form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with name, backend, suffix, version")]
#[schemars(rename = "FormatObject")]
pub(super) struct Object {
    /// Always `ome-zarr`.
    #[serde(default = "Object::default_name", deserialize_with = "Object::name")]
    #[schemars(extend("const" = Format::NAME))]
    name: String,
    /// Name of the engine that writes; `auto` lets the registry choose.
    #[serde(default = "Object::default_backend", deserialize_with = "Object::backend")]
    #[schemars(length(min = 1), extend("not" = {"enum": FOREIGN}))]
    backend: String,
    /// What the store's folder ends with. Empty: as `root_path` does, else `.ome.zarr`.
    #[serde(default)]
    #[schemars(extend("pattern" = r"^$|^(\.[A-Za-z0-9._-]*)?\.zarr$"))]
    suffix: String,
    /// Version of OME-NGFF.
    #[serde(default)]
    version: NgffVersion,
}

impl Object {
    fn default_name() -> String {
        Format::NAME.to_owned()
    }

    fn default_backend() -> String {
        Format::AUTO.to_owned()
    }

    fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let name = String::deserialize(deserializer)?;
        refuse_foreign(&name)?;
        if name != Format::NAME {
            return Err(de::Error::invalid_value(de::Unexpected::Other("unknown format"), &NAMES));
        }
        Ok(name)
    }

    fn backend<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let backend = String::deserialize(deserializer)?;
        refuse_foreign(&backend)?;
        Ok(backend)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Format;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"auto\", \"ome-zarr\", the name of a backend, or an object")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Format, E> {
                let word = text.to_lowercase();
                refuse_foreign(&word)?;
                Ok(match word.as_str() {
                    "auto" | "ome-zarr" | "zarr" => Format::default(),
                    backend => Format::with_backend(backend),
                })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Format, A::Error> {
                let object = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Format {
                    name: object.name,
                    backend: object.backend,
                    suffix: object.suffix,
                    version: object.version,
                })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
