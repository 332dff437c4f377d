//! Settings -> JSON -> settings.

use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9\u{e4}_-]{1,6}"
}

/// Finite, and away from the extremes whose decimal text is long but exact all the same.
fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn position() -> impl Strategy<Value = Position> {
    (
        name(),
        prop::option::of((name(), name())),
        prop::option::of(any::<(i64, i64)>()),
        prop::option::of(number()),
        prop::option::of(number()),
        prop::option::of(number()),
        any::<Option<u32>>(),
    )
        .prop_map(|(name, well, cell, x_coord, y_coord, z_coord, acquisition)| {
            let (plate_row, plate_column) = well.unzip();
            let (grid_row, grid_column) = cell.unzip();
            Position { name, plate_row, plate_column, grid_row, grid_column, x_coord, y_coord, z_coord, acquisition }
        })
}

fn channel() -> impl Strategy<Value = Channel> {
    let window = prop::option::of((number(), number()).prop_map(|(start, end)| Window { start, end }));
    let nm = any::<Option<u32>>;
    (name(), nm(), nm(), prop::option::of(name()), any::<Option<[u8; 3]>>(), window).prop_map(
        |(name, excitation, emission, fluorophore, color, window)| Channel {
            name,
            excitation_wavelength_nm: excitation,
            emission_wavelength_nm: emission,
            fluorophore,
            color: color.map(Color::from_rgb),
            window,
        },
    )
}

fn coord() -> impl Strategy<Value = Coord> {
    prop_oneof![
        position().prop_map(Coord::Position),
        channel().prop_map(Coord::Channel),
        name().prop_map(Coord::Name),
        number().prop_map(Coord::Number),
    ]
}

fn dimension() -> impl Strategy<Value = Dimension> {
    use DimensionType::{Channel, Other, Position, Space, Time};
    let kind = prop::option::of(prop::sample::select(vec![Space, Time, Channel, Position, Other]));
    (
        (name(), any::<Option<u64>>(), kind),
        prop::option::of(prop::collection::vec(coord(), 0..4)),
        any::<(Option<u64>, Option<u64>)>(),
        prop::option::of(name()),
        prop::option::of(number()),
        prop::option::of(number()),
    )
        .prop_map(|((name, count, kind), coords, (chunk, shard), unit, scale, translation)| Dimension {
            name,
            count,
            kind,
            coords,
            chunk_size: chunk,
            shard_size_chunks: shard,
            unit,
            scale,
            translation,
        })
}

fn compression() -> impl Strategy<Value = Compression> {
    let codec = prop::sample::select(Codec::ALL);
    let shuffle = prop::sample::select(vec![Shuffle::None, Shuffle::Byte, Shuffle::Bit]);
    let checksum = prop::option::of(Just(Checksum::Crc32c));
    prop_oneof![
        codec.clone().prop_map(Compression::new),
        (codec, any::<i32>(), shuffle, checksum).prop_map(|(codec, level, shuffle, checksum)| Compression {
            codec,
            level,
            shuffle,
            checksum
        }),
    ]
}

fn format() -> impl Strategy<Value = Format> {
    let version = prop::sample::select(vec![NgffVersion::V0_4, NgffVersion::V0_5, NgffVersion::V0_6]);
    (name(), version, prop::sample::select(vec!["", ".zarr", ".ome.zarr"])).prop_map(|(backend, version, suffix)| {
        Format { version, suffix: suffix.into(), ..Format::with_backend(&backend) }
    })
}

fn storage_order() -> impl Strategy<Value = StorageOrder> {
    prop_oneof![
        Just(StorageOrder::Ome),
        Just(StorageOrder::Acquisition),
        prop::collection::vec(name(), 0..4).prop_map(StorageOrder::Explicit),
    ]
}

fn pyramid() -> impl Strategy<Value = Pyramid> {
    let sizes = || prop::collection::btree_map(name(), any::<u64>(), 0..3);
    (
        prop::sample::select(PyramidMethod::ALL),
        any::<(Option<u32>, Option<u64>)>(),
        prop::option::of(sizes()),
        prop::collection::vec(sizes(), 0..3),
        prop::collection::vec(sizes(), 0..3),
    )
        .prop_map(|(method, (levels, smallest), factors, chunks, shards)| Pyramid {
            method,
            levels,
            smallest,
            factors,
            chunks,
            shards,
        })
}

fn plate() -> impl Strategy<Value = Plate> {
    let names = || prop::collection::vec(name(), 0..3);
    let acquisition =
        (any::<u32>(), prop::option::of(name()), prop::option::of(name()), any::<(Option<u64>, Option<u64>)>())
            .prop_map(|(id, name, description, (start_time, end_time))| PlateAcquisition {
                name,
                description,
                start_time,
                end_time,
                ..PlateAcquisition::new(id)
            });
    let acquisitions = prop::collection::vec(acquisition, 0..3);
    (names(), names(), prop::option::of(name()), acquisitions)
        .prop_map(|(row_names, column_names, name, acquisitions)| Plate { row_names, column_names, name, acquisitions })
}

