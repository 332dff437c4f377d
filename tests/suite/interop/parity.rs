//! The same frames through the native engine and through another: the same pixels for foreign readers, the same shape,
//! the same metadata.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use ome_stream::backend::Backend;
use ome_stream::settings::{Codec, Compression, DataType, Shuffle, StorageOrder};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk::forget_end;
use ome_stream_tests::python::{self, say};
use ome_stream_tests::run::{Ran, run};
use ome_stream_tests::{check, manifest, read};
use serde_json::{Value, json};

/// Chunks and shards, finite and unbounded, in storage order and not; `p` stands where positions go.
const DIMENSIONS: [&str; 6] = [
    "t:6,p,c:2,y:24,x:20",
    "t:7:3,c:2:2,p,y:24:10,x:20:7",
    "p,t:6:1:2,c:2,y:24:12:2,x:20:10:2",
    "t:7:2:2,p,c:3:1:2,y:25:8:2,x:21:8:3",
    "t:inf:1:4,p,y:24:12:2,x:20:5:2",
    "t:inf:2:2,z:4:1:2,p,c:2,y:24:24:1,x:20:10:2",
];

/// The position dimension of each variant: none, one, several.
const POSITIONS: [&str; 3] = ["", "p:1,", "p:3,"];

/// What the host does with the frames that are declared: all of them, an early end, skips, nothing.
const HOSTS: [&str; 4] = ["everything", "an early end", "skips", "nothing"];

/// Order of the axes on disk. `Reversed` turns around all but the frame's own two.
#[derive(Debug, Clone, Copy)]
enum Order {
    Ome,
    Acquired,
    Reversed,
}

/// What both engines can write.
struct Matrix {
    dtypes: Vec<DataType>,
    compressions: Vec<Compression>,
    orders: Vec<Order>,
}

/// Values of each factor that meet in a case: type, compression, order, dimensions, positions, host.
type Picks = [usize; 6];

impl Matrix {
    /// acquire-zarr knows neither 16-bit floats nor gzip, and keeps the order of the acquisition.
    fn acquire() -> Self {
        let mut matrix = Self::tensorstore();
        matrix.dtypes.retain(|dtype| *dtype != DataType::Float16);
        matrix.compressions.retain(|compression| compression.codec != Codec::Gzip);
        matrix.orders = vec![Order::Ome];
        matrix
    }

    fn tensorstore() -> Self {
        let compressions = vec![
            Compression::new(Codec::None),
            Compression::new(Codec::BloscLz4),
            Compression::new(Codec::BloscZstd).with_level(1).with_shuffle(Shuffle::Bit),
            Compression::new(Codec::BloscZstd).with_shuffle(Shuffle::None),
            Compression::new(Codec::Zstd),
            Compression::new(Codec::Zstd).with_level(11),
            Compression::new(Codec::Gzip),
        ];
        Self {
            dtypes: DataType::ALL.to_vec(),
            compressions,
            orders: vec![Order::Ome, Order::Acquired, Order::Reversed],
        }
    }

    /// Number of values of each factor.
    fn sizes(&self) -> Picks {
        let own = [self.dtypes.len(), self.compressions.len(), self.orders.len()];
        let [dtypes, compressions, orders] = own;
        [dtypes, compressions, orders, DIMENSIONS.len(), POSITIONS.len(), HOSTS.len()]
    }

    /// Values of each factor, so that every value of every factor meets every value of every other in some case: each
    /// type with each compression once, which no set of cases can do with fewer, and steps through the others that make
    /// the rest meet (found by trying; a test counts what meets).
    fn picks(&self) -> Vec<Picks> {
        let [dtypes, compressions, orders, dimensions, positions, hosts] = self.sizes();
        let all = (0..dtypes).flat_map(|dtype| (0..compressions).map(move |compression| (dtype, compression)));
        all.map(|(d, c)| {
            let steps = [d + c, d + 5 * c + d / 3, d + 2 * c, d + c];
            let [order, dimension, position, host] = steps;
            [d, c, order % orders, dimension % dimensions, position % positions, host % hosts]
        })
        .collect()
    }

    fn case(&self, [dtype, compression, order, dimensions, positions, host]: Picks) -> Case {
        let dimensions = DIMENSIONS[dimensions].replace("p,", POSITIONS[positions]);
        let (dtype, compression, order) = (self.dtypes[dtype], self.compressions[compression], self.orders[order]);
        let (Compression { codec, level, shuffle, .. }, host) = (compression, HOSTS[host]);
        let name = format!("{dtype} {} {level} {shuffle:?} {dimensions} {order:?} {host}", codec.name());
        let case = Case::new(&name, &dimensions).dtype(dtype).compression(compression);
        let script = script(host, case.declared());
        let names = case.settings.dimensions.iter().map(|dimension| dimension.name.clone());
        let mut names: Vec<_> = names.filter(|name| name != "p").collect();
        let loops = names.len() - 2;
        names[..loops].reverse();
        let order = match order {
            Order::Ome => StorageOrder::Ome,
            Order::Acquired => StorageOrder::Acquisition,
            Order::Reversed => StorageOrder::Explicit(names),
        };
        case.order(order).script(&script)
    }

