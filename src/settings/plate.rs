//! The well plate that positions belong to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// All rows and columns of a well plate, whether or not every well is visited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with row_names and column_names")]
pub struct Plate {
    /// Names of all rows: letters and digits, unique.
    pub row_names: Vec<String>,
    /// Names of all columns: letters and digits, unique.
    pub column_names: Vec<String>,
    /// Name of the plate.
    #[serde(default)]
    pub name: Option<String>,
}

/// Wells of the standard plates, with their rows and columns (ANSI/SLAS).
const STANDARD: [(u32, u32, u32); 7] =
    [(6, 2, 3), (12, 3, 4), (24, 4, 6), (48, 6, 8), (96, 8, 12), (384, 16, 24), (1536, 32, 48)];

impl Plate {
    /// A standard plate of 6, 12, 24, 48, 96, 384 or 1536 wells: rows A, B, ..., Z, AA, BB, ...; columns 1, 2, ....
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] for any other number.
    pub fn from_standard_wells(wells: u32) -> Result<Self> {
        let (_, rows, columns) = STANDARD.into_iter().find(|each| each.0 == wells).ok_or_else(|| {
            Error::settings(
                "plate",
                format!("{wells} wells"),
                "not a standard plate",
                "use 6, 12, 24, 48, 96, 384 or 1536 wells, or name rows and columns",
            )
        })?;
        let row = |nth: u32| {
            let letter = char::from(b'A' + (nth % 26) as u8);
            std::iter::repeat_n(letter, nth as usize / 26 + 1).collect()
        };
        Ok(Self {
            row_names: (0..rows).map(row).collect(),
            column_names: (1..=columns).map(|column| column.to_string()).collect(),
            name: None,
        })
    }
}
