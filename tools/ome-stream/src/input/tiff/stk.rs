//! MetaMorph's stacks: one page, whose tags count the planes that lie behind it.

use std::io::{Read, Seek};

use serde_json::json;

use super::super::InputError;
use super::super::known::Known;
use super::codec;
use super::directory::{Broken, Directory, Tags};
use super::page_layout::{PageLayout, UIC1, UIC2, UIC3, UIC4};
use super::segments::Segments;
use super::stack::{Axis, Order, Stack};

/// Most planes of a stack: their stamps are 24 bytes each.
const MAX_PLANES: u64 = 10_000_000;

/// Share of the interval by which planes of a regular time lapse may be early or late.
const REGULAR: f64 = 0.02;

/// What the tag UIC2 says of a plane.
struct Plane {
    z_distance: f64,
    /// Milliseconds since the day of the first.
    time: f64,
}

/// The stack, if the page is one of MetaMorph's.
///
/// # Errors
/// Where the planes cannot be where the tags say.
pub fn stack<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    layout: &PageLayout,
    pages: u64,
) -> Result<Option<Stack>, InputError> {
    let Some(entry) = directory.get(UIC2).copied() else { return Ok(None) };
    let unusable = |problem: String| InputError::Unusable(format!("its MetaMorph tags cannot be used: {problem}"));
    let planes = entry.count;
    if planes <= 1 || planes > MAX_PLANES {
        return if planes <= 1 { Ok(None) } else { Err(unusable(format!("they count {planes} planes"))) };
    }
    if pages > 1 {
        return Err(unusable(format!("they count {planes} planes on one page, but there are {pages} pages")));
    }
    if layout.compression != codec::NONE {
        return Err(unusable("the planes are compressed; save the stack uncompressed or as OME-TIFF".into()));
    }
    let segments = Segments::read(tags, directory, layout).map_err(|broken| unusable(broken.to_string()))?;
    let Some((_, stride)) = segments.in_one_piece() else {
        return Err(unusable("the first plane does not lie in one piece; save the stack as OME-TIFF".into()));
    };
    let mut known = Known::default();
    let stamps = stamps(tags, entry.at, planes).map_err(|broken| unusable(broken.to_string()))?;
    let is_z = stamps.iter().all(|plane| plane.z_distance != 0.0);
    let is_t = stamps.windows(2).all(|pair| matches!(pair, [one, other] if one.time != other.time));
    let name = if is_z {
        Some('z')
    } else if is_t {
        Some('t')
    } else {
        None
    };
    if let (Some('z'), Some(first)) = (name, stamps.first()) {
        if stamps.iter().all(|plane| (plane.z_distance - first.z_distance).abs() < 1e-9) {
            known.size('z', first.z_distance.abs(), "micrometer");
        } else {
            known.dropped.insert("distances of planes, which differ".into());
        }
    }
    let first = stamps.first().map_or(0.0, |plane| plane.time);
    if let (Some('t'), Some(last)) = (name, stamps.last()) {
        let interval = (last.time - first) / (planes - 1) as f64;
        let regular = |pair: &[Plane]| match pair {
            [one, other] => ((other.time - one.time) - interval).abs() <= interval.abs() * REGULAR,
            _ => true,
        };
        if interval > 0.0 && stamps.windows(2).all(regular) {
            known.size('t', interval / 1000.0, "s");
        }
    }
    carry(tags, directory, &mut known);
    let delta = |plane: &Plane| Some(json!({"delta_t": (plane.time - first) / 1000.0}).to_string().into());
    let frame_metadata = if is_t { stamps.iter().map(delta).collect() } else { Vec::new() };
    let axes = vec![Axis { name, count: planes }];
    Ok(Some(Stack { frame_metadata, ..Stack::new(axes, Order::Behind { stride }, known) }))
}

/// What MetaMorph's tags tell beside the planes, and what is left of them.
pub fn carry<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, known: &mut Known) {
    calibration(tags, directory, known);
    for (tag, name) in [
        (UIC1, "what else MetaMorph's settings hold (UIC1)"),
        (UIC3, "wavelengths of planes (UIC3)"),
        (UIC4, "places of planes (UIC4)"),
    ] {
        if directory.get(tag).is_some() {
            known.dropped.insert(name.to_owned());
        }
    }
}

/// Six numbers for each plane: z distance as a quotient, day and milliseconds of creation, and of the last change.
fn stamps<R: Read + Seek>(tags: &mut Tags<R>, at: u64, planes: u64) -> Result<Vec<Plane>, Broken> {
    let bytes = tags.bytes_at(at, planes.saturating_mul(24))?;
    let mut first_day = None;
    let plane = |plane: &[u8]| {
        let number = |nth: usize| tags.number(plane.get(nth * 4..nth * 4 + 4).unwrap_or_default());
        let day = number(2);
        let first = *first_day.get_or_insert(day);
        let days = day as f64 - first as f64;
        Plane { z_distance: number(0) as f64 / number(1).max(1) as f64, time: days * 86_400_000.0 + number(3) as f64 }
    };
    Ok(bytes.chunks_exact(24).map(plane).collect())
}

/// Pixel size from the tag UIC1: pairs of an id and a value or its place.
fn calibration<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, known: &mut Known) {
    let Some(entry) = directory.get(UIC1).copied().filter(|entry| entry.kind == 4) else { return };
    let Ok(pairs) = tags.bytes_at(entry.at, entry.count.saturating_mul(8)) else { return };
    let value = |id: u64| {
        pairs
            .chunks_exact(8)
            .map(|pair| pair.split_at(4))
            .find(|(found, _)| tags.number(found) == id)
            .map(|(_, value)| tags.number(value))
    };
    let (x, y, unit) = (value(4), value(5), value(6));
    let unit = unit.and_then(|place| {
        let length = tags.bytes_at(place, 4).ok().map(|bytes| tags.number(&bytes))?;
        let text = tags.bytes_at(place + 4, length.min(64)).ok()?;
        Some(String::from_utf8_lossy(&text).trim_end_matches('\0').trim().to_owned())
    });
    for (axis, place) in [('x', x), ('y', y)] {
        let Some(bytes) = place.and_then(|place| tags.bytes_at(place, 8).ok()) else { continue };
        let (over, under) = bytes.split_at(4);
        let (over, under) = (tags.number(over), tags.number(under));
        let unit = unit.as_deref().unwrap_or_default();
        // MetaMorph writes 1 pixel where the microscope was not calibrated.
        if under > 0 && !matches!(unit, "" | "pixel" | "pixels") {
            known.size(axis, over as f64 / under as f64, unit);
        }
    }
}