    fn cases(&self) -> Vec<Case> {
        self.picks().into_iter().map(|picks| self.case(picks)).collect()
    }
}

fn script(host: &str, declared: u64) -> Vec<Step> {
    use Step::{Append, Skip};
    match host {
        "everything" => vec![Append(declared)],
        "an early end" => vec![Append(declared * 3 / 5)],
        "skips" => vec![Skip(1), Append(declared / 3), Skip(declared / 4), Append(1)],
        _ => Vec::new(),
    }
}

/// The pairs of values, each with its factor, that meet in a case.
fn pairs(picks: Picks) -> impl Iterator<Item = [(usize, usize); 2]> {
    let factors = (0..picks.len()).flat_map(|left| (0..left).map(move |right| (left, right)));
    factors.map(move |(left, right)| [(left, picks[left]), (right, picks[right])])
}

/// Every metadata document below `root`, by its path.
fn documents(root: &Path) -> BTreeMap<PathBuf, Value> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the store") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("zarr.json") {
                let mut document = serde_json::from_slice(&fs::read(&path).expect("metadata")).expect("JSON");
                forget_end(&mut document);
                found.insert(path.strip_prefix(root).expect("below it").to_path_buf(), document);
            }
        }
    }
    found
}

/// The metadata as acquire-zarr has them to be: it knows no array without shards, so that a chunk is a shard of its
/// own.
fn with_shards(mut document: Value) -> Value {
    let codecs = document["codecs"].as_array().cloned().unwrap_or_default();
    if document["node_type"] == "array" && codecs.first().is_some_and(|first| first["name"] != "sharding_indexed") {
        document["codecs"] = json!([{
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": document["chunk_grid"]["configuration"]["chunk_shape"],
                "codecs": codecs,
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
                "index_location": "end",
            },
        }]);
    }
    document
}

fn written(case: &Case, engine: &dyn Backend, folder: &Path) -> Ran {
    let ran = run(case, engine, &folder.join(engine.name()));
    let ran = ran.unwrap_or_else(|error| panic!("{}: {}: {error:?}", engine.name(), case.name));
    for (position, image) in ran.images.iter().enumerate() {
        let found =
            read::zarrs(&ran.plan.array_path(position, 0)).and_then(|found| check::same_pixels(case, image, &found));
        found.unwrap_or_else(|wrong| panic!("{}: {}: position {position}: {wrong}", engine.name(), case.name));
    }
    ran
}

#[test]
fn every_value_of_a_factor_meets_every_value_of_every_other() {
    for matrix in [Matrix::acquire(), Matrix::tensorstore()] {
        let met: HashSet<_> = matrix.picks().into_iter().flat_map(pairs).collect();
        let sizes = matrix.sizes();
        let possible: usize =
            (0..sizes.len()).map(|left| (0..left).map(|right| sizes[left] * sizes[right]).sum::<usize>()).sum();
        assert_eq!(met.len(), possible);
        assert_eq!(matrix.picks().len(), sizes[0] * sizes[1], "as few as can be");
        let names: HashSet<_> = matrix.cases().into_iter().map(|case| case.name).collect();
        assert_eq!(names.len(), matrix.picks().len(), "no case twice");
    }
}

/// Holds `name` against the native engine; `expected` is what the native engine's metadata are with this engine.
fn same_as_native(name: &str, matrix: &Matrix, expected: fn(Value) -> Value) {
    let native = ome_stream_backends::open(ome_stream_backends::DEFAULT).expect("always there");
    let other = match ome_stream_backends::open(name) {
        Ok(other) => other,
        Err(error) => return say(&format!("skipped: parity with {name}: {error}")),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = matrix.cases();
    let mut stores = Vec::new();
    for case in &cases {
        let (ours, theirs) = (written(case, &*native, folder.path()), written(case, &*other, folder.path()));
        assert_eq!(ours.report.shapes, theirs.report.shapes, "{}", case.name);
        let expected: BTreeMap<_, _> = documents(&ours.root)
            .into_iter()
            .map(|(path, document)| match path.starts_with(".ome-stream") {
                true => (path, document), // what core writes by itself, with any engine
                false => (path, expected(document)),
            })
            .collect();
        let found = documents(&theirs.root);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", case.name);
        for (path, document) in &found {
            assert_eq!(document, &expected[path], "{}: {}", case.name, path.display());
        }
        stores.extend([manifest::store(case, &ours), manifest::store(case, &theirs)]);
    }
    say(&format!("parity: {} cases through zarrs and {name} have the same pixels and metadata", cases.len()));

    let Some(python) = python::setting(python::PYTHON, "parity by foreign readers") else { return };
    let _read = python::judged(&python, folder.path(), &stores);
    say(&format!("parity: {} stores read by foreign readers", stores.len()));
}

#[test]
fn acquire_zarr_writes_what_the_native_engine_writes() {
    same_as_native("acquire-zarr", &Matrix::acquire(), with_shards);
}

#[test]
fn tensorstore_writes_what_the_native_engine_writes() {
    same_as_native("tensorstore", &Matrix::tensorstore(), |document| document);
}
