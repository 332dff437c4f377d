//! `ome-stream settings`: files that can be used, files that cannot, and their schema.

use serde_json::json;

use crate::bench::Bench;

const FILE: &str = r#"{"root_path": "run", "dtype": "<u2", "compression": "zstd", "dimensions": [
    {"name": "p", "count": 2}, {"name": "t", "count": null, "unit": "s"}, {"name": "y", "count": 10}, {"name": "x", "count": 20, "chunk_size": 64}]}"#;

/// The same with the unbounded dimension first.
fn file() -> String {
    FILE.replace(
        r#"{"name": "p", "count": 2}, {"name": "t", "count": null, "unit": "s"}"#,
        r#"{"name": "t", "count": null, "unit": "s"}, {"name": "p", "count": 2}"#,
    )
}

#[test]
fn a_file_is_printed_in_its_normal_form() {
    let bench = Bench::new();
    bench.file("run.json", file());
    let ran = bench.line("settings run.json").expect(0);
    let normal = ran.json();
    assert_eq!(normal["dimensions"][0]["unit"], "second");
    assert_eq!(normal["dimensions"][1]["coords"][1]["name"], "1");
    assert_eq!((&normal["dimensions"][3]["chunk_size"], &normal["dtype"]), (&json!(20), &json!("uint16")));
    assert_eq!(normal["format"]["suffix"], ".ome.zarr");
    assert_eq!(ran.err, "note: dimensions[3].chunk_size 64 clamped to the 20 of x\n");
    assert_eq!(bench.line("settings run.json -q").expect(0).err, "");
    bench.file("normal.json", &ran.out);
    let again = bench.line("settings normal.json").expect(0);
    assert_eq!((again.out.as_str(), again.err.as_str()), (ran.out.as_str(), ""), "a normal form is its own");
    assert_eq!(bench.run_with(["settings", "-"], file().as_bytes()).expect(0).out, ran.out);
    assert_eq!(bench.names(), ["normal.json", "run.json"], "nothing is written");
}

#[test]
fn a_file_that_cannot_be_used_is_told_by_field_value_and_remedy() {
    let bench = Bench::new();
    bench.file("order.json", FILE);
    bench.file("engine.json", file().replace("\"dtype\"", "\"format\": \"tape\", \"dtype\""));
    bench.file(
        "memory.json",
        file().replace("10}", "100000}").replace("\"dtype\"", "\"memory_limit\": 1048576, \"dtype\""),
    );
    bench.file("cut.json", "{");
    for (name, parts) in [
        ("order.json", &["dimensions[1].count", "null", "put it first"][..]),
        ("engine.json", &["format.backend", "tape", "zarrs"]),
        ("memory.json", &["memory_limit = 1048576", "raise memory_limit"]),
        ("cut.json", &["cut.json", "not valid JSON"]),
        ("missing.json", &["missing.json", "No such file"]),
    ] {
        let ran = bench.run(["settings", name]).expect(1).says(parts);
        assert_eq!(ran.out, "", "{name}");
    }
    for line in ["settings", "settings order.json --schema", "settings --paint"] {
        bench.line(line).expect(2);
    }
}

#[test]
fn the_schema_is_printed_and_the_help_has_examples() {
    let bench = Bench::new();
    let schema = bench.line("settings --schema").expect(0).json();
    assert_eq!(schema, ome_stream::Settings::schema());
    assert_eq!(schema["title"], "Settings");
    let help = bench.line("settings --help").expect(0).out;
    for part in ["ome-stream settings run1.json", "--schema", "Exit codes:"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
