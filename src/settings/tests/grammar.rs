//! What command lines take: dimensions, sizes, codecs, orders in one line.

use proptest::prelude::*;

use super::*;

/// Name, count, chunk and shard.
type Part<Name> = (Name, Option<u64>, Option<u64>, Option<u64>);

fn read(text: &str) -> Vec<Part<String>> {
    parse_dims(text)
        .unwrap()
        .into_iter()
        .map(|each| (each.name, each.count, each.chunk_size, each.shard_size_chunks))
        .collect()
}

fn expect(text: &str, parts: &[Part<&str>]) {
    let parts: Vec<_> =
        parts.iter().map(|(name, count, chunk, shard)| ((*name).to_owned(), *count, *chunk, *shard)).collect();
    assert_eq!(read(text), parts, "{text}");
}

#[test]
fn count_chunk_and_shard_are_read_in_this_order() {
    expect(
        "t:20,y:1024:256,x:512:128:4",
        &[("t", Some(20), None, None), ("y", Some(1024), Some(256), None), ("x", Some(512), Some(128), Some(4))],
    );
}

#[test]
fn a_frame_without_x_is_square() {
    expect(
        "t:20,y:1024:256:2",
        &[("t", Some(20), None, None), ("y", Some(1024), Some(256), Some(2)), ("x", Some(1024), Some(256), Some(2))],
    );
}

#[test]
fn inf_is_an_unbounded_count() {
    expect(
        "t:inf:8, y:16, x:16",
        &[("t", None, Some(8), None), ("y", Some(16), None, None), ("x", Some(16), None, None)],
    );
}

