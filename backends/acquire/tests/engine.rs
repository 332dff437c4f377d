//! The engine writes what it is given, and says so when it cannot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::{FRAME, array, array_folder, chunks, document, engine, files, frame, shape, tile};
use ome_stream_backend_acquire::engine::{ArrayKey, Settings, Stream};
use ome_stream_backend_acquire::error::{EngineError, Status};
use serde_json::json;

/// Compares shards of `per_shard` frames with the frames that went in; frames past `stored.len()` must be absent. The
/// engine leaves out chunks of zeros only, which read as the fill value, 0.
fn assert_frames(folder: &Path, per_shard: usize, stored: &[Vec<u8>]) {
    let shards = stored.len().div_ceil(per_shard);
    for shard in 0..shards {
        let found = chunks(&folder.join(format!("c/{shard}/0/0")), per_shard * 4);
        for (slot, chunk) in found.iter().enumerate() {
            let (number, row, column) = (shard * per_shard + slot / 4, slot / 2 % 2, slot % 2);
            let expected = stored.get(number).map(|frame| tile(frame, row, column));
            let expected = expected.filter(|tile| tile.iter().any(|byte| *byte != 0));
            assert_eq!(chunk, &expected, "frame {number}, chunk {row},{column}");
        }
    }
}

#[test]
fn frames_are_stored_byte_for_byte_in_their_shards() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let frames: Vec<_> = (0..6).map(frame).collect();
    let mut stream = Stream::create(Settings::new(library, &document(&store, 3)).unwrap()).unwrap();
    for frame in &frames {
        stream.append(None, frame).unwrap();
    }
    stream.close().unwrap();
    let array = array_folder(&store);
    assert_eq!(shape(&array), [6, 8, 8]);
    assert_frames(&array, 3, &frames);
}

#[test]
fn bytes_may_come_in_pieces_that_are_no_frames() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let frames: Vec<_> = (0..5).map(frame).collect();
    let mut stream = Stream::create(Settings::new(library, &document(&store, 5)).unwrap()).unwrap();
    for piece in frames.concat().chunks(FRAME * 2 / 3 + 1) {
        stream.append(None, piece).unwrap();
    }
    stream.close().unwrap();
    assert_frames(&array_folder(&store), 5, &frames);
}

#[test]
fn an_early_close_leaves_the_frames_that_came() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let frames: Vec<_> = (0..4).map(frame).collect();
    let mut stream = Stream::create(Settings::new(library, &document(&store, 3)).unwrap()).unwrap();
    for frame in &frames {
        stream.append(None, frame).unwrap();
    }
    stream.close().unwrap();
    let array = array_folder(&store);
    assert_eq!(shape(&array), [4, 8, 8]);
    assert_frames(&array, 3, &frames);
}

#[test]
fn zeros_after_a_full_frame_are_zeros_not_the_frame_before() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut stream = Stream::create(Settings::new(library, &document(&store, 6)).unwrap()).unwrap();
    let half = &frame(1)[..FRAME / 2];
    stream.append(None, &frame(0)).unwrap();
    stream.append(None, half).unwrap();
    stream.append_zeros(None, (FRAME / 2 + 2 * FRAME) as u64).unwrap();
    stream.append(None, half).unwrap();
    stream.append_zeros(None, (FRAME / 2) as u64).unwrap();
    stream.append(None, &frame(5)).unwrap();
    stream.close().unwrap();
    let halved = [half, &[0; FRAME / 2]].concat();
    let zeros = vec![0; FRAME];
    assert_frames(&array_folder(&store), 6, &[frame(0), halved.clone(), zeros.clone(), zeros, halved, frame(5)]);
}

#[test]
fn more_zeros_than_one_block_are_all_appended() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut settings = document(&store, 3);
    for dimension in [1, 2] {
        settings["arrays"][0]["dimensions"][dimension]["array_size_px"] = json!(1000);
        settings["arrays"][0]["dimensions"][dimension]["chunk_size_px"] = json!(500);
    }
    let mut stream = Stream::create(Settings::new(library, &settings).unwrap()).unwrap();
    // Frames of 2 MB: the blocks of zeros, 1 MiB, end within frames.
    stream.append_zeros(None, 3 * 2_000_000).unwrap();
    stream.close().unwrap();
    assert_eq!(shape(&array_folder(&store)), [3, 1000, 1000]);
}

