//! Whole documents against committed ones (`tests/data/ngff`), which foreign validators have judged.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::error::{Error, Result};
use crate::settings::NgffVersion;

pub(super) fn axis(name: &str, kind: AxisKind, unit: Option<&str>) -> Axis {
    Axis { name: name.into(), kind, unit: unit.map(Into::into) }
}

/// An image of 2 x 2 x ... pixels with these axes, without channels.
pub(super) fn image(names: &[&str]) -> Image {
    let kind = |name: &str| match name {
        "t" => AxisKind::Time,
        "c" => AxisKind::Channel,
        "x" | "y" | "z" => AxisKind::Space,
        other => AxisKind::Other(other.into()),
    };
    Image {
        name: "image".into(),
        axes: names.iter().map(|name| axis(name, kind(name), None)).collect(),
        shape: vec![2; names.len()],
        dtype: "uint16".into(),
        method: None,
        datasets: vec![Dataset { path: "0".into(), scale: vec![1.0; names.len()], translation: None }],
        channels: Vec::new(),
        on_stage: false,
    }
}

/// An image that uses everything: five axes with units, an origin, channels with wavelengths.
pub(super) fn tczyx() -> Image {
    Image {
        name: "cells".into(),
        axes: vec![
            axis("t", AxisKind::Time, Some("second")),
            axis("c", AxisKind::Channel, None),
            axis("z", AxisKind::Space, Some("micrometer")),
            axis("y", AxisKind::Space, Some("micrometer")),
            axis("x", AxisKind::Space, Some("micrometer")),
        ],
        shape: vec![2, 2, 3, 4, 5],
        dtype: "uint16".into(),
        method: None,
        datasets: vec![Dataset {
            path: "0".into(),
            scale: vec![0.1, 1.0, 0.5, 0.108, 0.108],
            translation: Some(vec![0.0, 0.0, 12.25, -98_765.432_1, 123_456.789]),
        }],
        channels: vec![
            Channel {
                label: "DAPI".into(),
                color: Some([0, 0, 255]),
                excitation_nm: Some(405.0),
                emission_nm: Some(450.5),
                fluorophore: Some("DAPI".into()),
                window: None,
            },
            Channel { label: "GFP".into(), emission_nm: Some(509.0), ..Channel::default() },
        ],
        on_stage: false,
    }
}

/// Nothing but the two axes of a frame; floating point.
fn plain() -> Image {
    Image { dtype: "float32".into(), name: "frame".into(), ..image(&["y", "x"]) }
}

fn series() -> Hierarchy {
    let second = Image { name: "Pos <1>".into(), ..tczyx() };
    Hierarchy::Series(vec![("0".into(), tczyx()), ("Pos_1".into(), second)])
}

/// A plate of three rows and three columns with two acquisitions, of which three wells have fields.
pub(super) fn plate() -> Plate {
    let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    let field = |path: &str, acquisition| Field { path: path.into(), acquisition: Some(acquisition) };
    let acquisition = |id, name: &str| Acquisition {
        id,
        name: Some(name.into()),
        description: None,
        start_time: Some(1_343_731_272),
        end_time: None,
    };
    let well = |row, column, fields: &[Field]| Well { row, column, fields: fields.to_vec() };
    Plate {
        name: "screen <1>".into(),
        rows: names(["A", "B", "C"]),
        columns: names(["1", "2", "3"]),
        acquisitions: vec![
            acquisition(2, "day 1"),
            Acquisition { description: Some("fixed".into()), ..acquisition(5, "2") },
        ],
        wells: vec![
            well(0, 0, &[field("0", 2), field("fov1", 2), field("2", 5)]),
            well(0, 2, &[field("0", 2)]),
            well(2, 1, &[field("fov1", 5)]),
        ],
    }
}

/// The images of [`plate`], in another order than its wells.
pub(super) fn plate_images() -> Vec<(String, Image)> {
    ["C/2/fov1", "A/1/0", "A/3/0", "A/1/2", "A/1/fov1"].map(|path| (path.to_owned(), image(&["y", "x"]))).to_vec()
}

fn attributes(value: Value) -> Attributes {
    value.as_object().map(|object| object.clone().into_iter().collect()).unwrap_or_default()
}

fn no_attributes(_: usize) -> Result<Attributes> {
    Ok(Attributes::new())
}

