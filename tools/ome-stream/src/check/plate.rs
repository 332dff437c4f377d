//! "plate" and "well" metadata.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::at::{At, Findings, is_count, is_filled, is_integer, is_positive};
use super::parts::here;
use super::rules::*;
use super::version::Version;

/// The plate in the metadata `ome`.
pub fn plate(found: &mut Findings, ome: &At<'_>) {
    let Some(plate) = found.may(PLATE_OBJECT, ome, "plate", Value::is_object) else { return };
    match found.version {
        Version::V06 if plate.get("version").is_none() => {}
        // By its text, not by its schema and examples.
        Version::V05 if plate.get("version").is_none() => found.missing(VERSION_HERE, &plate, "version"),
        _ => here(found, &plate),
    }
    found.should(PLATE_NAME, PLATE_NAME_TEXT, &plate, "name", Value::is_string);
    found.should(PLATE_FIELDS, PLATE_FIELDS_COUNT, &plate, "field_count", is_positive);
    acquisitions(found, &plate);
    let rows = names(found, &plate, "rows");
    let columns = names(found, &plate, "columns");
    let Some(wells) = found.need(PLATE_WELLS, &plate, "wells", is_filled) else { return };
    found.unique(PLATE_UNIQUE, wells.items(), "path");
    for well in wells.items() {
        self::place(found, &well, &rows, &columns);
    }
}

fn acquisitions(found: &mut Findings, plate: &At<'_>) {
    let Some(acquisitions) = found.may(ACQUISITIONS, plate, "acquisitions", Value::is_array) else { return };
    found.unique(ACQUISITION_ID, acquisitions.items(), "id");
    for each in acquisitions.items() {
        found.need(ACQUISITION_ID, &each, "id", is_count);
        found.should(ACQUISITION_NAME, PLATE_NAME_TEXT, &each, "name", Value::is_string);
        found.should(ACQUISITION_NAME, PLATE_FIELDS_COUNT, &each, "maximumfieldcount", is_positive);
        found.may(PLATE_NAME_TEXT, &each, "description", Value::is_string);
        for key in ["starttime", "endtime"] {
            found.may(ACQUISITION_TIME, &each, key, is_count);
        }
    }
}

/// The places of rows or columns by their names.
fn names<'a>(found: &mut Findings, plate: &At<'a>, key: &str) -> HashMap<&'a str, u64> {
    let Some(list) = found.need(PLATE_ROWS, plate, key, is_filled) else { return HashMap::new() };
    found.unique(PLATE_UNIQUE, list.items(), "name");
    let mut places = HashMap::new();
    let mut folded = HashSet::new();
    for (nth, each) in list.items().enumerate() {
        let Some(at) = found.need(PLATE_NAMES, &each, "name", is_plain) else { continue };
        let name = at.value.as_str().unwrap_or_default();
        let known = places.insert(name, nth as u64).is_some();
        if !folded.insert(name.to_ascii_lowercase()) && !known {
            found.at(PLATE_CASE, &at);
        }
    }
    places
}

/// Where a well lies.
fn place(found: &mut Findings, well: &At<'_>, rows: &HashMap<&str, u64>, columns: &HashMap<&str, u64>) {
    let path = found.need(WELL_PATH, well, "path", Value::is_string);
    let places = path.as_ref().and_then(|path| {
        let parts = path.value.as_str().and_then(|text| text.split_once('/'));
        let places = parts.and_then(|(row, column)| Some((*rows.get(row)?, *columns.get(column)?)));
        if places.is_none() {
            found.at(WELL_PATH, path);
        }
        places
    });
    let row = found.need(WELL_INDEX, well, "rowIndex", is_count);
    let column = found.need(WELL_INDEX, well, "columnIndex", is_count);
    let Some((right_row, right_column)) = places else { return };
    for (told, right) in [(row, right_row), (column, right_column)] {
        if let Some(told) = told
            && told.value.as_f64() != Some(right as f64)
        {
            found.told(WELL_INDEX, &told, format!("{}; by its path it is {right}", told.value));
        }
    }
}

/// The well in the metadata `ome`; `acquisitions` are the ids of the plate above, where there is one.
pub fn well(found: &mut Findings, ome: &At<'_>, acquisitions: Option<&[i64]>) {
    let Some(well) = found.may(WELL_OBJECT, ome, "well", Value::is_object) else { return };
    if found.version == Version::V04 || well.get("version").is_some() {
        here(found, &well);
    } else if found.version == Version::V05 {
        found.missing(VERSION_HERE, &well, "version");
    }
    let Some(images) = found.need(WELL_IMAGES, &well, "images", is_filled) else { return };
    let right = if found.version == Version::V06 { is_node_name } else { is_plain };
    found.unique(WELL_UNIQUE, images.items(), "path");
    for image in images.items() {
        found.need(WELL_FIELD, &image, "path", right);
        let told = found.may(WELL_ACQUISITION, &image, "acquisition", is_integer);
        let Some(ids) = acquisitions else { continue };
        match told {
            // A plate that lists none has nothing for it to match.
            Some(told) if !ids.is_empty() && !told.value.as_i64().is_some_and(|id| ids.contains(&id)) => {
                found.told(WELL_ACQUISITION, &told, format!("{}, of {ids:?}", told.value));
            }
            None if ids.len() > 1 && image.get("acquisition").is_none() => {
                found.missing(WELL_ACQUISITION, &image, "acquisition");
            }
            _ => {}
        }
    }
}

/// Letters and digits.
fn is_plain(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|each| each.is_ascii_alphanumeric()))
}

/// A name of a node that works everywhere (Zarr v3 core, "Node names").
fn is_node_name(value: &Value) -> bool {
    let is_safe = |each: u8| each.is_ascii_alphanumeric() || matches!(each, b'-' | b'_' | b'.');
    value.as_str().is_some_and(|text| {
        text.bytes().all(is_safe) && !text.starts_with("__") && text.bytes().any(|each| each != b'.')
    })
}
