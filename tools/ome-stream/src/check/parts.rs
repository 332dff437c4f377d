//! What several objects of the metadata have alike.

use super::at::{At, Findings, is_numbers};
use super::rules::*;
use super::version::{Told, Version};

/// A version that an object of 0.4 should tell; in any version it must be that of the store where it is told.
pub fn here(found: &mut Findings, at: &At<'_>) {
    match at.get("version") {
        None if found.version == Version::V04 => found.missing(VERSION_HERE, at, "version"),
        None => {}
        Some(told) => match told.value.as_str().map(|text| Told::of(text).version()) {
            Some(Some(version)) if version == found.version => {}
            Some(Some(_)) => found.at(VERSION_SAME, &told),
            _ => found.at(VERSION, &told),
        },
    }
}

/// The parameters of a scale or translation, one for each axis where their number is known.
pub fn numbers(found: &mut Findings, at: &At<'_>, key: &str, axes: Option<usize>) {
    let Some(list) = found.need(TRANSFORM_VALUES, at, key, is_numbers) else { return };
    let length = list.items().count();
    if let Some(axes) = axes
        && length != axes
    {
        found.told(TRANSFORM_LENGTH, &list, format!("{length} number(s) for {axes} axes"));
    }
    let is_positive = |each: &At<'_>| each.value.as_f64().is_some_and(|number| number > 0.0);
    if key == "scale" && !list.items().all(|each| is_positive(&each)) {
        found.at(SCALE_ZERO, &list);
    }
}
