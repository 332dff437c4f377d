//! Messages of refused settings: one line each, whatever was written.

use serde_json::{Value, json};

use super::refused::with;
use super::refused_plates::plate;
use super::*;

/// Files with `text` wherever a host can write one, as key or as value.
fn with_everywhere(text: &str) -> Vec<Value> {
    let mut files = Vec::new();
    let places = [
        "/root_path",
        "/dtype",
        "/format",
        "/compression",
        "/storage_order",
        "/durability",
        "/when_full",
        "/live_interval",
        "/memory_limit",
        "/threads",
        "/overwrite",
        "/pyramid",
        "/plate",
        "/dimensions",
        "/dimensions/0",
        "/dimensions/0/name",
        "/dimensions/0/count",
        "/dimensions/0/type",
        "/dimensions/0/unit",
        "/dimensions/0/scale",
        "/dimensions/0/coords",
        "/dimensions/1/unit",
    ];
    for place in places {
        files.push(with(place, json!(text)));
        files.push(with(place, json!({text: text})));
        files.push(with(place, json!([text, text])));
    }
    files.push(with(&format!("/{}", text.replace(['/', '~'], "")), json!(1)));
    files.push(with("/storage_order", json!(["t", text, "y", "x"])));
    files.push(with("/format", json!({"name": text})));
    files.push(with("/format", json!({"suffix": text})));
    files.push(with("/compression", json!({"codec": "zstd", "shuffle": text})));
    files.push(with("/pyramid", json!({"factors": {text: 2}})));
    files.push(with("/pyramid", json!({"chunks": [{text: 2}]})));
    files.push(with("/pyramid", json!({"shards": [{"y": 2}, {text: text}]})));
    for coord in [json!(text), json!({"name": text, "x_coord": 1}), json!({"name": "a", text: 1, "color": text})] {
        for kind in ["position", "channel", "time"] {
            let mut file = with("/dimensions/0/coords", json!([coord, coord, text, text]));
            file["dimensions"][0]["type"] = json!(kind);
            files.push(file);
        }
    }
    let mut plate = plate();
    plate["plate"]["row_names"] = json!([text, text]);
    files.push(plate);
    files
}

#[test]
fn no_message_repeats_a_long_text_or_breaks_its_line() {
    let long = "k".repeat(2000);
    let odd = "a\nb\r\u{1b}[31m\u{202e}\u{200b}\u{2028}; c`, expected \"d`";
    let mut refused = 0;
    for file in with_everywhere(&long).into_iter().chain(with_everywhere(odd)) {
        let Err(error) = Settings::from_json(&file.to_string()) else { continue };
        refused += 1;
        let message = error.to_string();
        assert!(!message.contains(&"k".repeat(crate::shown::MAX_VALUE * 3)), "{message}");
        assert!(message.chars().count() < 1500, "{message}");
        assert!(!message.chars().any(|each| each.is_control() || crate::names::is_invisible(each)), "{message:?}");
    }
    assert!(refused > 120, "{refused}");
    for dims in [&long, odd, &format!("t:{long}"), &format!("{odd}:5,{long}")] {
        let message = parse_dims(dims).unwrap_err().to_string();
        assert!(message.len() < 400 && !message.contains('\n') && !message.contains('\u{202e}'), "{message}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_told_as_a_value() {
    let error = Settings::from_json(&with("/threads", json!("a; b, expected c")).to_string()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "settings: `threads` = \"a; b, expected c\": invalid type: string; expected a whole number of at least 0"
    );
}
