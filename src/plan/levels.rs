//! Which levels the images of a source have: what its settings say, and what its axes allow.

use super::geometry::Geometry;
use crate::error::{Error, Result};
use crate::pyramid::{Level, LevelAxis, Shrink, Until, levels};
use crate::settings::{Acquisition, Axis, DimensionType, MAX_LEVELS, Pyramid, named_unit};

/// Most planes of full resolution that become one: no stack has as many.
const MAX_PLANES_OF_ONE: u64 = 1 << 20;

/// The levels below full resolution.
///
/// # Errors
/// [`Error::InvalidSettings`] for more levels than the images have or may have, and for windows that are too large.
pub(super) fn below_full(acquisition: &Acquisition) -> Result<Vec<Level>> {
    let Some(pyramid) = &acquisition.settings().pyramid else { return Ok(Vec::new()) };
    let axes = acquisition.axes();
    let in_frame = axes.len().saturating_sub(2);
    let level_axes: Vec<LevelAxis<'_>> = axes
        .iter()
        .enumerate()
        .map(|(nth, axis)| LevelAxis {
            name: &axis.name,
            extent: axis.count,
            spacing: spacing(axis),
            shrink: shrink(pyramid, axis, nth >= in_frame),
        })
        .collect();
    let until = match pyramid.levels {
        Some(count) => Until::Count(count),
        None => Until::Below(pyramid.smallest.unwrap_or(Pyramid::SMALLEST)),
    };
    let all = levels(&level_axes, pyramid.method, until)?;
    if all.len() > MAX_LEVELS as usize {
        let problem = format!("the image would have {} levels, and may have {MAX_LEVELS}", all.len());
        return Err(Error::settings("pyramid", "(set)", problem, format!("use levels of at most {MAX_LEVELS}")));
    }
    if let Some(axis) = too_large(axes, &all) {
        let (problem, remedy) = ("its pixels on the last level have no size that can be told", "use fewer levels");
        return Err(Error::settings("pyramid.levels", all.len(), format!("axis {:?}: {problem}", axis.name), remedy));
    }
    let planes = |nth: usize| all.iter().map(|level| level.factors[nth]).fold(1, u64::saturating_mul);
    if let Some(nth) = (0..in_frame).find(|nth| planes(*nth) > MAX_PLANES_OF_ONE) {
        let field = format!("pyramid.factors.{}", axes[nth].name);
        let problem = format!("a plane of the last level would be made of {} of full resolution", planes(nth));
        let remedy = format!("use a smaller factor or fewer levels: at most {MAX_PLANES_OF_ONE}");
        return Err(Error::settings(field, planes(nth), problem, remedy));
    }
    Ok(all.into_iter().skip(1).collect())
}

/// An axis whose pixels become so large that no number tells.
fn too_large<'a>(axes: &'a [Axis], levels: &[Level]) -> Option<&'a Axis> {
    let last = levels.last()?;
    axes.iter().zip(&last.scale).find(|(axis, by)| !(axis.scale * **by).is_finite()).map(|(axis, _)| axis)
}

fn shrink(pyramid: &Pyramid, axis: &Axis, in_frame: bool) -> Shrink {
    match (axis.kind, pyramid.factor(&axis.name), in_frame) {
        (_, told, true) => Shrink::By(told.unwrap_or(Pyramid::FACTOR)),
        (DimensionType::Space, Some(1), false) => Shrink::Never,
        (DimensionType::Space, Some(by), false) => Shrink::By(by),
        (DimensionType::Space, None, false) => Shrink::OnceCaughtUp(Pyramid::FACTOR),
        _ => Shrink::Never,
    }
}

/// Distance of two pixels, in meters where the unit is known.
fn spacing(axis: &Axis) -> f64 {
    let unit = axis.unit.as_deref().and_then(|unit| named_unit(unit, DimensionType::Space));
    axis.scale * unit.map_or(1.0, |(_, meters)| meters)
}

/// The geometry of level `nth` (from 1) below full resolution, with the chunks and shards that are asked for it.
pub(super) fn geometry(acquisition: &Acquisition, full: &Geometry, nth: usize, level: &Level) -> Geometry {
    let told = |list: fn(&Pyramid) -> &Vec<std::collections::BTreeMap<String, u64>>| {
        let of_level = acquisition.settings().pyramid.as_ref().and_then(|pyramid| list(pyramid).get(nth - 1));
        let of_axis = |axis: &Axis| of_level.and_then(|sizes| sizes.get(&axis.name)).copied();
        acquisition.axes().iter().map(of_axis).collect::<Vec<_>>()
    };
    full.of_level(level, &told(|pyramid| &pyramid.chunks), &told(|pyramid| &pyramid.shards))
}
