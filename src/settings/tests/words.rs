//! Words and numbers of single fields: data types, codecs, colors, units, formats, paths.

use std::path::{Path, PathBuf};

use serde_json::{from_value, json};

use super::*;
use crate::settings::unit;

#[test]
fn every_data_type_is_read_by_name_and_by_numpy_s_short_names() {
    for dtype in DataType::ALL {
        let by_name: DataType = from_value(json!(dtype.name())).unwrap();
        assert_eq!(by_name, *dtype);
        assert_eq!(serde_json::to_value(dtype).unwrap(), json!(dtype.name()));
        let kind = &dtype.name()[..1];
        let short = format!("{kind}{}", dtype.size());
        for order in ["", "<", "="] {
            let by_code: DataType = format!("{order}{short}").parse().unwrap();
            assert_eq!(by_code, *dtype, "{order}{short}");
        }
    }
    assert_eq!("half".parse::<DataType>().unwrap(), DataType::Float16);
    assert_eq!("single".parse::<DataType>().unwrap(), DataType::Float32);
    assert_eq!("double".parse::<DataType>().unwrap(), DataType::Float64);
}

#[test]
fn sizes_of_data_types_are_those_in_their_names() {
    for dtype in DataType::ALL {
        let bits: usize = dtype.name().trim_start_matches(|each: char| each.is_ascii_alphabetic()).parse().unwrap();
        assert_eq!(dtype.size() * 8, bits, "{dtype}");
    }
}

#[test]
fn byte_order_matters_only_where_there_are_several_bytes() {
    for text in ["|u1", ">u1", "<i1"] {
        assert_eq!(text.parse::<DataType>().unwrap().size(), 1, "{text}");
    }
    for text in [">u2", ">f4", ">i8"] {
        let error = text.parse::<DataType>().unwrap_err();
        assert!(error.to_string().contains("big-endian"), "{error}");
    }
    for text in ["", "bool", "complex64", "u3", "<uint16", "UINT16", "float128", "int"] {
        let error = text.parse::<DataType>().unwrap_err();
        assert_eq!(parts(&error).0, "dtype", "{text}");
    }
}

#[test]
fn compression_is_read_as_null_word_or_object() {
    let default = |codec| Compression::new(codec);
    let cases = [
        (json!(null), default(Codec::None)),
        (json!("none"), default(Codec::None)),
        (json!("blosc-zstd"), default(Codec::BloscZstd)),
        (json!("blosc-lz4"), default(Codec::BloscLz4)),
        (json!("zstd"), default(Codec::Zstd)),
        (json!("gzip"), default(Codec::Gzip)),
        (json!({"codec": "zstd", "level": -7}), default(Codec::Zstd).with_level(-7)),
        (json!({"codec": "gzip", "level": null}), default(Codec::Gzip)),
        (json!({"codec": "blosc-lz4", "shuffle": "bit"}), default(Codec::BloscLz4).with_shuffle(Shuffle::Bit)),
        (
            json!({"codec": "blosc-zstd", "level": 9, "shuffle": "none"}),
            default(Codec::BloscZstd).with_level(9).with_shuffle(Shuffle::None),
        ),
        (json!({"codec": "none", "checksum": "crc32c"}), default(Codec::None).with_checksum(Checksum::Crc32c)),
        (json!({"codec": "zstd", "checksum": null}), default(Codec::Zstd)),
        (
            json!({"codec": "gzip", "level": 1, "checksum": "crc32c"}),
            default(Codec::Gzip).with_level(1).with_checksum(Checksum::Crc32c),
        ),
    ];
    for (text, expected) in cases {
        let read: Compression = from_value(text.clone()).unwrap();
        assert_eq!(read, expected, "{text}");
        read.check().unwrap();
    }
}

#[test]
fn codecs_have_ome_writers_levels_and_shuffle() {
    let defaults = |codec: Codec| {
        let compression = Compression::new(codec);
        (compression.level, compression.shuffle)
    };
    assert_eq!(defaults(Codec::BloscZstd), (3, Shuffle::Byte));
    assert_eq!(defaults(Codec::BloscLz4), (5, Shuffle::Byte));
    assert_eq!(defaults(Codec::Zstd), (3, Shuffle::None));
    assert_eq!(defaults(Codec::None), (0, Shuffle::None));
}

