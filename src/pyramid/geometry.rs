//! Which levels an image has, and where their pixels lie.

use super::Method;
use super::reducer::check_window;
use crate::error::{Error, Result};

/// By how much the spacing of the other axes may fall short of that of an axis that waits for them: both are measured,
/// and 2 x 0.098 means 0.2.
const SHORT_BY: f64 = 1.0 / 16.0;

/// How an axis becomes smaller from level to level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrink {
    /// Not at all: time, channels.
    Never,
    /// At every level, so many pixels become one: rows, columns.
    By(u64),
    /// The same, from the level on at which the spacing of those that always become smaller has caught up with its own:
    /// planes, which lie farther apart than pixels.
    OnceCaughtUp(u64),
}

/// An axis of an image, as it matters to its levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelAxis<'a> {
    /// Its name, for errors.
    pub name: &'a str,
    /// Pixels at full resolution; `None` where it grows.
    pub extent: Option<u64>,
    /// Distance of two pixels, in the unit of the other axes of space. It matters to [`Shrink::OnceCaughtUp`] alone.
    pub spacing: f64,
    /// How it becomes smaller.
    pub shrink: Shrink,
}

/// Where levels end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// So many, full resolution included.
    Count(u32),
    /// The first whose rows or columns are fewer than so many.
    Below(u64),
    /// The first whose rows and columns are no more than these, such as those of a chunk.
    Fits([u64; 2]),
}

/// A level of an image. Each list has an entry for each axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Pixels; `None` where they grow. What is left at an edge is a pixel of its own.
    pub shape: Vec<Option<u64>>,
    /// Pixels of the level above that become one; 1 where there are no more.
    pub factors: Vec<u64>,
    /// Pixels of full resolution from one pixel to the next.
    pub scale: Vec<f64>,
    /// Where its first pixel lies, in pixels of full resolution.
    pub translation: Vec<f64>,
}

impl Level {
    /// Step from pixel to pixel and place of the first one in units of the axes, where full resolution has `scale` and
    /// `translation` (OME-NGFF section "multiscales"). Nothing is said of a place where there is nothing to say.
    #[must_use]
    pub fn placed(&self, scale: &[f64], translation: Option<&[f64]>) -> (Vec<f64>, Option<Vec<f64>>) {
        let step = scale.iter().zip(&self.scale).map(|(scale, by)| scale * by).collect();
        if self.translation.iter().all(|shift| *shift == 0.0) {
            return (step, translation.map(<[f64]>::to_vec));
        }
        let full = translation.into_iter().flatten().copied().chain(std::iter::repeat(0.0));
        let shifts = self.translation.iter().zip(scale).map(|(shift, scale)| shift * scale);
        (step, Some(full.zip(shifts).map(|(full, shift)| full + shift).collect()))
    }
}

/// The levels of an image, full resolution first. The last two axes are rows and columns.
///
/// A pixel that is made of a window of f pixels lies in its center, (f - 1) / 2 pixels from the first; so one of s pixels
/// of full resolution lies at (s - 1) / 2, as OME-NGFF 0.6 has it (section "multiscales", by the convention that a pixel
/// has its coordinates in its center). By [`Method::Nearest`] it lies where the first one lies.
///
/// # Errors
/// [`Error::InvalidSettings`] for a factor of 0, factors that change nothing or combine too many pixels, no levels, and
/// for more than the image has.
pub fn levels(axes: &[LevelAxis<'_>], method: Method, until: Until) -> Result<Vec<Level>> {
    check_factors(axes)?;
    let mut levels = vec![Level {
        shape: axes.iter().map(|axis| axis.extent).collect(),
        factors: vec![1; axes.len()],
        scale: vec![1.0; axes.len()],
        translation: vec![0.0; axes.len()],
    }];
    if until == Until::Count(0) {
        return Err(Error::settings("pyramid.levels", 0, "full resolution is a level too", "use 1 or more"));
    }
    while let Some(last) = levels.last().filter(|last| !is_enough(last, levels.len(), until)) {
        let Some(below) = below(axes, last, method) else { break };
        levels.push(below);
    }
    match until {
        Until::Count(count) if levels.len() < count as usize => {
            let problem = format!("the image has at most {}: then nothing is left to become smaller", levels.len());
            let remedy = format!("use 1 to {}, or leave it out", levels.len());
            Err(Error::settings("pyramid.levels", count, problem, remedy))
        }
        _ => Ok(levels),
    }
}

fn is_enough(last: &Level, levels: usize, until: Until) -> bool {
    let mut frame = last.shape.iter().rev().take(2).map(|extent| extent.unwrap_or(u64::MAX));
    match until {
        Until::Count(count) => levels >= count as usize,
        Until::Below(limit) => frame.any(|extent| extent < limit),
        Until::Fits([rows, columns]) => frame.zip([columns, rows]).all(|(extent, most)| extent <= most),
    }
}

/// The level below one; `None` where no axis whose extent is known would become smaller.
fn below(axes: &[LevelAxis<'_>], above: &Level, method: Method) -> Option<Level> {
    let spacing = |nth: usize| axes[nth].spacing * above.scale[nth];
    // No more pixels become one than there are.
    let factor = |nth: usize, by: u64| above.shape[nth].map_or(by, |extent| by.min(extent.max(1)));
    let ahead = (0..axes.len()).filter(|nth| matches!(axes[*nth].shrink, Shrink::By(by) if factor(*nth, by) > 1));
    let ahead = ahead.map(spacing).fold(f64::INFINITY, f64::min);
    let factors: Vec<u64> = (0..axes.len())
        .map(|nth| match axes[nth].shrink {
            Shrink::By(by) => factor(nth, by),
            Shrink::OnceCaughtUp(by) if ahead >= spacing(nth) * (1.0 - SHORT_BY) => factor(nth, by),
            Shrink::OnceCaughtUp(_) | Shrink::Never => 1,
        })
        .collect();
    if !above.shape.iter().zip(&factors).any(|(extent, factor)| extent.is_some() && *factor > 1) {
        return None;
    }
    let scale: Vec<f64> = above.scale.iter().zip(&factors).map(|(scale, factor)| scale * *factor as f64).collect();
    let place = |scale: &f64| if method.is_centered() { (scale - 1.0) / 2.0 } else { 0.0 };
    Some(Level {
        shape: above.shape.iter().zip(&factors).map(|(extent, by)| extent.map(|extent| extent.div_ceil(*by))).collect(),
        translation: scale.iter().map(place).collect(),
        factors,
        scale,
    })
}

fn check_factors(axes: &[LevelAxis<'_>]) -> Result<()> {
    let factor = |axis: &LevelAxis<'_>| match axis.shrink {
        Shrink::Never => 1,
        Shrink::By(by) | Shrink::OnceCaughtUp(by) => by,
    };
    if let Some(axis) = axes.iter().find(|axis| factor(axis) == 0) {
        let field = format!("pyramid.factors.{}", axis.name);
        return Err(Error::settings(field, 0, "a factor is at least 1", "use 2, or 1 to keep the size"));
    }
    if axes.iter().all(|axis| factor(axis) == 1) {
        let problem = "every level would be as large as the one above";
        return Err(Error::settings("pyramid.factors", 1, problem, "use 2 for rows and columns"));
    }
    let (before, frame) = axes.split_at(axes.len().saturating_sub(2));
    let planes = before.iter().map(factor).fold(1, u64::saturating_mul);
    let in_frame = |nth: usize| frame.get(nth).map_or(1, factor);
    check_window([planes, in_frame(0), in_frame(1)])
}
