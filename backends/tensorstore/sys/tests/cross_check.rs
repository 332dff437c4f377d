//! The stand-ins against the real thing: random partial writes over many codec chains, ours read by the official
//! TensorStore wheel and by zarr-python, the wheel's read by us.
//!
//! Runs where `OME_STREAM_PYTHON` names an interpreter with the packages of `tests/interop/requirements.txt`, as
//! `cargo xtask test` does; `OME_STREAM_REQUIRE_PYTHON=1` makes a missing one a failure.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ome_stream_tensorstore_sys::{Context, Region, Store, Transaction};
use serde_json::{Value, json};

/// Rounds of each codec chain, each with other regions and pixels.
const SEEDS: u64 = 3;

/// Regions that are written over each other in a round.
const WRITES: usize = 6;

/// Extents that are no multiple of any chunk.
const SHAPE: [usize; 3] = [7, 21, 34];

fn named(name: &str, configuration: Value) -> Value {
    json!({"name": name, "configuration": configuration})
}

fn little() -> Value {
    named("bytes", json!({"endian": "little"}))
}

fn big() -> Value {
    named("bytes", json!({"endian": "big"}))
}

fn crc() -> Value {
    json!({"name": "crc32c"})
}

fn zstd(level: i32, checksum: bool) -> Value {
    named("zstd", json!({"level": level, "checksum": checksum}))
}

fn gzip(level: i32) -> Value {
    named("gzip", json!({"level": level}))
}

fn blosc(cname: &str, shuffle: &str, size: usize) -> Value {
    named("blosc", json!({"cname": cname, "clevel": 5, "shuffle": shuffle, "typesize": size, "blocksize": 0}))
}

fn transpose(order: [usize; 3]) -> Value {
    named("transpose", json!({"order": order}))
}

fn sharded(chunk: [usize; 3], codecs: Value, location: &str) -> Value {
    named(
        "sharding_indexed",
        json!({
            "chunk_shape": chunk,
            "codecs": codecs,
            "index_codecs": [little(), crc()],
            "index_location": location,
        }),
    )
}

/// Type, stored object and codecs of each chain.
fn chains() -> Vec<(&'static str, [usize; 3], Value)> {
    let unit = [4, 12, 16];
    let inner = [2, 6, 8];
    vec![
        ("uint8", unit, json!([{"name": "bytes"}])),
        ("uint16", unit, json!([little()])),
        ("uint16", unit, json!([big()])),
        ("float32", unit, json!([big(), zstd(3, false)])),
        ("int64", unit, json!([transpose([2, 0, 1]), little()])),
        ("uint16", unit, json!([little(), crc()])),
        ("uint16", unit, json!([little(), zstd(1, true)])),
        ("float64", unit, json!([little(), zstd(-5, false), crc()])),
        ("uint16", unit, json!([little(), gzip(1)])),
        ("int32", unit, json!([little(), gzip(9), crc()])),
        ("uint16", unit, json!([little(), blosc("lz4", "shuffle", 2)])),
        ("uint32", unit, json!([little(), blosc("zstd", "bitshuffle", 4)])),
        ("float16", unit, json!([little(), blosc("zlib", "noshuffle", 2), crc()])),
        ("int16", unit, json!([transpose([1, 2, 0]), big(), blosc("lz4hc", "shuffle", 2)])),
        ("uint16", unit, json!([sharded(inner, json!([little()]), "end")])),
        ("uint16", unit, json!([sharded(inner, json!([little()]), "start")])),
        ("uint8", unit, json!([sharded(inner, json!([{"name": "bytes"}, zstd(3, false)]), "end")])),
        ("float32", unit, json!([sharded(inner, json!([little(), blosc("zstd", "shuffle", 4)]), "end")])),
        ("uint16", unit, json!([sharded(inner, json!([little(), gzip(5), crc()]), "start")])),
        ("int32", unit, json!([sharded(inner, json!([transpose([2, 1, 0]), big(), crc()]), "end")])),
        ("float16", unit, json!([sharded([1, 12, 16], json!([little(), zstd(0, true)]), "end")])),
    ]
}