#[test]
fn compression_is_written_as_a_word_where_it_holds_the_defaults() {
    for codec in Codec::ALL {
        let written = serde_json::to_value(Compression::new(*codec)).unwrap();
        assert_eq!(written, json!(codec.name()));
    }
    let written = serde_json::to_value(Compression::new(Codec::BloscZstd).with_level(1)).unwrap();
    assert_eq!(written, json!({"codec": "blosc-zstd", "level": 1, "shuffle": "byte"}));
    let written = serde_json::to_value(Compression::new(Codec::None).with_checksum(Checksum::Crc32c)).unwrap();
    assert_eq!(written, json!({"codec": "none", "level": 0, "shuffle": "none", "checksum": "crc32c"}));
}

#[test]
fn colors_are_read_in_every_form_that_ome_writers_takes() {
    let orange = Color::from_rgb([255, 165, 0]);
    let forms = [
        json!("orange"),
        json!("Orange"),
        json!("#ffa500"),
        json!("#FFA500"),
        json!("ffa500"),
        json!("0xffa500"),
        json!("#ffa50080"),
        json!("rgb(255, 165, 0)"),
        json!("rgba(255, 165, 0, 0.5)"),
        json!("hsl(38.824, 100%, 50%)"),
        json!([255, 165, 0]),
        json!([255, 165, 0, 0.25]),
        json!([254.6, 165.0, 0.0]),
    ];
    for form in forms {
        assert_eq!(from_value::<Color>(form.clone()).unwrap(), orange, "{form}");
    }
    assert_eq!(from_value::<Color>(json!("#fa0")).unwrap(), Color::from_rgb([255, 170, 0]));
    assert_eq!(from_value::<Color>(json!("fa0")).unwrap(), Color::from_rgb([255, 170, 0]));
    assert_eq!(orange.hex(), "FFA500");
    assert_eq!(serde_json::to_value(orange).unwrap(), json!("#ffa500"));
}

#[test]
fn what_is_not_a_color_is_refused() {
    let forms = [
        json!("no color"),
        json!(""),
        json!("#ff"),
        json!("#gggggg"),
        json!([1, 2]),
        json!([1, 2, 256]),
        json!([-1, 2, 3]),
        json!([1, 2, 3, 4]),
        json!([1, 2, 3, 0.5, 0.5]),
        json!([]),
        json!(7),
        json!({"r": 1}),
    ];
    for form in forms {
        assert!(from_value::<Color>(form.clone()).is_err(), "{form}");
    }
}

#[test]
fn units_are_known_by_name_symbol_and_alias() {
    use DimensionType::{Channel, Space, Time};
    let known = [
        ("micrometer", Space, "micrometer"),
        ("Micrometer", Space, "micrometer"),
        ("um", Space, "micrometer"),
        ("u", Space, "micrometer"),
        ("micron", Space, "micrometer"),
        ("Micron", Space, "micrometer"),
        ("\u{b5}m", Space, "micrometer"),
        ("\u{3bc}m", Space, "micrometer"),
        ("A", Space, "angstrom"),
        ("\u{c5}", Space, "angstrom"),
        ("\u{212b}", Space, "angstrom"),
        ("nm", Space, "nanometer"),
        ("mm", Space, "millimeter"),
        ("Mm", Space, "megameter"),
        ("in", Space, "inch"),
        ("s", Time, "second"),
        ("sec", Time, "second"),
        ("us", Time, "microsecond"),
        ("usec", Time, "microsecond"),
        ("\u{b5}s", Time, "microsecond"),
        ("\u{3bc}sec", Time, "microsecond"),
        ("msec", Time, "millisecond"),
        ("MIN", Time, "minute"),
        ("Ms", Time, "megasecond"),
        ("ms", Time, "millisecond"),
    ];
    for (text, kind, name) in known {
        assert_eq!(unit::to_ngff(text, kind), Some(name), "{text}");
        assert_eq!(unit::kind(text), Some(kind), "{text}");
    }
    for (text, kind) in [("UM", Space), ("S", Time), ("um", Time), ("s", Space), ("", Space), ("um", Channel)] {
        assert_eq!(unit::to_ngff(text, kind), None, "{text}");
    }
    assert_eq!(unit::kind("volt"), None);
}

#[test]
fn formats_are_read_as_word_or_object() {
    let named = |word: &str| from_value::<Format>(json!(word)).unwrap();
    for word in ["auto", "ome-zarr", "zarr", "OME-Zarr"] {
        assert_eq!(named(word), Format::default(), "{word}");
    }
    for word in ["zarrs", "tensorstore", "acquire-zarr", "zarr-python", "memory"] {
        assert_eq!(named(word), Format::with_backend(word));
    }
    let object: Format = from_value(json!({"backend": "zarrs", "suffix": ".zarr", "version": "0.6"})).unwrap();
    assert_eq!(object, Format { suffix: ".zarr".into(), version: NgffVersion::V0_6, ..Format::with_backend("zarrs") });
    for (version, name) in [(NgffVersion::V0_4, "0.4"), (NgffVersion::V0_5, "0.5"), (NgffVersion::V0_6, "0.6")] {
        assert_eq!(version.name(), name);
        assert_eq!(from_value::<NgffVersion>(json!(name)).unwrap(), version);
    }
}

