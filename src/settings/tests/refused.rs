//! Every bad input, with the field and the value that its error must name.

use serde_json::{Value, json};

use super::*;

/// A minimal valid file.
pub(super) fn file() -> Value {
    json!({
        "root_path": "run.ome.zarr",
        "dimensions": [
            {"name": "t", "count": 4},
            {"name": "c", "count": 2},
            {"name": "y", "count": 16},
            {"name": "x", "count": 32},
        ],
        "dtype": "uint16",
    })
}

/// The file with `value` at a place such as `/dimensions/0/count`.
pub(super) fn with(place: &str, value: Value) -> Value {
    let mut file = file();
    let (parent, key) = place.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            object.insert(key.into(), value);
        }
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        other => panic!("{place} is in {other}"),
    }
    file
}

/// The file with these dimensions.
pub(super) fn dimensions(dimensions: Value) -> Value {
    with("/dimensions", dimensions)
}

#[track_caller]
pub(super) fn refused(file: &Value, field: &str, value: &str) {
    let error = match Settings::from_json(&file.to_string()) {
        Ok(settings) => panic!("accepted: {settings:?}"),
        Err(error) => error,
    };
    let (got_field, got_value, problem, remedy) = parts(&error);
    assert_eq!((got_field, got_value), (field, value), "{error}");
    assert!(!problem.is_empty() && !remedy.is_empty(), "{error}");
    schema::judges_like_the_reader(&file.to_string());
    let message = error.to_string();
    for part in [field, value, problem, remedy] {
        assert!(message.contains(part), "{message}");
    }
}

#[track_caller]
pub(super) fn accepted(file: &Value) -> Settings {
    schema::judges_like_the_reader(&file.to_string());
    Settings::from_json(&file.to_string()).unwrap()
}

#[test]
fn the_file_itself_is_accepted() {
    assert_eq!(accepted(&file()), sound_without_units());
}

fn sound_without_units() -> Settings {
    let mut settings = sound();
    for dimension in &mut settings.dimensions {
        dimension.unit = None;
    }
    settings
}

#[test]
fn sizes_of_zero() {
    refused(&with("/dimensions/0/count", json!(0)), "dimensions[0].count", "0");
    refused(&with("/dimensions/3/count", json!(0)), "dimensions[3].count", "0");
    refused(&with("/dimensions/2/chunk_size", json!(0)), "dimensions[2].chunk_size", "0");
    let file = dimensions(json!([
        {"name": "y", "count": 16, "chunk_size": 4, "shard_size_chunks": 0},
        {"name": "x", "count": 16},
    ]));
    refused(&file, "dimensions[0].shard_size_chunks", "0");
    refused(
        &dimensions(json!([{"name": "p", "count": 0}, {"name": "y", "count": 1}, {"name": "x", "count": 1}])),
        "dimensions[0].count",
        "0",
    );
}

#[test]
fn sizes_that_overflow() {
    let most = u64::MAX;
    refused(&with("/dimensions/0/count", json!(most)), "dimensions[0].count", "18446744073709551615");
    let sides = |side: u64| dimensions(json!([{"name": "y", "count": side}, {"name": "x", "count": side}]));
    refused(&sides(1 << 32), "dimensions[1].count", "4294967296");
    refused(&sides(1 << 31), "dimensions[1].count", "2147483648");
    // Two bytes each: a frame less than the limit of 2^63, and as many.
    let frames = |count: u64| {
        dimensions(json!([{"name": "t", "count": count}, {"name": "y", "count": 1024}, {"name": "x", "count": 1024}]))
    };
    accepted(&frames((1 << 42) - 1));
    refused(&frames(1 << 42), "dimensions[0].count", "4398046511104");
    let unbounded = |chunk: u64, shard: u64| {
        dimensions(json!([
            {"name": "t", "count": null, "chunk_size": chunk, "shard_size_chunks": shard},
            {"name": "y", "count": 16, "chunk_size": 16},
            {"name": "x", "count": 16},
        ]))
    };
    refused(&unbounded(1 << 54, 1), "dimensions[0].chunk_size", "18014398509481984");
    // 16 x 16 pixels of two bytes: 64 bytes less than 2^31 are taken, and an index of 2^20 chunks.
    accepted(&unbounded((1 << 22) - 1, 1 << 20));
    refused(&unbounded(1 << 22, 1), "dimensions[0].chunk_size", "4194304");
    refused(&unbounded(1, (1 << 20) + 1), "dimensions[0].shard_size_chunks", "1048577");
    refused(&unbounded(most, most), "dimensions[0].chunk_size", "18446744073709551615");
    let positions = dimensions(json!([
        {"name": "p", "count": 1000},
        {"name": "t", "count": (1u64 << 53)},
        {"name": "y", "count": 1},
        {"name": "x", "count": 1},
    ]));
    refused(&positions, "dimensions[1].count", "9007199254740992");
}