const V0_5: NgffVersion = NgffVersion::V0_5;

fn all(version: NgffVersion, hierarchy: &Hierarchy, root: &Attributes) -> Vec<Document> {
    documents(version, hierarchy, root, no_attributes).expect("valid").collect::<Result<_>>().expect("documents")
}

/// The committed text, with this library's version where it has a mark.
fn golden(text: &str) -> String {
    text.replace("@VERSION@", crate::VERSION)
}

#[track_caller]
fn assert_golden(document: &Document, text: &str) {
    let expected: Value = serde_json::from_str(&golden(text)).expect("committed JSON");
    let got: Value = serde_json::from_slice(&document.bytes).expect("document is JSON");
    assert_eq!(got, expected, "{} is now\n{}", document.path, String::from_utf8_lossy(&document.bytes));
}

#[test]
fn an_image_with_everything_is_as_committed() {
    let documents = all(V0_5, &Hierarchy::Single(tczyx()), &Attributes::new());
    let [document] = documents.as_slice() else { panic!("{documents:?}") };
    assert_eq!(document.path, "zarr.json");
    assert_golden(document, include_str!("../../tests/data/ngff/v05_single.json"));
}

#[test]
fn a_bare_frame_is_as_committed() {
    let documents = all(V0_5, &Hierarchy::Single(plain()), &Attributes::new());
    let [document] = documents.as_slice() else { panic!("{documents:?}") };
    assert_golden(document, include_str!("../../tests/data/ngff/v05_plain.json"));
}

#[test]
fn several_images_are_as_committed_and_the_root_comes_last() {
    let documents = all(V0_5, &series(), &attributes(json!({"my_program": {"operator": "Ada"}})));
    let paths: Vec<_> = documents.iter().map(|document| document.path.as_str()).collect();
    assert_eq!(paths, ["0/zarr.json", "Pos_1/zarr.json", "OME/METADATA.ome.xml", "OME/zarr.json", "zarr.json"]);
    let [first, second, xml, order, root] = documents.as_slice() else { panic!("{paths:?}") };
    // The first image is the one of the single hierarchy: where an image lies does not change it.
    assert_golden(first, include_str!("../../tests/data/ngff/v05_single.json"));
    assert_golden(second, include_str!("../../tests/data/ngff/v05_series_image.json"));
    assert_golden(order, include_str!("../../tests/data/ngff/v05_series_order.json"));
    assert_golden(root, include_str!("../../tests/data/ngff/v05_series_root.json"));
    let expected_xml = golden(include_str!("../../tests/data/ngff/v05_series.ome.xml"));
    assert_eq!(String::from_utf8_lossy(&xml.bytes), expected_xml);
}

#[test]
fn documents_of_0_6_are_as_committed() {
    let [bare] = all(NgffVersion::V0_6, &Hierarchy::Single(plain()), &Attributes::new()).try_into().expect("one");
    assert_golden(&bare, include_str!("../../tests/data/ngff/v06_plain.json"));
    let documents = all(NgffVersion::V0_6, &series(), &attributes(json!({"my_program": {"operator": "Ada"}})));
    let paths: Vec<_> = documents.iter().map(|document| document.path.as_str()).collect();
    assert_eq!(paths, ["0/zarr.json", "Pos_1/zarr.json", "OME/METADATA.ome.xml", "OME/zarr.json", "zarr.json"]);
    let [first, _, xml, order, root] = documents.as_slice() else { panic!("{paths:?}") };
    assert_golden(first, include_str!("../../tests/data/ngff/v06_image.json"));
    assert_golden(order, include_str!("../../tests/data/ngff/v06_series_order.json"));
    assert_golden(root, include_str!("../../tests/data/ngff/v06_series_root.json"));
    // The same images, whatever the version.
    let expected = golden(include_str!("../../tests/data/ngff/v05_series.ome.xml"));
    assert_eq!(String::from_utf8_lossy(&xml.bytes), expected);
}

