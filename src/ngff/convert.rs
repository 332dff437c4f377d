//! NGFF's own metadata of a group in the words of another version.
//!
//! Only what says the same in both is converted. What the other version has no words for is refused, by its name: a
//! converted store must not mean less than the one before.

use serde_json::{Map, Value, json};

use super::found;
use super::v06::PHYSICAL;
use crate::settings::NgffVersion;

type Members = Map<String, Value>;

/// The version that metadata say they have: in `version` (from 0.5 on), or in what they describe.
#[must_use]
pub fn version_of(ome: &Members) -> Option<NgffVersion> {
    let told = |value: Option<&Value>| NgffVersion::of(value?.get("version")?.as_str()?);
    let own = ome.get("version").and_then(Value::as_str).and_then(NgffVersion::of);
    own.or_else(|| told(ome.get("multiscales").and_then(|list| list.get(0))))
        .or_else(|| told(ome.get("plate")))
        .or_else(|| told(ome.get("well")))
}

/// Metadata of a group, of any version, as `to` says them. A scene that says nothing but that images share a coordinate
/// system is left out where the version has none.
///
/// # Errors
/// What `to` has no words for, or what is none of NGFF.
pub fn converted(ome: &Members, to: NgffVersion) -> Result<Members, String> {
    let mut made = Members::new();
    if to != NgffVersion::V0_4 {
        made.insert("version".into(), to.name().into());
    }
    for (name, value) in ome {
        match name.as_str() {
            "version" => continue,
            "multiscales" => {
                let list = value.as_array().ok_or("multiscales is not a list")?;
                let each = |entry: &Value| multiscale(entry.as_object().ok_or("multiscales: not an object")?, to);
                made.insert(name.clone(), list.iter().map(each).collect::<Result<Value, String>>()?);
            }
            "plate" | "well" | "image-label" => {
                let told = value.as_object().ok_or_else(|| format!("{name} is not an object"))?;
                // A label tells it where it did before.
                let tells = to != NgffVersion::V0_6 && (name != "image-label" || told.contains_key("version"));
                let version = tells.then(|| ("version".to_owned(), to.name().into()));
                let others = told.iter().filter(|(member, _)| *member != "version");
                let others = others.map(|(member, value)| (member.clone(), value.clone()));
                made.insert(name.clone(), Value::Object(version.into_iter().chain(others).collect()));
            }
            "scene" if to != NgffVersion::V0_6 => shares_one_system(value)?,
            _ => drop(made.insert(name.clone(), value.clone())),
        }
    }
    Ok(made)
}

/// Refuses a scene in which images do not lie where they say by themselves.
fn shares_one_system(scene: &Value) -> Result<(), String> {
    let links =
        scene.get("coordinateTransformations").and_then(Value::as_array).ok_or("scene has no transformations")?;
    match links.iter().find(|link| link.get("type") != Some(&json!("identity"))) {
        None => Ok(()),
        Some(link) => Err(format!("scene has a transformation of type {}", shown(link.get("type")))),
    }
}

fn shown(value: Option<&Value>) -> String {
    crate::shown::value(&value.unwrap_or(&Value::Null).to_string())
}

/// An entry of `multiscales`.
fn multiscale(entry: &Members, to: NgffVersion) -> Result<Value, String> {
    // Up to 0.5 it is applied behind those of each dataset; from 0.6 on it leads from one system to another.
    let has_systems = to == NgffVersion::V0_6 || entry.contains_key("coordinateSystems");
    if has_systems && entry.contains_key("coordinateTransformations") {
        return Err("multiscales has coordinateTransformations of its own".into());
    }
    if entry.get("coordinateSystems").and_then(Value::as_array).is_some_and(|systems| systems.len() > 1) {
        return Err("multiscales has several coordinateSystems".into());
    }
    let whole = Value::Object(entry.clone());
    let axes = Value::from(found::axes(&whole).ok_or("multiscales has no axes")?.clone());
    let mut made = Members::new();
    if to == NgffVersion::V0_4 {
        made.insert("version".into(), to.name().into());
    }
    for (name, value) in entry {
        match (name.as_str(), to) {
            ("version", _) => continue,
            ("axes" | "coordinateSystems", NgffVersion::V0_6) => {
                made.insert("coordinateSystems".into(), json!([{"name": PHYSICAL, "axes": axes}]))
            }
            ("axes" | "coordinateSystems", _) => made.insert("axes".into(), axes.clone()),
            ("datasets", _) => {
                let list = value.as_array().ok_or("datasets is not a list")?;
                made.insert(name.clone(), list.iter().map(|level| dataset(level, to)).collect::<Result<_, _>>()?)
            }
            _ => made.insert(name.clone(), value.clone()),
        };
    }
    Ok(made.into())
}