/// xorshift64*: the same regions and pixels on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }
}

/// A region of the array with pixels for it.
struct Piece {
    origin: [usize; 3],
    shape: [usize; 3],
    pixels: Vec<u8>,
}

fn item_size(dtype: &str) -> usize {
    dtype.trim_start_matches(char::is_alphabetic).parse::<usize>().unwrap() / 8
}

fn pieces(dtype: &str, seed: u64) -> Vec<Piece> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (seed + 1));
    let one = |random: &mut Random| {
        let origin: [usize; 3] = std::array::from_fn(|axis| random.below(SHAPE[axis]));
        let shape: [usize; 3] = std::array::from_fn(|axis| 1 + random.below(SHAPE[axis] - origin[axis]));
        let count = shape.iter().product::<usize>();
        // One region in three is all fill value: chunks that are stored although they hold nothing.
        let blank = random.below(3) == 0;
        let pixels = (0..count).flat_map(|_| if blank { vec![0; item_size(dtype)] } else { pixel(dtype, random) });
        Piece { origin, shape, pixels: pixels.collect() }
    };
    (0..WRITES).map(|_| one(&mut random)).collect()
}

/// Floats stay numbers: their bits, and not whether they are equal, are compared.
fn pixel(dtype: &str, random: &mut Random) -> Vec<u8> {
    let value = random.below(2000) as f32 / 8.0 - 100.0;
    match dtype {
        "float16" => half::f16::from_f32(value).to_le_bytes().to_vec(),
        "float32" => value.to_le_bytes().to_vec(),
        "float64" => f64::from(value).to_le_bytes().to_vec(),
        _ => random.next().to_le_bytes()[..item_size(dtype)].to_vec(),
    }
}

/// What the array holds after these writes, C order.
fn model(dtype: &str, pieces: &[Piece]) -> Vec<u8> {
    let item = item_size(dtype);
    let mut all = vec![0; SHAPE.iter().product::<usize>() * item];
    for piece in pieces {
        let row = piece.shape[2] * item;
        for plane in 0..piece.shape[0] {
            for line in 0..piece.shape[1] {
                let from = (plane * piece.shape[1] + line) * row;
                let at = ((piece.origin[0] + plane) * SHAPE[1] + piece.origin[1] + line) * SHAPE[2] + piece.origin[2];
                all[at * item..at * item + row].copy_from_slice(&piece.pixels[from..from + row]);
            }
        }
    }
    all
}

fn spec(folder: &Path, dtype: &str, unit: [usize; 3], codecs: &Value) -> Value {
    json!({
        "driver": "zarr3",
        "kvstore": {"driver": "file", "path": format!("{}/", folder.display())},
        "metadata": {
            "shape": SHAPE,
            "data_type": dtype,
            "chunk_grid": named("regular", json!({"chunk_shape": unit})),
            "codecs": codecs,
        },
        "create": true,
        "store_data_equal_to_fill_value": true,
    })
}

fn signed(numbers: [usize; 3]) -> [i64; 3] {
    numbers.map(|number| number as i64)
}

/// A copy at an address that is right for every type.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    let mut copy = vec![0u64; bytes.len().div_ceil(8)];
    bytes_of(&mut copy, bytes.len()).copy_from_slice(bytes);
    copy
}

fn bytes_of(words: &mut [u64], length: usize) -> &mut [u8] {
    assert!(length <= size_of_val(words));
    // SAFETY: within the slice, initialized, and u8 has no alignment to keep.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), length) }
}

fn write(store: &Store, pieces: &[Piece], transaction: Transaction) {
    for piece in pieces {
        let mut copy = aligned(&piece.pixels);
        let region = Region { origin: &signed(piece.origin), shape: &signed(piece.shape) };
        store.write_all([(region, &*bytes_of(&mut copy, piece.pixels.len()))], transaction, 1).unwrap();
    }
}