#[test]
fn images_on_the_stage_make_a_scene_in_0_6() {
    let tile = || Image { on_stage: true, ..tczyx() };
    let others = [("alone", tczyx()), ("flat", Image { on_stage: true, ..plain() })];
    let tiles = [("tile 0", tile()), ("tile 1", tile())];
    let hierarchy = |images: &[(&str, Image)]| {
        Hierarchy::Series(images.iter().map(|(path, image)| ((*path).to_owned(), image.clone())).collect())
    };
    let root = |version, hierarchy: &Hierarchy| {
        let [.., root] =
            all(version, hierarchy, &Attributes::new()).try_into().map(|all: [Document; 7]| all).expect("7");
        root
    };
    let images = hierarchy(&[&tiles[..1], &others, &tiles[1..]].concat());
    assert_golden(&root(NgffVersion::V0_6, &images), include_str!("../../tests/data/ngff/v06_scene.json"));
    let has_scene = |document: &Document| String::from_utf8_lossy(&document.bytes).contains("scene");
    assert!(!has_scene(&root(NgffVersion::V0_5, &images)));
    // One image has nobody to lie beside.
    let one = all(NgffVersion::V0_6, &hierarchy(&[&tiles[..1], &others[..1]].concat()), &Attributes::new());
    assert!(!one.iter().any(has_scene));
}