/// An entry of `datasets`.
fn dataset(level: &Value, to: NgffVersion) -> Result<Value, String> {
    let mut made = level.as_object().ok_or("datasets: not an object")?.clone();
    let path = made.get("path").and_then(Value::as_str).ok_or("a dataset has no path")?.to_owned();
    let steps = made.get("coordinateTransformations").and_then(Value::as_array);
    let steps = steps.ok_or_else(|| format!("dataset {path:?} has no coordinateTransformations"))?;
    let inside = match steps.as_slice() {
        [only] if only.get("type") == Some(&json!("sequence")) => only.get("transformations").and_then(Value::as_array),
        _ => Some(steps),
    };
    let strange = || format!("dataset {path:?} has other transformations than a scale, and a translation behind it");
    let part = |step: &Value, name: &str| {
        let numbers = step.get(name).filter(|_| step.get("type") == Some(&json!(name)));
        numbers.filter(|numbers| numbers.is_array()).map(|numbers| json!({"type": name, name: numbers}))
    };
    let steps = match inside.map(Vec::as_slice) {
        Some([scale]) => vec![part(scale, "scale").ok_or_else(strange)?],
        Some([scale, translation]) => {
            vec![part(scale, "scale").ok_or_else(strange)?, part(translation, "translation").ok_or_else(strange)?]
        }
        _ => return Err(strange()),
    };
    let steps = match (to, steps.as_slice()) {
        (NgffVersion::V0_6, [scale]) => {
            let mut placed = scale.as_object().cloned().unwrap_or_default();
            placed.extend(ends(&path));
            vec![placed.into()]
        }
        (NgffVersion::V0_6, _) => {
            let sequence = [("type".to_owned(), json!("sequence")), ("transformations".to_owned(), steps.into())];
            vec![Value::Object(sequence.into_iter().chain(ends(&path)).collect())]
        }
        _ => steps,
    };
    made.insert("coordinateTransformations".into(), steps.into());
    Ok(made.into())
}

