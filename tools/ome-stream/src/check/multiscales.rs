//! "multiscales" metadata: what all versions share, and the transformations of 0.4 and 0.5.

use serde_json::Value;

use super::at::{At, Findings, is_filled};
use super::axes::{self, Of};
use super::parts::{here, numbers};
use super::rules::*;
use super::version::Version;
use super::{omero, systems};

/// The image in the metadata `ome`.
pub fn check(found: &mut Findings, ome: &At<'_>) {
    if let Some(multiscales) = found.may(MULTISCALES_LIST, ome, "multiscales", is_filled) {
        for multiscale in multiscales.items() {
            if multiscale.value.is_object() {
                one(found, &multiscale);
            } else {
                found.at(MULTISCALES_LIST, &multiscale);
            }
        }
    }
    omero::check(found, ome);
}

fn one(found: &mut Findings, multiscale: &At<'_>) {
    found.should(MULTISCALES_NAME, MULTISCALES_NAME, multiscale, "name", Value::is_string);
    here(found, multiscale);
    let datasets = found.need(DATASETS, multiscale, "datasets", is_filled);
    let count = datasets.iter().flat_map(At::items).count();
    // An image of one level was not made smaller by any method.
    if count > 1 {
        for key in ["type", "metadata"] {
            if multiscale.get(key).is_none() {
                found.missing(MULTISCALES_TYPE, multiscale, key);
            }
        }
    }
    found.unique(DATASETS_UNIQUE, datasets.iter().flat_map(At::items), "path");
    for dataset in datasets.iter().flat_map(At::items) {
        found.need(DATASET_PATH, &dataset, "path", Value::is_string);
    }
    if found.version == Version::V06 {
        return systems::check(found, multiscale);
    }
    let axes = axes::check(found, multiscale, Of::Image);
    for dataset in datasets.iter().flat_map(At::items) {
        if let Some(list) = found.need(TRANSFORMS, &dataset, "coordinateTransformations", is_filled) {
            transformations(found, &list, axes);
        }
    }
    if let Some(list) = found.may(TRANSFORMS, multiscale, "coordinateTransformations", is_filled) {
        transformations(found, &list, axes);
    }
}

/// Transformations of 0.4 and 0.5: one scale, and one translation behind it.
fn transformations(found: &mut Findings, list: &At<'_>, axes: Option<usize>) {
    let (mut scales, mut translations) = (0, 0);
    for each in list.items() {
        match each.text("type") {
            Some("scale") => {
                scales += 1;
                numbers(found, &each, "scale", axes);
            }
            Some("translation") => {
                translations += 1;
                if scales == 0 {
                    found.told(ONE_SCALE, &each, "a translation before the scale");
                }
                numbers(found, &each, "translation", axes);
            }
            Some(_) => found.at(TRANSFORM_TYPE, &each),
            None => found.missing(TRANSFORM_TYPE, &each, "type"),
        }
    }
    if scales != 1 || translations > 1 {
        found.told(ONE_SCALE, list, format!("{scales} scale(s), {translations} translation(s)"));
    }
}
