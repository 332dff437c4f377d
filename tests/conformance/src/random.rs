//! Random cases: everything crossed with everything, on small arrays.

use ome_stream::settings::{
    Checksum, Codec, Compression, DataType, Dimension, Durability, NgffVersion, Shuffle, StorageOrder,
};
use proptest::prelude::*;

use crate::case::{Case, Step, field, plate};

/// Most frames that a random case takes.
const MOST_FRAMES: u64 = 60;

/// A loop or a side of a frame: count, chunk and shard.
#[derive(Debug, Clone)]
struct Extent {
    count: u64,
    chunk: Option<u64>,
    shard: Option<u64>,
}

fn extent(most: u64) -> impl Strategy<Value = Extent> {
    // Chunks and shards beyond the end are clamped, so a little more than fits is worth trying.
    (1..=most, prop::option::weighted(0.6, 1..=most + 2), prop::option::weighted(0.5, 1u64..4))
        .prop_map(|(count, chunk, shard)| Extent { count, chunk, shard: chunk.and(shard) })
}

impl Extent {
    fn dimension(&self, name: &str, unbounded: bool, sharded: bool) -> Dimension {
        let mut dimension = Dimension::standard(name, (!unbounded).then_some(self.count));
        dimension.chunk_size = self.chunk;
        dimension.shard_size_chunks = self.shard.filter(|_| sharded);
        dimension
    }
}

fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
    let names = Just(["t", "c", "z", "p"]).prop_shuffle();
    let loops = prop::collection::vec(extent(4), 0..=4);
    (names, loops, extent(24), extent(24), any::<bool>(), any::<bool>()).prop_map(
        |(names, loops, rows, columns, open, sharded)| {
            let mut dimensions: Vec<Dimension> = names
                .iter()
                .zip(&loops)
                .enumerate()
                .map(|(nth, (name, extent))| extent.dimension(name, open && nth == 0 && *name != "p", sharded))
                .collect();
            dimensions.extend([rows.dimension("y", false, sharded), columns.dimension("x", false, sharded)]);
            for dimension in dimensions.iter_mut().filter(|each| each.name == "p") {
                (dimension.chunk_size, dimension.shard_size_chunks) = (None, None);
            }
            dimensions
        },
    )
}

fn compression() -> impl Strategy<Value = Compression> {
    let shuffle = prop::sample::select(vec![Shuffle::None, Shuffle::Byte, Shuffle::Bit]);
    prop_oneof![
        3 => Just(Compression::default()),
        1 => (prop::sample::select(vec![Codec::BloscLz4, Codec::BloscZstd]), 1i32..=9, shuffle)
            .prop_map(|(codec, level, shuffle)| Compression::new(codec).with_level(level).with_shuffle(shuffle)),
        1 => (-3i32..=9).prop_map(|level| Compression::new(Codec::Zstd).with_level(level)),
        1 => (0i32..=9).prop_map(|level| Compression::new(Codec::Gzip).with_level(level)),
    ]
}

/// As a version has it: Zarr v2 has no checksum.
fn with_checksum(compression: Compression, summed: bool, version: NgffVersion) -> Compression {
    let summed = summed && version != NgffVersion::V0_4;
    if summed { compression.with_checksum(Checksum::Crc32c) } else { compression }
}

/// How a storage order comes about.
#[derive(Debug, Clone)]
enum Order {
    Ome,
    Acquisition,
    /// Explicit: index dimensions sorted by these keys.
    By([u8; 4]),
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ome), Just(Order::Acquisition), any::<[u8; 4]>().prop_map(Order::By)]
}

fn storage_order(order: &Order, dimensions: &[Dimension]) -> StorageOrder {
    let Order::By(keys) = order else {
        return if matches!(order, Order::Ome) { StorageOrder::Ome } else { StorageOrder::Acquisition };
    };
    let mut names: Vec<(u8, String)> = dimensions[..dimensions.len() - 2]
        .iter()
        .zip(keys)
        .filter(|(dimension, _)| dimension.name != "p")
        .map(|(dimension, key)| (*key, dimension.name.clone()))
        .collect();
    names.sort();
    StorageOrder::Explicit(names.into_iter().map(|(_, name)| name).chain(["y".into(), "x".into()]).collect())
}

/// Runs of appends and skips that end at or before the last declared frame.
fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![3 => (0u64..40).prop_map(Step::Append), 1 => (0u64..15).prop_map(Step::Skip)];
    prop::collection::vec(step, 0..6)
}

fn cut(script: &[Step], mut left: u64) -> Vec<Step> {
    let mut kept = Vec::new();
    for step in script {
        let frames = step.frames().min(left);
        left -= frames;
        kept.push(if matches!(step, Step::Append(_)) { Step::Append(frames) } else { Step::Skip(frames) });
    }
    kept
}

/// As a version has them: Zarr v2 has no shards.
fn without_shards(mut dimensions: Vec<Dimension>, version: NgffVersion) -> Vec<Dimension> {
    if version == NgffVersion::V0_4 {
        dimensions.iter_mut().for_each(|dimension| dimension.shard_size_chunks = None);
    }
    dimensions
}

/// Puts the positions of a case, if it has any, into wells of a plate: the one with number `n` into that of `wells[n]`.
fn in_wells(case: Case, wells: &[(usize, usize)]) -> Case {
    let (rows, columns) = (["A", "B"], ["1", "2", "10"]);
    let Some(positions) = case.settings.dimensions.iter().find(|each| each.name == "p") else { return case };
    let count = positions.count.unwrap_or(0) as usize;
    let well = |nth: usize| wells.get(nth % wells.len().max(1)).copied().unwrap_or_default();
    let name = |nth: usize| field((rows[well(nth).0], columns[well(nth).1]), &format!("f_{nth}"));
    let fields: Vec<_> = (0..count).map(name).collect();
    case.plate(plate(&rows, &columns), &fields)
}

/// Any case.
pub fn case() -> impl Strategy<Value = Case> {
    let dtype = prop::sample::select(DataType::ALL.to_vec());
    let durability = prop_oneof![9 => Just(Durability::None), 1 => Just(Durability::Shard)];
    let wells = prop::option::of(prop::collection::vec((0usize..2, 0usize..3), 4));
    let version = prop_oneof![
        3 => Just(NgffVersion::V0_5),
        1 => Just(NgffVersion::V0_4),
        1 => Just(NgffVersion::V0_6),
    ];
    let run = (script(), durability, version, prop::option::of(1usize..5));
    let codecs = (compression(), prop::bool::weighted(0.25));
    (dimensions(), wells, dtype, codecs, order(), run).prop_map(
        |(dimensions, wells, dtype, (compression, summed), order, (script, durability, version, threads))| {
            let order = storage_order(&order, &dimensions);
            let unbounded = dimensions.first().is_some_and(|first| first.count.is_none());
            let mut case = Case::of("random", without_shards(dimensions, version))
                .version(version)
                .dtype(dtype)
                .compression(with_checksum(compression, summed, version))
                .order(order)
                .durability(durability)
                .with(|settings| settings.threads = threads);
            let most = if unbounded { MOST_FRAMES } else { case.declared().min(MOST_FRAMES) };
            case.script = cut(&script, most);
            match wells {
                Some(wells) => in_wells(case, &wells),
                None => case,
            }
        },
    )
}
