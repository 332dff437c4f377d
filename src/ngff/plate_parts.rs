//! Pieces of JSON of plates and wells that NGFF versions write alike; 0.4 and 0.5 have a `version` in each.

use serde::Serialize;

use super::plate::{Acquisition, Plate, Well};

/// `plate` (0.4 to 0.6, "plate" metadata).
#[derive(Serialize)]
pub(super) struct PlatePart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    name: &'a str,
    field_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    acquisitions: Vec<AcquisitionPart<'a>>,
    rows: Vec<NamePart<'a>>,
    columns: Vec<NamePart<'a>>,
    wells: Vec<WellOfPlate>,
}

#[derive(Serialize)]
struct NamePart<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct AcquisitionPart<'a> {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Positive, so none for an acquisition without fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximumfieldcount: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starttime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endtime: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WellOfPlate {
    path: String,
    row_index: usize,
    column_index: usize,
}

impl<'a> PlatePart<'a> {
    /// With `version` inside, for those that have it there.
    pub(super) fn of(plate: &'a Plate, version: Option<&'static str>) -> Self {
        let names = |names: &'a [String]| names.iter().map(|name| NamePart { name }).collect();
        let counts = plate.fields_of_acquisitions();
        let acquisitions =
            plate.acquisitions.iter().zip(counts).map(|(each, count): (&'a Acquisition, _)| AcquisitionPart {
                id: each.id,
                name: each.name.as_deref(),
                maximumfieldcount: (count > 0).then_some(count),
                description: each.description.as_deref(),
                starttime: each.start_time,
                endtime: each.end_time,
            });
        let well =
            |well: &Well| WellOfPlate { path: plate.path_of(well), row_index: well.row, column_index: well.column };
        Self {
            version,
            name: &plate.name,
            field_count: plate.field_count(),
            acquisitions: acquisitions.collect(),
            rows: names(&plate.rows),
            columns: names(&plate.columns),
            wells: plate.wells.iter().map(well).collect(),
        }
    }
}

/// `well` (0.4 to 0.6, "well" metadata).
#[derive(Serialize)]
pub(super) struct WellPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    images: Vec<FieldPart<'a>>,
}

#[derive(Serialize)]
struct FieldPart<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acquisition: Option<u32>,
}

impl<'a> WellPart<'a> {
    /// With `version` inside, for those that have it there.
    pub(super) fn of(well: &'a Well, version: Option<&'static str>) -> Self {
        let fields = well.fields.iter();
        let images = fields.map(|field| FieldPart { path: &field.path, acquisition: field.acquisition }).collect();
        Self { version, images }
    }
}
