//! One image of a sheet: what is read of it.

use std::path::Path;
use std::sync::Arc;

use ome_stream::ngff;
use ome_stream::ngff::display;
use ome_stream::platform::Source;

use super::canvas::Rgb;
use super::find::Place;
use super::image::{Channel, Image};
use super::pixels::{Pixels, Plane};
use super::select::{self, Asked};
use crate::store::image::Axis;

/// An image that is shown.
pub struct Subject {
    /// What its metadata say.
    pub image: Image,
    /// Its arrays: full resolution.
    full: Pixels,
    /// The plane that is shown, along each axis but rows and columns; `None` where an axis has nothing yet.
    index: Option<Vec<u64>>,
    /// Channels that are shown, by number.
    pub channels: Vec<u64>,
}

/// Why an image is not shown.
pub enum Not {
    /// It cannot be read.
    Readable(String),
    /// What was asked for is not in it.
    There(String),
}

impl Subject {
    /// Reads what the image at `place` is, and finds what was asked for.
    pub fn of(source: &Arc<dyn Source>, place: &Place, asked: &Asked) -> Result<Self, Not> {
        let (image, full) = read(source, place).map_err(Not::Readable)?;
        let index = select::index(&image, full.shape(), asked).map_err(Not::There)?;
        let channels = select::channels(&image, full.shape(), asked).map_err(Not::There)?;
        Ok(Self { image, full, index, channels })
    }

    /// Rows and columns at full resolution.
    pub fn frame(&self) -> (u64, u64) {
        self.full.frame()
    }

    /// Name of the data type.
    pub fn dtype(&self) -> &str {
        self.full.dtype()
    }

    /// Whether there is a plane to show.
    pub fn has_begun(&self) -> bool {
        self.index.is_some()
    }

    /// The planes of its channels, as `size` (rows, columns) pixels, of the smallest level that has as many.
    pub fn planes(&self, source: &Arc<dyn Source>, size: (usize, usize)) -> Vec<Plane> {
        let Some(index) = &self.index else { return Vec::new() };
        let smaller = self.image.levels.iter().skip(1).rev();
        let fits = |level: &Pixels| {
            let (rows, columns) = level.frame();
            rows >= size.0 as u64 && columns >= size.1 as u64 && level.shape().len() == self.full.shape().len()
        };
        let level = smaller.filter_map(|level| Pixels::open(source, &level.folder).ok()).find(fits);
        let level = level.as_ref().unwrap_or(&self.full);
        let axis = self.image.axis("channel", "c");
        let planes = self.channels.iter().map(|channel| {
            let place = |(nth, at): (usize, &u64)| {
                let at = if axis == Some(nth) { *channel } else { *at };
                scaled(at, self.full.shape().get(nth).copied(), level.shape().get(nth).copied())
            };
            let index: Vec<u64> = index.iter().enumerate().map(place).collect();
            level.plane(&index, size)
        });
        planes.collect()
    }

    /// A channel as its image tells it.
    pub fn channel(&self, number: u64) -> Option<&Channel> {
        self.image.channels.get(usize::try_from(number).ok()?)
    }

    /// The color of each channel that is shown: as the image tells it, or as our own writer would choose it.
    pub fn colors(&self) -> Vec<Rgb> {
        let last = self.channels.iter().copied().max().unwrap_or(0);
        let known = |number| ngff::Channel {
            color: self.channel(number).and_then(|channel| channel.color),
            ..ngff::Channel::default()
        };
        let axis = self.image.axis("channel", "c").and_then(|axis| self.full.shape().get(axis)).copied();
        let all: Vec<ngff::Channel> = (0..axis.unwrap_or(1).min(last + 1).max(1)).map(known).collect();
        let colors = display::colors(&all);
        let color = |number: &u64| usize::try_from(*number).ok().and_then(|nth| colors.get(nth)).copied();
        self.channels.iter().map(|number| color(number).unwrap_or([255; 3])).collect()
    }

    /// Which plane is shown, in words: `t 3 of 10, z 5 of 21`.
    pub fn place_in_words(&self) -> String {
        let Some(index) = &self.index else { return String::new() };
        let channel = self.image.axis("channel", "c");
        let axes = self.image.axes.iter().zip(self.full.shape()).zip(index).enumerate();
        let told = axes.filter(|(nth, ((_, length), _))| Some(*nth) != channel && **length > 1);
        told.map(|(_, ((axis, length), at))| format!("{} {at} of {length}", axis.name)).collect::<Vec<_>>().join(", ")
    }
}

fn read(source: &Arc<dyn Source>, place: &Place) -> Result<(Image, Pixels), String> {
    let mut image = Image::read(&**source, place)?;
    let first: &Path = image.levels.first().map(|level| level.folder.as_path()).ok_or("it has no array")?;
    let full = Pixels::open(source, first)?;
    let axes = full.shape().len();
    if image.axes.is_empty() {
        let name = |nth| full.axis_name(nth).unwrap_or_default().to_owned();
        image.axes = (0..axes).map(|nth| Axis { name: name(nth), kind: None, unit: None }).collect();
    }
    if image.axes.len() != axes {
        return Err(format!("{} axes are declared, the array has {axes}", image.axes.len()));
    }
    Ok((image, full))
}

/// The place along an axis of a level that stands for `at` at full resolution.
fn scaled(at: u64, full: Option<u64>, level: Option<u64>) -> u64 {
    match full.zip(level) {
        Some((full, level)) if full != level && full > 0 => {
            let scaled = u128::from(at) * u128::from(level) / u128::from(full);
            u64::try_from(scaled).unwrap_or(u64::MAX).min(level.saturating_sub(1))
        }
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_with_fewer_planes_are_looked_up() {
        assert_eq!(scaled(7, Some(10), Some(10)), 7);
        assert_eq!(scaled(7, Some(10), Some(5)), 3);
        assert_eq!(scaled(9, Some(10), Some(1)), 0);
        assert_eq!(scaled(3, Some(0), Some(4)), 3);
    }
}
