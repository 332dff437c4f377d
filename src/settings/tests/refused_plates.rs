//! Plates, wells, fields and acquisitions that make no sense.

use serde_json::{Value, json};

use super::refused::{accepted, dimensions, file, refused};
use super::*;

/// Two wells of a plate of two rows and one column.
pub(super) fn plate() -> Value {
    let mut file = dimensions(json!([
        {"name": "p", "coords": [
            {"name": "0", "plate_row": "A", "plate_column": "1"},
            {"name": "0", "plate_row": "B", "plate_column": "1"},
        ]},
        {"name": "y", "count": 5},
        {"name": "x", "count": 5},
    ]));
    file["plate"] = json!({"row_names": ["A", "B"], "column_names": ["1"]});
    file
}

#[test]
fn plates_that_do_not_hold_their_positions() {
    accepted(&plate());
    let changed = |place: &str, value: Value| {
        let mut file = plate();
        *file.pointer_mut(place).unwrap() = value;
        file
    };
    refused(&changed("/plate/row_names", json!([])), "plate.row_names", "[]");
    refused(&changed("/plate/row_names/1", json!("A")), "plate.row_names[1]", "\"A\"");
    refused(&changed("/plate/row_names/0", json!("A 1")), "plate.row_names[0]", "\"A 1\"");
    refused(&changed("/plate/row_names/0", json!("b")), "plate.row_names[1]", "\"B\"");
    refused(&changed("/plate/column_names/0", json!("Com1")), "plate.column_names[0]", "\"Com1\"");
    refused(&changed("/plate/column_names/0", json!("")), "plate.column_names[0]", "\"\"");
    refused(&changed("/dimensions/0/coords/1/plate_row", json!("C")), "dimensions[0].coords[1].plate_row", "\"C\"");
    refused(&changed("/dimensions/0/coords/1", json!("loose")), "dimensions[0].coords[1].plate_row", "null");
    let mut without_positions = file();
    without_positions["plate"] = plate()["plate"].clone();
    refused(&without_positions, "plate", "2 x 1 wells");
    let mut counted = plate();
    counted["dimensions"][0] = json!({"name": "p", "count": 2});
    refused(&counted, "dimensions[0].coords[0].plate_row", "null");
    let mut misspelt = plate();
    misspelt["plate"]["rows"] = json!([]);
    refused(&misspelt, "plate.rows", "[]");
    for row in ["OME", "ome"] {
        refused(&changed("/plate/row_names/0", json!(row)), "plate.row_names[0]", &format!("\"{row}\""));
    }
    let many: Vec<String> = (0..=MAX_PLATE_ENTRIES).map(|nth| nth.to_string()).collect();
    refused(&changed("/plate/column_names", json!(many)), "plate.column_names", "4097 entries");
}

#[test]
fn fields_of_a_well_that_cannot_be_told_apart() {
    let in_one_well = |fields: Value| {
        let mut file = plate();
        let well = |mut field: Value| {
            (field["plate_row"], field["plate_column"]) = (json!("A"), json!("1"));
            field
        };
        file["dimensions"][0]["coords"] = fields.as_array().unwrap().iter().cloned().map(well).collect();
        file
    };
    let two = |one: &str, other: &str| in_one_well(json!([{"name": one}, {"name": other}]));
    refused(&two("0", "0"), "dimensions[0].coords[1].name", "\"0\"");
    refused(&two("a", "A"), "dimensions[0].coords[1].name", "\"A\"");
    refused(&two("a_1", "a1"), "dimensions[0].coords[1].name", "\"a1\"");
    refused(&two("0", "\u{b5}"), "dimensions[0].coords[1].name", "\"\u{b5}\"");
    accepted(&two("0", "1"));
    let at = |row: i64| json!({"name": "0", "grid_row": row, "grid_column": 0});
    accepted(&in_one_well(json!([at(0), at(1)])));
    refused(&in_one_well(json!([at(0), at(0)])), "dimensions[0].coords[1].name", "\"0\"");
}

#[test]
fn plates_of_a_standard_size() {
    let of = |plate_of: Value| {
        let mut file = plate();
        file["plate"] = plate_of;
        file
    };
    accepted(&of(json!({"standard_wells": 96, "name": "b"})));
    for (wells, value) in [(json!(7), "7"), (json!("96"), "\"96\""), (json!(null), "null"), (json!(-6), "-6")] {
        refused(&of(json!({"standard_wells": wells})), "plate.standard_wells", value);
    }
    refused(&of(json!({})), "plate.row_names", "(missing)");
    refused(&of(json!({"row_names": ["A"]})), "plate.column_names", "(missing)");
    refused(&of(json!({"row_names": null, "column_names": ["1"]})), "plate.row_names", "null");
    let both = json!({"standard_wells": 6, "row_names": ["A", "B"]});
    let error = Settings::from_json(&of(both).to_string()).unwrap_err();
    assert_eq!(parts(&error).0, "plate");
    assert_eq!(parts(&error).3, "use one of them");
    refused(&of(json!(96)), "plate", "96");
}

#[test]
fn acquisitions_that_make_no_sense() {
    let of = |acquisitions: Value, first: Value, second: Value| {
        let mut file = plate();
        file["plate"]["acquisitions"] = acquisitions;
        for (nth, acquisition) in [first, second].into_iter().enumerate() {
            if !acquisition.is_null() {
                file["dimensions"][0]["coords"][nth]["acquisition"] = acquisition;
            }
        }
        file
    };
    let (two, none) = (json!([{"id": 0}, {"id": 4, "name": "day 2", "start_time": 3, "end_time": 3}]), Value::Null);
    let field = |nth: usize| format!("dimensions[0].coords[{nth}].acquisition");
    accepted(&of(two.clone(), json!(0), json!(4)));
    accepted(&of(json!([{"id": 3}]), none.clone(), none.clone()));
    refused(&of(two.clone(), json!(0), none.clone()), &field(1), "null");
    refused(&of(two.clone(), json!(0), json!(1)), &field(1), "1");
    refused(&of(json!([]), none.clone(), json!(1)), &field(1), "1");
    refused(&of(two, json!(0), json!(-1)), "dimensions[0].coords[1].acquisition", "-1");
    refused(&of(json!([{"id": 1}, {"id": 1}]), json!(1), json!(1)), "plate.acquisitions[1].id", "1");
    let backwards = json!([{"id": 1, "start_time": 5, "end_time": 4}]);
    refused(&of(backwards, none.clone(), none.clone()), "plate.acquisitions[0].end_time", "4");
    refused(&of(json!([{"name": "x"}]), none.clone(), none), "plate.acquisitions[0].id", "(missing)");
    let mut without_plate = plate();
    without_plate["plate"] = Value::Null;
    without_plate["dimensions"][0]["coords"][1]["acquisition"] = json!(2);
    refused(&without_plate, &field(1), "2");
}
