//! Well plates: the groups that a person would make of them, whatever the order in which wells are visited.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ome_stream::ngff::{Attributes, documents};
use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::settings::{NgffVersion, Plate, PlateAcquisition, Position};
use ome_stream::{Plan, Stream};
use ome_stream_tests::case::{Case, Step, field, plate};
use ome_stream_tests::disk;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::acquisition::{Acquisition, native};
use crate::continued::resuming;

const ROWS: [&str; 3] = ["A", "B", "AA"];
const COLUMNS: [&str; 4] = ["1", "2", "10", "x"];

/// Fields of random wells: each well's place, number of the field in it, acquisition; in random order.
fn fields() -> impl Strategy<Value = Vec<((usize, usize), usize, u32)>> {
    prop::collection::btree_set(((0..ROWS.len(), 0..COLUMNS.len()), 0..3usize), 1..20)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
        .prop_flat_map(|fields| {
            let acquisitions = prop::collection::vec(prop::sample::select(vec![4u32, 9]), fields.len());
            (Just(fields), acquisitions)
        })
        .prop_map(|(fields, acquisitions)| {
            fields.into_iter().zip(acquisitions).map(|((well, nth), acquisition)| (well, nth, acquisition)).collect()
        })
}

/// The attribute `ome` of every group but the images', by its path, worked out row by row and column by column.
fn by_hand(fields: &[((usize, usize), usize, u32)], acquisitions: &[u32]) -> BTreeMap<String, Value> {
    let mut groups = BTreeMap::new();
    let (mut wells, mut most) = (Vec::new(), 0);
    let mut most_of: BTreeMap<u32, usize> = BTreeMap::new();
    for (row, row_name) in ROWS.iter().enumerate() {
        for (column, column_name) in COLUMNS.iter().enumerate() {
            let in_well: Vec<_> = fields.iter().filter(|(well, ..)| *well == (row, column)).collect();
            if in_well.is_empty() {
                continue;
            }
            most = most.max(in_well.len());
            for id in acquisitions {
                let count = in_well.iter().filter(|(.., acquisition)| acquisition == id).count();
                let known = most_of.entry(*id).or_default();
                *known = count.max(*known);
            }
            let image = |(_, nth, acquisition): &&((usize, usize), usize, u32)| match acquisitions {
                [] => json!({"path": format!("fov{nth}")}),
                _ => json!({"path": format!("fov{nth}"), "acquisition": acquisition}),
            };
            let images: Vec<Value> = in_well.iter().map(image).collect();
            let path = format!("{row_name}/{column_name}");
            groups.insert(path.clone(), json!({"version": "0.5", "well": {"version": "0.5", "images": images}}));
            groups.insert((*row_name).to_owned(), Value::Null);
            wells.push(json!({"path": path, "rowIndex": row, "columnIndex": column}));
        }
    }
    let names = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
    let mut of_plate = json!({
        "version": "0.5", "name": "screen", "field_count": most,
        "rows": names(&ROWS), "columns": names(&COLUMNS), "wells": wells,
    });
    if !acquisitions.is_empty() {
        let entry = |id: &u32| match most_of.get(id) {
            Some(most) if *most > 0 => json!({"id": id, "maximumfieldcount": most}),
            _ => json!({"id": id}),
        };
        of_plate["acquisitions"] = acquisitions.iter().map(entry).collect();
    }
    groups.insert(String::new(), json!({"version": "0.5", "plate": of_plate}));
    groups
}

fn settings_of(fields: &[((usize, usize), usize, u32)], acquisitions: &[u32]) -> ome_stream::Settings {
    let position = |((row, column), nth, acquisition): &((usize, usize), usize, u32)| Position {
        acquisition: (!acquisitions.is_empty()).then_some(*acquisition),
        ..field((ROWS[*row], COLUMNS[*column]), &format!("fov_{nth}"))
    };
    let positions: Vec<Position> = fields.iter().map(position).collect();
    let plate = Plate {
        name: Some("screen".into()),
        acquisitions: acquisitions.iter().map(|id| PlateAcquisition::new(*id)).collect(),
        ..plate(&ROWS, &COLUMNS)
    };
    Case::new("plate", &format!("p:{},y:4,x:4", fields.len())).plate(plate, &positions).settings
}

proptest! {
    #[test]
    fn groups_are_those_of_a_person(fields in fields(), several in any::<bool>()) {
        let acquisitions: &[u32] = if several { &[9, 4, 1] } else { &[] };
        let settings = settings_of(&fields, acquisitions);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
        for (((row, column), nth, _), planned) in fields.iter().zip(plan.positions()) {
            prop_assert_eq!(&planned.path, &format!("{}/{}/fov{nth}", ROWS[*row], COLUMNS[*column]));
        }
        let (hierarchy, none) = (plan.ngff(None), Attributes::new());
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for document in documents(NgffVersion::V0_5, &hierarchy, &none, |_| Ok(Attributes::new())).expect("valid") {
            let document = document.expect("made");
            let path = document.path.strip_suffix("zarr.json").expect("no other").trim_end_matches('/').to_owned();
            // What is pointed at comes before what points.
            let below = |path: &String| seen.iter().any(|other: &String| other.starts_with(&format!("{path}/")));
            prop_assert!(path.matches('/').count() == 2 || path.is_empty() || below(&path), "{}", path);
            prop_assert!(seen.insert(path.clone()), "{} twice", path);
            let group: Value = serde_json::from_slice(&document.bytes).expect("JSON");
            let ome = group["attributes"].get("ome").cloned().unwrap_or_default();
            if ome.get("multiscales").is_none() {
                found.insert(path, ome);
            }
        }
        prop_assert_eq!(found, by_hand(&fields, acquisitions));
    }
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON")
}

