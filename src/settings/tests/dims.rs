//! The one-line form of dimensions.

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
