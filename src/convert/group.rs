//! The documents of a group in another version of OME-NGFF that lies on the other version of Zarr.
//!
//! Up to 0.4 NGFF's metadata stand among the other attributes, from 0.5 on in one of their own. Attributes of others
//! are taken along as they stand, byte for byte.

use serde_json::{Map, Value};

use crate::ngff::convert::converted;
use crate::ngff::is_ngff;
use crate::settings::NgffVersion;
use crate::shown;
use crate::zarr::{V2_ATTRIBUTES, ZarrFormat, group_marker, json};

/// What a document of Zarr v3 may say of a group; the last is a copy of what other documents say.
const V3_MEMBERS: [&str; 4] = ["zarr_format", "node_type", "attributes", "consolidated_metadata"];

/// Members of an object, each as it stands or is to stand in a text.
type Texts = Vec<(String, Vec<u8>)>;

/// The documents of a group with these `attributes` in the format that `to` lies on, by their names. `text` is the
/// document that has them; of Zarr v2 there may be none.
pub(super) fn documents(
    attributes: &Map<String, Value>,
    text: Option<&[u8]>,
    to: NgffVersion,
) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let format = ZarrFormat::from(to);
    let told = told_attributes(text.unwrap_or(b"{}"), format)?;
    let ome = ome(attributes, format)?;
    let made = match ome.is_empty() {
        true => Map::new(),
        false => converted(&ome, to).map_err(|why| format!("{why}, which {} has no words for", to.name()))?,
    };
    if format == ZarrFormat::V2
        && let Some((name, _)) = told.iter().find(|(name, _)| made.contains_key(name))
    {
        let name = shown::value(name);
        return Err(format!(
            "ome has a member {name}, and there is an attribute {name}: in {} both are one",
            to.name()
        ));
    }
    told.iter().filter(|(name, _)| is_ngff(name)).try_for_each(|(name, text)| exact(name, text))?;
    let others = told.into_iter().filter(|(name, _)| !is_ngff(name));
    Ok(match format {
        ZarrFormat::V2 => {
            let own = made.iter().map(|(name, value)| (name.clone(), json::shown(value, true, 1)));
            let others = others.map(|(name, text)| (name, moved(text, false)));
            let all: Texts = own.chain(others).collect();
            let attributes = (!all.is_empty()).then(|| (V2_ATTRIBUTES, ended(json::object(&all, 0))));
            let marker = json::bytes(&group_marker()).map_err(|error| error.to_string())?;
            attributes.into_iter().chain([(format.group_file(), marker)]).collect()
        }
        ZarrFormat::V3 => {
            let own = (!made.is_empty()).then(|| ("ome".to_owned(), json::shown(&made.into(), true, 2)));
            let others = others.map(|(name, text)| (name, moved(text, true)));
            let all: Texts = own.into_iter().chain(others).collect();
            let attributes = json::object(&all, 1);
            let node: [(&str, &[u8]); 3] =
                [("zarr_format", b"3"), ("node_type", b"\"group\""), ("attributes", &attributes)];
            vec![(format.group_file(), ended(json::object(&node, 0)))]
        }
    })
}

/// Refuses metadata that would say something else when they are written anew.
fn exact(name: &str, text: &[u8]) -> Result<(), String> {
    match json::inexact(text) {
        None => Ok(()),
        Some(word) => Err(format!(
            "{name} has {}, which is no number of JSON with up to 64 bits, so it would be lost; write another",
            shown::value(&word)
        )),
    }
}

/// As [`exact`], of `ome` in a document of Zarr v3.
pub(super) fn exact_ome(text: &[u8]) -> Result<(), String> {
    let told = told_attributes(text, ZarrFormat::V2)?;
    told.iter().filter(|(name, _)| name == "ome").try_for_each(|(name, text)| exact(name, text))
}