fn read(store: &Store) -> Vec<u8> {
    let length = SHAPE.iter().product::<usize>() * store.item_size();
    let mut words = vec![0u64; length.div_ceil(8)];
    let bytes = bytes_of(&mut words, length);
    store.read(Region { origin: &[0, 0, 0], shape: &signed(SHAPE) }, bytes).unwrap();
    bytes.to_vec()
}

fn context() -> Context {
    Context::new(&json!({"cache_pool": {"total_bytes_limit": 0}, "file_io_sync": false}).to_string()).unwrap()
}

fn python() -> Option<PathBuf> {
    let found = std::env::var_os("OME_STREAM_PYTHON").filter(|value| !value.is_empty()).map(PathBuf::from);
    if found.is_none() {
        let required = std::env::var_os("OME_STREAM_REQUIRE_PYTHON").is_some_and(|value| value == "1");
        assert!(!required, "OME_STREAM_PYTHON is not set, and OME_STREAM_REQUIRE_PYTHON is 1");
        let _ = writeln!(
            std::io::stderr(),
            "skipped: cross-check: OME_STREAM_PYTHON is not set; `cargo xtask test` sets it"
        );
    }
    found
}

#[test]
fn there_are_as_many_chains_as_were_checked() {
    assert!(chains().len() >= 21, "{}", chains().len());
}

#[test]
fn we_read_back_what_we_wrote_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    for (nth, (dtype, unit, codecs)) in chains().iter().enumerate() {
        for seed in 0..SEEDS {
            let spec = spec(&folder.path().join(format!("{nth}-{seed}")), dtype, *unit, codecs);
            let store = Store::open(&context(), &spec.to_string()).unwrap();
            let pieces = pieces(dtype, seed);
            let transaction = if seed % 2 == 0 { Transaction::PerRegion } else { Transaction::None };
            write(&store, &pieces, transaction);
            assert!(read(&store) == model(dtype, &pieces), "chain {nth}, seed {seed}: {dtype} {codecs}");
        }
    }
}

#[test]
fn ours_and_the_official_wheels_are_read_by_each_other() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for (nth, (dtype, unit, codecs)) in chains().iter().enumerate() {
        for seed in 0..SEEDS {
            let here = folder.path().join(format!("{nth}-{seed}"));
            let pieces = pieces(dtype, seed);
            let store = Store::open(&context(), &spec(&here.join("ours"), dtype, *unit, codecs).to_string()).unwrap();
            write(&store, &pieces, Transaction::PerRegion);
            let listed: Vec<Value> = pieces
                .iter()
                .enumerate()
                .map(|(piece_nth, piece)| {
                    let file = here.join(format!("piece-{piece_nth}"));
                    fs::write(&file, &piece.pixels).unwrap();
                    json!({"origin": piece.origin, "shape": piece.shape, "pixels": file})
                })
                .collect();
            fs::write(here.join("expected"), model(dtype, &pieces)).unwrap();
            cases.push(json!({
                "ours": here.join("ours"),
                "expected": here.join("expected"),
                "dtype": dtype,
                "shape": SHAPE,
                "theirs": spec(&here.join("theirs"), dtype, *unit, codecs),
                "pieces": listed,
            }));
        }
    }
    let manifest = folder.path().join("cases.json");
    fs::write(&manifest, Value::from(cases.clone()).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cross_check.py");
    let output = Command::new(&python).arg(script).arg(&manifest).output().expect("the interpreter");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let count = cases.len();
    assert!(said.contains(&format!("{count} read by tensorstore, {count} by zarr")), "{said}");

    for (case, (nth, seed)) in cases.iter().zip((0..chains().len()).flat_map(|nth| (0..SEEDS).map(move |s| (nth, s)))) {
        let spec = json!({"driver": "zarr3", "kvstore": case["theirs"]["kvstore"]});
        let store = Store::open(&context(), &spec.to_string()).unwrap();
        let expected = fs::read(case["expected"].as_str().unwrap()).unwrap();
        assert!(read(&store) == expected, "written by the wheel, chain {nth}, seed {seed}");
    }
}
