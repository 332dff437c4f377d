//! The levels of an image below full resolution as they must be, worked out window by window from what the settings
//! say. Nothing here uses the library's `pyramid`.

use std::collections::BTreeMap;

use ome_stream::settings::{Dimension, DimensionType, Settings};

use crate::case::Case;
use crate::check::unravel;
use crate::model::{self, Image};
use crate::{pixels, reduce};

/// Rows or columns below which levels end, where nothing is said.
const SMALLEST: u64 = 256;

/// By how much the spacing of rows and columns may fall short of that of the planes.
const ENOUGH: f64 = 15.0 / 16.0;

/// A level with its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Extent of each axis.
    pub shape: Vec<u64>,
    /// Size of a pixel along each axis.
    pub scale: Vec<f64>,
    /// Place of the first pixel along each axis.
    pub translation: Vec<f64>,
    /// Planes in C order; `None` where none came.
    pub planes: Vec<Option<Vec<u8>>>,
}

/// How a level is made of the one above.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Pixels that become one, along each axis.
    pub factors: Vec<u64>,
    /// Pixels of full resolution that have become one, along each axis.
    pub of_full: Vec<u64>,
}

impl Level {
    /// All pixels in C order; what did not come is fill value.
    #[must_use]
    pub fn bytes(&self, case: &Case) -> Vec<u8> {
        let frame: u64 = self.shape.iter().rev().take(2).product();
        let nothing = vec![0; frame as usize * case.settings.dtype.size()];
        self.planes.iter().flat_map(|plane| plane.as_ref().unwrap_or(&nothing)).copied().collect()
    }
}

/// Every level of an image of a case, full resolution first.
#[must_use]
pub fn levels(case: &Case, image: &Image) -> Vec<Level> {
    let (rows, columns) = case.frame();
    let dtype = case.settings.dtype;
    let frame = |number: &Option<u64>| number.map(|number| pixels::frame(dtype, number, rows, columns));
    all(&case.settings, image, image.frames.iter().map(frame).collect())
}

/// Every level of an image that has these planes at full resolution.
#[must_use]
pub fn all(settings: &Settings, image: &Image, planes: Vec<Option<Vec<u8>>>) -> Vec<Level> {
    let (shape, scale, translation) = (image.shape.clone(), image.scale.clone(), image.translation.clone());
    let mut levels = vec![Level { shape, scale, translation, planes }];
    let method = method(settings);
    for step in steps(settings, &image.axes) {
        let Some(above) = levels.last() else { break };
        let mut made = below(settings, method, &step, above);
        let placed = image.translation.iter().zip(&image.scale).zip(&step.of_full);
        made.scale = image.scale.iter().zip(&step.of_full).map(|(scale, by)| scale * *by as f64).collect();
        made.translation = match method {
            "nearest" => image.translation.clone(),
            _ => placed.map(|((at, scale), by)| at + (*by as f64 - 1.0) / 2.0 * scale).collect(),
        };
        levels.push(made);
    }
    levels
}

/// What a list of the settings, chunks or shards, says of an axis at a level below full resolution, of which the first
/// is 0.
#[must_use]
pub fn told_of_level(list: &[BTreeMap<String, u64>], below: usize, axis: &str) -> Option<u64> {
    list.get(below)?.get(axis).copied()
}

/// How pixels become one.
fn method(settings: &Settings) -> &'static str {
    settings.pyramid.as_ref().map_or("none", |pyramid| pyramid.method.name())
}