#[test]
fn sizes_that_are_not_whole_numbers() {
    refused(&with("/dimensions/0/count", json!(-1)), "dimensions[0].count", "-1");
    refused(&with("/dimensions/0/count", json!(2.5)), "dimensions[0].count", "2.5");
    refused(&with("/dimensions/0/count", json!("4")), "dimensions[0].count", "\"4\"");
    refused(&with("/threads", json!(-2)), "threads", "-2");
    refused(&with("/dimensions/0/scale", json!("1")), "dimensions[0].scale", "\"1\"");
}

#[test]
fn unbounded_dimensions_that_are_not_the_first() {
    refused(&with("/dimensions/1/count", json!(null)), "dimensions[1].count", "null");
    let mut two = with("/dimensions/0/count", json!(null));
    two["dimensions"][1]["count"] = json!(null);
    refused(&two, "dimensions[1].count", "null");
    refused(&with("/dimensions/3/count", json!(null)), "dimensions[3].count", "null");
    refused(
        &dimensions(json!([{"name": "y", "count": null}, {"name": "x", "count": 5}])),
        "dimensions[0].count",
        "null",
    );
    refused(
        &dimensions(json!([{"name": "p", "count": null}, {"name": "y", "count": 5}, {"name": "x", "count": 5}])),
        "dimensions[0].count",
        "null",
    );
}

#[test]
fn too_many_and_too_few_dimensions() {
    let named = |names: &[&str]| {
        let list: Vec<_> = names
            .iter()
            .map(|name| json!({"name": name, "count": 2, "type": if "xyz".contains(name) {"space"} else if *name == "p" {"position"} else {"other"}}))
            .collect();
        dimensions(json!(list))
    };
    refused(&named(&["a", "b", "d", "e", "z", "y", "x"]), "dimensions", "7 beside the position dimension");
    refused(&named(&["p", "a", "b", "d", "z", "y", "x"]), "dimensions", "6 beside the position dimension");
    accepted(&named(&["p", "a", "b", "z", "y", "x"]));
    refused(&named(&["x"]), "dimensions", "1 beside the position dimension");
    refused(&named(&["p", "x"]), "dimensions", "1 beside the position dimension");
    refused(&named(&[]), "dimensions", "0 beside the position dimension");
}

#[test]
fn more_dimensions_of_a_type_than_an_image_has() {
    let second = |name: &str, kind: &str| {
        dimensions(json!([
            {"name": "first", "count": 2, "type": kind},
            {"name": name, "count": 2, "type": kind},
            {"name": "y", "count": 2},
            {"name": "x", "count": 2},
        ]))
    };
    refused(&second("again", "position"), "dimensions[1].type", "\"again\"");
    refused(&second("again", "time"), "dimensions[1].type", "\"time\" of \"again\"");
    refused(&second("again", "channel"), "dimensions[1].type", "\"channel\" of \"again\"");
    refused(&second("again", "space"), "dimensions[3].type", "\"space\" of \"x\"");
}

#[test]
fn names_of_dimensions() {
    refused(&with("/dimensions/1/name", json!("t")), "dimensions[1].name", "\"t\"");
    refused(&with("/dimensions/1/name", json!("")), "dimensions[1].name", "\"\"");
    refused(&with("/dimensions/1/name", json!("a\nb")), "dimensions[1].name", "\"a\\nb\"");
    refused(&with("/dimensions/1/name", json!(" c")), "dimensions[1].name", "\" c\"");
    let long = "n".repeat(MAX_NAME_BYTES + 1);
    let shown = format!("\"{}...", "n".repeat(79));
    refused(&with("/dimensions/1/name", json!(long)), "dimensions[1].name", &shown);
}