#[test]
fn standard_names_bring_types_and_units() {
    let dimensions = parse_dims("p:2,t:3,c:1,z:5,y:8,x:8").unwrap();
    let read: Vec<_> = dimensions.iter().map(|each| (each.kind.unwrap().name(), each.unit.as_deref())).collect();
    assert_eq!(
        read,
        [
            ("position", None),
            ("time", Some("second")),
            ("channel", None),
            ("space", Some("micrometer")),
            ("space", Some("micrometer")),
            ("space", Some("micrometer")),
        ]
    );
    let mut settings = Settings::new("a", dimensions, DataType::UInt8);
    assert_eq!(settings.validate().unwrap(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_named() {
    let cases = [
        ("", "dimensions[0]", "\"\""),
        ("t", "dimensions[0]", "\"t\""),
        ("t:20,,y:5", "dimensions[1]", "\"\""),
        ("t:20,q:5,y:5", "dimensions[1].name", "\"q:5\""),
        ("T:20,y:5", "dimensions[0].name", "\"T:20\""),
        ("time:20,y:5", "dimensions[0].name", "\"time:20\""),
        (":20,y:5", "dimensions[0].name", "\":20\""),
        ("t:,y:5", "dimensions[0].count", "\"t:\""),
        ("t:0,y:5", "dimensions[0].count", "\"t:0\""),
        ("t:+5,y:5", "dimensions[0].count", "\"t:+5\""),
        ("t:-5,y:5", "dimensions[0].count", "\"t:-5\""),
        ("t:5.5,y:5", "dimensions[0].count", "\"t:5.5\""),
        ("t:99999999999999999999,y:5", "dimensions[0].count", "\"t:99999999999999999999\""),
        ("t:5:x,y:5", "dimensions[0].chunk_size", "\"t:5:x\""),
        ("t:5:inf,y:5", "dimensions[0].chunk_size", "\"t:5:inf\""),
        ("y:5:5:0", "dimensions[0].shard_size_chunks", "\"y:5:5:0\""),
        ("y:5::2", "dimensions[0].chunk_size", "\"y:5::2\""),
        ("y:5:5:1:1", "dimensions[0]", "\"y:5:5:1:1\""),
        ("y:5,z:5", "dimensions", "\"y:5,z:5\""),
    ];
    for (text, field, value) in cases {
        let error = parse_dims(text).unwrap_err();
        let (got_field, got_value, problem, remedy) = parts(&error);
        assert_eq!((got_field, got_value), (field, value), "{text}: {error}");
        assert!(!problem.is_empty() && !remedy.is_empty(), "{text}: {error}");
    }
}

#[test]
fn units_of_sizes_with_a_b_are_of_1000_and_all_others_of_1024() {
    for (text, size) in [
        ("512kB", 512_000),
        ("512 kb", 512_000),
        ("3MB", 3_000_000),
        ("1.5GB", 1_500_000_000),
        ("2TB", 2_000_000_000_000),
        ("512KiB", 512 << 10),
        ("512K", 512 << 10),
        ("512m", 512 << 20),
        ("2GiB", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("1T", 1 << 40),
        ("4096", 4096),
        ("7B", 7),
    ] {
        assert_eq!(parse_bytes("memory_limit", text).unwrap(), size, "{text}");
    }
    for text in [
        "",
        "M",
        "GiB",
        "-1",
        "-1MiB",
        "0",
        "0GiB",
        "0.4",
        "1e3",
        "+1",
        "nan",
        "inf",
        "99999999999T",
        "20000000TB",
        "1.2.3m",
        "1X",
    ] {
        let error = parse_bytes("memory_limit", text).unwrap_err();
        assert_eq!(
            (parts(&error).0, parts(&error).1),
            ("memory_limit", crate::shown::quoted(text).as_str()),
            "{error}"
        );
    }
}

#[test]
fn a_codec_may_carry_its_level_and_is_written_as_it_is_read() {
    let plain: Compression = "blosc-zstd".parse().unwrap();
    assert_eq!((plain.codec, plain.level, plain.shuffle), (Codec::BloscZstd, 3, Shuffle::Byte));
    for text in ["none", "blosc-lz4:9", "blosc-zstd:0", "gzip:2", "zstd:-5", "zstd:22", "none+crc32c", "zstd:-7+crc32c"]
    {
        assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
    }
    for (text, field, part) in [
        ("lzw", "compression", "blosc-lz4"),
        (":3", "compression", "unknown codec"),
        ("lz5:1", "compression", "unknown codec"),
        ("zstd:", "compression.level", "not a whole number"),
        ("zstd:x", "compression.level", "zstd:5"),
        ("gzip:12", "compression.level", "0 to 9"),
        ("none:0", "compression.level", "no levels"),
        ("none+crc32", "compression.checksum", "zstd:5+crc32c"),
        ("zstd:3+", "compression.checksum", "unknown checksum"),
        ("+crc32c", "compression", "unknown codec"),
    ] {
        let error = text.parse::<Compression>().unwrap_err();
        assert_eq!(parts(&error).0, field, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn an_order_is_a_word_or_names_that_end_with_the_frame() {
    let named = |names: &[&str]| StorageOrder::Explicit(names.iter().map(|name| (*name).to_owned()).collect());
    for (text, order) in [
        ("ome", StorageOrder::Ome),
        ("acquisition", StorageOrder::Acquisition),
        ("tzcyx", named(&["t", "z", "c", "y", "x"])),
        ("t, z,c,y,x", named(&["t", "z", "c", "y", "x"])),
        ("t,c,z", named(&["t", "c", "z", "y", "x"])),
        ("tz", named(&["t", "z", "y", "x"])),
        ("angle,t", named(&["angle", "t", "y", "x"])),
    ] {
        let read: StorageOrder = text.parse().unwrap();
        assert_eq!(read, order, "{text}");
        assert_eq!(read.to_string().parse::<StorageOrder>().unwrap(), order, "{text}");
    }
    for text in ["", "t,,z", ",", "t,"] {
        assert_eq!(parts(&text.parse::<StorageOrder>().unwrap_err()).0, "storage_order", "{text}");
    }
}

#[test]
fn policies_are_read_by_their_names() {
    for each in [Durability::Finish, Durability::Shard, Durability::None] {
        assert_eq!(each.name().parse::<Durability>().unwrap(), each);
        assert_eq!(serde_json::to_value(each).unwrap(), each.name());
    }
    assert_eq!("drop".parse::<WhenFull>().unwrap(), WhenFull::Drop);
    assert_eq!(parts(&"always".parse::<Durability>().unwrap_err()).0, "durability");
    let error = "always".parse::<Durability>().unwrap_err();
    assert_eq!((parts(&error).2, parts(&error).3), ("unknown value", "expected one of finish, shard, none"));
    assert_eq!(parts(&"wait".parse::<WhenFull>().unwrap_err()).0, "when_full");
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        sizes in prop::collection::vec((1u64.., prop::option::of((1u64.., prop::option::of(1u64..)))), 1..6)
    ) {
        let names = ["t", "c", "z", "y", "x"];
        let mut text = Vec::new();
        let mut expected = Vec::new();
        for (name, (count, rest)) in names.into_iter().rev().zip(sizes).collect::<Vec<_>>().into_iter().rev() {
            let chunk = rest.map(|(chunk, _)| chunk);
            let shard = rest.and_then(|(_, shard)| shard);
            let fields = [Some(count), chunk, shard].into_iter().flatten().map(|each| format!(":{each}"));
            text.push(format!("{name}{}", fields.collect::<String>()));
            expected.push((name.to_owned(), Some(count), chunk, shard));
        }
        prop_assert_eq!(read(&text.join(",")), expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9:,. +-]{0,40}") {
        let _ = parse_dims(&text);
    }
}