#[test]
fn several_arrays_are_told_apart_by_key() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut settings = document(&store, 2);
    settings["arrays"] = json!([array(Some("left"), 2, 0), array(Some("right"), 2, 0)]);
    let mut stream = Stream::create(Settings::new(library, &settings).unwrap()).unwrap();
    let (left, right) = (ArrayKey::new("left").unwrap(), ArrayKey::new("right").unwrap());
    for number in 0..2 {
        stream.append(Some(&left), &frame(number)).unwrap();
        stream.append(Some(&right), &frame(number + 10)).unwrap();
    }
    stream.close().unwrap();
    assert_frames(&store.join("left"), 2, &[frame(0), frame(1)]);
    assert_frames(&store.join("right"), 2, &[frame(10), frame(11)]);
}

#[test]
fn an_unknown_key_and_no_key_among_several_are_refused_and_the_stream_goes_on() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut settings = document(&store, 1);
    settings["arrays"] = json!([array(Some("left"), 1, 0), array(Some("right"), 1, 0)]);
    let mut stream = Stream::create(Settings::new(library, &settings).unwrap()).unwrap();
    let unknown = ArrayKey::new("middle").unwrap();
    let error = stream.append(Some(&unknown), &frame(0)).unwrap_err();
    assert!(matches!(error, EngineError::Append { status: Status::KEY_NOT_FOUND, taken: 0, .. }), "{error}");
    let error = stream.append(None, &frame(0)).unwrap_err();
    assert!(matches!(error, EngineError::Append { taken: 0, .. }), "{error}");
    let left = ArrayKey::new("left").unwrap();
    stream.append(Some(&left), &frame(0)).unwrap();
    stream.close().unwrap();
    assert_frames(&store.join("left"), 1, &[frame(0)]);
}

#[test]
fn a_frame_too_many_is_refused_whole_and_the_store_is_sound() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut settings = document(&store, 2);
    settings["arrays"] = json!([array(None, 2, 2)]);
    let mut stream = Stream::create(Settings::new(library, &settings).unwrap()).unwrap();
    stream.append(None, &[frame(0), frame(1)].concat()).unwrap();
    let error = stream.append(None, &frame(2)).unwrap_err();
    assert!(matches!(error, EngineError::Append { status: Status::OUT_OF_BOUNDS, taken: 0, .. }), "{error}");
    stream.check(None).unwrap();
    stream.close().unwrap();
    assert_frames(&array_folder(&store), 2, &[frame(0), frame(1)]);
}

#[test]
fn refused_settings_name_the_field_that_the_engine_printed() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut settings = document(&folder.path().join("a.zarr"), 1);
    settings["arrays"][0]["data_type"] = json!("float16");
    let error = Settings::new(library, &settings).unwrap_err();
    assert!(matches!(error, EngineError::Settings { status: Status::INVALID_SETTINGS, .. }), "{error}");
    assert!(error.to_string().contains("float16"), "{error}");
}

#[test]
fn a_store_that_cannot_be_created_says_why() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = Stream::create(Settings::new(library, &document(&file.join("a.zarr"), 1)).unwrap()).unwrap_err();
    let EngineError::Create { printed } = &error else { panic!("{error}") };
    assert!(!printed.is_empty(), "the engine's reason is missing");
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn a_close_that_cannot_write_is_an_error_with_a_reason() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut stream = Stream::create(Settings::new(library, &document(&store, 3)).unwrap()).unwrap();
    obstruct(&store);
    stream.append(None, &frame(0)).unwrap();
    let error = stream.close().unwrap_err();
    assert!(matches!(&error, EngineError::Close { printed, .. } if !printed.is_empty()), "{error:?}");
}

/// Puts a file where the folder of the shards belongs, so that none can be written.
fn obstruct(store: &Path) {
    fs::write(store.join("c"), "in the way").unwrap();
}

