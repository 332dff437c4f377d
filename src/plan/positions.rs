//! Positions -> image groups in the store, and the NGFF model of the whole.

use std::collections::HashSet;
use std::path::Path;

use super::{Plan, PlannedSource, SourceId, plate};
use crate::names;
use crate::ngff;
use crate::settings::{Axis, Color, Coord, DimensionType, Position, Settings};

/// One stage location and the image group that holds its frames.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedPosition {
    /// As declared.
    pub position: Position,
    /// Folder of the image group, relative to the root; empty where the image is the root itself.
    pub path: String,
    /// Where its frames come from.
    pub source: SourceId,
}

/// The images of all sources; tells each source which are its own.
pub(super) fn plan(sources: &mut [PlannedSource]) -> Vec<PlannedPosition> {
    let mut planned: Vec<PlannedPosition> = Vec::new();
    let mut taken = HashSet::new();
    for source in sources {
        let first = planned.len();
        planned.extend(of_source(source, &mut taken));
        source.images = first..planned.len();
    }
    planned
}

fn of_source(source: &PlannedSource, taken: &mut HashSet<String>) -> Vec<PlannedPosition> {
    let settings = source.settings();
    let positions = settings.positions();
    let source = source.id;
    if settings.position_dimension().is_none() {
        let at_root = |position| PlannedPosition { position, path: String::new(), source };
        return positions.into_iter().map(at_root).collect();
    }
    if settings.plate.is_some() {
        let in_well = |(position, path)| PlannedPosition { position, path, source };
        return positions.into_iter().zip(plate::paths(settings)).map(in_well).collect();
    }
    // Equal names are legal in different grid cells, so the name alone may not name the folder. Neither letter case nor
    // how accents are composed tells folders apart on every file system.
    positions
        .into_iter()
        .enumerate()
        .map(|(nth, position)| {
            let cell = match (position.grid_row, position.grid_column) {
                (Some(row), Some(column)) => Some(format!("{}_r{row}_c{column}", position.name)),
                _ => None,
            };
            let path = [Some(position.name.clone()), cell, Some(format!("{}_{nth}", position.name))]
                .into_iter()
                .flatten()
                .chain((0..).map(|round| format!("{}_{nth}_{round}", position.name)))
                .find(|path| !names::is_taken(path) && taken.insert(names::key(path)))
                .unwrap_or_default();
            PlannedPosition { position, path, source }
        })
        .collect()
}

/// The plate of the first source, which is alone where it has one.
pub(super) fn plate(root: &Path, sources: &[PlannedSource]) -> Option<ngff::Plate> {
    let settings = sources.first()?.settings();
    Some(plate::of(settings.plate.as_ref()?, settings, &store_name(root, settings)))
}

/// Name of the store without its ending.
fn store_name(root: &Path, settings: &Settings) -> String {
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(&settings.format.suffix).map_or(name.clone(), str::to_owned)
}

pub(super) fn ngff_hierarchy(plan: &Plan, extents: Option<&[Option<u64>]>) -> ngff::Hierarchy {
    let positions = plan.positions();
    let extent = |nth: usize| extents.and_then(|extents| extents.get(nth)).copied().flatten();
    match positions {
        [only] if only.path.is_empty() => ngff::Hierarchy::Single(image(plan, 0, only, extent(0))),
        _ => {
            let with_path =
                |(nth, each): (usize, &PlannedPosition)| (each.path.clone(), image(plan, nth, each, extent(nth)));
            let images = positions.iter().enumerate().map(with_path).collect();
            match plan.plate() {
                Some(plate) => ngff::Hierarchy::Plate(plate.clone(), images),
                None => ngff::Hierarchy::Series(images),
            }
        }
    }
}

