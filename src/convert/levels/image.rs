//! An image as its metadata tell it, in the words of a run.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::convert::damaged;
use crate::error::Result;
use crate::ngff::found;
use crate::reader::{Document, Node};
use crate::settings::{
    Checksum, Codec, Compression, DataType, Dimension, DimensionType, NgffVersion, Pyramid, PyramidMethod, Settings,
    Shuffle, StorageOrder, named_unit,
};
use crate::shown;
use crate::zarr::{self, ArrayDocument, ZarrFormat};

/// Part of the memory that planes of full resolution may take while they are read.
const READ_PART: u64 = 4;

/// Seconds between two looks at what readers could see, whom there are none of.
const LIVE_INTERVAL: f64 = 60.0;

/// An image, which may have levels.
pub(super) struct Image<'a> {
    pub(super) node: &'a Node,
    /// Levels that it tells of, full resolution among them.
    pub(super) levels: usize,
    /// The folder of full resolution.
    pub(super) full: PathBuf,
    pub(super) document: ArrayDocument,
    pub(super) notes: Vec<String>,
    is_label: bool,
    /// Path of full resolution below the image.
    path: String,
    multiscale: &'a Value,
    dtype: DataType,
    compression: Compression,
}

impl<'a> Image<'a> {
    /// The image of a group among the nodes of its store.
    pub(super) fn of(node: &'a Node, nodes: &[Node]) -> Result<Self> {
        let told = node.folder.join(node.document_name());
        let refuse = |problem: String| damaged(&told, &problem);
        let list = node.ome("multiscales").and_then(Value::as_array);
        let Some([multiscale]) = list.map(Vec::as_slice) else {
            return Err(refuse("multiscales has not one entry; levels are made of one".to_owned()));
        };
        let datasets = multiscale.get("datasets").and_then(Value::as_array);
        let datasets = datasets.filter(|all| !all.is_empty()).ok_or_else(|| refuse("it has no datasets".to_owned()))?;
        let path = datasets[0].get("path").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/').to_owned();
        let below = node.file(&path);
        let full = nodes.iter().find(|each| each.is_array && each.path == below);
        let full = full.ok_or_else(|| refuse(format!("there is no array {}", shown::value(&path))))?;
        let file = full.folder.join(full.document_name());
        let Document::Object(object) = &full.document else {
            return Err(damaged(&file, full.document.problem().unwrap_or("there is none")));
        };
        let document = ArrayDocument::of_object(object).map_err(|why| damaged(&file, &why))?;
        let name = &document.data_type.name;
        let dtype = name.parse::<DataType>().map_err(|_| {
            let known: Vec<&str> = DataType::ALL.iter().map(|each| each.name()).collect();
            let problem = format!("pixels are of type {}; levels are made of {}", shown::value(name), known.join(", "));
            damaged(&file, &problem)
        })?;
        if document.shape.contains(&0) {
            return Err(damaged(&file, &format!("it has no pixels: shape {:?}", document.shape)));
        }
        let mut notes = Vec::new();
        let compression = compression(&document.codecs, full.zarr).unwrap_or_else(|codec| {
            notes.push(format!("levels are stored by zstd, as {} is not written", shown::value(&codec)));
            Compression::new(Codec::Zstd)
        });
        let is_label = node.ome("image-label").is_some() || is_among_labels(&node.path);
        if is_label {
            notes.push("of labels the most frequent becomes the pixel of a level".to_owned());
        }
        let (levels, full) = (datasets.len(), full.folder.clone());
        Ok(Self { node, levels, full, document, is_label, notes, path, multiscale, dtype, compression })
    }

    /// How a person calls it.
    pub(super) fn name(&self) -> &str {
        if self.node.path.is_empty() { "the image" } else { &self.node.path }
    }

    /// Bytes of a plane.
    pub(super) fn frame_bytes(&self) -> u64 {
        let frame = self.document.shape.iter().rev().take(2);
        frame.fold(self.dtype.size() as u64, |bytes, pixels| bytes.saturating_mul(*pixels))
    }

    /// The axis before the frame's along which chunks are deepest, where they are deeper than one plane.
    pub(super) fn deepest(&self) -> Option<usize> {
        let chunk = self.document.chunk();
        let index = 0..chunk.len().saturating_sub(2);
        index.max_by_key(|axis| chunk[*axis].min(self.document.shape[*axis])).filter(|axis| chunk[*axis] > 1)
    }