#[test]
fn a_frame_whose_sides_are_not_space() {
    refused(
        &dimensions(json!([{"name": "y", "count": 5}, {"name": "x", "count": 5}, {"name": "t", "count": 5}])),
        "dimensions[2].type",
        "\"time\" of \"t\"",
    );
    refused(&with("/dimensions/3/type", json!("other")), "dimensions[3].type", "\"other\" of \"x\"");
}

#[test]
fn types_that_contradict_each_other() {
    refused(&with("/dimensions/0/type", json!("tim")), "dimensions[0].type", "\"tim\"");
    let coords = json!([{"name": "a", "color": "red"}, "b"]);
    let mut file = with("/dimensions/1/coords", coords.clone());
    file["dimensions"][1]["type"] = json!("time");
    refused(&file, "dimensions[1].type", "\"time\"");
    file["dimensions"][1]["type"] = json!(null);
    file["dimensions"][1]["unit"] = json!("ms");
    refused(&file, "dimensions[1].type", "null");
    let mixed = json!([{"name": "a", "color": "red"}, {"name": "b", "x_coord": 1}]);
    refused(&with("/dimensions/1/coords", mixed), "dimensions[1].coords[1]", "(object)");
    let both = json!([{"name": "a", "color": "red", "x_coord": 1}, "b"]);
    refused(
        &with("/dimensions/1/coords", both),
        "dimensions[1].coords[0]",
        r#"{"name":"a","color":"red","x_coord":1}"#,
    );
}

#[test]
fn shards_without_chunks() {
    for nth in [0, 2] {
        refused(
            &with(&format!("/dimensions/{nth}/shard_size_chunks"), json!(2)),
            &format!("dimensions[{nth}].shard_size_chunks"),
            "2",
        );
    }
}

#[test]
fn coordinates_that_do_not_fit() {
    let c = |coords: Value| with("/dimensions/1/coords", coords);
    refused(&c(json!(["a"])), "dimensions[1].coords", "1 coordinates");
    refused(&c(json!([])), "dimensions[1].coords", "[]");
    refused(&c(json!(["a", "a"])), "dimensions[1].coords[1].name", "\"a\"");
    refused(&c(json!(["a", ""])), "dimensions[1].coords[1].name", "\"\"");
    refused(&c(json!(["a", 5])), "dimensions[1].coords[1]", "5");
    refused(&c(json!(["a", true])), "dimensions[1].coords[1]", "true");
    refused(
        &c(json!(["a", {"name": "b", "excitation_wavelength_nm": 0}])),
        "dimensions[1].coords[1].excitation_wavelength_nm",
        "0",
    );
    refused(
        &c(json!(["a", {"name": "b", "emission_wavelength_nm": -5}])),
        "dimensions[1].coords[1].emission_wavelength_nm",
        "-5",
    );
    refused(&c(json!(["a", {"name": "b", "color": "greenish"}])), "dimensions[1].coords[1].color", "\"greenish\"");
    refused(&c(json!(["a", {"name": "b", "wavelength": 5}])), "dimensions[1].coords[1].wavelength", "5");
    let window = |window: Value| c(json!(["a", {"name": "b", "window": window}]));
    refused(&window(json!({"start": 9, "end": 5})), "dimensions[1].coords[1].window", "9 to 5");
    refused(&window(json!({"start": 5, "end": 5})), "dimensions[1].coords[1].window", "5 to 5");
    refused(&window(json!({"start": 5})), "dimensions[1].coords[1].window.end", "(missing)");
    refused(&window(json!({"start": "low", "end": 5})), "dimensions[1].coords[1].window.start", "\"low\"");
    refused(&c(json!(["a", {"color": "red"}])), "dimensions[1].coords[1].name", "(missing)");
    refused(&with("/dimensions/0/coords", json!([1, 2, 3, ""])), "dimensions[0].coords[3]", "\"\"");
}