/// The document `document` of an array with the attributes that the array has: inside of it, or in one of their own.
pub(super) fn array_documents(
    document: &Value,
    text: Option<&[u8]>,
    format: ZarrFormat,
) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let told = told_attributes(text.unwrap_or(b"{}"), format)?;
    let whole = json::bytes(document).map_err(|error| error.to_string())?;
    if told.is_empty() {
        return Ok(vec![(format.array_file(), whole)]);
    }
    let others: Texts = told.into_iter().map(|(name, text)| (name, moved(text, format == ZarrFormat::V3))).collect();
    match format {
        ZarrFormat::V2 => Ok(vec![(V2_ATTRIBUTES, ended(json::object(&others, 0))), (format.array_file(), whole)]),
        ZarrFormat::V3 => {
            let attributes = json::object(&others, 1);
            let mut members = json::members(&whole).unwrap_or_default();
            for (_, text) in members.iter_mut().filter(|(name, _)| name == "attributes") {
                *text = &attributes;
            }
            Ok(vec![(format.array_file(), ended(json::object(&members, 0)))])
        }
    }
}

/// The attributes in `text`, a document of the other format than `to`; of those with one name the last.
fn told_attributes(text: &[u8], to: ZarrFormat) -> Result<Vec<(String, &[u8])>, String> {
    let changed = || "it changed while it was read".to_owned();
    let mut all = json::members(text).ok_or_else(changed)?;
    if to == ZarrFormat::V2 {
        let attributes = all.iter().rfind(|(name, _)| name == "attributes");
        all = match attributes {
            Some((_, text)) => json::members(text).ok_or("attributes is not an object")?,
            None => Vec::new(),
        };
    }
    let mut told: Vec<(String, &[u8])> = Vec::new();
    for (name, text) in all {
        match told.iter_mut().find(|(each, _)| *each == name) {
            Some(earlier) => earlier.1 = text,
            None => told.push((name, text)),
        }
    }
    Ok(told)
}

/// Refuses a member of a group's document that Zarr v2 has no place for.
pub(super) fn only_known(document: &Map<String, Value>) -> Result<(), String> {
    match document.keys().find(|name| !V3_MEMBERS.contains(&name.as_str())) {
        None => Ok(()),
        Some(strange) => Err(format!("Zarr v2 has no place for its member {}", shown::value(strange))),
    }
}

/// NGFF's own metadata among `attributes` of a store that is to lie on `to`.
fn ome(attributes: &Map<String, Value>, to: ZarrFormat) -> Result<Map<String, Value>, String> {
    let taken = |name: &str| {
        let version = if to == ZarrFormat::V2 { "0.4" } else { "0.5" };
        format!("it has an attribute {name} of its own, which NGFF uses from {version} on or has used up to there")
    };
    match to {
        ZarrFormat::V2 => {
            if let Some(name) = attributes.keys().find(|name| is_ngff(name) && *name != "ome") {
                return Err(taken(name));
            }
            match attributes.get("ome") {
                None => Ok(Map::new()),
                Some(Value::Object(ome)) => Ok(ome.clone()),
                Some(_) => Err("ome is not an object".into()),
            }
        }
        ZarrFormat::V3 if attributes.contains_key("ome") => Err(taken("ome")),
        ZarrFormat::V3 => {
            let own = attributes.iter().filter(|(name, _)| is_ngff(name));
            Ok(own.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
    }
}

/// The text of an attribute one object deeper or less deep. Line breaks stand between tokens only.
fn moved(text: &[u8], deeper: bool) -> Vec<u8> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut made = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        made.push(b'\n');
        if deeper {
            made.extend_from_slice(b"  ");
        }
        made.extend_from_slice(if deeper { line } else { line.strip_prefix(b"  ").unwrap_or(line) });
    }
    made
}

