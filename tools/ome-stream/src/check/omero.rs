//! "omero" metadata: channels and how to show them.

use serde_json::Value;

use super::at::{At, Findings};
use super::parts::here;
use super::rules::*;
use super::version::Version;

/// The channels in the metadata `ome`.
pub fn check(found: &mut Findings, ome: &At<'_>) {
    let Some(omero) = ome.get("omero") else { return };
    if found.version == Version::V04 && omero.get("version").is_some() {
        here(found, &omero);
    }
    let Some(channels) = found.need(OMERO_CHANNELS, &omero, "channels", Value::is_array) else { return };
    for channel in channels.items() {
        if !channel.value.is_object() {
            found.at(OMERO_CHANNELS, &channel);
            continue;
        }
        found.need(OMERO_COLOR, &channel, "color", is_color);
        let Some(window) = found.need(OMERO_WINDOW, &channel, "window", Value::is_object) else { continue };
        let [min, max, start, end] = ["min", "max", "start", "end"]
            .map(|key| found.need(OMERO_WINDOW, &window, key, Value::is_number).and_then(|at| at.value.as_f64()));
        let above = |one: Option<f64>, other: Option<f64>| one.zip(other).is_some_and(|(one, other)| one > other);
        if above(min, max) || above(start, end) {
            found.at(OMERO_START, &window);
        }
    }
}

/// Six hexadecimal digits.
fn is_color(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 6 && text.bytes().all(|each| each.is_ascii_hexdigit()))
}
