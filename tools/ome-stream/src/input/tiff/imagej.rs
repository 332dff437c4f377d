//! ImageJ's description: `ImageJ=1.53t`, then lines of `name=value`; and its colors and labels in private tags.

use std::collections::HashMap;
use std::io::{Read, Seek};

use ome_stream::settings::{Channel, Color};

use super::super::InputError;
use super::super::known::Known;
use super::directory::{Directory, Tags};
use super::page_layout::{
    COLOR_MAP, IMAGEJ_COUNTS, IMAGEJ_DATA, PageLayout, RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION,
};
use super::stack::{Axis, Order, Stack};

/// What a description declares.
#[derive(Debug, Default)]
pub struct ImageJ {
    lines: HashMap<String, String>,
}

/// Reads a description; `None` where it is not ImageJ's.
pub fn parse(description: &str) -> Option<ImageJ> {
    if !description.starts_with("ImageJ=") {
        return None;
    }
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Some(ImageJ { lines: description.lines().filter_map(pair).collect() })
}

impl ImageJ {
    fn text(&self, name: &str) -> Option<&str> {
        self.lines.get(name).map(String::as_str)
    }

    fn count(&self, name: &str) -> Result<Option<u64>, InputError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(count @ 1..) => Ok(Some(count)),
            _ => Err(InputError::Unusable(format!(
                "its ImageJ description says {name}={text}, which is no number of images"
            ))),
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// The stack of these pages, of which the first has `layout`.
    ///
    /// # Errors
    /// Where the figures of the description do not fit each other.
    pub fn stack(&self, layout: &PageLayout, pages: u64) -> Result<Stack, InputError> {
        let mut images = self.count("images")?;
        let mut channels = self.count("channels")?.unwrap_or(1);
        let slices = self.count("slices")?.unwrap_or(1);
        let frames = self.count("frames")?.unwrap_or(1);
        // Bio-Formats counts the samples of a pixel as channels.
        if layout.page.samples > 1 && channels == u64::from(layout.page.samples) {
            images = images.map(|images| if images % channels == 0 { images / channels } else { images });
            channels = 1;
        }
        let product = channels.saturating_mul(slices).saturating_mul(frames);
        let counted = images.map(|images| if product == 1 { images } else { images.max(product) });
        let axis = |name, count| Axis::new(name, count);
        let order = self.text("order").unwrap_or("czt").to_lowercase();
        let mut axes = Vec::new();
        // Named fastest first.
        for letter in (if order == "default" { "czt" } else { &order }).chars().rev() {
            axes.push(match letter {
                'c' => axis('c', channels),
                'z' => axis('z', slices),
                't' => axis('t', frames),
                _ => {
                    return Err(InputError::Unusable(format!(
                        "its ImageJ description has the unknown order {order:?}"
                    )));
                }
            });
        }
        if axes.len() != 3 {
            return Err(InputError::Unusable(format!("its ImageJ description has the unknown order {order:?}")));
        }
        match counted {
            Some(counted) if counted != product && product == 1 => axes = vec![Axis { name: None, count: counted }],
            Some(counted) if counted != product => {
                return Err(InputError::Unusable(format!(
                    "its ImageJ description declares {counted} images, but {channels} channel(s) x {slices} slice(s) x \
                     {frames} frame(s) = {product}; save it again with ImageJ"
                )));
            }
            // It says nothing of a number: the pages do.
            None if product == 1 && pages > 1 => axes = vec![Axis { name: None, count: pages }],
            _ => axes.retain(|axis| axis.count > 1),
        }
        let declared = axes.iter().fold(1u64, |count, axis| count.saturating_mul(axis.count));
        let order =
            if pages == 1 && declared > 1 { Order::Behind { stride: layout.plain_bytes() } } else { Order::Pages };
        Ok(Stack::new(axes, order, Known::default()))
    }