#[test]
fn names_of_positions_that_no_folder_can_have() {
    let names = [
        "",
        ".",
        "..",
        ".hidden",
        "ends.",
        "a/b",
        "a\\b",
        "a:b",
        "a*",
        "a?",
        "a\"",
        "<a",
        "a>",
        "a|b",
        "a\tb",
        "a\u{7f}",
        " a",
        "a ",
        "__a",
        "CON",
        "nul.txt",
        "com1",
        "Lpt9.zarr",
        "COM\u{b9}",
        "CONIN$",
        "clock$.x",
        "a.before-recover",
    ];
    for name in names {
        let file = dimensions(json!([
            {"name": "p", "type": "position", "coords": [name]},
            {"name": "y", "count": 5},
            {"name": "x", "count": 5},
        ]));
        refused(&file, "dimensions[0].coords[0].name", &crate::shown::quoted(name));
    }
    for name in ["a", "A1", "Pos 1", "1.5", "com", "com10", "console", "\u{fc}ber", "-", "_a", "a.b"] {
        let file = dimensions(json!([
            {"name": "p", "type": "position", "coords": [name]},
            {"name": "y", "count": 5},
            {"name": "x", "count": 5},
        ]));
        accepted(&file);
    }
}

#[test]
fn positions_that_cannot_be_told_apart() {
    let p = |coords: Value| {
        dimensions(json!([
            {"name": "p", "coords": coords},
            {"name": "y", "count": 5},
            {"name": "x", "count": 5},
        ]))
    };
    let at = |row: i64, column: i64| json!({"name": "tile", "grid_row": row, "grid_column": column});
    refused(&p(json!(["a", "a"])), "dimensions[0].coords[1].name", "\"a\"");
    refused(&p(json!([at(0, 0), at(0, 1), at(0, 0)])), "dimensions[0].coords[2].name", "\"tile\"");
    accepted(&p(json!([at(0, 0), at(0, 1), at(1, 0)])));
    let half =
        |field: &str| json!([{"name": "a", field: if field.starts_with("grid") { json!(1) } else { json!("A") }}]);
    refused(&p(half("grid_row")), "dimensions[0].coords[0].grid_column", "null");
    refused(&p(half("grid_column")), "dimensions[0].coords[0].grid_row", "null");
    refused(&p(half("plate_row")), "dimensions[0].coords[0].plate_column", "null");
    refused(&p(half("plate_column")), "dimensions[0].coords[0].plate_row", "null");
    refused(&p(json!([5])), "dimensions[0].coords[0]", "5");
    refused(&p(json!([])), "dimensions[0].coords", "[]");
}

#[test]
fn more_positions_than_a_store_holds() {
    let p = |count: u64| {
        dimensions(json!([{"name": "p", "count": count}, {"name": "y", "count": 1}, {"name": "x", "count": 1}]))
    };
    refused(&p(MAX_POSITIONS as u64 + 1), "dimensions[0].count", "100001");
    refused(&p(u64::MAX), "dimensions[0].count", "18446744073709551615");
}

#[test]
fn units_scales_and_places() {
    let t = |field: &str, value: Value| with(&format!("/dimensions/0/{field}"), value);
    refused(&t("unit", json!("parrot")), "dimensions[0].unit", "\"parrot\"");
    refused(&t("unit", json!("")), "dimensions[0].unit", "\"\"");
    refused(&with("/dimensions/3/unit", json!("parrot")), "dimensions[3].unit", "\"parrot\"");
    refused(&with("/dimensions/1/unit", json!("")), "dimensions[1].unit", "\"\"");
    refused(&t("scale", json!(0)), "dimensions[0].scale", "0");
    refused(&t("scale", json!(-0.5)), "dimensions[0].scale", "-0.5");
}

