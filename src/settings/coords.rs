//! What each element of a dimension is: positions, channels, names, numbers.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::color::Color;
use super::kind::DimensionType;

/// What one element of a dimension is.
///
/// In JSON a string, a number or an object; an object's fields tell a position from a channel. An object with nothing
/// but a name is read as that name. Names in a position or channel dimension become positions or channels when the
/// settings are validated.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Coord {
    /// A stage location.
    Position(Position),
    /// A channel.
    Channel(Channel),
    /// A name.
    Name(String),
    /// A place along the dimension, in its unit.
    Number(f64),
}

impl Coord {
    /// The type of dimension that this coordinate belongs to, where only one is possible.
    pub(super) fn kind(&self) -> Option<DimensionType> {
        match self {
            Self::Position(_) => Some(DimensionType::Position),
            Self::Channel(_) => Some(DimensionType::Channel),
            Self::Name(_) | Self::Number(_) => None,
        }
    }
}

impl Coord {
    /// The channel that this is; every coordinate of a channel dimension in validated settings is one.
    #[must_use]
    pub fn as_channel(&self) -> Option<&Channel> {
        match self {
            Self::Channel(channel) => Some(channel),
            _ => None,
        }
    }
}

impl From<Position> for Coord {
    fn from(position: Position) -> Self {
        Self::Position(position)
    }
}

impl From<Channel> for Coord {
    fn from(channel: Channel) -> Self {
        Self::Channel(channel)
    }
}

impl From<&str> for Coord {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Coord {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<f64> for Coord {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// A channel, as it is shown to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Unique among the channels.
    pub name: String,
    /// Excitation wavelength in nanometers, above 0.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub excitation_wavelength_nm: Option<u32>,
    /// Emission wavelength in nanometers, above 0.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub emission_wavelength_nm: Option<u32>,
    /// Name of the fluorophore.
    #[serde(default)]
    pub fluorophore: Option<String>,
    /// Color in which to show the channel.
    #[serde(default)]
    pub color: Option<Color>,
    /// Intensities between which to show the channel; where not set, from a low to a high percentile of what the run
    /// stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Intensities between which a channel is shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with start and end")]
pub struct Window {
    /// Shown black, with all below it. Below `end`.
    pub start: f64,
    /// Shown in full color, with all above it.
    pub end: f64,
}

impl Channel {
    /// A channel of which only the name is known.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            excitation_wavelength_nm: None,
            emission_wavelength_nm: None,
            fluorophore: None,
            color: None,
            window: None,
        }
    }
}

/// A stage location: one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Unique among the positions of its well, grid cell and acquisition. It names the image's folder.
    pub name: String,
    /// Row of the well; with `plate_column` or not at all.
    #[serde(default)]
    pub plate_row: Option<String>,
    /// Column of the well; with `plate_row` or not at all.
    #[serde(default)]
    pub plate_column: Option<String>,
    /// Row in a grid of fields; with `grid_column` or not at all.
    #[serde(default)]
    pub grid_row: Option<i64>,
    /// Column in a grid of fields; with `grid_row` or not at all.
    #[serde(default)]
    pub grid_column: Option<i64>,
    /// Place of the image along x, in the unit of that dimension.
    #[serde(default)]
    pub x_coord: Option<f64>,
    /// Place of the image along y, in the unit of that dimension.
    #[serde(default)]
    pub y_coord: Option<f64>,
    /// Place of the image along z, in the unit of that dimension.
    #[serde(default)]
    pub z_coord: Option<f64>,
    /// Which of the plate's acquisitions the field belongs to, by its `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquisition: Option<u32>,
}

impl Position {
    /// A position of which only the name is known.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            plate_row: None,
            plate_column: None,
            grid_row: None,
            grid_column: None,
            x_coord: None,
            y_coord: None,
            z_coord: None,
            acquisition: None,
        }
    }
}

/// A field of an object: present with a value or `null`, or not present.
type Field<T> = Option<Option<T>>;

/// Marks a field as present even where it is `null`.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Field<T>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The fields of both kinds of object; which are present tells the kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a position or a channel")]
struct Object {
    name: String,
    #[serde(default, deserialize_with = "present")]
    plate_row: Field<String>,
    #[serde(default, deserialize_with = "present")]
    plate_column: Field<String>,
    #[serde(default, deserialize_with = "present")]
    grid_row: Field<i64>,
    #[serde(default, deserialize_with = "present")]
    grid_column: Field<i64>,
    #[serde(default, deserialize_with = "present")]
    x_coord: Field<f64>,
    #[serde(default, deserialize_with = "present")]
    y_coord: Field<f64>,
    #[serde(default, deserialize_with = "present")]
    z_coord: Field<f64>,
    #[serde(default, deserialize_with = "present")]
    acquisition: Field<u32>,
    #[serde(default, deserialize_with = "present")]
    excitation_wavelength_nm: Field<u32>,
    #[serde(default, deserialize_with = "present")]
    emission_wavelength_nm: Field<u32>,
    #[serde(default, deserialize_with = "present")]
    fluorophore: Field<String>,
    #[serde(default, deserialize_with = "present")]
    color: Field<Color>,
    #[serde(default, deserialize_with = "present")]
    window: Field<Window>,
}

impl Object {
    fn is_position(&self) -> bool {
        self.plate_row.is_some()
            || self.plate_column.is_some()
            || self.grid_row.is_some()
            || self.grid_column.is_some()
            || self.x_coord.is_some()
            || self.y_coord.is_some()
            || self.z_coord.is_some()
            || self.acquisition.is_some()
    }

    fn is_channel(&self) -> bool {
        self.excitation_wavelength_nm.is_some()
            || self.emission_wavelength_nm.is_some()
            || self.fluorophore.is_some()
            || self.color.is_some()
            || self.window.is_some()
    }

    fn into_coord<E: de::Error>(self) -> Result<Coord, E> {
        match (self.is_position(), self.is_channel()) {
            (false, false) => Ok(Coord::Name(self.name)),
            (true, false) => Ok(Coord::Position(Position {
                name: self.name,
                plate_row: self.plate_row.flatten(),
                plate_column: self.plate_column.flatten(),
                grid_row: self.grid_row.flatten(),
                grid_column: self.grid_column.flatten(),
                x_coord: self.x_coord.flatten(),
                y_coord: self.y_coord.flatten(),
                z_coord: self.z_coord.flatten(),
                acquisition: self.acquisition.flatten(),
            })),
            (false, true) => Ok(Coord::Channel(Channel {
                name: self.name,
                excitation_wavelength_nm: self.excitation_wavelength_nm.flatten(),
                emission_wavelength_nm: self.emission_wavelength_nm.flatten(),
                fluorophore: self.fluorophore.flatten(),
                color: self.color.flatten(),
                window: self.window.flatten(),
            })),
            (true, true) => Err(E::invalid_value(
                de::Unexpected::Other("fields of a position and of a channel in one object"),
                &"those of one of them",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Coord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Coord;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name, a number, a position or a channel")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Coord, E> {
                Ok(Coord::Name(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Coord, E> {
                Ok(Coord::Name(text))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Coord, E> {
                Ok(Coord::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Coord, E> {
                Ok(Coord::Number(number as f64))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Coord, E> {
                Ok(Coord::Number(number as f64))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Coord, A::Error> {
                Object::deserialize(de::value::MapAccessDeserializer::new(map))?.into_coord()
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
