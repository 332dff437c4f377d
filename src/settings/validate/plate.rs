//! Rules of well plates.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::settings::coords::Position;
use crate::settings::declared::Settings;
use crate::settings::fields::{self, NoFolder};
use crate::settings::limits::MAX_PLATE_ENTRIES;
use crate::settings::plate::{Plate, PlateAcquisition};
use crate::shown::{field as shown, quoted};

pub(super) fn check(settings: &Settings) -> Result<()> {
    let Some(plate) = &settings.plate else { return without_plate(settings) };
    // OME-NGFF 0.5 section "plate": names of rows and columns are alphanumeric and unique.
    names("plate.row_names", &plate.row_names)?;
    names("plate.column_names", &plate.column_names)?;
    root_names(&plate.row_names)?;
    acquisitions(&plate.acquisitions)?;
    let Some(dimension) = settings.position_dimension() else {
        return Err(Error::settings(
            "plate",
            format!("{} x {} wells", plate.row_names.len(), plate.column_names.len()),
            "there is no position dimension",
            "add a dimension of type \"position\" whose coords have plate_row and plate_column",
        ));
    };
    let positions = settings.positions();
    let at = |nth: usize, side: &str| format!("dimensions[{dimension}].coords[{nth}].{side}");
    let known = Known::of(plate);
    for (nth, position) in positions.iter().enumerate() {
        known.well(position, &|side| at(nth, side))?;
        known.acquisition(position, &|side| at(nth, side))?;
    }
    fields::folders(&positions).map(drop).map_err(|NoFolder { position, problem, remedy }| {
        let name = positions.get(position).map_or("", |position| position.name.as_str());
        Error::settings(at(position, "name"), quoted(name), problem, remedy)
    })
}

/// Acquisitions are a plate's.
fn without_plate(settings: &Settings) -> Result<()> {
    let positions = settings.positions();
    let of_one = positions.iter().enumerate().find_map(|(nth, position)| Some((nth, position.acquisition?)));
    let (Some((nth, acquisition)), Some(dimension)) = (of_one, settings.position_dimension()) else { return Ok(()) };
    let field = format!("dimensions[{dimension}].coords[{nth}].acquisition");
    Err(Error::settings(field, acquisition, "there is no plate that has acquisitions", "leave it out, or give a plate"))
}

fn too_many(field: &str, count: usize) -> Result<()> {
    if count <= MAX_PLATE_ENTRIES {
        return Ok(());
    }
    let problem = "no plate has so many, and every reader parses the list";
    Err(Error::settings(field, format!("{count} entries"), problem, format!("use at most {MAX_PLATE_ENTRIES}")))
}

fn names(field: &str, list: &[String]) -> Result<()> {
    if list.is_empty() {
        return Err(Error::settings(field, "[]", "a plate has rows and columns", "name all of them"));
    }
    too_many(field, list.len())?;
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

/// Rows lie beside what else is in the root.
fn root_names(rows: &[String]) -> Result<()> {
    match rows.iter().position(|name| crate::names::is_taken(name)) {
        None => Ok(()),
        Some(nth) => {
            let problem = "the root of a store has a folder of this name for something else";
            Err(Error::settings(format!("plate.row_names[{nth}]"), quoted(&rows[nth]), problem, "use another name"))
        }
    }
}

/// Numbers are unique (OME-NGFF 0.5 section "plate"), and none ended before it began.
fn acquisitions(list: &[PlateAcquisition]) -> Result<()> {
    too_many("plate.acquisitions", list.len())?;
    let mut seen = HashSet::new();
    for (nth, acquisition) in list.iter().enumerate() {
        let field = |name: &str| format!("plate.acquisitions[{nth}].{name}");
        if !seen.insert(acquisition.id) {
            let problem = "another acquisition has this number";
            return Err(Error::settings(field("id"), acquisition.id, problem, "number each differently"));
        }
        if let (Some(start), Some(end)) = (acquisition.start_time, acquisition.end_time)
            && end < start
        {
            let problem = format!("it is before start_time, {start}");
            return Err(Error::settings(field("end_time"), end, problem, "give seconds since 1970 of both"));
        }
    }
    Ok(())
}

/// What positions may name.
struct Known<'a> {
    plate: &'a Plate,
    rows: HashSet<&'a str>,
    columns: HashSet<&'a str>,
    acquisitions: HashSet<u32>,
}

impl<'a> Known<'a> {
    fn of(plate: &'a Plate) -> Self {
        let all = |names: &'a [String]| names.iter().map(String::as_str).collect();
        let acquisitions = plate.acquisitions.iter().map(|each| each.id).collect();
        Self { plate, rows: all(&plate.row_names), columns: all(&plate.column_names), acquisitions }
    }

    /// Every position lies in a well of the plate.
    fn well(&self, position: &Position, field: &dyn Fn(&str) -> String) -> Result<()> {
        let sides = [
            ("plate_row", &position.plate_row, &self.rows, &self.plate.row_names),
            ("plate_column", &position.plate_column, &self.columns, &self.plate.column_names),
        ];
        for (side, name, known, all) in sides {
            let Some(name) = name else {
                return Err(Error::settings(
                    field(side),
                    "null",
                    "every position of a plate lies in a well",
                    "give plate_row and plate_column",
                ));
            };
            if !known.contains(name.as_str()) {
                return Err(Error::settings(
                    field(side),
                    quoted(name),
                    "the plate has no such row or column",
                    format!("use one of {}", shown(&all.join(", "))),
                ));
            }
        }
        Ok(())
    }

    /// A field belongs to an acquisition of the plate, and to one at all where there are several (OME-NGFF 0.5 section
    /// "well").
    fn acquisition(&self, position: &Position, field: &dyn Fn(&str) -> String) -> Result<()> {
        let all = || {
            let ids: Vec<String> = self.plate.acquisitions.iter().map(|each| each.id.to_string()).collect();
            format!("use one of {}", shown(&ids.join(", ")))
        };
        let refuse = |value: String, problem: &str, remedy: String| {
            Err(Error::settings(field("acquisition"), value, problem, remedy))
        };
        match position.acquisition {
            None if self.acquisitions.len() > 1 => refuse("null".into(), "the plate has several acquisitions", all()),
            Some(id) if self.acquisitions.is_empty() => {
                let remedy = "list them in plate.acquisitions, or leave it out".to_owned();
                refuse(id.to_string(), "the plate lists no acquisitions", remedy)
            }
            Some(id) if !self.acquisitions.contains(&id) => {
                refuse(id.to_string(), "the plate has no acquisition of this number", all())
            }
            _ => Ok(()),
        }
    }
}