    /// Sizes, intervals and colors, from the description and the tags of the first page.
    pub fn carry<R: Read + Seek>(&self, tags: &mut Tags<R>, directory: &Directory, channels: u64, known: &mut Known) {
        let unit = self.text("unit").unwrap_or_default().to_owned();
        let resolution = |tags: &mut Tags<R>, tag| {
            let entry = directory.get(tag).copied()?;
            tags.rationals(&entry).ok()?.first().copied().flatten().filter(|pixels| *pixels > 0.0)
        };
        // Where it does not say a unit, the tags may.
        let tagged = match tags.first_unsigned(directory, RESOLUTION_UNIT) {
            Ok(Some(2)) => "inch",
            Ok(Some(3)) => "cm",
            _ => "",
        };
        for (axis, tag, own) in [('x', X_RESOLUTION, "xunit"), ('y', Y_RESOLUTION, "yunit")] {
            let Some(pixels) = resolution(tags, tag) else { continue };
            let unit = match self.text(own).unwrap_or(&unit) {
                "" => tagged,
                "pixel" | "pixels" => continue,
                unit => unit,
            };
            // A pixel is 1 of nothing: the value of files that know no size.
            if !(unit.is_empty() && pixels == 1.0) {
                known.size(axis, 1.0 / pixels, unit);
            }
        }
        if let Some(step) = self.number("spacing") {
            let unit = self.text("zunit").unwrap_or(&unit);
            if !matches!(unit, "pixel" | "pixels") || step != 1.0 {
                known.size('z', step.abs(), unit);
            }
        }
        match (self.number("finterval"), self.number("fps")) {
            (Some(interval), _) => known.size('t', interval, self.text("tunit").unwrap_or("s")),
            (None, Some(fps)) if fps > 0.0 => known.size('t', 1.0 / fps, "s"),
            _ => {}
        }
        let (colors, left) = private(tags, directory, channels);
        known.dropped.extend(left);
        if channels > 1 && colors.len() as u64 == channels {
            known.channels = colors
                .into_iter()
                .enumerate()
                .map(|(nth, color)| Channel { color: Some(color), ..Channel::new(format!("Channel {nth}")) })
                .collect();
        } else if !colors.is_empty() || directory.get(COLOR_MAP).is_some() {
            known.dropped.insert("color map".to_owned());
        }
    }
}

/// Colors of the channels, and the names of what else lies in ImageJ's private tags.
fn private<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, channels: u64) -> (Vec<Color>, Vec<String>) {
    let (mut colors, mut left) = (Vec::new(), Vec::new());
    let (Some(counts), Some(data)) = (directory.get(IMAGEJ_COUNTS).copied(), directory.get(IMAGEJ_DATA).copied())
    else {
        return (colors, left);
    };
    let (Ok(counts), Ok(data)) = (tags.unsigned(&counts), tags.bytes(&data)) else {
        return (colors, vec!["ImageJ's own metadata, which is damaged".to_owned()]);
    };
    // A header of a magic number, then four letters and a count for each kind; then the blocks, one for each count.
    let header = counts.first().copied().unwrap_or(0) as usize;
    let mut sizes = counts.iter().skip(1).map(|size| *size as usize);
    let mut at = header;
    let kinds = data.get(4..header).unwrap_or_default();
    for kind in kinds.chunks_exact(8) {
        let (name, count) = kind.split_at(4);
        let reversed: Vec<u8> = name.iter().rev().copied().collect();
        let name = if tags.big_endian { name.to_vec() } else { reversed };
        for _ in 0..tags.number(count) {
            let Some(size) = sizes.next() else { break };
            let block = at.checked_add(size).and_then(|end| data.get(at..end)).unwrap_or_default();
            at = at.saturating_add(size);
            match name.as_slice() {
                // 256 reds, greens and blues; the last is the color of the brightest.
                b"luts" if colors.len() as u64 <= channels => {
                    if let (Some(red), Some(green), Some(blue)) = (block.get(255), block.get(511), block.get(767)) {
                        colors.push(Color::from_rgb([*red, *green, *blue]));
                    }
                }
                b"rang" => left.push("display ranges".to_owned()),
                b"labl" => left.push("labels of slices".to_owned()),
                b"roi " | b"over" => left.push("regions of interest and overlays".to_owned()),
                b"info" | b"prop" => left.push("ImageJ's info text".to_owned()),
                _ => left.push("ImageJ's own metadata".to_owned()),
            }
        }
    }
    (colors, left)
}
