//! An array in the other version of Zarr: the same pixels, by the same codecs, in the words of its document.
//!
//! What is stored of a chunk stays as it is, byte for byte, so only what both versions have words for is converted
//! (Zarr v3 codecs `bytes`, `transpose`, `blosc`, `zstd`, `gzip`; Zarr v2 "order", "compressor"). Two things differ:
//! shards, which Zarr v2 has not, are taken apart, and checksums (`crc32c`) are left out.

use serde_json::{Map, Value, json};

use crate::shown;
use crate::zarr::{ArrayDocument, ArrayFormat, Chain, Codec, DataType, Endian, Keys, Sharding, ZarrFormat, json};

/// What a document of Zarr v3 may say of an array; the last two where they say nothing.
const V3_MEMBERS: [&str; 12] = [
    "zarr_format",
    "node_type",
    "shape",
    "data_type",
    "chunk_grid",
    "chunk_key_encoding",
    "fill_value",
    "codecs",
    "attributes",
    "dimension_names",
    "storage_transformers",
    "consolidated_metadata",
];

/// What a document of Zarr v2 may say of an array.
const V2_MEMBERS: [&str; 9] =
    ["zarr_format", "shape", "chunks", "dtype", "compressor", "fill_value", "order", "filters", "dimension_separator"];

/// What becomes of the chunk files of an array.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Objects {
    /// How they are named.
    pub(super) from: Keys,
    /// How they will be named.
    pub(super) to: Keys,
    /// Numbers in a name.
    pub(super) axes: usize,
    /// The shards in which chunks lie.
    pub(super) shards: Option<(ArrayFormat, Sharding)>,
    /// Whether a checksum stands behind each chunk, which is left out.
    pub(super) checksum: bool,
}

/// The document of an array, of which `text` is the whole, in the other Zarr format, without attributes; `names` are
/// those of its axes, where metadata of an image tell them.
pub(super) fn converted(
    document: &Map<String, Value>,
    text: &[u8],
    names: Option<&[String]>,
    to: ZarrFormat,
) -> Result<(Value, Objects), String> {
    let known = if to == ZarrFormat::V2 { &V3_MEMBERS[..] } else { &V2_MEMBERS };
    if let Some(strange) = document.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("its member {} is not known", shown::value(strange)));
    }
    let found = ArrayDocument::of_object(document)?;
    if let Keys::Other(encoding) = &found.keys {
        return Err(format!("chunk_key_encoding {} is not known", shown::value(&encoding.to_string())));
    }
    let axes = found.shape.len();
    let from = found.keys.clone();
    let fill_value = fill_value(&told_fill(document, text), &found.data_type, to)?;
    let (made, shards, checksum) = match to {
        ZarrFormat::V2 => of_v3(document, found)?,
        ZarrFormat::V3 => {
            let codecs = codecs_of_v2(document, &found)?;
            let dimension_names = names.filter(|names| names.len() == axes);
            let dimension_names = dimension_names.map(|names| names.iter().cloned().map(Some).collect());
            (ArrayDocument { codecs, dimension_names, ..found }, None, false)
        }
    };
    let made = ArrayDocument { keys: to.keys(), fill_value, ..made };
    let document = made.of_format(to).map_err(|why| format!("{why}; {KEPT}"))?;
    Ok((document, Objects { from, to: to.keys(), axes, shards, checksum }))
}

/// What would work.
const KEPT: &str = "chunks keep their codec, which may be blosc, zstd, gzip or none: write the array anew with one of \
                    these first";

