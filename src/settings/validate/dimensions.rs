//! Rules of dimensions: names, types, counts, units, order.

use std::collections::HashSet;

use super::names;
use crate::error::{Error, Result};
use crate::settings::declared::Settings;
use crate::settings::dimension::Dimension;
use crate::settings::kind::DimensionType;
use crate::settings::limits::{MAX_AXES, MIN_AXES};
use crate::settings::storage_order::StorageOrder;
use crate::settings::unit;
use crate::shown::quoted;

/// Most axes of a type in one image (OME-NGFF 0.5 section "multiscales").
const MOST_OF: [(DimensionType, usize); 3] =
    [(DimensionType::Space, 3), (DimensionType::Time, 1), (DimensionType::Channel, 1)];

pub(super) fn names(dimensions: &[Dimension]) -> Result<()> {
    let mut seen = HashSet::new();
    for (nth, dimension) in dimensions.iter().enumerate() {
        names::check(&format!("dimensions[{nth}].name"), &dimension.name)?;
        if !seen.insert(dimension.name.as_str()) {
            return Err(Error::dimension(
                nth,
                "name",
                quoted(&dimension.name),
                "another dimension has this name",
                "give each dimension its own name",
            ));
        }
    }
    Ok(())
}

/// Fills in the types that are not given.
pub(super) fn types(dimensions: &mut [Dimension], notes: &mut Vec<String>) -> Result<()> {
    let in_frame = dimensions.len().saturating_sub(2);
    for (nth, dimension) in dimensions.iter_mut().enumerate() {
        let from_coords = coords_kind(nth, dimension)?;
        if let (Some(kind), Some(other)) = (dimension.kind, from_coords)
            && kind != other
        {
            return Err(Error::dimension(
                nth,
                "type",
                quoted(kind.name()),
                format!("the coordinates are those of a {} dimension", other.name()),
                format!("use \"{}\", or other coordinates", other.name()),
            ));
        }
        if dimension.kind.is_some() {
            continue;
        }
        let from_unit = dimension.unit.as_deref().and_then(unit::kind);
        if let (Some(coords), Some(unit)) = (from_coords, from_unit) {
            return Err(Error::dimension(
                nth,
                "type",
                "null",
                format!("coordinates say {}, the unit says {}", coords.name(), unit.name()),
                "give the type, or remove the coordinates or the unit",
            ));
        }
        dimension.kind = Some(dimension.inferred_kind().unwrap_or_else(|| {
            if nth < in_frame {
                DimensionType::Other
            } else {
                notes.push(format!(
                    "dimensions[{nth}] ({}) has no type; taken as space, because it is a side of the frame",
                    dimension.name
                ));
                DimensionType::Space
            }
        }));
    }
    Ok(())
}

/// What the coordinates say about the type, unless they contradict each other.
fn coords_kind(nth: usize, dimension: &Dimension) -> Result<Option<DimensionType>> {
    let first = dimension.kind_of_coords();
    let coords = dimension.coords.iter().flatten();
    match coords.enumerate().find(|(_, coord)| coord.kind().is_some() && coord.kind() != first) {
        None => Ok(first),
        Some((index, _)) => Err(Error::settings(
            format!("dimensions[{nth}].coords[{index}]"),
            "(object)",
            "channels and positions are mixed",
            "use coordinates of one kind",
        )),
    }
}

/// How many dimensions there are, of all and of each type.
pub(super) fn number(dimensions: &[Dimension]) -> Result<()> {
    let of = |kind| dimensions.iter().enumerate().filter(move |(_, each)| each.kind == Some(kind));
    if let Some((nth, second)) = of(DimensionType::Position).nth(1) {
        return Err(Error::dimension(
            nth,
            "type",
            quoted(&second.name),
            "a second position dimension",
            "list all positions in one dimension",
        ));
    }
    let axes = dimensions.len() - of(DimensionType::Position).count();
    if !(MIN_AXES..=MAX_AXES).contains(&axes) {
        return Err(Error::settings(
            "dimensions",
            format!("{axes} beside the position dimension"),
            if axes < MIN_AXES { "too few dimensions" } else { "too many dimensions" },
            format!("use {MIN_AXES} to {MAX_AXES}, the last two being the rows and columns of a frame"),
        ));
    }
    for (kind, most) in MOST_OF {
        if let Some((nth, dimension)) = of(kind).nth(most) {
            return Err(Error::dimension(
                nth,
                "type",
                format!("{} of {}", quoted(kind.name()), quoted(&dimension.name)),
                format!("OME-NGFF allows {most} of this type in an image"),
                "give it the type \"other\"",
            ));
        }
    }
    Ok(())
}

