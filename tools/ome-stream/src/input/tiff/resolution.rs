//! Pixel sizes from the resolution tags of a page.

use std::io::{Read, Seek};

use super::super::known::Known;
use super::directory::{Directory, Tags};
use super::page_layout::{RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION};

/// Pixels to the inch that programs write for a screen or a printer, whatever the image shows.
const OF_PRINTERS: [f64; 9] = [72.0, 75.0, 96.0, 100.0, 150.0, 180.0, 200.0, 300.0, 600.0];

/// Takes the pixel size from the tags, where they tell one with its unit.
pub fn carry<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, known: &mut Known) {
    let unit = match tags.first_unsigned(directory, RESOLUTION_UNIT) {
        Ok(Some(2)) => "inch",
        Ok(Some(3)) => "centimeter",
        _ => "",
    };
    for (axis, tag) in [('x', X_RESOLUTION), ('y', Y_RESOLUTION)] {
        let Some(entry) = directory.get(tag).copied() else { continue };
        let Some(pixels) = tags.rationals(&entry).ok().and_then(|all| all.first().copied().flatten()) else { continue };
        let to_inch = if unit == "centimeter" { pixels * 2.54 } else { pixels };
        if unit.is_empty() && pixels != 1.0 && pixels > 0.0 {
            known.dropped.insert(format!("a resolution of {pixels} pixels to no unit"));
        } else if !unit.is_empty() && OF_PRINTERS.iter().any(|printer| (printer - to_inch).abs() < 0.01) {
            known
                .dropped
                .insert(format!("a resolution of {to_inch:.0} pixels to the inch, which is a printer's or a screen's"));
        } else if !unit.is_empty() && pixels > 1.0 {
            // Nobody reads micrographs in inches.
            let micrometers = if unit == "inch" { 25_400.0 } else { 10_000.0 } / pixels;
            known.size(axis, micrometers, "micrometer");
        }
    }
}