/// Names of what lies in a folder, but for documents and our own files.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("listed").file_name());
    let names: BTreeSet<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.into_iter().filter(|name| name != "zarr.json" && name != ".ome-stream").collect()
}

fn three_wells() -> Acquisition {
    let fields = [field(("B", "3"), "0"), field(("A", "2"), "0"), field(("A", "2"), "1")];
    let wells = Plate::from_standard_wells(96).expect("a standard size");
    Acquisition::of(Case::new("run", "t:3,p:3,y:16,x:16").plate(wells, &fields))
}

#[test]
fn wells_without_a_position_are_absent() {
    let run = three_wells();
    let stream = run.start();
    let root = run.root();
    assert_eq!(names_in(&root), ["A", "B"]);
    assert_eq!(names_in(&root.join("A")), ["2"]);
    assert_eq!(names_in(&root.join("A/2")), ["0", "1"]);
    assert_eq!(names_in(&root.join("B")), ["3"]);
    // All of it before the first frame.
    let before = json_of(&root.join("zarr.json"));
    assert_eq!(before["attributes"]["ome"]["plate"]["rows"].as_array().map(Vec::len), Some(8));
    assert_eq!(before["attributes"]["ome"]["plate"]["name"], "run");
    assert_eq!(json_of(&root.join("A/zarr.json"))["attributes"].get("ome"), None);
    stream.finish().expect("finished");
}

#[test]
fn the_hosts_metadata_stand_beside_the_plate() {
    let run = three_wells();
    let stream = run.start();
    let path = run.root().join("zarr.json");
    let before = json_of(&path);
    stream.set_metadata("my_lab", "{\"operator\": \"Ada\"}").expect("stored");
    let after = json_of(&path);
    assert_eq!(after["attributes"]["my_lab"], json!({"operator": "Ada"}));
    assert_eq!(after["attributes"]["ome"], before["attributes"]["ome"]);
    stream.finish().expect("finished");
    assert_eq!(json_of(&path)["attributes"]["my_lab"], json!({"operator": "Ada"}));
}

#[test]
fn a_plate_of_other_wells_is_not_continued() {
    let run = three_wells();
    let stream = run.start();
    run.append(&stream, 0..4);
    stream.finish().expect("finished");
    let resume = |change: &dyn Fn(&mut ome_stream::Settings)| {
        let mut settings = resuming(run.settings());
        change(&mut settings);
        Stream::create(&settings, &*native()).map(|stream| stream.status().accepted)
    };
    let root = run.root();
    let contents = fs::read(root.join("zarr.json")).expect("readable");
    let other = resume(&|settings| settings.plate = None);
    assert!(other.is_err(), "its images would lie elsewhere: {other:?}");
    assert_eq!(fs::read(root.join("zarr.json")).expect("readable"), contents);
    // Somebody took a well off the list.
    let mut fewer = json_of(&root.join("zarr.json"));
    fewer["attributes"]["ome"]["plate"]["wells"].as_array_mut().expect("a list").pop();
    fs::write(root.join("zarr.json"), fewer.to_string()).expect("written");
    let other = resume(&|_| ()).expect_err("a well is missing").to_string();
    assert!(other.contains("attributes.ome.plate.wells has no path \"B/3\""), "{other}");
    fs::write(root.join("zarr.json"), contents).expect("written");
    assert_eq!(resume(&|_| ()).expect("the same"), 4);
}

/// A row `c` is not taken for the chunks of an array, whatever is torn.
#[test]
fn a_row_called_as_chunks_are_is_a_row() {
    let fields = [field(("c", "c"), "c"), field(("c", "2"), "c")];
    let case = Case::new("run", "t:2,p:2,y:16,x:16").plate(plate(&["c"], &["2", "c"]), &fields);
    let run = Acquisition::of(case.script(&[Step::Append(3)]));
    let stream = run.start();
    run.append(&stream, 0..3);
    disk::wait_for(|| if stream.status().written == 3 { Ok(()) } else { Err("not written".into()) }).expect("written");
    let left = run.folder().join("left.ome.zarr");
    disk::copy(&run.root(), &left).expect("copied");
    stream.finish().expect("finished");
    for torn in ["zarr.json", "c/zarr.json", "c/c/zarr.json", "c/c/c/zarr.json", "c/c/c/0/zarr.json"] {
        let whole = json_of(&left.join(torn));
        fs::write(left.join(torn), "").expect("written");
        let copy = run.folder().join("torn.ome.zarr");
        disk::copy(&left, &copy).expect("copied");
        let options = ome_stream::recover::Options { apply: true, verifier: None };
        let report = ome_stream::recover::recover(&copy, &options).expect("a store of ours");
        assert!(report.findings.iter().all(|finding| finding.mended), "{torn}: {:#?}", report.findings);
        let mut mended = json_of(&copy.join(torn));
        // Its name is that of the folder.
        if let Some(name) = mended.pointer_mut("/attributes/ome/plate/name") {
            *name = json!("run");
        }
        assert_eq!(mended, whole, "{torn}");
        fs::remove_dir_all(&copy).expect("removed");
        fs::write(left.join(torn), whole.to_string()).expect("written");
    }
}
