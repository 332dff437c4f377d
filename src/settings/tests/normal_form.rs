//! What validation fills in and changes, and what it tells about it.

use super::*;

fn kinds(settings: &Settings) -> Vec<&'static str> {
    settings.dimensions.iter().map(|each| each.kind.map_or("none", DimensionType::name)).collect()
}

fn valid(mut settings: Settings) -> (Settings, Vec<String>) {
    let notes = settings.validate().unwrap();
    (settings, notes)
}

#[test]
fn sound_settings_are_left_as_they_are() {
    let (settings, notes) = valid(sound());
    assert_eq!(settings, sound());
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn types_come_from_coordinates_then_unit_then_name() {
    let (settings, _) = valid(with_index([
        Dimension::unbounded("z").with_coords([Position::new("a")]),
        Dimension::new("x2", 3).with_unit("ms"),
        Dimension::new("T", 2).with_unit("um"),
        Dimension::new("q", 2),
    ]));
    assert_eq!(kinds(&settings), ["position", "time", "space", "other", "space", "space"]);
}

#[test]
fn a_type_that_is_given_is_kept() {
    let (settings, _) = valid(with_index([
        Dimension::new("t", 2).with_kind(DimensionType::Other),
        Dimension::new("c", 2).with_unit("s").with_kind(DimensionType::Time),
    ]));
    assert_eq!(kinds(&settings), ["other", "time", "space", "space"]);
}

#[test]
fn a_frame_side_without_a_type_is_space_with_a_note() {
    let mut settings = sound();
    settings.dimensions[2] = Dimension::new("rows", 8);
    settings.dimensions[3] = Dimension::new("X", 8);
    let (settings, notes) = valid(settings);
    assert_eq!(kinds(&settings), ["time", "channel", "space", "space"]);
    assert_eq!(notes, ["dimensions[2] (rows) has no type; taken as space, because it is a side of the frame"]);
}

#[test]
fn units_get_their_ome_ngff_names() {
    let mut settings = with_index([Dimension::new("t", 2).with_unit("MIN"), Dimension::new("c", 2).with_unit("volt")]);
    settings.dimensions[3] = Dimension::new("x", 8).with_unit("um");
    let (settings, _) = valid(settings);
    let units: Vec<_> = settings.dimensions.iter().map(|each| each.unit.as_deref()).collect();
    assert_eq!(units, [Some("minute"), Some("volt"), Some("micrometer"), Some("micrometer")]);
}

#[test]
fn a_count_of_positions_becomes_positions() {
    let (settings, _) = valid(with_index([Dimension::new("p", 3)]));
    let names = |settings: &Settings| -> Vec<_> { settings.positions().into_iter().map(|each| each.name).collect() };
    assert_eq!(names(&settings), ["0", "1", "2"]);
    assert_eq!(settings.dimensions[0].coords.as_ref().map(Vec::len), Some(3));
    assert_eq!(names(&with_index([Dimension::new("p", 3)])), ["0", "1", "2"]);
}

#[test]
fn without_a_position_dimension_there_is_one_position() {
    assert_eq!(sound().positions(), [Position::new("0")]);
    assert_eq!(sound().position_dimension(), None);
}

#[test]
fn names_become_positions_and_channels_where_those_belong() {
    let (settings, _) = valid(with_index([
        Dimension::unbounded("p").with_coords(["a", "b"]),
        Dimension::unbounded("c").with_coords(["GFP"]),
        Dimension::unbounded("angle").with_coords(["left", "right"]),
    ]));
    let first = |nth: usize| settings.dimensions[nth].coords.as_ref().unwrap()[0].clone();
    assert_eq!(first(0), Coord::Position(Position::new("a")));
    assert_eq!(first(1), Coord::Channel(Channel::new("GFP")));
    assert_eq!(first(2), Coord::Name("left".into()));
}

#[test]
fn coordinates_set_a_count_that_is_not_given() {
    let mut dimension = Dimension::unbounded("z").with_coords([0.0, 0.5, 2.0]);
    dimension.count = None;
    let (settings, _) = valid(with_index([Dimension::new("t", 2), dimension]));
    assert_eq!(settings.dimensions[1].count, Some(3));
}

#[test]
fn objects_in_coords_are_told_apart_by_their_fields() {
    let read = |text: &str| serde_json::from_str::<Coord>(text).unwrap();
    assert_eq!(read(r#"{"name": "a"}"#), Coord::Name("a".into()));
    for field in
        ["plate_row", "plate_column", "grid_row", "grid_column", "x_coord", "y_coord", "z_coord", "acquisition"]
    {
        let position = Coord::Position(Position::new("a"));
        assert_eq!(read(&format!(r#"{{"name": "a", "{field}": null}}"#)), position, "{field}");
    }
    for field in ["excitation_wavelength_nm", "emission_wavelength_nm", "fluorophore", "color"] {
        let channel = Coord::Channel(Channel::new("a"));
        assert_eq!(read(&format!(r#"{{"name": "a", "{field}": null}}"#)), channel, "{field}");
    }
    assert_eq!(read("-3"), Coord::Number(-3.0));
}

#[test]
fn chunks_and_shards_are_clamped_with_a_note() {
    let mut settings = with_index([Dimension::standard("t", None).with_chunk(100).with_shard(100)]);
    settings.dimensions[1] = Dimension::standard("y", 256).with_chunk(512).with_shard(1);
    settings.dimensions[2] = Dimension::standard("x", 256).with_chunk(100).with_shard(4);
    let (settings, notes) = valid(settings);
    let sizes: Vec<_> = settings.dimensions.iter().map(|each| (each.chunk_size, each.shard_size_chunks)).collect();
    assert_eq!(sizes, [(Some(100), Some(100)), (Some(256), Some(1)), (Some(100), Some(3))]);
    assert_eq!(
        notes,
        [
            "dimensions[1].chunk_size 512 clamped to the 256 of y",
            "dimensions[2].shard_size_chunks 4 clamped to the 3 chunk(s) of x",
        ]
    );
}

#[test]
fn shards_in_some_dimensions_leave_the_others_alone() {
    let (settings, notes) =
        valid(with_index([Dimension::standard("t", 40).with_chunk(2).with_shard(10), Dimension::standard("z", 10)]));
    assert_eq!(settings.dimensions[0].shard_size_chunks, Some(10));
    assert_eq!(settings.dimensions[1].shard_size_chunks, None);
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn chunks_of_positions_mean_nothing_with_a_note() {
    let (settings, notes) = valid(with_index([Dimension::standard("p", 4).with_chunk(2).with_shard(2)]));
    assert_eq!(settings.dimensions[0].chunk_size, None);
    assert_eq!(settings.dimensions[0].shard_size_chunks, None);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("dimensions[0].chunk_size left out"), "{notes:?}");
}

#[test]
fn validating_again_changes_nothing_and_tells_nothing() {
    let mut settings = with_index([
        Dimension::new("p", 2).with_chunk(1),
        Dimension::new("t", 3).with_chunk(9).with_unit("ms"),
        Dimension::new("c", 1),
    ]);
    assert_eq!(settings.validate().unwrap().len(), 2);
    let once = settings.clone();
    assert_eq!(settings.validate().unwrap(), Vec::<String>::new());
    assert_eq!(settings, once);
}

#[test]
fn settings_that_are_refused_are_left_as_they_were() {
    let mut settings = with_index([Dimension::new("p", 2), Dimension::new("t", 3).with_scale(-1.0)]);
    let before = settings.clone();
    settings.validate().unwrap_err();
    assert_eq!(settings, before);
}

fn stored(settings: &Settings) -> Vec<&str> {
    settings.storage_index_dimensions().into_iter().map(|each| each.name.as_str()).collect()
}

#[test]
fn the_order_on_disk_is_time_channel_other_z() {
    let (mut settings, _) = valid(with_index([
        Dimension::new("z", 2),
        Dimension::new("p", 2),
        Dimension::new("c", 2),
        Dimension::new("t", 2),
    ]));
    assert_eq!(stored(&settings), ["t", "c", "z"]);
    let index: Vec<_> = settings.index_dimensions().iter().map(|each| each.name.clone()).collect();
    assert_eq!(index, ["z", "c", "t"]);
    settings.storage_order = StorageOrder::Acquisition;
    assert_eq!(stored(&settings), ["z", "c", "t"]);
    settings.storage_order = StorageOrder::Explicit(["c", "z", "t", "y", "x"].map(String::from).to_vec());
    settings.validate().unwrap();
    assert_eq!(stored(&settings), ["c", "z", "t"]);

    let (settings, _) = valid(with_index([
        Dimension::new("z", 2),
        Dimension::new("angle", 2),
        Dimension::new("time", 2).with_unit("s"),
    ]));
    assert_eq!(stored(&settings), ["time", "angle", "z"]);
}

#[test]
fn settings_without_dimensions_can_be_asked_without_harm() {
    let mut settings = sound();
    settings.dimensions.clear();
    assert_eq!(settings.frame_dimensions().1.name, "");
    assert_eq!(settings.index_dimensions(), Vec::<&Dimension>::new());
    settings.dimensions.push(Dimension::new("x", 5));
    assert_eq!(settings.frame_dimensions().1.name, "x");
    assert_eq!(settings.frame_dimensions().0.name, "");
}
