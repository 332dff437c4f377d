//! Plans take no more memory than their settings allow, whatever the settings say. A binary of its own: it counts every
//! allocation.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::settings::{Checksum, Codec, Compression, Coord, DataType, Dimension, DimensionType};
use ome_stream::{Error, Plan, Settings};
use proptest::prelude::*;

#[expect(dead_code, reason = "the entry of the fuzz target")]
#[path = "../../../fuzz/src/targets/plans.rs"]
mod capped;

#[global_allocator]
static ALLOCATOR: capped::Counting = capped::Counting;

/// Small numbers, and numbers near every power of two.
fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 1u64..40,
        2 => (0u32..64, -2i64..3).prop_map(|(power, off)| (1u64 << power).saturating_add_signed(off)),
        1 => any::<u64>(),
    ]
}

fn any_dimension(name: &'static str) -> impl Strategy<Value = Dimension> {
    let sizes = prop::option::of((any_size(), prop::option::of(any_size())));
    (any_size(), sizes, any::<bool>()).prop_map(move |(count, sizes, unbounded)| {
        let mut dimension = Dimension::standard(name, count);
        if let Some((chunk, shard)) = sizes {
            (dimension.chunk_size, dimension.shard_size_chunks) = (Some(chunk), shard);
        }
        if unbounded && name == "t" {
            dimension.count = None;
        }
        dimension
    })
}

/// A channel dimension with as many names.
fn with_channels(channels: usize) -> Dimension {
    let mut dimension =
        Dimension::standard("c", 1).with_coords((0..channels).map(|nth| Coord::Name(format!("channel {nth}"))));
    dimension.kind = Some(DimensionType::Channel);
    dimension
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let frame = (any_dimension("y"), any_dimension("x"));
    let outer = (
        prop::option::of(any_dimension("t")),
        prop::option::of(any_dimension("z")),
        prop::option::of(1usize..2000),
        prop::option::of(any_size()),
        any::<bool>(),
    );
    let limit = prop_oneof![Just(1u64 << 20), Just(64 << 20), Just(1 << 30), Just(u64::MAX)];
    (frame, outer, limit, 0usize..10, 0usize..3).prop_map(
        |((rows, columns), (t, z, channels, positions, inner), limit, codec, dtype)| {
            let positions = positions.map(|count| {
                let mut dimension = Dimension::standard("p", count);
                dimension.kind = Some(DimensionType::Position);
                dimension
            });
            let (before, after) = if inner { (None, positions) } else { (positions, None) };
            // An unbounded dimension stands first, or the settings are refused.
            let dimensions = [before, t, after, channels.map(with_channels), z];
            let dimensions = dimensions.into_iter().flatten().chain([rows, columns]).collect();
            let dtype = [DataType::UInt8, DataType::UInt16, DataType::Float64][dtype];
            let mut settings = Settings::new("a", dimensions, dtype);
            settings.memory_limit = limit;
            settings.compression = Compression::new(Codec::ALL[codec % Codec::ALL.len()]);
            settings.compression.checksum = (codec >= Codec::ALL.len()).then_some(Checksum::Crc32c);
            settings
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_takes_more_memory_than_its_settings_allow(settings in any_settings()) {
        let length = serde_json::to_string(&settings).map_or(0, |text| text.len());
        capped::planned(&settings, length);
    }
}

#[test]
fn a_frame_of_too_many_chunks_is_refused_by_name_and_number() {
    for count in [1 << 53, 10_000_000_000, 12 << 20] {
        let columns = Dimension::standard("x", count + 1).with_chunk(12);
        let settings = Settings::new("a", vec![Dimension::standard("y", 1), columns], DataType::UInt8);
        let error = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect_err("too many chunks");
        assert!(matches!(error, Error::InvalidSettings { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("dimensions[1].chunk_size") && message.contains(" = 12:"), "{message}");
        assert!(message.contains(&(count + 1).to_string()), "{message}");
    }
    let columns = Dimension::standard("x", 12 << 20).with_chunk(12);
    let settings = Settings::new("a", vec![Dimension::standard("y", 1), columns], DataType::UInt8);
    assert!(Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).is_ok(), "as many as there may be");
}

#[test]
fn what_is_allocated_is_counted() {
    let settings = Settings::new(
        "a",
        vec![Dimension::standard("y", 1 << 10).with_chunk(1), Dimension::standard("x", 1 << 10).with_chunk(1)],
        DataType::UInt8,
    );
    assert!(capped::planned(&settings, 0));
    let error = std::panic::catch_unwind(|| capped::planned_within(&settings, 1 << 10));
    assert!(error.is_err(), "a table of a million chunks takes more than a KiB");
}