/// Any settings at all, most of them senseless.
fn settings() -> impl Strategy<Value = Settings> {
    use Durability::{Finish, Shard};
    (
        (".{0,12}", prop::collection::vec(dimension(), 0..4), prop::sample::select(DataType::ALL)),
        (format(), compression(), storage_order(), prop::option::of(plate()), any::<bool>()),
        (
            prop::option::of(pyramid()),
            any::<u64>(),
            any::<Option<usize>>(),
            prop::sample::select(vec![Finish, Shard, Durability::None]),
            prop::sample::select(vec![WhenFull::Block, WhenFull::Error, WhenFull::Drop]),
            number(),
            prop::option::of(name()),
            prop::option::of(any::<bool>()),
        ),
    )
        .prop_map(|((root_path, dimensions, dtype), known, ours)| {
            let (format, compression, storage_order, plate, overwrite) = known;
            let (pyramid, memory_limit, threads, durability, when_full, live_interval, program, frame_times) = ours;
            Settings {
                format,
                compression,
                storage_order,
                plate,
                overwrite,
                pyramid,
                memory_limit,
                threads,
                durability,
                when_full,
                live_interval,
                program,
                frame_times,
                ..Settings::new(root_path, dimensions, dtype)
            }
        })
}

proptest! {
    #[test]
    fn settings_survive_json(settings in settings()) {
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(Settings::parse_json(&text).unwrap(), settings);
    }

    #[test]
    fn any_settings_are_accepted_or_refused_with_field_and_remedy(settings in settings()) {
        let mut checked = settings.clone();
        match checked.validate() {
            Ok(_) => {
                let once = checked.clone();
                prop_assert_eq!(checked.validate().unwrap(), Vec::<String>::new());
                prop_assert_eq!(&checked, &once);
                let text = serde_json::to_string(&checked).unwrap();
                prop_assert_eq!(Settings::from_json(&text).unwrap(), once);
                super::schema::judges_like_the_reader(&text);
            }
            Err(error) => {
                let (field, _, problem, remedy) = parts(&error);
                prop_assert!(!field.is_empty() && !problem.is_empty() && !remedy.is_empty());
                prop_assert_eq!(checked, settings);
            }
        }
    }

    /// Dimensions that are valid (no chunk is larger than it may be), so that the normal form itself is tried.
    #[test]
    fn the_normal_form_is_stable(
        index in prop::collection::vec((1u64..50, prop::option::of((1u64..80, prop::option::of(1u64..20)))), 0..5),
        frame in (1u64..80, 1u64..80, prop::option::of(1u64..100)),
        order in prop::sample::select(vec![StorageOrder::Ome, StorageOrder::Acquisition]),
        shift in 0usize..5,
    ) {
        let mut names = ["t", "c", "z", "p", "q"];
        names.rotate_left(shift);
        // At most three axes before the frame beside positions.
        let mut dimensions: Vec<_> = names.iter().zip(&index).filter(|(name, _)| **name != "q" || index.len() < 4)
            .map(|(name, (count, chunk))| Dimension {
                chunk_size: chunk.map(|(chunk, _)| chunk),
                shard_size_chunks: chunk.and_then(|(_, shard)| shard),
                ..Dimension::new(name, *count)
            }).collect();
        let (rows, columns, chunk) = frame;
        dimensions.push(Dimension { chunk_size: chunk, ..Dimension::new("y", rows) });
        dimensions.push(Dimension::new("x", columns));
        let mut settings = Settings::new("a", dimensions, DataType::UInt16);
        settings.storage_order = order;
        settings.validate().unwrap();
        let once = settings.clone();
        prop_assert_eq!(settings.validate().unwrap(), Vec::<String>::new());
        prop_assert_eq!(&settings, &once);
        for dimension in &settings.dimensions {
            let count = dimension.count.unwrap();
            prop_assert!(dimension.chunk_size.is_none_or(|chunk| chunk <= count));
            let chunks = count.div_ceil(dimension.chunk_size.unwrap_or(count));
            prop_assert!(dimension.shard_size_chunks.is_none_or(|shard| shard <= chunks));
        }
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(Settings::from_json(&text).unwrap(), once);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}") {
        let _ = Settings::from_json(&text);
    }
}

#[test]
fn fields_of_ours_are_left_out_while_they_hold_their_default() {
    let settings = Settings { format: Format::default(), ..sound() };
    let written = serde_json::to_value(settings).unwrap();
    let keys: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["root_path", "dimensions", "dtype", "format", "compression", "storage_order", "plate", "overwrite"]
    );
    assert_eq!(written["format"], serde_json::json!({"name": "ome-zarr", "backend": "auto"}));
}
