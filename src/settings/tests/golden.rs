//! Files that the real ome-writers wrote (tests/data/ome-writers-settings/make.py).

use serde_json::{Value, json};

use super::*;

fn text(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ome-writers-settings");
    std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap()
}

fn settings(name: &str) -> Settings {
    Settings::from_json(&text(name)).unwrap()
}

/// Both words for no compression.
fn without_none(mut file: Value) -> Value {
    if file["compression"] == "none" {
        file["compression"] = Value::Null;
    }
    file
}

#[test]
fn a_file_of_ome_writers_is_read_and_written_back() {
    let names =
        ["unbounded_time_lapse", "grid_of_positions", "sharded_stack", "custom_order", "bare_names", "well_plate"];
    for name in names {
        let text = text(name);
        let settings = Settings::parse_json(&text).unwrap();
        let written = serde_json::to_value(&settings).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(without_none(written), without_none(read), "{name}");
    }
}

#[test]
fn an_unbounded_time_lapse_with_channels_means_the_same_here() {
    let settings = settings("unbounded_time_lapse");
    let [time, channel, ..] = settings.dimensions.as_slice() else { panic!("four dimensions") };
    assert_eq!((time.count, time.chunk_size, time.scale), (None, Some(4), Some(50.0)));
    assert_eq!(time.unit.as_deref(), Some("millisecond"));
    assert_eq!(channel.count, Some(2));
    let Some([Coord::Channel(first), Coord::Channel(second)]) = channel.coords.as_deref() else {
        panic!("two channels: {:?}", channel.coords)
    };
    assert_eq!(first.name, "GFP");
    assert_eq!(first.excitation_wavelength_nm, Some(488));
    assert_eq!(first.emission_wavelength_nm, Some(509));
    assert_eq!(first.fluorophore.as_deref(), Some("EGFP"));
    assert_eq!(first.color, Some(Color::from_rgb([0x12, 0xab, 0x34])));
    assert_eq!(*second, Channel::new("brightfield"));
    assert_eq!(settings.compression, Compression::new(Codec::BloscZstd));
    assert_eq!(settings.output_path(), std::path::Path::new("run/time_lapse.ome.zarr"));
}

#[test]
fn a_grid_of_positions_with_equal_names_means_the_same_here() {
    let settings = settings("grid_of_positions");
    assert_eq!(settings.position_dimension(), Some(1));
    let positions = settings.positions();
    let names: Vec<_> = positions.iter().map(|each| each.name.as_str()).collect();
    assert_eq!(names, ["tile", "tile", "overview"]);
    assert_eq!((positions[1].grid_row, positions[1].grid_column), (Some(0), Some(1)));
    assert_eq!(
        (positions[0].x_coord, positions[0].y_coord, positions[1].z_coord),
        (Some(123_456.789), Some(-0.5), Some(7.25))
    );
    assert_eq!(settings.storage_order, StorageOrder::Acquisition);
    assert_eq!(settings.dtype, DataType::Float32);
    assert!(settings.overwrite);
    assert_eq!(settings.format.backend, "zarrs-python");
    assert_eq!(settings.output_path(), std::path::Path::new("grid.zarr"));
}

#[test]
fn chunks_and_shards_mean_the_same_here() {
    let settings = settings("sharded_stack");
    let sizes: Vec<_> =
        settings.dimensions.iter().map(|each| (each.count, each.chunk_size, each.shard_size_chunks)).collect();
    assert_eq!(
        sizes,
        [
            (Some(40), Some(1), Some(10)),
            (Some(10), Some(1), Some(5)),
            (Some(256), Some(64), Some(4)),
            (Some(256), Some(64), Some(4)),
        ]
    );
    assert_eq!(settings.output_path(), std::path::Path::new("stack.ome.zarr"));
}

#[test]
fn an_order_may_list_the_position_dimension() {
    let settings = settings("custom_order");
    let stored: Vec<_> = settings.storage_index_dimensions().into_iter().map(|each| each.name.as_str()).collect();
    assert_eq!(stored, ["t", "angle"]);
    assert_eq!(settings.positions(), [Position::new("0"), Position::new("1")]);
    assert_eq!(settings.dimensions[1].unit.as_deref(), Some("degree"));
}

#[test]
fn types_that_ome_writers_leaves_open_are_inferred_from_names() {
    let settings = settings("bare_names");
    let kinds: Vec<_> = settings.dimensions.iter().filter_map(|each| each.kind).collect();
    use DimensionType::{Channel, Space, Time};
    assert_eq!(kinds, [Time, Channel, Space, Space, Space]);
}

#[test]
fn every_color_name_that_ome_writers_writes_is_known() {
    let settings = settings("every_named_color");
    let channels = settings.dimensions[0].coords.as_deref().unwrap();
    assert_eq!(channels.len(), 138);
    for coord in channels {
        let Coord::Channel(channel) = coord else { panic!("not a channel: {coord:?}") };
        // The file names each channel for its color's hexadecimal form.
        assert_eq!(channel.color.map(|color| color.to_string()).as_ref(), Some(&channel.name));
    }
}

#[test]
fn a_plate_has_wells_and_fields() {
    let settings = settings("well_plate");
    assert_eq!(settings.plate, Some(Plate::from_standard_wells(96).unwrap()));
    assert_eq!(folders_of_fields(&settings), ["0", "0"]);
}

#[test]
fn settings_for_a_tiff_file_are_refused_by_name() {
    let error = Settings::from_json(&text("tiff")).unwrap_err();
    assert_eq!(parts(&error).0, "format.name");
    assert!(error.to_string().contains("ome-tiff is not written"), "{error}");
}

/// What `docs/SETTINGS.md` says of files that ome-writers writes and that are refused here.
#[test]
fn ome_writers_fields_are_refused_by_name() {
    let changed = |place: &str, value: Value| {
        let mut file: Value = serde_json::from_str(&text("sharded_stack")).unwrap();
        *file.pointer_mut(place).unwrap() = value;
        file
    };
    let cases = [
        ("/format", json!({"name": "ome-tiff", "backend": "tifffile", "suffix": ".ome.tiff"}), "format.name"),
        ("/format", json!({"name": "scratch", "backend": "scratch"}), "format.name"),
        ("/compression", json!("lzw"), "compression"),
        ("/dimensions/2/chunk_size", json!(null), "dimensions[2].shard_size_chunks"),
        ("/dtype", json!("bool"), "dtype"),
        ("/dtype", json!("complex64"), "dtype"),
        ("/dtype", json!(""), "dtype"),
        ("/dimensions", json!([]), "dimensions"),
        ("/root_path", json!(""), "root_path"),
        ("/root_path", json!("data/"), "root_path"),
        ("/dimensions/0/scale", json!(0.0), "dimensions[0].scale"),
        ("/storage_order", json!(["t", "z", "x", "y"]), "storage_order[2]"),
    ];
    for (place, value, field) in cases {
        let file = changed(place, value);
        let error = Settings::from_json(&file.to_string()).unwrap_err();
        assert_eq!(parts(&error).0, field, "{error}");
    }
    for backend in ["zarrs-python", "zarr-python", "tensorstore", "acquire-zarr"] {
        let file = changed("/format", json!({"name": "ome-zarr", "backend": backend, "suffix": ".ome.zarr"}));
        assert!(Settings::from_json(&file.to_string()).is_ok(), "{backend}: the registry's to judge");
    }
}