/// A document ends with its last line.
fn ended(mut text: Vec<u8>) -> Vec<u8> {
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LAB: &str = r#"{"nan": NaN, "big": 12345678901234567890123, "text": "a\nb"}"#;

    fn of(text: &str, to: NgffVersion) -> Result<Vec<(&'static str, String)>, String> {
        let whole = json::parse_object(text.as_bytes()).expect("an object");
        let attributes = match ZarrFormat::from(to) {
            ZarrFormat::V2 => whole["attributes"].as_object().cloned().expect("an object"),
            ZarrFormat::V3 => whole,
        };
        let made = documents(&attributes, Some(text.as_bytes()), to)?;
        Ok(made.into_iter().map(|(name, bytes)| (name, String::from_utf8(bytes).expect("text"))).collect())
    }

    #[test]
    fn attributes_of_others_stay_as_they_stand() {
        let v3 = format!(
            "{{\n  \"zarr_format\": 3,\n  \"node_type\": \"group\",\n  \"attributes\": {{\n    \"ome\": {{\n      \
             \"version\": \"0.5\",\n      \"labels\": []\n    }},\n    \"lab\": {LAB}\n  }}\n}}\n"
        );
        let made = of(&v3, NgffVersion::V0_4).expect("0.4 has words for it");
        let expected = format!("{{\n  \"labels\": [],\n  \"lab\": {LAB}\n}}\n");
        assert_eq!(made[0], (".zattrs", expected.clone()));
        assert_eq!(made[1].0, ".zgroup");
        assert_eq!(of(&expected, NgffVersion::V0_5), Ok(vec![("zarr.json", v3)]));
    }

    #[test]
    fn a_group_without_attributes_has_none() {
        let none = documents(&Map::new(), None, NgffVersion::V0_5).expect("nothing is said");
        assert_eq!(json::parse(&none[0].1), Ok(json!({"zarr_format": 3, "node_type": "group", "attributes": {}})));
        let made = documents(&Map::new(), Some(&none[0].1), NgffVersion::V0_4).expect("nothing is said");
        assert_eq!(made.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [".zgroup"]);
    }

    #[test]
    fn attributes_of_arrays_go_along() {
        let array = json!({"zarr_format": 3, "attributes": {}, "dimension_names": ["x"]});
        let made = array_documents(&array, Some(br#"{"a": NaN}"#), ZarrFormat::V3).expect("attributes");
        let text = String::from_utf8(made[0].1.clone()).expect("text");
        assert!(text.contains("\"a\": NaN") && text.contains("dimension_names"), "{text}");
        let made = array_documents(&json!({}), Some(&made[0].1), ZarrFormat::V2).expect("attributes");
        assert_eq!(made[0], (".zattrs", b"{\n  \"a\": NaN\n}\n".to_vec()));
    }

    #[test]
    fn names_that_mean_something_else_there_are_refused() {
        let v3 = r#"{"attributes": {"ome": {"version": "0.5"}, "plate": 1}}"#;
        assert!(of(v3, NgffVersion::V0_4).expect_err("taken").contains("plate"));
        assert!(of(r#"{"ome": 1, "multiscales": []}"#, NgffVersion::V0_5).expect_err("taken").contains("ome"));
        assert!(of(r#"{"attributes": {"ome": 1}}"#, NgffVersion::V0_4).expect_err("strange").contains("not an object"));
        let affine = r#"{"multiscales": [{"axes": [], "datasets": [{"path": "0"}]}]}"#;
        assert!(of(affine, NgffVersion::V0_5).expect_err("none").contains("0.5 has no words for"));
        let both = r#"{"attributes": {"ome": {"version": "0.5", "labels": [], "_creator": 1}, "_creator": 2}}"#;
        assert!(of(both, NgffVersion::V0_4).expect_err("both").contains("attribute _creator"));
        let strange = json!({"zarr_format": 3, "node_type": "group", "attributes": {}, "more": 1});
        assert!(only_known(strange.as_object().expect("an object")).expect_err("more").contains("more"));
    }
}