/// An array of Zarr v3 without shards and checksums, the shards in which its chunks lie, and whether they have
/// checksums.
#[expect(clippy::type_complexity, reason = "said once, and taken apart at once")]
fn of_v3(
    document: &Map<String, Value>,
    found: ArrayDocument,
) -> Result<(ArrayDocument, Option<(ArrayFormat, Sharding)>, bool), String> {
    let has = |name: &str| document.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if has("storage_transformers") {
        return Err("Zarr v2 has no storage_transformers".into());
    }
    let sharding = found.codecs.sharding().cloned();
    let format = ArrayFormat::of_anyone(ZarrFormat::V3, found.clone())?;
    let mut codecs = format.codecs.clone();
    let checksum = codecs.0.pop_if(|last| *last == Codec::Crc32c).is_some();
    if let Some(Codec::Other { name, .. }) = codecs.0.iter().find(|codec| !is_known(codec)) {
        return Err(format!("Zarr v2 has no codec {}; {KEPT}", shown::value(name)));
    }
    let made = ArrayDocument { object: format.chunk.clone(), codecs, dimension_names: None, ..found };
    Ok((made, sharding.map(|sharding| (format, sharding)), checksum))
}

/// The codecs of an array of Zarr v2, in the words of Zarr v3.
fn codecs_of_v2(document: &Map<String, Value>, found: &ArrayDocument) -> Result<Chain, String> {
    if let Some(filter) = document.get("filters").and_then(Value::as_array).and_then(|filters| filters.first()) {
        let name = filter.get("id").unwrap_or(filter).to_string();
        return Err(format!("filter {} has no counterpart in Zarr v3; {KEPT}", shown::value(&name)));
    }
    let size = found.data_type.size();
    let codec = |codec: &Codec| match codec {
        Codec::Bytes { endian } => {
            // NumPy says `|` where there is but one order, and some writers where there are two.
            let endian = if size == Some(1) { None } else { endian.or(Some(Endian::Little)) };
            Ok(Codec::Bytes { endian })
        }
        Codec::Blosc(blosc) => {
            let mut blosc = blosc.clone();
            blosc.blocksize.get_or_insert(0);
            Ok(Codec::Blosc(blosc))
        }
        Codec::Zstd(zstd) => {
            let mut zstd = *zstd;
            zstd.checksum.get_or_insert(false);
            Ok(Codec::Zstd(zstd))
        }
        other if is_known(other) => Ok(other.clone()),
        other => Err(format!("compressor {} has no counterpart in Zarr v3; {KEPT}", shown::value(other.name()))),
    };
    found.codecs.0.iter().map(codec).collect::<Result<_, _>>().map(Chain)
}

/// Whether a codec does not depend on who reads it. The order of axes has a name of its own in Zarr v2.
fn is_known(codec: &Codec) -> bool {
    !matches!(codec, Codec::Other { name, .. } if name != "transpose")
}

/// The fill value as the document tells it; Python's bare words as the strings that both formats have for them.
fn told_fill(document: &Map<String, Value>, text: &[u8]) -> Value {
    let told = document.get("fill_value").cloned().unwrap_or(Value::Null);
    let members = json::members(text).unwrap_or_default();
    match members.iter().rfind(|(name, _)| name == "fill_value") {
        Some((_, word)) if told.is_null() && *word != b"null" => String::from_utf8_lossy(word).into_owned().into(),
        _ => told,
    }
}

/// A fill value of pixels of a type in a format.
fn fill_value(told: &Value, data_type: &DataType, to: ZarrFormat) -> Result<Value, String> {
    let name = data_type.name.as_str();
    let refused = || {
        let told = shown::value(&told.to_string());
        format!("fill_value {told} of type {} has no counterpart in Zarr v{}", shown::value(name), to.number())
    };
    let is_float = name.starts_with("float");
    Ok(match told {
        // Zarr v2: "undefined"; readers take zeros.
        Value::Null if to == ZarrFormat::V2 => Value::Null,
        Value::Null if name == "bool" => false.into(),
        Value::Null if is_float => json!(0.0),
        Value::Null if name.contains("int") => 0.into(),
        Value::Bool(_) if name == "bool" => told.clone(),
        Value::Number(number) if name == "bool" => match number.as_f64() {
            Some(0.0) => false.into(),
            Some(1.0) => true.into(),
            _ => return Err(refused()),
        },
        Value::Number(_) if is_float => told.clone(),
        Value::Number(number) if name.contains("int") => match number.as_f64() {
            _ if !number.is_f64() => told.clone(),
            // Some writers tell integers so.
            Some(whole) if whole.fract() == 0.0 && whole.abs() <= MOST_EXACT => (whole as i64).into(),
            _ => return Err(refused()),
        },
        Value::String(word) if is_float && ["NaN", "Infinity", "-Infinity"].contains(&word.as_str()) => told.clone(),
        _ => return Err(refused()),
    })
}