#[test]
fn numbers_that_are_not_finite() {
    let refused = |change: &dyn Fn(&mut Settings), field: &str, value: &str| {
        let mut settings = sound();
        change(&mut settings);
        let error = settings.validate().unwrap_err();
        assert_eq!((parts(&error).0, parts(&error).1), (field, value), "{error}");
    };
    for (number, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        refused(&|settings| settings.dimensions[0].scale = Some(number), "dimensions[0].scale", shown);
        refused(&|settings| settings.dimensions[0].translation = Some(number), "dimensions[0].translation", shown);
        refused(&|settings| settings.live_interval = number, "live_interval", shown);
        refused(
            &|settings| settings.dimensions[0] = Dimension::unbounded("t").with_coords([1.0, number]),
            "dimensions[0].coords[1]",
            shown,
        );
        refused(
            &|settings| {
                let position = Position { y_coord: Some(number), ..Position::new("a") };
                settings.dimensions[0] = Dimension::unbounded("p").with_coords([position]);
            },
            "dimensions[0].coords[0].y_coord",
            shown,
        );
    }
}

#[test]
fn data_types_and_codecs_that_are_unknown() {
    for dtype in ["", "bool", "uint12", ">u2", "complex64"] {
        refused(&with("/dtype", json!(dtype)), "dtype", &json!(dtype).to_string());
    }
    refused(&with("/dtype", json!(16)), "dtype", "16");
    refused(&with("/compression", json!("lzw")), "compression", "\"lzw\"");
    refused(&with("/compression", json!(3)), "compression", "3");
    refused(&with("/compression", json!({"codec": "brotli"})), "compression.codec", "\"brotli\"");
    refused(&with("/compression", json!({"level": 3})), "compression.codec", "(missing)");
    refused(&with("/compression", json!({"codec": "zstd", "x": 1})), "compression.x", "1");
    let summed = |checksum: Value| with("/compression", json!({"codec": "zstd", "checksum": checksum}));
    refused(&summed(json!("crc32")), "compression.checksum", "\"crc32\"");
    refused(&summed(json!(true)), "compression.checksum", "true");
}

#[test]
fn levels_and_shuffles_that_a_codec_has_not() {
    for (codec, level) in
        [("blosc-zstd", 10), ("blosc-lz4", -1), ("zstd", 23), ("zstd", -131_073), ("gzip", 10), ("none", 1)]
    {
        let file = with("/compression", json!({"codec": codec, "level": level}));
        refused(&file, "compression.level", &level.to_string());
    }
    for codec in ["zstd", "gzip", "none"] {
        let file = with("/compression", json!({"codec": codec, "shuffle": "bit"}));
        refused(&file, "compression.shuffle", "\"bit\"");
    }
    let file = with("/compression", json!({"codec": "blosc-zstd", "shuffle": "shuffle"}));
    refused(&file, "compression.shuffle", "\"shuffle\"");
}

#[test]
fn orders_that_are_not_of_these_dimensions() {
    let order = |order: Value| with("/storage_order", order);
    refused(&order(json!("random")), "storage_order", "\"random\"");
    refused(&order(json!(["t", "c", "q", "y", "x"])), "storage_order[2]", "\"q\"");
    refused(&order(json!(["t", "t", "c", "y", "x"])), "storage_order[1]", "\"t\"");
    refused(&order(json!(["t", "y", "x"])), "storage_order[3]", "\"c\"");
    refused(&order(json!(["c", "t", "x", "y"])), "storage_order[2]", "\"c, t, x, y\"");
    refused(&order(json!(["y", "c", "t", "x"])), "storage_order[2]", "\"y, c, t, x\"");
    refused(&order(json!([])), "storage_order[0]", "\"t\"");
    refused(&order(json!([1])), "storage_order[0]", "1");
}

#[test]
fn formats_that_are_not_written() {
    for word in ["ome-tiff", "tiff", "tifffile", "scratch"] {
        refused(&with("/format", json!(word)), "format", &json!(word).to_string());
    }
    refused(&with("/format", json!({"name": "zip"})), "format.name", "\"zip\"");
    refused(&with("/format", json!({"backend": ""})), "format.backend", "\"\"");
    refused(&with("/format", json!({"engine": "zarrs"})), "format.engine", "\"zarrs\"");
    refused(&with("/format", json!({"version": "0.3"})), "format.version", "\"0.3\"");
    refused(&with("/format", json!({"version": "1.0"})), "format.version", "\"1.0\"");
    refused(&with("/format", json!({"version": 0.4})), "format.version", "0.4");
    for suffix in [".tiff", "zarr", "/x.zarr", ".a\u{0}.zarr", ".zarr/"] {
        refused(&with("/format", json!({"suffix": suffix})), "format.suffix", &json!(suffix).to_string());
    }
}

