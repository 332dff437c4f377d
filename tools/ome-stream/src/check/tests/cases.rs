//! One broken store for each rule: a valid one in which one thing is changed.

use serde_json::{Value, json};

use super::super::version::Version::{self, V04, V05, V06};
use super::tree::Base::{self, Image, Plate, Scene, Series, Sharded};
use super::tree::{Tree, gzip, shard};

/// What is changed.
pub enum Edit {
    /// A member of a group's metadata gets another value.
    Set(&'static str, &'static str, Value),
    /// A member of a group's metadata is taken away.
    Cut(&'static str, &'static str),
    /// A member of an array's document gets another value.
    Array(&'static str, &'static str, Value),
    /// A file gets other bytes, or is new.
    File(&'static str, Vec<u8>),
    /// Anything else.
    Do(fn(&mut Tree)),
}

/// A case: the rule, the store, the versions, the change.
pub type Case = (&'static str, Base, &'static [Version], Edit);

const ALL: &[Version] = &[V04, V05, V06];
const V3: &[Version] = &[V05, V06];
const OLD: &[Version] = &[V04, V05];
const NEW: &[Version] = &[V06];

/// Where axes are, by version.
pub const AXES: &str = "@axes";

/// Changes `tree`.
pub fn apply(edit: Edit, tree: &mut Tree) {
    let axes = match tree.version {
        V06 => "/multiscales/0/coordinateSystems/0/axes",
        _ => "/multiscales/0/axes",
    };
    let pointer = |text: &str| text.replace(AXES, axes);
    match edit {
        Edit::Set(node, at, value) => set(tree.group(node), &pointer(at), value),
        Edit::Cut(node, at) => cut(tree.group(node), &pointer(at)),
        Edit::Array(node, at, value) => set(tree.array(node), at, value),
        Edit::File(name, bytes) => drop(tree.files.insert(name.into(), bytes)),
        Edit::Do(change) => change(tree),
    }
}

fn set(top: &mut Value, pointer: &str, value: Value) {
    let (above, key) = pointer.rsplit_once('/').expect("a pointer");
    match top.pointer_mut(above).unwrap_or_else(|| panic!("nothing at {above}")) {
        Value::Array(list) => match key.parse::<usize>().expect("an index") {
            at if at == list.len() => list.push(value),
            at => list[at] = value,
        },
        other => other[key] = value,
    }
}

fn cut(top: &mut Value, pointer: &str) {
    let (above, key) = pointer.rsplit_once('/').expect("a pointer");
    match top.pointer_mut(above).unwrap_or_else(|| panic!("nothing at {above}")) {
        Value::Array(list) => drop(list.remove(key.parse().expect("an index"))),
        Value::Object(object) => drop(object.remove(key).unwrap_or_else(|| panic!("no {key}"))),
        _ => panic!("nothing to cut at {pointer}"),
    }
}

/// The chunk file of a plane of a level, by version.
fn chunk(tree: &Tree, level: &str, plane: usize) -> String {
    if tree.version == V04 { format!("{level}/{plane}/0/0") } else { format!("{level}/c/{plane}/0/0") }
}

/// The document of a group, by version.
fn group_file(tree: &Tree, path: &str) -> String {
    let name = if tree.version == V04 { ".zattrs" } else { "zarr.json" };
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

const SCALE: &str = "/multiscales/0/datasets/0/coordinateTransformations/0";
const SECOND: &str = "/multiscales/0/datasets/1/coordinateTransformations";
const COLORS: &str = "/image-label/colors";
const MORE: &str = "/multiscales/0/coordinateTransformations";
const LINK: &str = "/scene/coordinateTransformations/0";

/// A second coordinate system, and what leads to it.
fn with_system(tree: &mut Tree, transformation: Value) {
    let multiscale = &mut tree.group("")["multiscales"][0];
    let mut system = multiscale["coordinateSystems"][0].clone();
    system["name"] = "stage".into();
    multiscale["coordinateSystems"].as_array_mut().expect("a list").push(system);
    let mut transformation = transformation;
    transformation["input"] = json!({"name": "physical"});
    transformation["output"] = json!({"name": "stage"});
    multiscale["coordinateTransformations"] = json!([transformation]);
}

/// Transformations of 0.6 that are right.
pub fn right() -> Vec<Value> {
    vec![
        json!({"type": "identity"}),
        json!({"type": "scale", "scale": [1, 2, 2]}),
        json!({"type": "translation", "translation": [0, -1, 2.5]}),
        json!({"type": "mapAxis", "mapAxis": [0, 2, 1]}),
        json!({"type": "affine", "affine": [[1, 0, 0, 0], [0, 1, 0.5, 3], [0, 0, 1, 4]]}),
        json!({"type": "affine", "path": "matrix"}),
        json!({"type": "rotation", "rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]]}),
        json!({"type": "projectAxis", "droppedInputs": [0], "createdOutputs": [0]}),
        json!({"type": "sequence", "transformations": [{"type": "scale", "scale": [1, 2, 2]}, {"type": "identity"}]}),
        json!({"type": "bijection", "forward": {"type": "identity"}, "inverse": {"type": "scale", "scale": [1, 1, 1]}}),
        json!({"type": "byDimension", "transformations": [
            {"inputAxes": [0], "outputAxes": [0], "transformation": {"type": "identity"}},
            {"inputAxes": [1, 2], "outputAxes": [2, 1], "transformation": {"type": "scale", "scale": [3, 4]}}]}),
        json!({"type": "displacements", "path": "field"}),
    ]
}

/// Transformations of 0.6, each against a rule.
pub fn wrong() -> Vec<(&'static str, Value)> {
    vec![
        ("transformations/type", json!({"type": "warp"})),
        ("transformations/values", json!({"type": "scale"})),
        ("transformations/values", json!({"type": "scale", "path": "numbers"})),
        ("transformations/values", json!({"type": "translation", "translation": [0, "1", 2]})),
        ("transformations/length", json!({"type": "scale", "scale": [1, 2]})),
        ("transformations/scale-zero", json!({"type": "scale", "scale": [1, 0, 1]})),
        ("transformations/values", json!({"type": "mapAxis", "mapAxis": [0, 1, 1]})),
        ("transformations/values", json!({"type": "mapAxis", "mapAxis": [0, 1, 3]})),
        ("transformations/length", json!({"type": "mapAxis", "mapAxis": [1, 0]})),
        ("transformations/values", json!({"type": "affine", "affine": [1, 2, 3]})),
        ("transformations/length", json!({"type": "affine", "affine": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]})),
        ("transformations/rotation", json!({"type": "rotation", "rotation": [[1, 0, 0], [0, 2, 0], [0, 0, 1]]})),
        ("transformations/rotation", json!({"type": "rotation", "rotation": [[1, 0, 0], [0, 0, 1], [0, 1, 0]]})),
        ("transformations/length", json!({"type": "rotation", "rotation": [[1, 0], [0, 1]]})),
        ("transformations/values", json!({"type": "projectAxis"})),
        ("transformations/values", json!({"type": "projectAxis", "droppedInputs": [0, 0]})),
        ("transformations/length", json!({"type": "projectAxis", "droppedInputs": [0]})),
        ("transformations/values", json!({"type": "sequence", "transformations": []})),
        ("transformations/values", json!({"type": "sequence", "transformations": [{"type": "scale"}]})),
        ("transformations/values", json!({"type": "bijection", "forward": {"type": "identity"}})),
        ("transformations/values", json!({"type": "coordinates"})),
        (
            "transformations/by-dimension",
            json!({"type": "byDimension", "transformations": [
            {"inputAxes": [0, 1], "outputAxes": [0, 1], "transformation": {"type": "identity"}}]}),
        ),
        (
            "transformations/values",
            json!({"type": "byDimension", "transformations": [
            {"inputAxes": [0], "outputAxes": [3], "transformation": {"type": "identity"}}]}),
        ),
    ]
}

/// As [`wrong`], to be put between two systems.
pub fn between(tree: &mut Tree, transformation: Value) {
    with_system(tree, transformation);
}

/// Every case but those of [`wrong`].
pub fn all() -> Vec<Case> {
    use Edit::{Array, Cut, Do, File, Set};
    vec![
        (
            "document/readable",
            Image,
            ALL,
            Do(|tree| drop(tree.files.insert(group_file(tree, "labels"), b"{".to_vec()))),
        ),
        ("document/readable", Image, V3, File("1/zarr.json", b"\xEF\xBB\xBF{}".to_vec())),
        (
            "document/json",
            Image,
            ALL,
            Do(|tree| {
                let text = match tree.version {
                    V04 => "{\"labels\": [\"cells\"], \"mean\": NaN}".to_owned(),
                    version => format!(
                        "{{\"zarr_format\": 3, \"node_type\": \"group\", \"attributes\": {{\"mean\": -Infinity, \
                    \"ome\": {{\"version\": \"{version}\", \"labels\": [\"cells\"]}}}}}}"
                    ),
                };
                tree.files.insert(group_file(tree, "labels"), text.into_bytes());
            }),
        ),
        ("document/there", Image, ALL, Set("", "/multiscales/0/datasets/1/path", json!("9"))),
        ("document/there", Image, ALL, Set("", "/multiscales/0/datasets/1/path", json!("../1"))),
        ("document/there", Plate, ALL, Do(|tree| drop(tree.groups.remove("B/2")))),
        ("document/there", Plate, ALL, Do(|tree| drop(tree.groups.remove("B")))),
        ("document/there", Series, ALL, Set("OME", "/series/2", json!("c"))),
        ("document/there", Scene, NEW, Set("", "/scene/coordinateTransformations/1/input/path", json!("c"))),
        ("version/zarr", Image, V3, Set("", "/version", json!("0.4"))),
        ("version/zarr", Image, &[V04], Set("", "/ome", json!({"version": "0.5"}))),
        ("version/known", Image, V3, Set("", "/version", json!("1.7"))),
        ("version/known", Image, V3, Set("", "/version", json!(null))),
        ("version/known", Image, &[V04], Set("", "/multiscales/0/version", json!("1.7"))),
        ("version/draft", Image, NEW, Set("", "/version", json!("0.6rc0"))),
        ("version/same", Plate, &[V05], Set("A/1/0", "/version", json!("0.6"))),
        ("version/same", Plate, &[V06], Set("A/1/0", "/version", json!("0.5"))),
        ("version/same", Plate, &[V04], Set("A/1", "/well/version", json!("0.5"))),
        ("version/here", Image, &[V04], Cut("", "/multiscales/0/version")),
        ("version/here", Plate, OLD, Cut("", "/plate/version")),
        ("ome/object", Image, V3, Do(|tree| *tree.group("labels") = json!([]))),
        ("ome/object", Image, ALL, Do(|tree| *tree.group("") = json!({"omero": {"channels": []}}))),
        ("axes/list", Image, ALL, Cut("", AXES)),
        ("axes/count", Image, ALL, Set("", AXES, json!([{"name": "x", "type": "space", "unit": "meter"}]))),
        ("axes/name", Image, ALL, Cut("", "@axes/0/name")),
        ("axes/name", Image, ALL, Set("", "@axes/0", json!("c"))),
        ("axes/name", Image, NEW, Set("", "@axes/0/name", json!(""))),
        ("axes/unique", Image, ALL, Set("", "@axes/1/name", json!("x"))),
        ("axes/type", Image, ALL, Set("", "@axes/0/type", json!(7))),
        ("axes/typed", Image, ALL, Set("", "@axes/0/type", json!("angle"))),
        ("axes/typed", Image, ALL, Cut("", "@axes/0/type")),
        ("axes/unit", Image, ALL, Set("", "@axes/1/unit", json!(1))),
        ("axes/unit-known", Image, ALL, Set("", "@axes/1/unit", json!("micron"))),
        ("axes/unit-known", Image, ALL, Cut("", "@axes/1/unit")),
        ("axes/space", Image, ALL, Set("", "@axes/1/type", json!("time"))),
        ("axes/others", Image, ALL, Set("", "@axes/3", json!({"name": "angle", "type": "angle"}))),
        (
            "axes/order",
            Image,
            ALL,
            Do(|tree| {
                let axes =
                    if tree.version == V06 { "/multiscales/0/coordinateSystems/0/axes" } else { "/multiscales/0/axes" };
                tree.group("").pointer_mut(axes).expect("axes").as_array_mut().expect("a list").swap(0, 1);
            }),
        ),
        (
            "axes/zyx",
            Image,
            ALL,
            Do(|tree| {
                let axes =
                    if tree.version == V06 { "/multiscales/0/coordinateSystems/0/axes" } else { "/multiscales/0/axes" };
                tree.group("").pointer_mut(axes).expect("axes").as_array_mut().expect("a list").swap(1, 2);
            }),
        ),
        ("axes/discrete", Image, NEW, Set("", "@axes/0/discrete", json!("yes"))),
        ("axes/long-name", Image, NEW, Set("", "@axes/0/longName", json!(1))),
        ("systems/list", Image, NEW, Cut("", "/multiscales/0/coordinateSystems")),
        ("systems/name", Image, NEW, Set("", "/multiscales/0/coordinateSystems/0/name", json!(""))),
        (
            "systems/unique",
            Image,
            NEW,
            Do(|tree| {
                let systems = &mut tree.group("")["multiscales"][0]["coordinateSystems"];
                let first = systems[0].clone();
                systems.as_array_mut().expect("a list").push(first);
            }),
        ),
        (
            "systems/connected",
            Image,
            NEW,
            Do(|tree| {
                with_system(tree, json!({"type": "identity"}));
                cut(tree.group(""), MORE);
            }),
        ),
        (
            "systems/connected",
            Scene,
            NEW,
            Do(|tree| {
                let systems = &mut tree.group("")["scene"]["coordinateSystems"];
                let mut other = systems[0].clone();
                other["name"] = "lab".into();
                systems.as_array_mut().expect("a list").push(other);
            }),
        ),
        ("multiscales/list", Image, ALL, Set("", "/multiscales", json!([]))),
        ("multiscales/list", Image, ALL, Set("", "/multiscales/0", json!("image"))),
        ("multiscales/name", Image, ALL, Cut("", "/multiscales/0/name")),
        ("multiscales/type", Image, ALL, Cut("", "/multiscales/0/type")),
        ("multiscales/type", Image, ALL, Cut("", "/multiscales/0/metadata")),
        ("datasets/list", Image, ALL, Cut("", "/multiscales/0/datasets")),
        ("datasets/list", Image, ALL, Set("", "/multiscales/0/datasets", json!([]))),
        ("datasets/path", Image, ALL, Set("", "/multiscales/0/datasets/1/path", json!(1))),
        ("datasets/unique", Image, ALL, Set("", "/multiscales/0/datasets/1/path", json!("0"))),
        ("transformations/list", Image, ALL, Cut("", "/multiscales/0/datasets/0/coordinateTransformations")),
        ("transformations/list", Image, ALL, Set("", MORE, json!([]))),
        ("transformations/type", Image, OLD, Set("", SCALE, json!({"type": "identity"}))),
        (
            "transformations/type",
            Image,
            NEW,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/type", json!("affine")),
        ),
        (
            "transformations/type",
            Image,
            NEW,
            Do(|tree| {
                tree.group("").pointer_mut(SECOND).expect("there")[0]["transformations"]
                    .as_array_mut()
                    .expect("a list")
                    .swap(0, 1)
            }),
        ),
        ("transformations/one-scale", Image, OLD, Cut("", "/multiscales/0/datasets/1/coordinateTransformations/0")),
        (
            "transformations/one-scale",
            Image,
            OLD,
            Do(|tree| tree.group("").pointer_mut(SECOND).expect("there").as_array_mut().expect("a list").swap(0, 1)),
        ),
        (
            "transformations/one-scale",
            Image,
            ALL,
            Do(|tree| {
                let list = tree.group("").pointer_mut(SECOND).expect("there").as_array_mut().expect("a list");
                let first = list[0].clone();
                list.push(first);
            }),
        ),
        (
            "transformations/values",
            Image,
            ALL,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/scale", json!([1, "1", 1])),
        ),
        (
            "transformations/length",
            Image,
            ALL,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/scale", json!([1, 1])),
        ),
        (
            "transformations/scale-zero",
            Image,
            ALL,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/scale", json!([0, 1, 1])),
        ),
        (
            "transformations/input",
            Image,
            NEW,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/input", json!("0")),
        ),
        (
            "transformations/input",
            Image,
            NEW,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/input/path", json!("1")),
        ),
        (
            "transformations/input",
            Image,
            NEW,
            Cut("", "/multiscales/0/datasets/0/coordinateTransformations/0/output/name"),
        ),
        (
            "transformations/extra",
            Image,
            NEW,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/input/name", json!("0")),
        ),
        (
            "transformations/system",
            Image,
            NEW,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/output/name", json!("other")),
        ),
        (
            "transformations/system",
            Scene,
            NEW,
            Set("", "/scene/coordinateTransformations/0/output/name", json!("moon")),
        ),
        (
            "transformations/intrinsic",
            Image,
            NEW,
            Do(|tree| {
                with_system(tree, json!({"type": "identity"}));
                set(
                    tree.group(""),
                    "/multiscales/0/datasets/1/coordinateTransformations/0/output/name",
                    json!("stage"),
                );
            }),
        ),
        (
            "transformations/intrinsic",
            Image,
            NEW,
            Do(|tree| {
                with_system(tree, json!({"type": "identity"}));
                set(tree.group(""), "/multiscales/0/coordinateTransformations/0/input/name", json!("stage"));
            }),
        ),
        ("omero/channels", Image, ALL, Cut("", "/omero/channels")),
        ("omero/channels", Image, ALL, Set("", "/omero/channels/0", json!("red"))),
        ("omero/color", Image, ALL, Set("", "/omero/channels/0/color", json!("#FF00FF"))),
        ("omero/color", Image, ALL, Set("", "/omero/channels/0/color", json!(255))),
        ("omero/window", Image, ALL, Cut("", "/omero/channels/0/window")),
        ("omero/window", Image, ALL, Set("", "/omero/channels/0/window/end", json!("100"))),
        ("omero/window", Image, ALL, Cut("", "/omero/channels/0/window/min")),
        ("omero/start", Image, ALL, Set("", "/omero/channels/0/window/start", json!(91))),
        ("omero/count", Image, ALL, Cut("", "/omero/channels/1")),
        ("labels/list", Image, ALL, Set("labels", "/labels", json!("cells"))),
        ("labels/list", Image, ALL, Set("labels", "/labels/1", json!(7))),
        ("labels/listed", Image, V3, Set("labels", "/labels", json!([]))),
        (
            "labels/between",
            Image,
            ALL,
            Do(|tree| {
                *tree.group("labels") = json!({"labels": ["between/cells"]});
                let group = tree.group("").clone();
                tree.groups.insert("labels/between".into(), group);
            }),
        ),
        ("labels/image", Image, ALL, Cut("labels/cells", "/multiscales")),
        ("labels/integer", Image, &[V04], Array("labels/cells/0", "/dtype", json!("<f2"))),
        ("labels/integer", Image, V3, Array("labels/cells/0", "/data_type", json!("float16"))),
        ("labels/levels", Image, ALL, Cut("labels/cells", "/multiscales/0/datasets/1")),
        ("labels/shape", Image, ALL, Array("labels/cells/0", "/shape", json!([2, 8, 4]))),
        ("labels/image-label", Image, ALL, Cut("labels/cells", "/image-label")),
        ("labels/image-label", Image, ALL, Cut("labels/cells", COLORS)),
        ("labels/object", Image, ALL, Set("labels/cells", "/image-label", json!([]))),
        ("labels/object", Image, ALL, Set("labels/cells", "/image-label/source", json!("../../"))),
        ("labels/colors", Image, ALL, Set("labels/cells", COLORS, json!([]))),
        ("labels/colors", Image, ALL, Set("labels/cells", "/image-label/properties", json!({}))),
        ("labels/value", Image, ALL, Set("labels/cells", "/image-label/colors/0/label-value", json!(0.5))),
        ("labels/value", Image, ALL, Cut("labels/cells", "/image-label/properties/0/label-value")),
        ("labels/unique", Image, ALL, Set("labels/cells", "/image-label/colors/1", json!({"label-value": 1}))),
        ("labels/rgba", Image, ALL, Set("labels/cells", "/image-label/colors/0/rgba", json!([0, 0, 256, 1]))),
        ("plate/object", Plate, ALL, Set("", "/plate", json!([]))),
        ("plate/rows", Plate, ALL, Cut("", "/plate/rows")),
        ("plate/rows", Plate, ALL, Set("", "/plate/columns", json!([]))),
        ("plate/row-name", Plate, ALL, Set("", "/plate/rows/2", json!({"name": "C-1"}))),
        ("plate/row-name", Plate, ALL, Set("", "/plate/columns/2", json!({}))),
        ("plate/unique", Plate, ALL, Set("", "/plate/rows/2", json!({"name": "A"}))),
        (
            "plate/unique",
            Plate,
            ALL,
            Set("", "/plate/wells/1", json!({"path": "A/1", "rowIndex": 0, "columnIndex": 0})),
        ),
        ("plate/case", Plate, ALL, Set("", "/plate/rows/2", json!({"name": "a"}))),
        ("plate/wells", Plate, ALL, Cut("", "/plate/wells")),
        ("plate/wells", Plate, ALL, Set("", "/plate/wells", json!([]))),
        ("plate/well-path", Plate, ALL, Set("", "/plate/wells/0/path", json!("1/A"))),
        ("plate/well-path", Plate, ALL, Set("", "/plate/wells/0/path", json!("plate/A/1"))),
        ("plate/well-path", Plate, ALL, Cut("", "/plate/wells/0/path")),
        ("plate/well-index", Plate, ALL, Set("", "/plate/wells/0/rowIndex", json!(1))),
        ("plate/well-index", Plate, ALL, Set("", "/plate/wells/1/columnIndex", json!(2))),
        ("plate/well-index", Plate, ALL, Cut("", "/plate/wells/1/columnIndex")),
        ("plate/name", Plate, ALL, Cut("", "/plate/name")),
        ("plate/name-text", Plate, ALL, Set("", "/plate/name", json!(1))),
        ("plate/field-count", Plate, ALL, Cut("", "/plate/field_count")),
        ("plate/field-count-positive", Plate, ALL, Set("", "/plate/field_count", json!(0))),
        ("plate/field-count-positive", Plate, ALL, Set("", "/plate/acquisitions/0/maximumfieldcount", json!("1"))),
        ("plate/field-count-right", Plate, ALL, Set("", "/plate/field_count", json!(4))),
        ("plate/acquisitions", Plate, ALL, Set("", "/plate/acquisitions", json!({}))),
        ("plate/acquisition-id", Plate, ALL, Set("", "/plate/acquisitions/0/id", json!(-1))),
        ("plate/acquisition-id", Plate, ALL, Set("", "/plate/acquisitions/0/id", json!(1))),
        ("plate/acquisition-name", Plate, ALL, Cut("", "/plate/acquisitions/0/name")),
        ("plate/acquisition-time", Plate, ALL, Set("", "/plate/acquisitions/0/starttime", json!(1.5))),
        (
            "plate/empty",
            Plate,
            ALL,
            Do(|tree| {
                cut(tree.group(""), "/plate/wells/1");
            }),
        ),
        ("plate/empty", Plate, ALL, Do(|tree| drop(tree.groups.insert("A/2".into(), json!({}))))),
        ("well/object", Plate, ALL, Cut("A/1", "/well")),
        ("well/images", Plate, ALL, Set("A/1", "/well/images", json!([]))),
        ("well/path", Plate, ALL, Set("A/1", "/well/images/0/path", json!("a/b"))),
        ("well/path", Plate, NEW, Set("A/1", "/well/images/0/path", json!("__0"))),
        ("well/path", Plate, OLD, Set("A/1", "/well/images/0/path", json!("fov_0"))),
        ("well/unique", Plate, ALL, Set("A/1", "/well/images/1", json!({"path": "0", "acquisition": 0}))),
        ("well/acquisition", Plate, ALL, Cut("A/1", "/well/images/0/acquisition")),
        ("well/acquisition", Plate, ALL, Set("A/1", "/well/images/0/acquisition", json!(7))),
        ("well/acquisition", Plate, ALL, Set("A/1", "/well/images/0/acquisition", json!("1"))),
        ("well/image", Plate, ALL, Cut("A/1/0", "/multiscales")),
        ("series/layout", Series, ALL, Set("", "/bioformats2raw.layout", json!("3"))),
        ("series/list", Series, ALL, Set("OME", "/series", json!("a"))),
        ("series/list", Series, ALL, Set("OME", "/series/1", json!(1))),
        ("series/image", Series, ALL, Cut("a", "/multiscales")),
        ("series/numbered", Series, ALL, Cut("OME", "/series")),
        ("series/plate", Plate, ALL, Set("", "/bioformats2raw.layout", json!(3))),
        ("series/xml", Series, ALL, Do(|tree| drop(tree.files.remove("OME/METADATA.ome.xml")))),
        (
            "series/xml-valid",
            Series,
            ALL,
            File("OME/METADATA.ome.xml", b"<OME><Image><Pixels><TiffData/></Pixels></Image></OME>".to_vec()),
        ),
        ("series/xml-valid", Series, ALL, File("OME/METADATA.ome.xml", b"<OME><Image></OME>".to_vec())),
        ("series/xml-images", Series, ALL, File("OME/METADATA.ome.xml", b"<OME><Image/></OME>".to_vec())),
        ("scene/transformations", Scene, NEW, Cut("", "/scene/coordinateTransformations")),
        ("scene/transformations", Scene, NEW, Set("", "/scene", json!([]))),
        ("scene/ends", Scene, NEW, Set("", "/scene/coordinateTransformations/0/input", json!("a"))),
        ("scene/ends", Scene, NEW, Do(|tree| cut(tree.group("").pointer_mut(LINK).expect("there"), "/input/name"))),
        ("scene/system", Scene, NEW, Set("", "/scene/coordinateTransformations/0/input/name", json!("stage"))),
        ("array/valid", Image, ALL, Array("1", "/shape", json!("large"))),
        (
            "array/is",
            Image,
            ALL,
            Do(|tree| {
                tree.arrays.remove("1");
                tree.groups.insert("1".into(), json!({}));
            }),
        ),
        ("array/axes", Image, ALL, Cut("", "@axes/0")),
        ("array/dimension-names", Image, &[V05], Array("0", "/dimension_names", json!(["t", "y", "x"]))),
        (
            "array/dimension-names",
            Image,
            &[V05],
            Do(|tree| drop(tree.array("0").as_object_mut().expect("an object").remove("dimension_names"))),
        ),
        ("array/dimension-named", Image, NEW, Array("0", "/dimension_names", json!(["c", null, "x"]))),
        ("array/data-type", Image, &[V04], Array("1", "/dtype", json!(">i4"))),
        ("array/data-type", Image, V3, Array("1", "/data_type", json!("int32"))),
        (
            "array/order",
            Image,
            ALL,
            Do(|tree| {
                tree.group("")
                    .pointer_mut("/multiscales/0/datasets")
                    .expect("there")
                    .as_array_mut()
                    .expect("a list")
                    .swap(0, 1)
            }),
        ),
        (
            "array/scale",
            Image,
            ALL,
            Set("", "/multiscales/0/datasets/0/coordinateTransformations/0/scale", json!([1, 1, 1])),
        ),
        ("array/nested", Image, &[V04], Array("0", "/dimension_separator", json!("."))),
        ("array/shard-divided", Sharded, V3, Array("0", "/chunk_grid/configuration/chunk_shape", json!([2, 4, 5]))),
        (
            "chunk/outside",
            Image,
            ALL,
            Do(|tree| {
                tree.files.insert(chunk(tree, "0", 7), gzip(&[0; 32]));
            }),
        ),
        ("chunk/unfinished", Image, ALL, Do(|tree| drop(tree.files.insert(chunk(tree, "0", 0) + ".part", Vec::new())))),
        ("chunk/name", Image, V3, File("0/c/0/0/Thumbs.db", Vec::new())),
        ("chunk/name", Image, &[V04], File("0/Thumbs.db", Vec::new())),
        ("chunk/size", Image, ALL, Do(|tree| drop(tree.files.insert(chunk(tree, "0", 0), Vec::new())))),
        (
            "chunk/size",
            Image,
            ALL,
            Do(|tree| {
                match tree.version {
                    V04 => tree.array("0")["compressor"] = Value::Null,
                    _ => drop(tree.array("0")["codecs"].as_array_mut().expect("a list").pop()),
                }
                for nth in 0..2 {
                    tree.files.insert(chunk(tree, "0", nth), vec![0; 32 - nth]);
                }
            }),
        ),
        ("chunk/size", Sharded, V3, File("0/c/0/0/0", shard(&[Some(vec![0; 1 << 17]), None]))),
        ("shard/index", Sharded, V3, File("0/c/0/0/0", vec![0; 100])),
        ("shard/index", Sharded, V3, File("0/c/0/0/0", vec![0; 10])),
        (
            "shard/entry",
            Sharded,
            V3,
            Do(|tree| {
                let index = ome_stream::zarr::index::index_of([(0, 999), (0, 5)].into_iter()).expect("memory");
                tree.files.insert("0/c/0/0/0".into(), [vec![0; 10], index].concat());
            }),
        ),
        (
            "shard/entry",
            Sharded,
            V3,
            Do(|tree| {
                let one = gzip(&[1; 32]);
                let entries = [(0, one.len() as u64), (0, one.len() as u64)];
                let index = ome_stream::zarr::index::index_of(entries.into_iter()).expect("memory");
                tree.files.insert("0/c/0/0/0".into(), [one, index].concat());
            }),
        ),
        ("chunk/decodes", Image, ALL, Do(|tree| drop(tree.files.insert(chunk(tree, "1", 0), vec![7; 20])))),
        ("chunk/decodes", Image, ALL, Do(|tree| drop(tree.files.insert(chunk(tree, "1", 0), gzip(&[1; 7]))))),
        ("chunk/decodes", Sharded, V3, File("0/c/0/0/0", shard(&[Some(gzip(&[1; 32])), Some(vec![9; 30])]))),
    ]
}
