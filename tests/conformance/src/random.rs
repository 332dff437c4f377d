//! Random cases: everything crossed with everything, on small arrays.

use std::collections::BTreeMap;

use ome_stream::settings::{
    Checksum, Codec, Compression, DataType, Dimension, Durability, NgffVersion, Pyramid, PyramidMethod, Shuffle,
    StorageOrder,
};
use proptest::prelude::*;

use crate::case::{Case, Step, field, plate};
use crate::levels::steps;
use crate::model;

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

/// Levels below full resolution, before it is known what there is to become smaller.
#[derive(Debug, Clone)]
struct Levels {
    method: PyramidMethod,
    /// Factors of rows, columns and planes.
    factors: [Option<u64>; 3],
    /// A number of levels, or else how small they become.
    levels: Option<u32>,
    smallest: u64,
    chunks: Vec<BTreeMap<String, u64>>,
    shards: Vec<BTreeMap<String, u64>>,
    /// Distance of planes, where that of pixels is 1.
    depth: f64,
}

fn pyramid() -> impl Strategy<Value = Levels> {
    let factor = || prop::option::weighted(0.5, 1u64..4);
    let sizes = || prop::collection::btree_map(prop::sample::select(vec!["t", "z", "y", "x"]), 1u64..9, 0..4);
    let named = |sizes: BTreeMap<&str, u64>| sizes.into_iter().map(|(name, size)| (name.to_owned(), size)).collect();
    let lists = || prop::collection::vec(sizes().prop_map(named), 0..3);
    let method = prop::sample::select(PyramidMethod::ALL.to_vec());
    let until = (prop::option::of(1u32..5), 1u64..13);
    let depth = prop::sample::select(vec![0.5, 1.0, 1.9, 2.0, 3.0, 10.0]);
    (method, [factor(), factor(), factor()], until, lists(), lists(), depth).prop_map(
        |(method, factors, (levels, smallest), chunks, shards, depth)| Levels {
            method,
            factors,
            levels,
            smallest,
            chunks,
            shards,
            depth,
        },
    )
}

/// With levels, as far as the image has any.
fn with_levels(mut case: Case, levels: &Levels) -> Case {
    let has = |name: &String| case.settings.dimensions.iter().any(|dimension| dimension.name == *name);
    let is_sharded = case.settings.dimensions.iter().any(|dimension| dimension.shard_size_chunks.is_some());
    let named = |list: &[BTreeMap<String, u64>]| -> Vec<BTreeMap<String, u64>> {
        let of_level =
            |sizes: &BTreeMap<String, u64>| sizes.clone().into_iter().filter(|(name, _)| has(name)).collect();
        list.iter().map(of_level).collect()
    };
    let names = ["y", "x", "z"].map(str::to_owned);
    let factors = names.into_iter().zip(levels.factors).filter(|(name, _)| has(name));
    let factors: BTreeMap<String, u64> = factors.filter_map(|(name, by)| Some((name, by?))).collect();
    let is_left = |name: &str| factors.get(name).is_none_or(|by| *by > 1);
    if !is_left("y") && !is_left("x") {
        // Nothing would ever become smaller, or what does would wait for it.
        return case;
    }
    let method = match levels.method.takes(case.settings.dtype) {
        true => levels.method,
        false => PyramidMethod::Median,
    };
    let mut pyramid = Pyramid {
        method,
        smallest: Some(levels.smallest),
        factors: Some(factors),
        chunks: named(&levels.chunks),
        shards: if is_sharded { named(&levels.shards) } else { Vec::new() },
        ..Pyramid::default()
    };
    case = case.dimension("z", |z| z.with_scale(levels.depth));
    if let Some(count) = levels.levels {
        (pyramid.levels, pyramid.smallest) = (Some(u32::MAX), None);
        case.settings.pyramid = Some(pyramid.clone());
        let axes = model::images(&case).first().map(|image| image.axes.clone()).unwrap_or_default();
        let all = 1 + steps(&case.settings, &axes).len() as u32;
        pyramid.levels = Some(count.min(all));
        // More of them than levels are refused.
        let below = count.min(all) as usize - 1;
        pyramid.chunks.truncate(below);
        pyramid.shards.truncate(below);
    }
    case.settings.pyramid = Some(pyramid);
    case
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
    let levels = prop::option::of(pyramid());
    (dimensions(), wells, dtype, codecs, order(), run, levels).prop_map(
        |(dimensions, wells, dtype, (compression, summed), order, (script, durability, version, threads), levels)| {
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
            if let Some(levels) = levels {
                case = with_levels(case, &levels);
            }
            match wells {
                Some(wells) => in_wells(case, &wells),
                None => case,
            }
        },
    )
}