/// What a transformation of a level leads from, and to.
fn ends(path: &str) -> [(String, Value); 2] {
    [("input".to_owned(), json!({"path": path})), ("output".to_owned(), json!({"name": PHYSICAL}))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const V0_5: NgffVersion = NgffVersion::V0_5;
    const V0_6: NgffVersion = NgffVersion::V0_6;

    fn members(value: Value) -> Members {
        value.as_object().cloned().expect("an object")
    }

    fn image(steps: Value) -> Members {
        let level = json!({"path": "0", "coordinateTransformations": steps});
        let axes = json!([{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]);
        let entry = json!({"name": "cells", "axes": axes, "datasets": [level], "type": "mean"});
        members(json!({"version": "0.5", "multiscales": [entry], "omero": {"channels": []}, "more": 1}))
    }

    fn scale() -> Value {
        json!({"type": "scale", "scale": [0.5, 0.25]})
    }

    #[test]
    fn every_version_says_the_same_and_back() {
        let translation = json!({"type": "translation", "translation": [0.0, 123_456.789]});
        for steps in [json!([scale()]), json!([scale(), translation])] {
            let v05 = image(steps);
            let v06 = converted(&v05, V0_6).expect("0.6 has words for it");
            let level = &v06["multiscales"][0]["datasets"][0]["coordinateTransformations"];
            assert_eq!((&level[0]["input"], level.as_array().map(Vec::len)), (&json!({"path": "0"}), Some(1)));
            assert_eq!(converted(&v06, V0_5), Ok(v05.clone()));
            let v04 = converted(&v05, NgffVersion::V0_4).expect("0.4 has words for it");
            assert_eq!((v04.get("version"), &v04["multiscales"][0]["version"]), (None, &json!("0.4")));
            assert_eq!([&v04, &v05, &v06].map(version_of), [NgffVersion::V0_4, V0_5, V0_6].map(Some));
            assert_eq!(converted(&v04, V0_6), Ok(v06));
            let mut common = Value::Object(v05.clone());
            common["multiscales"][0]["coordinateTransformations"] = json!([scale()]);
            let v04 = converted(&members(common.clone()), NgffVersion::V0_4).expect("0.4 has words for it");
            assert_eq!(converted(&v04, V0_5), Ok(members(common)));
        }
    }

    #[test]
    fn a_label_tells_its_version_where_it_did() {
        let label = |of_label: Value| members(json!({"version": "0.5", "image-label": of_label}));
        let told = converted(&label(json!({"version": "0.5", "colors": []})), V0_6).expect("said");
        assert_eq!(told["image-label"], json!({"colors": []}));
        let v04 = converted(&label(json!({"version": "0.5"})), NgffVersion::V0_4).expect("said");
        assert_eq!(v04["image-label"], json!({"version": "0.4"}));
        assert_eq!(converted(&label(json!({})), NgffVersion::V0_4).expect("said")["image-label"], json!({}));
    }

    #[test]
    fn plates_and_wells_tell_the_version_where_it_stands() {
        let v05 = members(json!({"version": "0.5", "plate": {"version": "0.5", "rows": [{"name": "A"}]}}));
        let v06 = members(json!({"version": "0.6", "plate": {"rows": [{"name": "A"}]}}));
        assert_eq!(converted(&v05, V0_6), Ok(v06.clone()));
        assert_eq!(converted(&v06, V0_5), Ok(v05));
    }

    #[test]
    fn what_has_no_words_in_the_other_version_is_refused() {
        let with = |pointer: &str, value: Value| {
            let mut whole = Value::Object(image(json!([scale()])));
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            whole.pointer_mut(parent).expect(pointer)[name] = value;
            converted(&members(whole), V0_6).expect_err(pointer)
        };
        let first = "/multiscales/0";
        for (pointer, value, part) in [
            ("/multiscales".to_owned(), json!(7), "multiscales is not a list"),
            (format!("{first}/axes"), json!(7), "no axes"),
            (format!("{first}/coordinateTransformations"), json!([scale()]), "of its own"),
            (format!("{first}/coordinateSystems"), json!([{}, {}]), "several coordinateSystems"),
            (format!("{first}/datasets"), json!([{"path": "0"}]), "no coordinateTransformations"),
            (format!("{first}/datasets"), json!([{}]), "no path"),
            (format!("{first}/datasets/0/coordinateTransformations"), json!([]), "other transformations"),
            (
                format!("{first}/datasets/0/coordinateTransformations"),
                json!([scale(), scale()]),
                "other transformations",
            ),
        ] {
            let why = with(&pointer, value);
            assert!(why.contains(part), "{pointer}: {why}");
        }
        let scene = |kind: &str| {
            let link = json!({"type": kind, "input": {"path": "a", "name": "physical"}, "output": {"name": "stage"}});
            members(json!({"version": "0.6", "scene": {"coordinateTransformations": [link]}}))
        };
        assert_eq!(converted(&scene("identity"), V0_5), Ok(members(json!({"version": "0.5"}))));
        assert!(converted(&scene("rotation"), V0_5).expect_err("no words").contains("\"rotation\""));
    }
}
