//! Coordinate systems of 0.6, and the transformations of an image between them.

use std::collections::HashMap;

use serde_json::Value;

use super::at::{At, Findings, is_filled, is_name};
use super::axes::{self, Of};
use super::rules::*;
use super::transforms::{self, Ends};

/// The coordinate systems of a list: how many axes each has.
pub type Systems = HashMap<String, Option<usize>>;

/// The systems at `at.coordinateSystems`, which an image must have.
pub fn list(found: &mut Findings, at: &At<'_>, of: Of) -> Systems {
    let systems = match of {
        Of::Image => found.need(SYSTEMS_LIST, at, "coordinateSystems", is_filled),
        Of::Scene => found.may(SYSTEMS_LIST, at, "coordinateSystems", Value::is_array),
    };
    let Some(systems) = systems else { return Systems::new() };
    found.unique(SYSTEMS_UNIQUE, systems.items(), "name");
    let mut known = Systems::new();
    for system in systems.items() {
        let axes = axes::check(found, &system, of);
        if let Some(name) = found.need(SYSTEM_NAME, &system, "name", is_name) {
            known.insert(name.value.as_str().unwrap_or_default().to_owned(), axes);
        }
    }
    known
}

/// An image: its systems, those of its datasets' transformations, and what leads on from there.
pub fn check(found: &mut Findings, multiscale: &At<'_>) {
    let systems = list(found, multiscale, Of::Image);
    let mut intrinsic: Option<String> = None;
    let mut links = Vec::new();
    for dataset in multiscale.list("datasets") {
        let Some(transformations) = found.need(TRANSFORMS, &dataset, "coordinateTransformations", is_filled) else {
            continue;
        };
        let count = transformations.items().count();
        if count != 1 {
            found.told(ONE_SCALE, &transformations, format!("{count} transformations"));
        }
        for each in transformations.items() {
            let output = of_dataset(found, &dataset, &each, &systems);
            match (&intrinsic, output) {
                (None, output) => intrinsic = output,
                (Some(first), Some(output)) if *first != output => {
                    found.told(INTRINSIC, &each, format!("output {output:?}, of the first level {first:?}"));
                }
                _ => {}
            }
        }
    }
    if let Some(more) = found.may(TRANSFORMS, multiscale, "coordinateTransformations", is_filled) {
        for each in more.items() {
            links.extend(additional(found, &each, &systems, intrinsic.as_deref()));
        }
    }
    let Some(intrinsic) = intrinsic.filter(|name| systems.contains_key(name)) else { return };
    let names: Vec<&str> = systems.keys().map(String::as_str).collect();
    for name in unlinked(&intrinsic, &names, &links) {
        found.told(CONNECTED, multiscale, format!("nothing leads to the coordinate system {name:?}"));
    }
}

/// The one transformation of a dataset; its output.
fn of_dataset(found: &mut Findings, dataset: &At<'_>, each: &At<'_>, systems: &Systems) -> Option<String> {
    match each.text("type") {
        Some("scale" | "identity") => {}
        Some("sequence") => {
            let parts: Vec<_> = each.list("transformations").map(|part| part.text("type").map(str::to_owned)).collect();
            if parts.iter().map(Option::as_deref).ne([Some("scale"), Some("translation")]) {
                found.told(TRANSFORM_TYPE, each, "a sequence of other than one scale and one translation");
            }
        }
        Some(_) => found.at(TRANSFORM_TYPE, each),
        None => {}
    }
    if let Some(input) = found.need(TRANSFORM_INPUT, each, "input", Value::is_object) {
        match found.need(TRANSFORM_INPUT, &input, "path", Value::is_string) {
            Some(path) if dataset.text("path").is_some_and(|own| path.value != own) => {
                found.at(TRANSFORM_INPUT, &path);
            }
            _ => {}
        }
        extra(found, &input, "name");
    }
    let output = found.need(TRANSFORM_INPUT, each, "output", Value::is_object);
    let name = output.as_ref().and_then(|output| {
        extra(found, output, "path");
        found.need(TRANSFORM_INPUT, output, "name", is_name)
    });
    let name = name.map(|at| {
        let name = at.value.as_str().unwrap_or_default().to_owned();
        if !systems.contains_key(&name) {
            found.at(TRANSFORM_SYSTEM, &at);
        }
        name
    });
    let axes = name.as_ref().and_then(|name| systems.get(name).copied().flatten());
    transforms::check(found, each, Ends { input: axes, output: axes });
    name
}

/// What should be left out.
fn extra(found: &mut Findings, at: &At<'_>, key: &str) {
    if let Some(there) = at.get(key).filter(|there| !there.value.is_null()) {
        found.at(TRANSFORM_EXTRA, &there);
    }
}

/// A transformation between systems of an image, or from one to a label image; the systems that it links.
fn additional(
    found: &mut Findings,
    each: &At<'_>,
    systems: &Systems,
    intrinsic: Option<&str>,
) -> Option<(String, String)> {
    let input = end(found, each, "input", systems);
    let output = end(found, each, "output", systems);
    let axes = |end: &Option<(String, bool)>| {
        end.as_ref().filter(|(_, own)| *own).and_then(|(name, _)| systems.get(name).copied().flatten())
    };
    transforms::check(found, each, Ends { input: axes(&input), output: axes(&output) });
    let (input, output) = (input?, output?);
    let is_intrinsic = |(name, own): &(String, bool)| *own && Some(name.as_str()) == intrinsic;
    if intrinsic.is_some() && !is_intrinsic(&input) && !is_intrinsic(&output) {
        found.told(INTRINSIC, each, format!("from {:?} to {:?}", input.0, output.0));
    }
    let to_label = !input.1 || !output.1;
    // The text on labels allows a sequence of the two as well.
    if to_label && !matches!(each.text("type"), Some("identity" | "scale" | "translation" | "sequence")) {
        found.at(TRANSFORM_TYPE, each);
    }
    (!to_label).then_some((input.0, output.0))
}

/// The name at one end, and whether it is one of the image's own.
fn end(found: &mut Findings, each: &At<'_>, key: &str, systems: &Systems) -> Option<(String, bool)> {
    let end = found.need(TRANSFORM_INPUT, each, key, Value::is_object)?;
    let name = found.need(TRANSFORM_INPUT, &end, "name", is_name)?;
    let text = name.value.as_str()?.to_owned();
    let own = end.get("path").is_none_or(|path| path.value.is_null());
    if own && !systems.contains_key(&text) {
        found.at(TRANSFORM_SYSTEM, &name);
    }
    Some((text, own))
}

/// Those of `names` to which no chain of `links` leads from `start`.
pub fn unlinked<'a>(start: &str, names: &[&'a str], links: &[(String, String)]) -> Vec<&'a str> {
    let mut reached = std::collections::HashSet::from([start.to_owned()]);
    loop {
        let before = reached.len();
        for (one, other) in links {
            if reached.contains(one) || reached.contains(other) {
                reached.insert(one.clone());
                reached.insert(other.clone());
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let mut missing: Vec<&str> = names.iter().copied().filter(|name| !reached.contains(*name)).collect();
    missing.sort_unstable();
    missing
}