#[test]
fn a_store_s_folder_has_the_suffix_that_ome_writers_gives_it() {
    let cases = [
        ("a/b", ".ome.zarr", "a/b.ome.zarr"),
        ("a/b.ome.zarr", ".ome.zarr", "a/b.ome.zarr"),
        ("a/b.zarr", ".zarr", "a/b.zarr"),
        ("a/b.ZARR", ".zarr", "a/b.zarr"),
        ("a/b.test.ome.zarr", ".ome.zarr", "a/b.test.ome.zarr"),
        ("a/b.ome.test.zarr", ".zarr", "a/b.ome.test.zarr"),
        ("a/b.ome", ".ome.zarr", "a/b.ome.ome.zarr"),
        ("a/b.ome.zarr/", ".ome.zarr", "a/b.ome.zarr"),
        ("a/b.zarr//", ".zarr", "a/b.zarr"),
        ("../up", ".ome.zarr", "../up.ome.zarr"),
        ("/abs/\u{b5}-run 7", ".ome.zarr", "/abs/\u{b5}-run 7.ome.zarr"),
    ];
    for (root, suffix, folder) in cases {
        let mut settings = sound();
        settings.format = Format::default();
        settings.root_path = root.into();
        assert_eq!(settings.output_path(), Path::new(folder), "{root} before validation");
        settings.validate().unwrap();
        assert_eq!(settings.format.suffix, suffix, "{root}");
        assert_eq!(settings.output_path(), Path::new(folder), "{root}");
    }
}

#[test]
fn a_suffix_that_is_given_wins() {
    let mut settings = sound();
    settings.root_path = "a/b.zarr".into();
    settings.format.suffix = ".ngff.zarr".into();
    settings.validate().unwrap();
    assert_eq!(settings.output_path(), Path::new("a/b.ngff.zarr"));
}

#[test]
fn a_tilde_is_the_home_folder() {
    let mut settings = sound();
    settings.format = Format::default();
    settings.root_path = "~/run".into();
    settings.validate().unwrap();
    let home: PathBuf = std::env::home_dir().unwrap();
    assert_eq!(settings.output_path(), home.join("run.ome.zarr"));
}

#[test]
fn standard_plates_have_the_rows_and_columns_of_their_makers() {
    for (wells, rows, columns) in
        [(6, 2, 3), (12, 3, 4), (24, 4, 6), (48, 6, 8), (96, 8, 12), (384, 16, 24), (1536, 32, 48)]
    {
        let plate = Plate::from_standard_wells(wells).unwrap();
        assert_eq!((plate.row_names.len(), plate.column_names.len()), (rows, columns));
        assert_eq!(plate.row_names.len() * plate.column_names.len(), wells as usize);
    }
    let large = Plate::from_standard_wells(1536).unwrap();
    assert_eq!(large.row_names[..2], ["A", "B"]);
    assert_eq!(large.row_names[25..], ["Z", "AA", "AB", "AC", "AD", "AE", "AF"]);
    assert_eq!(large.column_names[47], "48");
    assert_eq!(parts(&Plate::from_standard_wells(7).unwrap_err()).1, "7 wells");
}

#[test]
fn a_pyramid_is_read_in_one_word() {
    let read = |text: &str| text.parse::<Pyramid>();
    for method in PyramidMethod::ALL {
        assert_eq!(read(method.name()).unwrap(), Pyramid::by(*method));
        let levels = Pyramid { levels: Some(4), ..Pyramid::by(*method) };
        assert_eq!(read(&format!("{}:4", method.name())).unwrap(), levels);
    }
    for (text, field, value) in [
        ("", "pyramid.method", "\"\""),
        ("gauss:3", "pyramid.method", "\"gauss\""),
        ("stack.tif", "pyramid.method", "\"stack.tif\""),
        ("mean:", "pyramid.levels", "\"\""),
        ("mean:-1", "pyramid.levels", "\"-1\""),
        ("mean:2:2", "pyramid.levels", "\"2:2\""),
        ("mean:99999999999", "pyramid.levels", "\"99999999999\""),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!((parts(&error).0, parts(&error).1), (field, value), "{error}");
    }
}