/// The last two dimensions are the sides of a frame.
pub(super) fn frame(dimensions: &[Dimension]) -> Result<()> {
    let in_frame = dimensions.len().saturating_sub(2);
    for (nth, dimension) in dimensions.iter().enumerate().skip(in_frame) {
        let kind = dimension.kind.unwrap_or(DimensionType::Space);
        if kind != DimensionType::Space {
            return Err(Error::dimension(
                nth,
                "type",
                format!("{} of {}", quoted(kind.name()), quoted(&dimension.name)),
                "the last two dimensions are the rows and columns of a frame",
                "put two dimensions of type \"space\" last, such as y and x",
            ));
        }
        if dimension.count.is_none() && dimension.coords.is_none() {
            return Err(Error::dimension(
                nth,
                "count",
                "null",
                "a frame has a fixed size",
                "give the number of pixels",
            ));
        }
    }
    Ok(())
}

/// Counts are at least 1, and only the first may be open.
pub(super) fn counts(dimensions: &[Dimension]) -> Result<()> {
    for (nth, dimension) in dimensions.iter().enumerate() {
        match dimension.count {
            Some(0) => return Err(Error::dimension(nth, "count", 0, "a dimension has elements", "use at least 1")),
            None if nth > 0 => {
                return Err(Error::dimension(
                    nth,
                    "count",
                    "null",
                    format!("{} is unbounded and not the first dimension", quoted(&dimension.name)),
                    "give its count, or put it first",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Units of length and time get their OME-NGFF names.
pub(super) fn units(dimensions: &mut [Dimension]) -> Result<()> {
    for (nth, dimension) in dimensions.iter_mut().enumerate() {
        let Some(given) = &dimension.unit else { continue };
        let remedy = match dimension.kind {
            Some(DimensionType::Space) => {
                "use a unit of length: micrometer (um), nanometer (nm), millimeter (mm), ... or leave it out"
            }
            Some(DimensionType::Time) => {
                "use a unit of time: second (s), millisecond (ms), minute (min), ... or leave it out"
            }
            _ => {
                names::check(&format!("dimensions[{nth}].unit"), given)?;
                continue;
            }
        };
        let name = dimension.kind.and_then(|kind| unit::to_ngff(given, kind));
        let name = name.ok_or_else(|| Error::dimension(nth, "unit", quoted(given), "unknown unit", remedy))?;
        dimension.unit = Some(name.to_owned());
    }
    Ok(())
}

pub(super) fn scales(dimensions: &[Dimension]) -> Result<()> {
    for (nth, dimension) in dimensions.iter().enumerate() {
        if let Some(scale) = dimension.scale
            && !(scale.is_finite() && scale > 0.0)
        {
            return Err(Error::dimension(
                nth,
                "scale",
                scale,
                "the size of an element is a number above 0",
                "give it in the dimension's unit, or leave it out",
            ));
        }
        if let Some(translation) = dimension.translation
            && !translation.is_finite()
        {
            return Err(Error::dimension(
                nth,
                "translation",
                translation,
                "not a finite number",
                "give it in the dimension's unit, or leave it out",
            ));
        }
    }
    Ok(())
}

/// An explicit order names every axis once, the frame's two last and as they are.
pub(super) fn storage_order(settings: &Settings) -> Result<()> {
    let StorageOrder::Explicit(order) = &settings.storage_order else {
        return Ok(());
    };
    let all: Vec<&str> = settings.dimensions.iter().map(|each| each.name.as_str()).collect();
    let refuse = |nth: usize, name: &str, problem: &str| {
        let remedy = format!("use each of {} once, the last two at the end", all.join(", "));
        Err(Error::settings(format!("storage_order[{nth}]"), quoted(name), problem, remedy))
    };
    for (nth, name) in order.iter().enumerate() {
        if !all.contains(&name.as_str()) {
            return refuse(nth, name, "no dimension has this name");
        }
        if order.iter().take(nth).any(|earlier| earlier == name) {
            return refuse(nth, name, "listed twice");
        }
    }
    let position = settings.position_dimension().and_then(|nth| all.get(nth)).copied();
    let left_out = all.iter().find(|name| Some(**name) != position && !order.iter().any(|listed| listed == **name));
    if let Some(name) = left_out {
        return refuse(order.len(), name, "left out of the order");
    }
    let (rows, columns) = settings.frame_dimensions();
    match order.as_slice() {
        [.., last_but_one, last] if *last_but_one == rows.name && *last == columns.name => Ok(()),
        _ => {
            refuse(order.len().saturating_sub(2), &order.join(", "), "the rows and columns of a frame cannot be moved")
        }
    }
}