/// The steps from each level to the next of an image with these axes.
#[must_use]
pub fn steps(settings: &Settings, axes: &[String]) -> Vec<Step> {
    let Some(pyramid) = &settings.pyramid else { return Vec::new() };
    let dimensions: Vec<&Dimension> = axes.iter().filter_map(|axis| named(settings, axis)).collect();
    let frame = dimensions.len() - 2;
    let mut extents: Vec<Option<u64>> = dimensions.iter().map(|each| model::elements(each)).collect();
    let mut of_full = vec![1; dimensions.len()];
    let mut steps = Vec::new();
    loop {
        let is_enough = match pyramid.levels {
            Some(count) => steps.len() + 1 >= count as usize,
            None => extents[frame..].iter().flatten().any(|extent| *extent < pyramid.smallest.unwrap_or(SMALLEST)),
        };
        if is_enough {
            return steps;
        }
        let factor = |nth: usize| {
            let of_axis = pyramid.factors.as_ref().and_then(|factors| factors.get(&axes[nth])).copied();
            let is_space = model::kind(dimensions[nth]) == Some(DimensionType::Space);
            let asked = of_axis.or((nth >= frame).then_some(2)).filter(|_| is_space || nth >= frame);
            // No more than there are.
            asked.map(|by| extents[nth].map_or(by, |extent| by.min(extent.max(1))))
        };
        let spacing = |nth: usize| meters(dimensions[nth]) * of_full[nth] as f64;
        let finest = (0..axes.len()).filter(|nth| factor(*nth).is_some_and(|by| by > 1)).map(spacing);
        let finest = finest.fold(f64::INFINITY, f64::min);
        let joins = |nth: usize| {
            let is_left = model::kind(dimensions[nth]) == Some(DimensionType::Space);
            (is_left && finest >= spacing(nth) * ENOUGH).then(|| extents[nth].map_or(2, |extent| extent.clamp(1, 2)))
        };
        let factors: Vec<u64> = (0..axes.len()).map(|nth| factor(nth).or_else(|| joins(nth)).unwrap_or(1)).collect();
        if !factors.iter().zip(&extents).any(|(by, extent)| *by > 1 && extent.is_some()) {
            return steps;
        }
        for ((by, extent), all) in factors.iter().zip(&mut extents).zip(&mut of_full) {
            *extent = extent.map(|extent| extent.div_ceil(*by));
            *all *= by;
        }
        steps.push(Step { factors, of_full: of_full.clone() });
    }
}

fn named<'a>(settings: &'a Settings, name: &str) -> Option<&'a Dimension> {
    settings.dimensions.iter().find(|dimension| dimension.name == *name)
}

/// Distance of two pixels in meters, as far as tests need it.
fn meters(dimension: &Dimension) -> f64 {
    let unit = match dimension.unit.as_deref() {
        Some("nanometer") => 1e-9,
        Some("micrometer") => 1e-6,
        _ => 1.0,
    };
    dimension.scale.unwrap_or(1.0) * unit
}

/// The shape of the level below one of this shape, and, for each plane of that, which plane it becomes a part of.
#[must_use]
pub fn targets(step: &Step, above: &[u64]) -> (Vec<u64>, Vec<usize>) {
    let shape: Vec<u64> = above.iter().zip(&step.factors).map(|(extent, by)| extent.div_ceil(*by)).collect();
    let frame = shape.len() - 2;
    let target = |nth: u64| {
        let at = unravel(nth, &above[..frame]);
        at.iter().zip(&step.factors).zip(&shape).fold(0, |all, ((at, by), most)| all * most + at / by) as usize
    };
    let targets = (0..above[..frame].iter().product()).map(target).collect();
    (shape, targets)
}

/// The level below one; where it lies is left to the caller.
fn below(settings: &Settings, method: &str, step: &Step, above: &Level) -> Level {
    let (shape, targets) = targets(step, &above.shape);
    let frame = shape.len() - 2;
    // The planes that become each plane.
    let mut windows = vec![Vec::new(); shape[..frame].iter().product::<u64>() as usize];
    for (plane, target) in above.planes.iter().zip(targets) {
        windows[target].push(plane.as_deref());
    }
    let of_window = |window: &Vec<Option<&[u8]>>| plane(settings, method, step, above, window);
    Level { planes: windows.iter().map(of_window).collect(), shape, scale: Vec::new(), translation: Vec::new() }
}