/// Feeds the stream until it tells of the failure: the writes happen on the engine's own threads.
fn feed_until_it_fails(stream: &mut Stream, key: Option<&ArrayKey>) -> EngineError {
    for number in 0..600 {
        if let Err(error) = stream.append(key, &frame(number)).and_then(|()| stream.check(key)) {
            return error;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("no failure was told");
}

#[test]
fn a_failed_write_shows_in_check_in_append_and_in_close_with_the_same_cause() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut stream = Stream::create(Settings::new(library, &document(&store, 1)).unwrap()).unwrap();
    obstruct(&store);
    let first = feed_until_it_fails(&mut stream, None);
    let EngineError::Append { status: Status::INTERNAL, printed, .. } = &first else { panic!("{first:?}") };
    assert!(printed.contains("Not a directory"), "{first}");
    assert_eq!(stream.append(None, &frame(0)).unwrap_err(), first);
    assert_eq!(stream.check(None).unwrap_err(), first);
    assert_eq!(stream.close().unwrap_err(), first);
}

#[test]
fn a_failed_write_of_one_array_of_several_shows_in_check() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut settings = document(&store, 1);
    settings["arrays"] = json!([array(Some("left"), 1, 0), array(Some("right"), 1, 0)]);
    let mut stream = Stream::create(Settings::new(library, &settings).unwrap()).unwrap();
    stream.check(None).unwrap();
    fs::create_dir_all(store.join("left")).unwrap();
    obstruct(&store.join("left"));
    let error = feed_until_it_fails(&mut stream, Some(&ArrayKey::new("left").unwrap()));
    assert!(error.to_string().contains("left"), "{error}");
    assert_eq!(stream.close().unwrap_err(), error);
}

#[test]
fn texts_that_the_engine_would_change_are_refused_before_anything_is_written() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut settings = document(&folder.path().join("a.zarr"), 1);
    settings["arrays"][0]["dimensions"][0]["name"] = json!("t\0ime");
    assert!(matches!(Settings::new(library, &settings), Err(EngineError::Nul { .. })));
    assert!(matches!(ArrayKey::new("a\0b"), Err(EngineError::Nul { .. })));
    for name in ["a.zarr ", "a.zarr\n"] {
        let settings = document(&folder.path().join(name), 1);
        let error = Settings::new(library, &settings).unwrap_err();
        assert!(matches!(error, EngineError::WhiteSpace { field: "store_path", .. }), "{error}");
    }
    let mut settings = document(&folder.path().join("a.zarr"), 1);
    settings["arrays"][0]["output_key"] = json!(" left");
    assert!(matches!(Settings::new(library, &settings), Err(EngineError::WhiteSpace { field: "output_key", .. })));
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn store_paths_arrive_unchanged_whatever_characters_they_hold() {
    let Some(library) = engine() else { return };
    // The engine reads JSON with a YAML parser, which has ideas of its own about many of these.
    let names = [
        "null",
        "true",
        "1e3",
        "~",
        " a  b",
        "#a",
        "a: b",
        "[a]",
        "{a}",
        "a'b",
        "a\"b",
        "a\\b",
        "a\tb",
        "a\nb",
        "ä😀",
        "a\u{2028}b",
        "a\u{85}b",
        "a\u{7f}b",
        "%a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
    ];
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join(name);
        let mut stream = Stream::create(Settings::new(library, &document(&store, 1)).unwrap()).unwrap();
        stream.append(None, &frame(3)).unwrap();
        stream.close().unwrap();
        let inside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(inside, [name], "{name:?}");
        assert_frames(&array_folder(&store), 1, &[frame(3)]);
    }
}

#[test]
fn the_engine_estimates_and_tells_its_memory() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::new(library, &document(&folder.path().join("a.zarr"), 3)).unwrap();
    assert!(settings.estimate_memory().unwrap() >= FRAME as u64);
    let mut stream = Stream::create(settings).unwrap();
    stream.append(None, &frame(0)[..FRAME / 2]).unwrap();
    // Half a frame lies in the stream's own buffer of one frame, whatever the workers do.
    assert!(stream.memory_in_use().unwrap() >= FRAME as u64);
    stream.append_zeros(None, (FRAME / 2) as u64).unwrap();
    stream.close().unwrap();
}

#[test]
fn a_stream_may_move_to_another_thread_and_be_dropped_there() {
    let Some(library) = engine() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.zarr");
    let mut stream = Stream::create(Settings::new(library, &document(&store, 1)).unwrap()).unwrap();
    std::thread::spawn(move || {
        stream.append(None, &frame(4)).unwrap();
    })
    .join()
    .unwrap();
    assert_frames(&array_folder(&store), 1, &[frame(4)]);
}
