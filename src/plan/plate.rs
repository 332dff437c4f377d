//! The wells of a plate, of the positions that lie in them.

use std::collections::{BTreeMap, HashMap};

use crate::ngff;
use crate::settings::{Plate, PlateAcquisition, Position, Settings, folders_of_fields};

/// Where the image of each position lies, relative to the root: `A/1/0`.
pub(super) fn paths(settings: &Settings) -> Vec<String> {
    let path = |(position, folder): (Position, String)| {
        let part = |name: Option<String>| name.unwrap_or_default();
        format!("{}/{}/{folder}", part(position.plate_row), part(position.plate_column))
    };
    settings.positions().into_iter().zip(folders_of_fields(settings)).map(path).collect()
}

/// The plate with those of its wells in which a position lies, by row and column whatever the order of acquisition.
pub(super) fn of(plate: &Plate, settings: &Settings, store: &str) -> ngff::Plate {
    let places = |names: &[String]| -> HashMap<String, usize> {
        names.iter().cloned().enumerate().map(|(nth, name)| (name, nth)).collect()
    };
    let (rows, columns) = (places(&plate.row_names), places(&plate.column_names));
    let place =
        |places: &HashMap<String, usize>, name: Option<&String>| name.and_then(|name| places.get(name)).copied();
    // Where there is one acquisition, all fields are of it.
    let only = match plate.acquisitions.as_slice() {
        [only] => Some(only.id),
        _ => None,
    };
    let mut wells: BTreeMap<(usize, usize), Vec<ngff::Field>> = BTreeMap::new();
    for (position, path) in settings.positions().into_iter().zip(folders_of_fields(settings)) {
        let row = place(&rows, position.plate_row.as_ref());
        let column = place(&columns, position.plate_column.as_ref());
        // Settings that keep every rule have no position outside of the plate.
        let Some(well) = row.zip(column) else { continue };
        let field = ngff::Field { path, acquisition: position.acquisition.or(only) };
        wells.entry(well).or_default().push(field);
    }
    ngff::Plate {
        name: plate.name.clone().unwrap_or_else(|| store.to_owned()),
        rows: plate.row_names.clone(),
        columns: plate.column_names.clone(),
        acquisitions: plate.acquisitions.iter().map(acquisition).collect(),
        wells: wells.into_iter().map(|((row, column), fields)| ngff::Well { row, column, fields }).collect(),
    }
}

fn acquisition(of: &PlateAcquisition) -> ngff::Acquisition {
    ngff::Acquisition {
        id: of.id,
        name: of.name.clone(),
        description: of.description.clone(),
        start_time: of.start_time,
        end_time: of.end_time,
    }
}