    /// Planes of full resolution that are read at once, and their bytes.
    pub(super) fn depth(&self, memory_limit: u64) -> (u64, u64) {
        let each = self.frame_bytes().max(1);
        let chunk = self.deepest().map_or(1, |axis| self.document.chunk()[axis].min(self.document.shape[axis]));
        let depth = chunk.min(memory_limit / READ_PART / each).max(1);
        (depth, depth.saturating_mul(each))
    }

    /// The settings of a run in the folder `beside` that makes the levels.
    pub(super) fn settings(&self, beside: &Path, pyramid: &Pyramid) -> Result<Settings> {
        let told = self.node.folder.join(self.node.document_name());
        let refuse = |problem: String| damaged(&told, &problem);
        let axes = found::axes(self.multiscale).ok_or_else(|| refuse("multiscales has no axes".to_owned()))?;
        let shape = &self.document.shape;
        if axes.len() != shape.len() {
            return Err(refuse(format!("it has {} axes, and its pixels have {}", axes.len(), shape.len())));
        }
        let (scale, translation) = self.placed().map_err(refuse)?;
        let (chunk, object) = (self.document.chunk(), &self.document.object);
        let is_sharded = self.document.is_sharded();
        let mut dimensions = Vec::new();
        for (nth, axis) in axes.iter().enumerate() {
            let name = axis.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| refuse(format!("axis {nth} has no name")))?;
            let kind = match axis.get("type").and_then(Value::as_str) {
                Some("time") => DimensionType::Time,
                Some("channel") => DimensionType::Channel,
                Some("space") => DimensionType::Space,
                _ => DimensionType::Other,
            };
            let unit = axis.get("unit").and_then(Value::as_str).filter(|unit| named_unit(unit, kind).is_some());
            let told = |list: &[f64], nothing: f64| list.get(nth).copied().filter(|number| *number != nothing);
            dimensions.push(Dimension {
                kind: Some(kind),
                chunk_size: Some(chunk[nth].min(shape[nth])),
                shard_size_chunks: is_sharded.then(|| object[nth] / chunk[nth].max(1)),
                unit: unit.map(str::to_owned),
                scale: told(&scale, 1.0),
                translation: told(&translation, 0.0),
                ..Dimension::new(name, shape[nth])
            });
        }
        let in_frame = dimensions.len().saturating_sub(2);
        if let Some(axis) = dimensions[in_frame..].iter().find(|axis| axis.kind != Some(DimensionType::Space)) {
            let name = shown::value(&axis.name);
            return Err(refuse(format!(
                "axis {name} is one of the last two and none of space; levels are made of planes"
            )));
        }
        let order = dimensions.iter().map(|each| each.name.clone()).collect();
        if let Some(axis) = self.deepest() {
            // Innermost: each chunk is read once.
            dimensions[axis..in_frame].rotate_left(1);
        }
        let beside = beside.to_str().ok_or_else(|| refuse("the path of the store is no Unicode".to_owned()))?;
        let mut settings = Settings::new(beside, dimensions, self.dtype);
        settings.storage_order = StorageOrder::Explicit(order);
        settings.compression = self.compression;
        settings.format.version = self.version();
        settings.live_interval = LIVE_INTERVAL;
        let mut pyramid = pyramid.clone();
        if self.is_label && pyramid.method != PyramidMethod::Nearest {
            pyramid.method = PyramidMethod::Mode;
        }
        settings.pyramid = Some(pyramid);
        Ok(settings)
    }

    fn version(&self) -> NgffVersion {
        let told = self.node.ome("version").and_then(Value::as_str).and_then(NgffVersion::of);
        match self.node.zarr {
            ZarrFormat::V2 => NgffVersion::V0_4,
            ZarrFormat::V3 => told.unwrap_or_default(),
        }
    }

    /// Scale and translation of full resolution.
    fn placed(&self) -> Result<(Vec<f64>, Vec<f64>), String> {
        let axes = self.document.shape.len();
        let mut placed = (vec![1.0; axes], vec![0.0; axes]);
        let steps = self.multiscale.pointer("/datasets/0/coordinateTransformations").and_then(Value::as_array);
        steps.into_iter().flatten().try_for_each(|step| place(step, &mut placed))?;
        Ok(placed)
    }

    /// The entries of levels that a run tells of in its own, with the paths that they get here.
    pub(super) fn entries(&self, made: &Value) -> Result<Vec<Value>, String> {
        let told = made.get("datasets").and_then(Value::as_array).ok_or("it has no datasets")?;
        let output = self.multiscale.pointer("/datasets/0/coordinateTransformations/0/output");
        let entry = |(nth, dataset): (usize, &Value)| {
            let (mut dataset, path) = (dataset.clone(), self.path_of(nth));
            dataset["path"] = path.clone().into();
            for step in dataset.get_mut("coordinateTransformations").and_then(Value::as_array_mut).into_iter().flatten()
            {
                // From 0.6 on both ends have names.
                if let Some(input) = step.get_mut("input") {
                    *input = if input.is_object() { serde_json::json!({"path": path}) } else { path.clone().into() };
                }
                if let (Some(told), Some(output)) = (step.get_mut("output"), output) {
                    *told = output.clone();
                }
            }
            dataset
        };
        Ok(told.iter().enumerate().skip(1).map(entry).collect())
    }

    /// The path of a level below the image: counted as full resolution is, where that has the number 0.
    fn path_of(&self, level: usize) -> String {
        let start = self.path.strip_suffix('0').filter(|start| !start.ends_with(|last: char| last.is_ascii_digit()));
        format!("{}{level}", start.unwrap_or_default())
    }

    /// All of `multiscales` with more levels.
    pub(super) fn multiscales(&self, made: &Value, entries: Vec<Value>) -> Value {
        let mut multiscale = self.multiscale.clone();
        if let Some(Value::Array(datasets)) = multiscale.get_mut("datasets") {
            datasets.extend(entries);
        }
        if let Value::Object(multiscale) = &mut multiscale {
            let told = |name: &str| made.get(name).cloned();
            multiscale.extend(told("type").map(|method| ("type".to_owned(), method)));
            // What others tell there stays.
            if let (Some(metadata), None) = (told("metadata"), multiscale.get("metadata")) {
                multiscale.insert("metadata".to_owned(), metadata);
            }
        }
        Value::Array(vec![multiscale])
    }
}

