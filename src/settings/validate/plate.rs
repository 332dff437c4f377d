//! Rules of well plates.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::settings::declared::Settings;
use crate::settings::plate::Plate;
use crate::shown::quoted;

pub(super) fn check(settings: &Settings) -> Result<()> {
    let Some(plate) = &settings.plate else { return Ok(()) };
    // OME-NGFF 0.5 section "plate": names of rows and columns are alphanumeric and unique.
    names("plate.row_names", &plate.row_names)?;
    names("plate.column_names", &plate.column_names)?;
    wells(settings, plate)?;
    Err(Error::settings(
        "plate",
        format!("{} x {} wells", plate.row_names.len(), plate.column_names.len()),
        "plates are not written by this version",
        "leave it out",
    ))
}

fn names(field: &str, list: &[String]) -> Result<()> {
    if list.is_empty() {
        return Err(Error::settings(field, "[]", "a plate has rows and columns", "name all of them"));
    }
    let mut seen = HashSet::new();
    for (nth, name) in list.iter().enumerate() {
        let refuse = |problem: &str, remedy: &str| {
            Err(Error::settings(format!("{field}[{nth}]"), quoted(name), problem, remedy))
        };
        if name.is_empty() || !name.chars().all(|each| each.is_ascii_alphanumeric()) {
            return refuse("not a name of letters and digits", "use letters and digits only");
        }
        // Rows and columns are folders.
        if let Err(refusal) = crate::names::check_folder(name) {
            return refuse(&refusal.problem, &refusal.remedy);
        }
        if !seen.insert(crate::names::key(name)) {
            return refuse("named twice (letter case does not tell folders apart everywhere)", "name each once");
        }
    }
    Ok(())
}

/// Every position lies in a well of the plate.
fn wells(settings: &Settings, plate: &Plate) -> Result<()> {
    let Some(dimension) = settings.position_dimension() else {
        return Err(Error::settings(
            "plate",
            format!("{} x {} wells", plate.row_names.len(), plate.column_names.len()),
            "there is no position dimension",
            "add a dimension of type \"position\" whose coords have plate_row and plate_column",
        ));
    };
    for (nth, position) in settings.positions().iter().enumerate() {
        let sides = [
            ("plate_row", &position.plate_row, &plate.row_names),
            ("plate_column", &position.plate_column, &plate.column_names),
        ];
        for (side, name, all) in sides {
            let field = format!("dimensions[{dimension}].coords[{nth}].{side}");
            let Some(name) = name else {
                return Err(Error::settings(
                    field,
                    "null",
                    "every position of a plate lies in a well",
                    "give plate_row and plate_column",
                ));
            };
            if !all.contains(name) {
                return Err(Error::settings(
                    field,
                    quoted(name),
                    "the plate has no such row or column",
                    format!("use one of {}", crate::shown::field(&all.join(", "))),
                ));
            }
        }
    }
    Ok(())
}
