//! Arrays of Zarr v2, made of documents and keys of ours and read by others.

use std::borrow::Cow;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use ome_stream::Plan;
use ome_stream::plan::{Capabilities, Form, StorageUnit};
use ome_stream::settings::{Codec, Compression, DataType, Settings, parse_dims};
use ome_stream::zarr::{ArrayDocument, Document, Keys, Separator, V2_ARRAY, group_v2, json};
use ome_stream_tests::python::{self, say};
use serde_json::{Map, Value, json};
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;
use zarrs::array::{ArrayBytes, CodecOptions, FillValue};
use zarrs::metadata::v3::MetadataV3;

/// Frames at the end of each array that are not stored: a chunk of them.
const MISSING: u64 = 1;

fn form(dtype: DataType, compression: Compression) -> Arc<Form> {
    let mut settings = Settings::new("a", parse_dims("t:5:2,y:40:16,x:30:16").expect("valid dimensions"), dtype);
    settings.compression = compression;
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("a valid plan");
    Arc::clone(&plan.forms()[0])
}

/// The pixel at a place in the array, counted in C order.
fn pixel(dtype: DataType, nth: u64) -> Vec<u8> {
    match dtype {
        DataType::UInt8 => vec![nth as u8],
        DataType::Float32 => (nth as f32).to_le_bytes().to_vec(),
        _ => nth.to_le_bytes()[..dtype.size()].to_vec(),
    }
}

/// Pixels of a chunk, zero where it reaches past the array.
fn chunk(form: &Form, at: [u64; 3]) -> Vec<u8> {
    let (shape, chunk) = (form.geometry().shape(), form.geometry().chunk());
    let mut pixels = Vec::new();
    for t in 0..chunk[0] {
        for y in 0..chunk[1] {
            for x in 0..chunk[2] {
                let place = [at[0] * chunk[0] + t, at[1] * chunk[1] + y, at[2] * chunk[2] + x];
                let inside = place.iter().zip(shape).all(|(at, extent)| at < extent);
                let nth = (place[0] * shape[1] + place[1]) * shape[2] + place[2];
                pixels.extend(if inside { pixel(form.dtype(), nth) } else { vec![0; form.dtype().size()] });
            }
        }
    }
    pixels
}

fn encode(document: &ArrayDocument, pixels: Vec<u8>) -> Vec<u8> {
    let codecs: Vec<MetadataV3> = serde_json::from_value(document.codecs.json()).expect("codec metadata");
    let data_type = MetadataV3::new(document.data_type.name.as_str());
    let data_type = zarrs::array::DataType::from_metadata(&data_type).expect("a type");
    let fill_value = FillValue::new(vec![0; data_type.fixed_size().expect("a fixed size")]);
    let shape: Vec<NonZeroU64> = document.chunk().iter().copied().filter_map(NonZeroU64::new).collect();
    let chain = CodecChain::from_metadata(&codecs).expect("a chain");
    let bytes = ArrayBytes::new_flen(Cow::Owned(pixels));
    chain.encode(bytes, &shape, &data_type, &fill_value, &CodecOptions::default()).expect("it encodes").into_owned()
}

fn write(root: &Path, name: &str, form: &Form, separator: Separator) {
    let keys = Keys::V2(separator);
    let document = ArrayDocument { keys: keys.clone(), ..form.document(None) };
    let folder = root.join(name);
    fs::create_dir_all(&folder).expect("made");
    let metadata = json::bytes(&document.v2().expect("format 2 has it")).expect("JSON");
    fs::write(folder.join(V2_ARRAY), &metadata).expect("written");
    let read: Map<String, Value> = json::parse_object(&metadata).expect("JSON");
    let again = ArrayDocument::of_v2(&read).expect("our own");
    assert_eq!((&again.shape, &again.object, &again.keys), (&document.shape, &document.object, &keys));
    for (t, y, x) in (0..2).flat_map(|t| (0..3).flat_map(move |y| (0..2).map(move |x| (t, y, x)))) {
        let path = folder.join(keys.key(&[t, y, x]).expect("known"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, encode(&document, chunk(form, [t, y, x]))).expect("written");
    }
}

#[test]
fn arrays_of_format_2_are_read_by_others() {
    let Some(python) = python::setting(python::PYTHON, "arrays of Zarr v2") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("old.zarr");
    fs::create_dir(&root).expect("made");
    for Document { path, bytes } in group_v2("", &json!({"made_by": "ome-stream"})).expect("JSON") {
        fs::write(root.join(path), bytes).expect("written");
    }
    let mut names = Map::new();
    let dtypes = [DataType::UInt8, DataType::UInt16, DataType::Int64, DataType::Float32];
    for (nth, (codec, dtype)) in Codec::ALL.iter().flat_map(|codec| dtypes.map(|dtype| (*codec, dtype))).enumerate() {
        let form = form(dtype, Compression::new(codec));
        let separator = [Separator::Slash, Separator::Dot][nth % 2];
        let name = format!("{}-{dtype}", codec.name());
        write(&root, &name, &form, separator);
        let shape = form.geometry().shape();
        names.insert(name, json!({"dtype": dtype.name(), "shape": shape, "missing": MISSING}));
    }
    let list = folder.path().join("names.json");
    fs::write(&list, Value::from(names.clone()).to_string()).expect("written");
    let report = python::run(&python, "read_format_2.py", &[&root, &list]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.lines().filter(|line| line.ends_with(": right")).count(), 2 * names.len(), "{report}");
    say(&format!("{} arrays of Zarr v2: read by 2 foreign readers", names.len()));
}