/// Whether an image lies in a group of labels (OME-NGFF section "labels": a group of that name).
fn is_among_labels(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(above, _)| above == "labels" || above.ends_with("/labels"))
}

/// Where the images of a group are told, in its document.
pub(super) fn place_of_multiscales(zarr: ZarrFormat) -> Vec<&'static str> {
    match zarr {
        ZarrFormat::V2 => vec!["multiscales"],
        ZarrFormat::V3 => vec!["attributes", "ome", "multiscales"],
    }
}

/// The first image that a document tells of.
pub(super) fn multiscale_of(zarr: ZarrFormat, document: &Map<String, Value>) -> Option<&Value> {
    let (first, rest) = place_of_multiscales(zarr).split_first().map(|(first, rest)| (*first, rest.to_vec()))?;
    rest.iter().try_fold(document.get(first)?, |inside, name| inside.get(*name))?.get(0)
}

/// What a transformation does to pixels that lie so.
fn place(step: &Value, (scale, translation): &mut (Vec<f64>, Vec<f64>)) -> Result<(), String> {
    let kind = step.get("type").and_then(Value::as_str).unwrap_or_default();
    let numbers = |name: &str| -> Result<Vec<f64>, String> {
        let told = step.get(name).and_then(Value::as_array);
        let told = told.filter(|all| all.len() == scale.len());
        let told = told.and_then(|all| all.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
        told.ok_or_else(|| format!("the {name} of full resolution has not one number for each axis"))
    };
    match kind {
        "identity" => {}
        "scale" => {
            let by = numbers("scale")?;
            scale.iter_mut().zip(&by).for_each(|(scale, by)| *scale *= by);
            translation.iter_mut().zip(&by).for_each(|(at, by)| *at *= by);
        }
        "translation" => {
            let by = numbers("translation")?;
            translation.iter_mut().zip(&by).for_each(|(at, by)| *at += by);
        }
        "sequence" => {
            let steps = step.get("transformations").and_then(Value::as_array);
            let mut placed = (std::mem::take(scale), std::mem::take(translation));
            let done = steps.into_iter().flatten().try_for_each(|step| place(step, &mut placed));
            (*scale, *translation) = placed;
            done?;
        }
        other => {
            let other = shown::value(other);
            return Err(format!(
                "full resolution has a transformation of type {other}; levels need scale and translation"
            ));
        }
    }
    Ok(())
}

/// The codec of full resolution, where it is one that is written; else its name.
fn compression(codecs: &zarr::Chain, zarr: ZarrFormat) -> Result<Compression, String> {
    let mut chain: Vec<&zarr::Codec> = codecs.0.iter().collect();
    if let [zarr::Codec::Sharding(sharding)] = chain[..] {
        chain = sharding.codecs.0.iter().collect();
    }
    let checksum = chain.pop_if(|last| **last == zarr::Codec::Crc32c).filter(|_| zarr == ZarrFormat::V3);
    let mut found = Compression::new(Codec::None);
    for codec in chain {
        found = match codec {
            zarr::Codec::Bytes { .. } => continue,
            zarr::Codec::Blosc(blosc) => {
                let codec = match blosc.cname.as_str() {
                    "zstd" => Codec::BloscZstd,
                    "lz4" => Codec::BloscLz4,
                    other => return Err(format!("blosc {other}")),
                };
                let shuffle = match blosc.shuffle {
                    zarr::Shuffle::NoShuffle => Shuffle::None,
                    zarr::Shuffle::Shuffle => Shuffle::Byte,
                    zarr::Shuffle::BitShuffle => Shuffle::Bit,
                };
                Compression::new(codec).with_level(blosc.clevel).with_shuffle(shuffle)
            }
            zarr::Codec::Zstd(zstd) => Compression::new(Codec::Zstd).with_level(zstd.level),
            zarr::Codec::Gzip(gzip) => Compression::new(Codec::Gzip).with_level(gzip.level),
            // The order of axes in a chunk is no matter of its codec.
            zarr::Codec::Other { name, .. } if name == "transpose" => continue,
            other => return Err(other.name().to_owned()),
        };
    }
    Ok(if checksum.is_some() { found.with_checksum(Checksum::Crc32c) } else { found })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn transformations_are_put_together_in_their_order() {
        let placed = |steps: Value| {
            let mut placed = (vec![1.0; 2], vec![0.0; 2]);
            let steps = steps.as_array().cloned().unwrap_or_default();
            steps.iter().try_for_each(|step| place(step, &mut placed)).map(|()| placed)
        };
        let (scale, translation) =
            (json!({"type": "scale", "scale": [2, 3.0]}), json!({"type": "translation", "translation": [1, 5]}));
        assert_eq!(placed(json!([scale, translation])), Ok((vec![2.0, 3.0], vec![1.0, 5.0])));
        assert_eq!(placed(json!([translation, scale])), Ok((vec![2.0, 3.0], vec![2.0, 15.0])));
        let sequence = json!([{"type": "sequence", "transformations": [scale, translation]}]);
        assert_eq!(placed(sequence), Ok((vec![2.0, 3.0], vec![1.0, 5.0])));
        assert!(placed(json!([{"type": "affine"}])).is_err_and(|why| why.contains("affine")));
        assert!(placed(json!([{"type": "scale", "scale": [2]}])).is_err_and(|why| why.contains("scale")));
    }

    #[test]
    fn codecs_that_are_written_stay() {
        let of = |codecs: Value| compression(&zarr::Chain::of(&codecs).expect("a chain"), ZarrFormat::V3);
        let bytes = json!({"name": "bytes", "configuration": {"endian": "big"}});
        let blosc = |name: &str| {
            let configuration =
                json!({"cname": name, "clevel": 7, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 0});
            json!({"name": "blosc", "configuration": configuration})
        };
        let expected = Compression::new(Codec::BloscLz4).with_level(7).with_shuffle(Shuffle::Bit);
        assert_eq!(of(json!([bytes, blosc("lz4")])), Ok(expected));
        assert_eq!(of(json!([bytes])), Ok(Compression::new(Codec::None)));
        assert_eq!(of(json!([bytes, "crc32c"])), Ok(Compression::new(Codec::None).with_checksum(Checksum::Crc32c)));
        assert_eq!(of(json!([bytes, blosc("zlib")])), Err("blosc zlib".to_owned()));
        assert_eq!(of(json!([bytes, {"name": "numcodecs.lz4"}])), Err("numcodecs.lz4".to_owned()));
    }
}