#[test]
fn documents_of_0_4_are_as_committed() {
    let documents = all(NgffVersion::V0_4, &series(), &attributes(json!({"my_program": {"operator": "Ada"}})));
    let paths: Vec<_> = documents.iter().map(|document| document.path.as_str()).collect();
    let folders = ["0", "Pos_1", "OME"].map(|folder| [format!("{folder}/.zattrs"), format!("{folder}/.zgroup")]);
    let mut expected = [&folders[0][..], &folders[1], &["OME/METADATA.ome.xml".to_owned()], &folders[2]].concat();
    expected.extend([".zattrs", ".zgroup"].map(str::to_owned));
    assert_eq!(paths, expected);
    let named = |path: &str| documents.iter().find(|document| document.path == path).expect(path);
    assert_golden(named("0/.zattrs"), include_str!("../../tests/data/ngff/v04_image.json"));
    assert_golden(named("OME/.zattrs"), include_str!("../../tests/data/ngff/v04_series_order.json"));
    assert_golden(named(".zattrs"), include_str!("../../tests/data/ngff/v04_series_root.json"));
    for group in documents.iter().filter(|document| document.name() == ".zgroup") {
        assert_golden(group, r#"{"zarr_format": 2}"#);
    }
}

#[test]
fn a_plate_is_as_committed_and_the_root_comes_last() {
    let hierarchy = Hierarchy::Plate(plate(), plate_images());
    let documents = all(NgffVersion::V0_5, &hierarchy, &attributes(json!({"my_program": {"operator": "Ada"}})));
    let paths: Vec<_> = documents.iter().map(|document| document.path.strip_suffix("zarr.json").unwrap()).collect();
    let (images, groups) = paths.split_at(5);
    assert_eq!(images, ["C/2/fov1/", "A/1/0/", "A/3/0/", "A/1/2/", "A/1/fov1/"]);
    assert_eq!(groups, ["A/1/", "A/3/", "C/2/", "A/", "C/", ""]);
    assert_golden(&documents[5], include_str!("../../tests/data/ngff/v05_plate_well.json"));
    assert_golden(&documents[8], include_str!("../../tests/data/ngff/v05_plate_row.json"));
    assert_golden(&documents[10], include_str!("../../tests/data/ngff/v05_plate_root.json"));
    let host = attributes(json!({"my_program": {"operator": "Ada"}}));
    let root = collection(NgffVersion::V0_5, &hierarchy, &host).unwrap();
    assert_eq!(root[0], documents[10]);
}

#[test]
fn frame_metadata_and_namespaces_stand_beside_ome() {
    let root = attributes(json!({"my_program": {"operator": "Ada"}}));
    let frames = |number: usize| Ok(attributes(json!({"ome_writers": {"frame_metadata": [number]}})));
    let parse = |document: Document| -> Value { serde_json::from_slice(&document.bytes).expect("JSON") };

    let single: Vec<Value> = documents(V0_5, &Hierarchy::Single(tczyx()), &root, frames)
        .expect("valid")
        .map(|document| parse(document.expect("document")))
        .collect();
    let keys: Vec<_> = single[0]["attributes"].as_object().expect("object").keys().cloned().collect();
    assert_eq!(keys, ["ome", "ome_stream", "my_program", "ome_writers"]);

    let hierarchy = series();
    let several: Vec<Value> = documents(V0_5, &hierarchy, &root, frames)
        .expect("valid")
        .filter_map(|document| {
            let document = document.expect("document");
            document.path.ends_with(".json").then(|| parse(document))
        })
        .collect();
    assert_eq!(several[1]["attributes"]["ome_writers"]["frame_metadata"], json!([1]));
    assert_eq!(several[1]["attributes"].get("my_program"), None);
    assert_eq!(several[3]["attributes"]["my_program"], json!({"operator": "Ada"}));
    assert_eq!(several[3]["attributes"].get("ome_writers"), None);
}

#[test]
fn attributes_never_replace_what_makes_a_group_an_image() {
    let hierarchy = Hierarchy::Single(tczyx());
    for name in RESERVED_NAMESPACES.into_iter().filter(|name| *name != "ome_writers") {
        let root = attributes(json!({name: {}}));
        assert!(documents(V0_5, &hierarchy, &root, no_attributes).is_err(), "{name}");
        let of_image = |_| Ok(attributes(json!({name: {}})));
        let none = Attributes::new();
        let made: Result<Vec<_>> = documents(V0_5, &hierarchy, &none, of_image).and_then(Iterator::collect);
        assert!(made.is_err(), "{name}");
    }
    let root = attributes(json!({"ome_writers": {}}));
    let repeated = |_| Ok(attributes(json!({"ome_writers": {}})));
    let made: Result<Vec<_>> = documents(V0_5, &hierarchy, &root, repeated).and_then(Iterator::collect);
    assert!(made.is_err(), "the same name twice in one group");
}

#[test]
fn an_invalid_hierarchy_makes_no_document() {
    let none = Attributes::new();
    assert!(documents(V0_5, &Hierarchy::Single(image(&["x"])), &none, no_attributes).is_err());
    let hierarchy = series();
    let failing = |number| match number {
        0 => no_attributes(0),
        _ => Err(Error::Finished),
    };
    let made: Vec<_> = documents(V0_5, &hierarchy, &none, failing).expect("valid").collect();
    assert!(matches!(made.as_slice(), [Ok(_), Err(Error::Finished), ..]), "{made:?}");
}

#[test]
fn large_documents_are_not_indented() {
    let hierarchy = Hierarchy::Single(tczyx());
    let none = Attributes::new();
    let entry = json!({"delta_t": 0.1, "storage_index": [0, 0, 0]});
    let frames = |_| Ok(attributes(json!({"ome_writers": {"frame_metadata": vec![entry.clone(); 2000]}})));
    let made: Vec<_> =
        documents(V0_5, &hierarchy, &none, frames).expect("valid").collect::<Result<_>>().expect("documents");
    assert_eq!(made[0].bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert!(all(V0_5, &hierarchy, &none)[0].bytes.iter().filter(|byte| **byte == b'\n').count() > 10);
}

proptest! {
    #[test]
    fn every_bit_of_scale_and_translation_survives(
        version in prop::sample::select(vec![NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6]),
        scale in prop::collection::vec(any::<f64>().prop_filter("valid scale", |s| s.is_finite() && *s > 0.0), 2),
        translation in prop::collection::vec(any::<f64>().prop_filter("valid place", |t| t.is_finite()), 2),
    ) {
        let mut source = plain();
        source.datasets[0].scale.clone_from(&scale);
        source.datasets[0].translation = Some(translation.clone());
        let made = all(version, &Hierarchy::Single(source), &Attributes::new());
        let json: Value = serde_json::from_slice(&made[0].bytes).expect("JSON");
        let ome = json.pointer("/attributes/ome").unwrap_or(&json);
        let transformations = &ome["multiscales"][0]["datasets"][0]["coordinateTransformations"];
        let transformations = transformations[0].get("transformations").unwrap_or(transformations);
        let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        for (nth, kind, expected) in [(0, "scale", &scale), (1, "translation", &translation)] {
            prop_assert_eq!(&transformations[nth]["type"], kind);
            let read: Vec<f64> = transformations[nth][kind].as_array().expect("array")
                .iter().filter_map(Value::as_f64).collect();
            prop_assert_eq!(bits(&read), bits(expected));
        }
    }
}
