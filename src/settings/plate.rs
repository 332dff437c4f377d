//! The well plate that positions belong to.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::error::{Error, Result};

/// All rows and columns of a well plate, whether or not every well is visited. In JSON the names of both, or the size
/// of a standard plate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Plate {
    /// Names of all rows: letters and digits, unique.
    pub row_names: Vec<String>,
    /// Names of all columns: letters and digits, unique.
    pub column_names: Vec<String>,
    /// Name of the plate; that of the store where none is given.
    pub name: Option<String>,
    /// Acquisitions that the fields belong to; none where nothing tells them apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acquisitions: Vec<PlateAcquisition>,
}

/// One of several passes over a plate: a day, a staining, a time point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with id, name, description, start_time, end_time")]
pub struct PlateAcquisition {
    /// Unique in the plate; positions name their acquisition by it.
    pub id: u32,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// What was done, in words.
    #[serde(default)]
    pub description: Option<String>,
    /// When it began, in seconds since 1970 (UTC).
    #[serde(default)]
    pub start_time: Option<u64>,
    /// When it ended, in seconds since 1970 (UTC); not before `start_time`.
    #[serde(default)]
    pub end_time: Option<u64>,
}

impl PlateAcquisition {
    /// An acquisition of which nothing but its number is known.
    #[must_use]
    pub fn new(id: u32) -> Self {
        Self { id, name: None, description: None, start_time: None, end_time: None }
    }
}

/// Wells of the standard plates, with their rows and columns (ANSI/SLAS).
const STANDARD: [(u32, u32, u32); 7] =
    [(6, 2, 3), (12, 3, 4), (24, 4, 6), (48, 6, 8), (96, 8, 12), (384, 16, 24), (1536, 32, 48)];

/// All sizes of [`STANDARD`], in words.
const SIZES: &str = "6, 12, 24, 48, 96, 384 or 1536";

impl Plate {
    /// A standard plate of 6, 12, 24, 48, 96, 384 or 1536 wells, with the names that are printed on it: rows A, B, ...,
    /// Z, AA, AB, ..., AF; columns 1, 2, ....
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] for any other number.
    pub fn from_standard_wells(wells: u32) -> Result<Self> {
        Self::standard(wells).ok_or_else(|| {
            let remedy = format!("use {SIZES} wells, or name rows and columns");
            Error::settings("plate", format!("{wells} wells"), NOT_STANDARD, remedy)
        })
    }

    fn standard(wells: u32) -> Option<Self> {
        let (_, rows, columns) = STANDARD.into_iter().find(|each| each.0 == wells)?;
        let letter = |nth: u32| char::from(b'A' + (nth % 26) as u8);
        // Of two rounds through the alphabet at most.
        let row = |nth: u32| (nth >= 26).then_some('A').into_iter().chain([letter(nth)]).collect();
        Some(Self {
            row_names: (0..rows).map(row).collect(),
            column_names: (1..=columns).map(|column| column.to_string()).collect(),
            ..Self::default()
        })
    }
}

const NOT_STANDARD: &str = "not a standard plate";

/// The object form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with row_names and column_names, or standard_wells")]
#[schemars(rename = "PlateObject", extend("oneOf" = [
    {"required": ["row_names", "column_names"], "not": {"required": ["standard_wells"]}},
    {"required": ["standard_wells"], "not": {"anyOf": [{"required": ["row_names"]}, {"required": ["column_names"]}]}},
]))]
pub(super) struct Object {
    /// Names of all rows: letters and digits, unique.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    row_names: Option<Vec<String>>,
    /// Names of all columns: letters and digits, unique.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    column_names: Option<Vec<String>>,
    /// Wells of a standard plate, in place of the names: rows A to Z, AA to AF, columns from 1.
    #[serde(default, deserialize_with = "standard_wells")]
    #[schemars(with = "u32", extend("enum" = [6, 12, 24, 48, 96, 384, 1536]))]
    standard_wells: Option<Plate>,
    /// Name of the plate; that of the store where none is given.
    #[serde(default)]
    name: Option<String>,
    /// Acquisitions that the fields belong to.
    #[serde(default)]
    acquisitions: Vec<PlateAcquisition>,
}

/// A field that is not `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn standard_wells<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Plate>, D::Error> {
    let plate = Plate::standard(u32::deserialize(deserializer)?);
    plate.map(Some).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Other(NOT_STANDARD), &SIZES))
}

impl Object {
    fn into_plate<E: de::Error>(self) -> Result<Plate, E> {
        let names = match (self.standard_wells, self.row_names, self.column_names) {
            (Some(plate), None, None) => plate,
            (Some(_), _, _) => {
                let problem = de::Unexpected::Other("standard_wells beside names of rows or columns");
                return Err(E::invalid_value(problem, &"one of them"));
            }
            (None, None, _) => return Err(E::missing_field("row_names")),
            (None, _, None) => return Err(E::missing_field("column_names")),
            (None, Some(row_names), Some(column_names)) => Plate { row_names, column_names, ..Plate::default() },
        };
        Ok(Plate { name: self.name, acquisitions: self.acquisitions, ..names })
    }
}

impl<'de> Deserialize<'de> for Plate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Plate;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with row_names and column_names, or standard_wells")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Plate, A::Error> {
                Object::deserialize(de::value::MapAccessDeserializer::new(map))?.into_plate()
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