fn plane(settings: &Settings, method: &str, step: &Step, above: &Level, window: &[Option<&[u8]>]) -> Option<Vec<u8>> {
    window.iter().flatten().next()?;
    let [.., rows, columns] = above.shape[..] else { return None };
    let [.., down, across] = step.factors[..] else { return None };
    let sizes = |pair: [u64; 2]| pair.map(|size| size as usize);
    Some(reduce::plane(method, settings.dtype, window, sizes([rows, columns]), sizes([down, across])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(dimensions: &str, pyramid: serde_json::Value) -> (Case, Vec<Level>) {
        let case = Case::new("levels", dimensions).pyramid(pyramid);
        let levels = levels(&case, &model::images(&case).remove(0));
        (case, levels)
    }

    #[test]
    fn a_level_is_what_a_person_would_make_of_the_one_above() {
        // Pixels of frame 0: 1, 18, 35 and, below them, 132, 149, 166.
        let (case, levels) = of("y:2,x:3", json!({"levels": 3}));
        let pixels = |nth: usize| levels[nth].bytes(&case).chunks(2).map(|two| two[0]).collect::<Vec<_>>();
        assert_eq!(levels.iter().map(|level| level.shape.clone()).collect::<Vec<_>>(), [[2, 3], [1, 2], [1, 1]]);
        // 300 / 4, and 201 / 2 rounded to the even one; then of these two 87.5.
        assert_eq!((pixels(1), pixels(2)), (vec![75, 100], vec![88]));
        assert_eq!((&levels[2].scale[..], &levels[2].translation[..]), (&[2.0, 4.0][..], &[0.5, 1.5][..]));
        let (_, nearest) = of("y:2,x:3", json!({"levels": 2, "method": "nearest"}));
        assert_eq!(nearest[1].translation, [0.0, 0.0]);
    }

    #[test]
    fn planes_that_did_not_come_are_left_out() {
        let case = Case::new("planes", "z:5,y:1,x:2").pyramid(json!({"levels": 2, "factors": {"z": 2}}));
        let case =
            case.script(&[crate::case::Step::Append(1), crate::case::Step::Skip(3), crate::case::Step::Append(1)]);
        let levels = levels(&case, &model::images(&case).remove(0));
        assert_eq!(levels[1].shape, [3, 1, 1]);
        // 1 and 18, 31677 and 31694: between them, to the even one.
        let bytes = |mean: u16| Some(mean.to_le_bytes().to_vec());
        assert_eq!(levels[1].planes, [bytes(10), None, bytes(31_686)]);
    }

    #[test]
    fn levels_end_and_planes_join_where_they_should() {
        let shapes = |dimensions: &str, pyramid: serde_json::Value, depth: f64| {
            let case = Case::new("levels", dimensions).pyramid(pyramid);
            let case = case.dimension("z", |z| z.with_scale(depth)).dimension("y", |y| y.with_scale(0.1));
            let case = case.dimension("x", |x| x.with_scale(0.1));
            let steps = steps(&case.settings, &model::images(&case)[0].axes);
            steps.iter().map(|step| step.factors.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shapes("z:9,y:600,x:300", json!({}), 0.1), [[2, 2, 2]]);
        assert_eq!(shapes("z:9,y:64,x:64", json!({"smallest": 16}), 0.39), [[1, 2, 2], [1, 2, 2], [2, 2, 2]]);
        assert_eq!(shapes("z:9,y:64,x:64", json!({"smallest": 40, "factors": {"z": 1}}), 0.1), [[1, 2, 2]]);
        assert_eq!(shapes("z:1,y:2,x:2", json!({"smallest": 1}), 0.1), [[1, 2, 2]]);
        assert_eq!(shapes("z:1,y:2,x:2", json!({"levels": 1}), 0.1), Vec::<Vec<u64>>::new());
    }
}
