//! "scene" metadata of 0.6: images that lie in one space.

use serde_json::Value;

use super::at::{At, Findings, is_filled, is_name};
use super::axes::Of;
use super::rules::*;
use super::systems::{self, Systems};
use super::transforms::{self, Ends};

/// One end of a transformation: a system of the scene's own, or that of the image at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The image, below the scene; `None` for the scene's own.
    pub path: Option<String>,
    /// The system.
    pub name: String,
    /// Where in the metadata that is said.
    pub place: String,
}

/// The scene in the metadata `ome`; every end that names an image's system.
pub fn check(found: &mut Findings, ome: &At<'_>) -> Vec<End> {
    let Some(scene) = found.may(SCENE_TRANSFORMS, ome, "scene", Value::is_object) else { return Vec::new() };
    let own = systems::list(found, &scene, Of::Scene);
    let transformations = found.need(SCENE_TRANSFORMS, &scene, "coordinateTransformations", is_filled);
    let Some(transformations) = transformations else { return Vec::new() };
    let mut ends = Vec::new();
    let mut links = Vec::new();
    for (nth, each) in transformations.items().enumerate() {
        let [input, output] = ["input", "output"].map(|key| {
            let place = format!("scene.coordinateTransformations[{nth}].{key}");
            end(found, &each, key, place, &own)
        });
        let axes =
            |end: &Option<End>| end.as_ref().filter(|end| end.path.is_none()).and_then(|end| *own.get(&end.name)?);
        transforms::check(found, &each, Ends { input: axes(&input), output: axes(&output) });
        if let (Some(input), Some(output)) = (&input, &output) {
            links.push((node(input), node(output)));
        }
        ends.extend([input, output].into_iter().flatten());
    }
    let all: Vec<String> = ends.iter().map(node).chain(own.keys().map(|name| format!("\n{name}"))).collect();
    let mut names: Vec<&str> = all.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    if let Some(start) = ends.first().map(node) {
        for name in systems::unlinked(&start, &names, &links) {
            let (path, name) = name.split_once('\n').unwrap_or(("", name));
            let of = if path.is_empty() { String::new() } else { format!(" of {path}") };
            found.told(CONNECTED, &scene, ome_stream::shown::sentence(format!("nothing leads to {name:?}{of}")));
        }
    }
    ends.retain(|end| end.path.is_some());
    ends
}

/// An end as a node of the graph; no path has a line break in front of nothing.
fn node(end: &End) -> String {
    format!("{}\n{}", end.path.as_deref().unwrap_or_default(), end.name)
}

fn end(found: &mut Findings, each: &At<'_>, key: &str, place: String, own: &Systems) -> Option<End> {
    let end = found.need(SCENE_ENDS, each, key, Value::is_object)?;
    let name = found.need(SCENE_ENDS, &end, "name", is_name)?;
    let path = found.may(SCENE_ENDS, &end, "path", |path| path.is_string() || path.is_null());
    let path = path.and_then(|path| path.value.as_str()).map(|path| path.trim_end_matches('/').to_owned());
    let text = name.value.as_str()?.to_owned();
    if path.is_none() && !own.contains_key(&text) {
        found.at(TRANSFORM_SYSTEM, &name);
    }
    Some(End { path, name: text, place })
}
