//! Valid stores of each version, made in memory, to be broken and written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ome_stream::zarr::index::{MISSING, index_of};
use serde_json::{Value, json};

use super::super::version::Version;

/// What the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// An image of two levels with channels, and a label image.
    Image,
    /// The same, its first level in shards.
    Sharded,
    /// Two wells of one field.
    Plate,
    /// Two images.
    Series,
    /// Two images in one space; 0.6 alone.
    Scene,
}

/// A store before it is written.
pub struct Tree {
    pub version: Version,
    /// Metadata of groups: what stands in `ome`, or in Zarr v2 by itself.
    pub groups: BTreeMap<String, Value>,
    /// Documents of arrays.
    pub arrays: BTreeMap<String, Value>,
    /// All other files; they are written last.
    pub files: BTreeMap<String, Vec<u8>>,
}

pub const CODEC: &str = "gzip";

impl Tree {
    pub fn valid(base: Base, version: Version) -> Self {
        let mut tree = Self { version, groups: BTreeMap::new(), arrays: BTreeMap::new(), files: BTreeMap::new() };
        match base {
            Base::Image | Base::Sharded => {
                tree.image("", base == Base::Sharded);
                tree.groups.insert("labels".into(), json!({"labels": ["cells"]}));
                tree.image("labels/cells", false);
                tree.group("labels/cells").as_object_mut().expect("an object").remove("omero");
                let mut label = json!({"colors": [{"label-value": 1, "rgba": [0, 0, 255, 128]}],
                    "properties": [{"label-value": 1, "area": 12}], "source": {"image": "../../"}});
                tree.told(&mut label);
                tree.group("labels/cells")["image-label"] = label;
            }
            Base::Plate => {
                let acquisition = |id: u64| {
                    let name = format!("run {id}");
                    json!({"id": id, "name": name, "maximumfieldcount": 1, "starttime": 1, "endtime": 2})
                };
                let mut plate = json!({"name": "plate", "field_count": 1, "rows": [{"name": "A"}, {"name": "B"}],
                    "columns": [{"name": "1"}, {"name": "2"}], "acquisitions": [acquisition(0), acquisition(1)],
                    "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0},
                        {"path": "B/2", "rowIndex": 1, "columnIndex": 1}]});
                tree.told(&mut plate);
                if version == Version::V05 {
                    plate["version"] = "0.5".into();
                }
                tree.groups.insert(String::new(), json!({"plate": plate}));
                for well in ["A/1", "B/2"] {
                    tree.groups.insert(well[..1].into(), json!({}));
                    let mut group = json!({"images": [{"path": "0", "acquisition": 1}]});
                    tree.told(&mut group);
                    if version == Version::V05 {
                        group["version"] = "0.5".into();
                    }
                    tree.groups.insert(well.into(), json!({"well": group}));
                    tree.image(&format!("{well}/0"), false);
                }
            }
            Base::Series => {
                tree.groups.insert(String::new(), json!({"bioformats2raw.layout": 3}));
                tree.groups.insert("OME".into(), json!({"series": ["a", "b"]}));
                let image = |id: u64| format!("<Image ID=\"Image:{id}\"><Pixels><MetadataOnly/></Pixels></Image>");
                let xml = format!("<?xml version=\"1.0\"?><OME>{}{}</OME>", image(0), image(1));
                tree.files.insert("OME/METADATA.ome.xml".into(), xml.into_bytes());
                tree.image("a", false);
                tree.image("b", false);
            }
            Base::Scene => {
                let to_world = |path: &str, x: f64| {
                    json!({"type": "translation", "translation": [0, 0, x],
                    "input": {"path": path, "name": "physical"}, "output": {"name": "world"}})
                };
                let scene = json!({"coordinateSystems": [{"name": "world", "axes": axes()}],
                    "coordinateTransformations": [to_world("a", 0.0), to_world("b", 10.0)]});
                tree.groups.insert(String::new(), json!({"scene": scene}));
                tree.image("a", false);
                tree.image("b", false);
            }
        }
        tree
    }

    /// Metadata of a group.
    pub fn group(&mut self, path: &str) -> &mut Value {
        self.groups.get_mut(path).unwrap_or_else(|| panic!("no group {path:?}"))
    }

    /// The document of an array.
    pub fn array(&mut self, path: &str) -> &mut Value {
        self.arrays.get_mut(path).unwrap_or_else(|| panic!("no array {path:?}"))
    }

    /// In 0.4 each object tells its version.
    fn told(&self, object: &mut Value) {
        if self.version == Version::V04 {
            object["version"] = "0.4".into();
        }
    }

    fn image(&mut self, path: &str, sharded: bool) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let scale = |size: f64| json!({"type": "scale", "scale": [1.0, size, size]});
        let translation = json!({"type": "translation", "translation": [0.0, 0.25, 0.25]});
        let datasets = match self.version {
            Version::V06 => {
                let ends = |mut transformation: Value, path: &str| {
                    transformation["input"] = json!({"path": path});
                    transformation["output"] = json!({"name": "physical"});
                    json!({"path": path, "coordinateTransformations": [transformation]})
                };
                let sequence = json!({"type": "sequence", "transformations": [scale(1.0), translation]});
                json!([ends(scale(0.5), "0"), ends(sequence, "1")])
            }
            _ => json!([{"path": "0", "coordinateTransformations": [scale(0.5)]},
                {"path": "1", "coordinateTransformations": [scale(1.0), translation]}]),
        };
        let mut multiscale =
            json!({"name": "image", "type": "mean", "metadata": {"method": "mean"}, "datasets": datasets});
        match self.version {
            Version::V06 => multiscale["coordinateSystems"] = json!([{"name": "physical", "axes": axes()}]),
            _ => multiscale["axes"] = axes(),
        }
        self.told(&mut multiscale);
        let window = json!({"min": 0, "max": 100, "start": 10, "end": 90});
        let channel = |color: &str| json!({"label": color, "color": color, "window": window});
        let omero = json!({"channels": [channel("00FF00"), channel("ff00ff")]});
        self.groups.insert(path.into(), json!({"multiscales": [multiscale], "omero": omero}));
        for (name, side) in [("0", 4), ("1", 2)] {
            let array = below(name);
            let sharded = sharded && name == "0";
            self.arrays.insert(array.clone(), self.document(side, sharded));
            let chunk = |nth: u8| gzip(&vec![nth; (side * side * 2) as usize]);
            if sharded {
                self.files.insert(format!("{array}/c/0/0/0"), shard(&[Some(chunk(1)), Some(chunk(2))]));
                continue;
            }
            for nth in 0..2 {
                let key = if self.version == Version::V04 { format!("{nth}/0/0") } else { format!("c/{nth}/0/0") };
                self.files.insert(format!("{array}/{key}"), chunk(nth));
            }
        }
    }

    /// An array of two planes of `side` pixels a side, one in a chunk.
    fn document(&self, side: u64, sharded: bool) -> Value {
        let (shape, chunk) = (json!([2, side, side]), json!([1, side, side]));
        if self.version == Version::V04 {
            return json!({"zarr_format": 2, "shape": shape, "chunks": chunk, "dtype": "<u2", "fill_value": 0,
                "compressor": {"id": CODEC, "level": 1}, "order": "C", "filters": null, "dimension_separator": "/"});
        }
        let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let inner = json!([little, {"name": CODEC, "configuration": {"level": 1}}]);
        let codecs = if sharded {
            json!([{"name": "sharding_indexed", "configuration": {"chunk_shape": chunk, "codecs": inner,
                "index_codecs": [little, {"name": "crc32c"}], "index_location": "end"}}])
        } else {
            inner
        };
        let object = if sharded { shape.clone() } else { chunk };
        json!({"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "uint16", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": object}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": codecs, "dimension_names": ["c", "y", "x"], "attributes": {}})
    }

    /// Writes the store into `root`.
    pub fn write(&self, root: &Path) {
        let put = |name: String, bytes: &[u8]| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("below the root")).expect("made");
            fs::write(path, bytes).expect("written");
        };
        let below = |path: &str, name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        for (path, ome) in &self.groups {
            if self.version == Version::V04 {
                put(below(path, ".zgroup"), b"{\"zarr_format\": 2}");
                put(below(path, ".zattrs"), ome.to_string().as_bytes());
                continue;
            }
            let mut ome = ome.clone();
            if let Some(object) = ome.as_object_mut() {
                object.entry("version").or_insert_with(|| self.version.text().into());
                // A version of null stands for none.
                object.retain(|_, value| !value.is_null());
            }
            let group = json!({"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}});
            put(below(path, "zarr.json"), group.to_string().as_bytes());
        }
        for (path, document) in &self.arrays {
            let name = if self.version == Version::V04 { ".zarray" } else { "zarr.json" };
            put(below(path, name), document.to_string().as_bytes());
        }
        for (path, bytes) in &self.files {
            put(path.clone(), bytes);
        }
    }
}

fn axes() -> Value {
    json!([{"name": "c", "type": "channel"}, {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"}])
}

/// As the codec of all arrays stores pixels.
pub fn gzip(pixels: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(pixels).expect("in memory");
    encoder.finish().expect("in memory")
}

/// A shard of these chunks, its index at the end.
pub fn shard(chunks: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut entries = Vec::new();
    for chunk in chunks {
        entries.push(match chunk {
            Some(chunk) => (bytes.len() as u64, chunk.len() as u64),
            None => MISSING,
        });
        bytes.extend(chunk.iter().flatten());
    }
    bytes.extend(index_of(entries.into_iter()).expect("memory"));
    bytes
}
