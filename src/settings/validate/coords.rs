//! Rules of coordinates: positions, channels, names, numbers.

use std::collections::HashSet;

use super::names;
use crate::error::{Error, Result};
use crate::settings::coords::{Channel, Coord, Position, Window};
use crate::settings::dimension::Dimension;
use crate::settings::kind::DimensionType;
use crate::settings::limits::MAX_POSITIONS;
use crate::shown::quoted;

/// Brings coordinates into the form that belongs to the dimension's type, and counts them.
pub(super) fn check(dimensions: &mut [Dimension]) -> Result<()> {
    for (nth, dimension) in dimensions.iter_mut().enumerate() {
        let field = format!("dimensions[{nth}]");
        count(nth, dimension)?;
        let Some(list) = &mut dimension.coords else { continue };
        let elements = || (0..).map(|index| format!("{field}.coords[{index}]"));
        match dimension.kind {
            Some(DimensionType::Position) => {
                for (field, coord) in elements().zip(list.iter_mut()) {
                    to_position(&field, coord)?;
                }
                unique_positions(&field, list)?;
            }
            Some(DimensionType::Channel) => {
                let mut seen = HashSet::new();
                for (field, coord) in elements().zip(list.iter_mut()) {
                    let name = to_channel(&field, coord)?;
                    window(&field, coord)?;
                    if !seen.insert(name.clone()) {
                        return Err(Error::settings(
                            format!("{field}.name"),
                            quoted(&name),
                            "another channel has this name",
                            "give each channel its own name",
                        ));
                    }
                }
            }
            _ => {
                for (field, coord) in elements().zip(list.iter()) {
                    plain(&field, coord)?;
                }
            }
        }
    }
    Ok(())
}

/// A window that is given begins below its end.
fn window(field: &str, coord: &Coord) -> Result<()> {
    let Some(Window { start, end }) = coord.as_channel().and_then(|channel| channel.window) else { return Ok(()) };
    let refused = |problem| {
        let remedy = "give finite intensities, start below end, or leave window out: it then follows from the data";
        Err(Error::settings(format!("{field}.window"), format!("{start} to {end}"), problem, remedy))
    };
    if !(start.is_finite() && end.is_finite()) {
        return refused("an intensity has to be a finite number");
    }
    if start >= end { refused("it starts at or above its end") } else { Ok(()) }
}

/// Coordinates and count agree; a number of positions becomes positions.
fn count(nth: usize, dimension: &mut Dimension) -> Result<()> {
    let is_position = dimension.kind == Some(DimensionType::Position);
    match (dimension.coords.as_ref().map(Vec::len), dimension.count) {
        (Some(0), _) => {
            return Err(Error::dimension(
                nth,
                "coords",
                "[]",
                "no coordinates are listed",
                "list one for each element, or leave coords out",
            ));
        }
        (Some(listed), None) => dimension.count = Some(listed as u64),
        (Some(listed), Some(count)) if listed as u64 != count => {
            return Err(Error::dimension(
                nth,
                "coords",
                format!("{listed} coordinates"),
                format!("count is {count}"),
                "list one for each element, or leave count out",
            ));
        }
        (None, None) if is_position => {
            return Err(Error::dimension(
                nth,
                "count",
                "null",
                "a position dimension cannot be unbounded",
                "give the number of positions, or list them in coords",
            ));
        }
        _ => {}
    }
    if is_position {
        if let Some(count) = dimension.count
            && count > MAX_POSITIONS as u64
        {
            return Err(Error::dimension(
                nth,
                "count",
                count,
                "too many positions",
                format!("use at most {MAX_POSITIONS}, or several stores"),
            ));
        }
        if dimension.coords.is_none() && dimension.count != Some(0) {
            dimension.coords = Some(dimension.positions().into_iter().map(Coord::Position).collect());
        }
    }
    Ok(())
}

fn wrong_kind(field: &str, coord: &Coord, kind: &str) -> Error {
    let value = match coord {
        Coord::Number(number) => number.to_string(),
        Coord::Name(name) | Coord::Position(Position { name, .. }) | Coord::Channel(Channel { name, .. }) => {
            quoted(name)
        }
    };
    Error::settings(field, value, format!("not a {kind}"), format!("use a name or the fields of a {kind}"))
}

fn to_position(field: &str, coord: &mut Coord) -> Result<()> {
    if let Coord::Name(name) = coord {
        *coord = Coord::Position(Position::new(std::mem::take(name)));
    }
    let Coord::Position(position) = coord else {
        return Err(wrong_kind(field, coord, "position"));
    };
    names::check_folder(&format!("{field}.name"), &position.name)?;
    let pairs = [
        ("plate_row", position.plate_row.is_some(), "plate_column", position.plate_column.is_some()),
        ("grid_row", position.grid_row.is_some(), "grid_column", position.grid_column.is_some()),
    ];
    for (row, has_row, column, has_column) in pairs {
        if has_row != has_column {
            let (missing, given) = if has_row { (column, row) } else { (row, column) };
            return Err(Error::settings(
                format!("{field}.{missing}"),
                "null",
                format!("{given} is given without it"),
                "give both or neither",
            ));
        }
    }
    let places = [("x_coord", position.x_coord), ("y_coord", position.y_coord), ("z_coord", position.z_coord)];
    for (name, place) in places {
        if let Some(place) = place
            && !place.is_finite()
        {
            return Err(Error::settings(
                format!("{field}.{name}"),
                place,
                "not a finite number",
                "give the stage position, or leave it out",
            ));
        }
    }
    Ok(())
}

/// Names are unique in their well, grid cell and acquisition; across them they may repeat.
fn unique_positions(field: &str, list: &[Coord]) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, coord) in list.iter().enumerate() {
        let Coord::Position(position) = coord else { continue };
        let well = (&position.plate_row, &position.plate_column);
        let cell = (position.grid_row, position.grid_column);
        if !seen.insert((well, cell, position.acquisition, &position.name)) {
            return Err(Error::settings(
                format!("{field}.coords[{index}].name"),
                quoted(&position.name),
                "another position of the same well, grid cell and acquisition has this name",
                "give each its own name, or its own grid_row and grid_column",
            ));
        }
    }
    Ok(())
}

fn to_channel(field: &str, coord: &mut Coord) -> Result<String> {
    if let Coord::Name(name) = coord {
        *coord = Coord::Channel(Channel::new(std::mem::take(name)));
    }
    let Coord::Channel(channel) = coord else {
        return Err(wrong_kind(field, coord, "channel"));
    };
    if channel.name.is_empty() {
        return Err(Error::settings(format!("{field}.name"), "\"\"", "a name is needed", "give the channel's name"));
    }
    let wavelengths = [
        ("excitation_wavelength_nm", channel.excitation_wavelength_nm),
        ("emission_wavelength_nm", channel.emission_wavelength_nm),
    ];
    for (name, wavelength) in wavelengths {
        if wavelength == Some(0) {
            return Err(Error::settings(
                format!("{field}.{name}"),
                0,
                "a wavelength is above 0",
                "give it in nanometers, or leave it out",
            ));
        }
    }
    Ok(channel.name.clone())
}

fn plain(field: &str, coord: &Coord) -> Result<()> {
    match coord {
        Coord::Number(number) if !number.is_finite() => {
            Err(Error::settings(field, number, "not a finite number", "give the place in the dimension's unit"))
        }
        Coord::Name(name) if name.is_empty() => Err(Error::settings(field, "\"\"", "a name is needed", "give a name")),
        _ => Ok(()),
    }
}