/// Up to here every integer is a float.
const MOST_EXACT: f64 = (1u64 << 53) as f64;

#[cfg(test)]
mod tests {
    use super::*;

    fn v3(codecs: Value) -> Value {
        json!({
            "zarr_format": 3, "node_type": "array", "shape": [4, 100, 30], "data_type": "uint16",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 64, 32]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0, "codecs": codecs, "attributes": {}, "dimension_names": ["t", "y", "x"],
        })
    }

    fn v2(member: &str, value: Value) -> Value {
        let mut document = json!({
            "zarr_format": 2, "shape": [4, 100, 30], "chunks": [2, 64, 32], "dtype": "<u2", "compressor": null,
            "fill_value": 0, "order": "C", "filters": null, "dimension_separator": "/",
        });
        document[member] = value;
        document
    }

    fn to(document: &Value, to: ZarrFormat) -> Result<(Value, Objects), String> {
        let text = document.to_string();
        let names = ["t", "y", "x"].map(str::to_owned);
        converted(document.as_object().expect("an object"), text.as_bytes(), Some(&names), to)
    }

    fn little() -> Value {
        json!({"name": "bytes", "configuration": {"endian": "little"}})
    }

    #[test]
    fn every_codec_that_both_have_comes_back() {
        let blosc = json!({"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0});
        let compressors = [
            json!({"name": "blosc", "configuration": blosc}),
            json!({"name": "zstd", "configuration": {"level": 3, "checksum": false}}),
            json!({"name": "zstd", "configuration": {"level": 3, "checksum": true}}),
            json!({"name": "gzip", "configuration": {"level": 5}}),
        ];
        let transpose = json!({"name": "transpose", "configuration": {"order": [2, 1, 0]}});
        let big = json!({"name": "bytes", "configuration": {"endian": "big"}});
        let chains = compressors.into_iter().map(|compressor| json!([little(), compressor]));
        for codecs in chains.chain([json!([little()]), json!([transpose, little()]), json!([big])]) {
            let before = v3(codecs);
            let (made, objects) = to(&before, ZarrFormat::V2).expect("Zarr v2 has it");
            assert_eq!((objects.shards.is_none(), objects.checksum), (true, false));
            assert_eq!(to(&made, ZarrFormat::V3).map(|(again, _)| again), Ok(before));
        }
    }

    #[test]
    fn shards_are_taken_apart_and_checksums_left_out() {
        let inner = json!({"chunk_shape": [1, 32, 32], "codecs": [little(), "crc32c"],
            "index_codecs": [little(), "crc32c"], "index_location": "end"});
        let sharded = v3(json!([{"name": "sharding_indexed", "configuration": inner}]));
        let (made, objects) = to(&sharded, ZarrFormat::V2).expect("Zarr v2 has it");
        assert_eq!((&made["chunks"], &made["compressor"]), (&json!([1, 32, 32]), &Value::Null));
        assert!(objects.checksum && objects.shards.is_some_and(|(format, _)| format.chunks_per_shard() == 4));
    }

    #[test]
    fn arrays_of_others_are_said_as_zarr_v3_wants_them() {
        let of = |member: &str, value: Value| to(&v2(member, value), ZarrFormat::V3).expect("Zarr v3 has it");
        let (made, objects) = of("dimension_separator", json!("."));
        assert_eq!(objects.from.key(&[1, 0, 2]).as_deref(), Some("1.0.2"));
        assert_eq!(objects.to.key(&[1, 0, 2]).as_deref(), Some("c/1/0/2"));
        assert_eq!(made["dimension_names"], json!(["t", "y", "x"]));
        assert_eq!(of("dtype", json!("|u1")).0["codecs"], json!([{"name": "bytes"}]));
        assert_eq!(
            of("compressor", json!({"id": "zstd", "level": 1})).0["codecs"][1]["configuration"]["checksum"],
            false
        );
        assert_eq!(of("order", json!("F")).0["codecs"][0]["configuration"]["order"], json!([2, 1, 0]));
        assert_eq!(of("filters", json!([])).0["codecs"], json!([little()]));
    }

    #[test]
    fn what_one_of_them_has_not_is_refused_by_name() {
        let lzma = json!({"id": "lzma", "format": 1});
        for (document, format, parts) in [
            (
                v2("compressor", json!({"id": "zlib", "level": 1})),
                ZarrFormat::V3,
                ["compressor zlib", "blosc, zstd, gzip"],
            ),
            (v2("filters", json!([{"id": "delta", "dtype": "<u2"}])), ZarrFormat::V3, ["filter \"delta\"", "anew"]),
            (v2("filters", json!([lzma])), ZarrFormat::V3, ["filter \"lzma\"", "anew"]),
            (v2("dtype", json!("<U4")), ZarrFormat::V3, ["dtype", "<U4"]),
            (v2("more", json!(1)), ZarrFormat::V3, ["member more", "not known"]),
            (v3(json!([little(), {"name": "numcodecs.lz4"}])), ZarrFormat::V2, ["numcodecs.lz4", "blosc, zstd, gzip"]),
            (v3(json!([little(), "crc32c", "gzip"])), ZarrFormat::V2, ["codec gzip", "anew"]),
            (
                v3(json!([{"name": "transpose", "configuration": {"order": [1, 0, 2]}}, little()])),
                ZarrFormat::V2,
                ["transpose", "chain"],
            ),
        ] {
            let why = to(&document, format).expect_err(parts[0]);
            assert!(parts.iter().all(|part| why.contains(part)), "{why} should say {parts:?}");
        }
    }

    #[test]
    fn fill_values_are_those_of_the_type() {
        let [v2, v3] = ZarrFormat::ALL;
        for (name, told, format, expected) in [
            ("uint16", Value::Null, v3, Some(json!(0))),
            ("uint16", Value::Null, v2, Some(Value::Null)),
            ("bool", Value::Null, v3, Some(json!(false))),
            ("float32", Value::Null, v3, Some(json!(0.0))),
            ("uint16", json!(7.0), v3, Some(json!(7))),
            ("uint16", json!(7.5), v3, None),
            ("int64", json!(i64::MIN), v2, Some(json!(i64::MIN))),
            ("uint64", json!(u64::MAX), v3, Some(json!(u64::MAX))),
            ("bool", json!(1), v3, Some(json!(true))),
            ("bool", json!(2), v3, None),
            ("float32", json!("NaN"), v3, Some(json!("NaN"))),
            ("float32", json!("0x7fc00001"), v2, None),
            ("uint16", json!("NaN"), v3, None),
            ("complex64", json!([0.0, 0.0]), v3, None),
            ("r24", Value::Null, v3, None),
        ] {
            assert_eq!(fill_value(&told, &DataType::named(name), format).ok(), expected, "{name} {told}");
        }
        let text = br#"{"fill_value": NaN}"#;
        assert_eq!(told_fill(&json::parse_object(text).expect("an object"), text), json!("NaN"));
        assert_eq!(told_fill(&Map::new(), b"{}"), Value::Null);
    }
}