#[test]
fn shards_in_a_version_without_them() {
    let mut file = with("/format", json!({"version": "0.4"}));
    accepted(&file);
    file["dimensions"][0]["chunk_size"] = json!(1);
    file["dimensions"][0]["shard_size_chunks"] = json!(2);
    refused(&file, "dimensions[0].shard_size_chunks", "2");
    for version in ["0.5", "0.6"] {
        file["format"]["version"] = json!(version);
        accepted(&file);
    }
}

#[test]
fn limits_out_of_range() {
    refused(&with("/memory_limit", json!(MIN_MEMORY_LIMIT - 1)), "memory_limit", "1048575");
    refused(&with("/memory_limit", json!("1 GiB")), "memory_limit", "\"1 GiB\"");
    refused(&with("/threads", json!(0)), "threads", "0");
    refused(&with("/threads", json!(MAX_THREADS + 1)), "threads", "257");
    refused(&with("/live_interval", json!(0.049)), "live_interval", "0.049");
    refused(&with("/live_interval", json!(3601)), "live_interval", "3601");
    refused(&with("/durability", json!("always")), "durability", "\"always\"");
    refused(&with("/when_full", json!("wait")), "when_full", "\"wait\"");
    for (place, value) in [
        ("/memory_limit", json!(MIN_MEMORY_LIMIT)),
        ("/threads", json!(MAX_THREADS)),
        ("/threads", json!(1)),
        ("/live_interval", json!(0.05)),
        ("/live_interval", json!(3600)),
    ] {
        accepted(&with(place, value));
    }
}

#[test]
fn fields_that_are_unknown_missing_or_given_twice() {
    refused(&with("/backend", json!("zarrs")), "backend", "\"zarrs\"");
    refused(&with("/dimensions/0/chunks", json!(5)), "dimensions[0].chunks", "5");
    for field in ["root_path", "dimensions", "dtype"] {
        let mut file = file();
        file.as_object_mut().unwrap().remove(field);
        refused(&file, field, "(missing)");
    }
    refused(&with("/dimensions/1", json!({"count": 5})), "dimensions[1].name", "(missing)");
    for (text, field) in [
        (r#"{"dtype": "u1", "dtype": "u2"}"#, "dtype"),
        (r#"{"dimensions": [{"name": "x", "count": 5, "count": 6}]}"#, "dimensions[0].count"),
        (r#"{"compression": {"codec": "zstd", "codec": "gzip"}}"#, "compression.codec"),
    ] {
        let error = Settings::from_json(text).unwrap_err();
        assert_eq!((parts(&error).0, parts(&error).1), (field, "(given twice)"), "{error}");
    }
}

#[test]
fn the_error_of_an_unknown_field_lists_the_known_ones() {
    let error = Settings::from_json(&with("/dimensions/0/chunks", json!(5)).to_string()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "settings: `dimensions[0].chunks` = 5: unknown field; expected one of name, count, type, coords, chunk_size, \
         shard_size_chunks, unit, scale, translation"
    );
}

#[test]
fn text_that_is_not_json() {
    let cases = [("", "line 1, column 0"), ("{", "line 1, column 1"), ("{\n  \"dtype\": }", "line 2, column 12")];
    for (text, place) in cases {
        let error = Settings::from_json(text).unwrap_err();
        assert_eq!(parts(&error).1, place, "{error}");
        assert!(error.to_string().contains("not valid JSON"), "{error}");
    }
    for text in ["[]", "5", "null", "\"auto\""] {
        let error = Settings::from_json(text).unwrap_err();
        assert_eq!((parts(&error).0, parts(&error).1), ("settings", text), "{error}");
    }
    let twice = format!("{} 5", file());
    let error = Settings::from_json(&twice).unwrap_err();
    assert!(error.to_string().contains("trailing characters"), "{error}");
    let marked = format!("\u{feff}{}", file());
    assert!(Settings::from_json(&marked).is_ok());
}