fn image(plan: &Plan, nth: usize, place: &PlannedPosition, extent: Option<u64>) -> ngff::Image {
    let stage = |name: &str| match name.to_lowercase().as_str() {
        "x" => place.position.x_coord,
        "y" => place.position.y_coord,
        "z" => place.position.z_coord,
        _ => None,
    };
    let source = plan.source(place.source);
    // A stage position is where the image lies, so it takes the place of a translation declared for all positions.
    let axes = source.acquisition.axes();
    let translation: Vec<Option<f64>> = axes.iter().map(|axis| stage(&axis.name).or(axis.translation)).collect();
    let translation: Option<Vec<f64>> =
        translation.iter().any(Option::is_some).then(|| translation.iter().map(|each| each.unwrap_or(0.0)).collect());
    let name =
        if place.path.is_empty() { store_name(plan.root(), plan.settings()) } else { place.position.name.clone() };
    let scale: Vec<f64> = axes.iter().map(|axis| axis.scale).collect();
    let below = (1..).zip(source.levels()).map(|(nth, level)| {
        let (scale, translation) = level.placed(&scale, translation.as_deref());
        ngff::Dataset { path: nth.to_string(), scale, translation }
    });
    let first = ngff::Dataset { path: "0".into(), scale: scale.clone(), translation: translation.clone() };
    let datasets = std::iter::once(first).chain(below).collect();
    let full = &plan.arrays()[nth];
    ngff::Image {
        name,
        axes: axes.iter().map(ngff_axis).collect(),
        datasets,
        method: (!source.levels().is_empty()).then(|| source.method().name()),
        channels: channels(source.settings()),
        on_stage: axes.iter().any(|axis| stage(&axis.name).is_some()),
        shape: full.geometry().shape_with(extent),
        dtype: full.form().dtype().name().to_owned(),
    }
}

fn channels(settings: &Settings) -> Vec<ngff::Channel> {
    let Some(dimension) = settings.dimensions.iter().find(|each| each.kind == Some(DimensionType::Channel)) else {
        return Vec::new();
    };
    dimension
        .coords
        .iter()
        .flatten()
        .filter_map(Coord::as_channel)
        .map(|channel| ngff::Channel {
            label: channel.name.clone(),
            color: channel.color.as_ref().map(Color::rgb),
            excitation_nm: channel.excitation_wavelength_nm.map(f64::from),
            emission_nm: channel.emission_wavelength_nm.map(f64::from),
            fluorophore: channel.fluorophore.clone(),
            window: channel.window.map(|window| ngff::Window { start: window.start, end: window.end, range: None }),
        })
        .collect()
}

fn ngff_axis(axis: &Axis) -> ngff::Axis {
    ngff::Axis {
        name: axis.name.clone(),
        kind: match axis.kind {
            DimensionType::Space => ngff::AxisKind::Space,
            DimensionType::Time => ngff::AxisKind::Time,
            DimensionType::Channel => ngff::AxisKind::Channel,
            DimensionType::Position | DimensionType::Other => ngff::AxisKind::Other("other".into()),
        },
        unit: axis.unit.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Capabilities, StorageUnit};
    use crate::settings::{DataType, Dimension};

    fn folders(names: &[&str]) -> Vec<String> {
        let settings = Settings::new(
            "run",
            vec![
                Dimension::unbounded("p").with_kind(DimensionType::Position).with_coords(names.iter().copied()),
                Dimension::standard("y", 4),
                Dimension::standard("x", 4),
            ],
            DataType::UInt8,
        );
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).unwrap();
        plan.positions().iter().map(|planned| planned.path.clone()).collect()
    }

    #[test]
    fn names_that_collide_get_folders_of_their_own() {
        assert_eq!(folders(&["caf\u{e9}", "cafe\u{301}", "CAF\u{c9}"]), ["caf\u{e9}", "cafe\u{301}_1", "CAF\u{c9}_2"]);
        assert_eq!(folders(&["stra\u{df}e", "STRASSE", "a", "A"]), ["stra\u{df}e", "STRASSE_1", "a", "A_3"]);
        // The name that would be given is taken already.
        assert_eq!(folders(&["a_1", "A", "a"]), ["a_1", "A", "a_2"]);
        assert_eq!(folders(&["a", "A_1", "A"]), ["a", "A_1", "A_2"]);
    }

    #[test]
    fn reserved_names_are_not_given_to_images() {
        let names = ["OME", "ome", "zarr.json", "zarr.json.part", "LONGNA~1"];
        assert_eq!(folders(&names), ["OME_0", "ome_1", "zarr.json_2", "zarr.json.part_3", "LONGNA~1_4"]);
    }
}
