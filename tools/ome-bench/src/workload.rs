//! What every engine writes: the settings, and what follows from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ArgGroup;
use ome_stream::settings::{Compression, DataType, Dimension, Durability, Pyramid, Settings, StorageOrder, parse_dims};
use ome_stream::{Plan, Settings as StreamSettings};
use serde_json::Value;

use crate::parse;

/// Name of the store that an engine writes in the folder it is given.
const STORE: &str = "bench.ome.zarr";

/// What is to be written, as it is asked for.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Acquisition", group(ArgGroup::new("what").required(true).args(["dims", "settings_file"])))]
pub struct Acquisition {
    /// Dimensions, slowest first: name:count[:chunk[:shard]], separated by commas
    ///
    /// Names are x y z c t p. The chunk counts pixels, the shard counts chunks. An omitted chunk is the whole frame in
    /// y and x and 1 elsewhere. x may be left out for a square frame: `t:20,y:1024:256` is 20 frames of 1024 x 1024.
    #[arg(short, long)]
    pub dims: Option<String>,

    /// Settings as a JSON file, those of ome-writers or ours, in place of --dims
    ///
    /// Its root_path and engine are replaced; what it does not say about dtype and compression comes from --dtype and
    /// --compression.
    #[arg(short = 'f', long, value_name = "FILE")]
    pub settings_file: Option<PathBuf>,

    /// Type of a pixel, unless the settings file says it
    #[arg(long, default_value = "uint16")]
    pub dtype: DataType,

    /// Codec, as name or name:level: none, blosc-zstd, blosc-lz4, zstd, gzip; unless the settings file says it
    ///
    /// With a checksum of each chunk behind it: none+crc32c, zstd:1+crc32c.
    #[arg(short, long, value_name = "CODEC[:LEVEL][+crc32c]", value_parser = parse::setting::<Compression>)]
    pub compression: Option<Compression>,

    /// Order of the axes on disk: ome, acquisition, or names such as t,c,z
    #[arg(long, value_name = "ORDER", value_parser = parse::setting::<StorageOrder>)]
    pub storage_order: Option<StorageOrder>,

    /// Measure each engine also with levels below full resolution, beside itself without them: mean, max:4
    ///
    /// METHOD is mean (where none is given), min, max, median, mode or nearest, of 2 rows and columns; planes stay.
    /// LEVELS counts full resolution, too. Where it is chosen, acquire-zarr's own package is measured also with its own
    /// pyramid. GB/s are of the bytes of all levels.
    #[arg(long, value_name = "METHOD[:LEVELS]", num_args = 0..=1, default_missing_value = "mean", value_parser = parse::setting::<Pyramid>)]
    pub pyramid: Option<Pyramid>,

    /// When data must be on the medium: finish, shard or none
    #[arg(long, value_name = "WHEN", value_parser = parse::setting::<Durability>)]
    pub durability: Option<Durability>,

    /// Most memory that an engine's stream may hold, such as 512MiB; kB, MB, GB are of 1000, KiB and K of 1024
    #[arg(long, value_name = "SIZE", value_parser = parse::bytes)]
    pub memory_limit: Option<u64>,

    /// Worker threads of our engines [default: chosen for the machine]
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<usize>,
}

/// One acquisition of a known number of frames, without levels below full resolution.
#[derive(Debug, Clone)]
pub struct Workload {
    plan: Plan,
    frames: u64,
    levels: Option<Levels>,
}

/// The same acquisition with levels below full resolution.
#[derive(Debug, Clone)]
pub struct Levels {
    plan: Plan,
}

impl Levels {
    /// What is asked for.
    pub fn pyramid(&self) -> Pyramid {
        self.plan.settings().pyramid.clone().unwrap_or_default()
    }

    /// Shapes of an image's arrays, full resolution first.
    pub fn shapes(&self) -> Vec<Vec<u64>> {
        let full = std::iter::once(self.plan.geometry());
        let below = self.plan.levels_of(0).map(|array| array.geometry());
        full.chain(below).map(|geometry| geometry.shape().to_vec()).collect()
    }

    /// Bytes of the pixels of all levels of all positions.
    pub fn bytes(&self) -> u64 {
        let of =
            |shape: &[u64], item: usize| shape.iter().fold(item as u64, |bytes, extent| bytes.saturating_mul(*extent));
        let all = self.plan.arrays().iter().map(|array| of(array.geometry().shape(), array.geometry().item_size()));
        all.fold(0, u64::saturating_add)
    }
}

impl Workload {
    /// The acquisition that is asked for; as one long run, with at least so many bytes.
    pub fn asked_for(asked: &Acquisition, sustained: Option<u64>) -> Result<Self> {
        let mut settings = match (&asked.dims, &asked.settings_file) {
            (Some(dims), _) => {
                let mut settings = Settings::new(STORE, parse_dims(dims)?, asked.dtype);
                settings.compression = asked.compression.unwrap_or_default();
                settings
            }
            (None, Some(file)) => read_settings(file, asked).with_context(|| file.display().to_string())?,
            (None, None) => bail!("no acquisition is given: use --dims or --settings-file"),
        };
        if let Some(order) = &asked.storage_order {
            settings.storage_order = order.clone();
        }
        if let Some(limit) = asked.memory_limit {
            settings.memory_limit = limit;
        }
        if let Some(durability) = asked.durability {
            settings.durability = durability;
        }
        settings.threads = asked.threads.or(settings.threads);
        if let Some(pyramid) = &asked.pyramid {
            // Rows and columns alone: nothing says how far planes are apart.
            let planes = settings.dimensions.iter().rev().skip(2).filter(|each| each.name == "z");
            let factors: BTreeMap<String, u64> = planes.map(|each| (each.name.clone(), 1)).collect();
            settings.pyramid = Some(Pyramid { factors: (!factors.is_empty()).then_some(factors), ..pyramid.clone() });
        }
        if let Some(bytes) = sustained {
            stretch(&mut settings, bytes)?;
        }
        Self::new(&settings)
    }

    /// The acquisition of `settings`, which must end; what they say of levels is measured beside it.
    pub fn new(settings: &Settings) -> Result<Self> {
        // Whether an engine has memory enough for it is told where that engine is asked.
        let capabilities = ome_stream_backends::open(ome_stream_backends::DEFAULT)?.capabilities();
        let levels = match &settings.pyramid {
            Some(_) => Some(Levels { plan: Plan::unlimited(settings, &capabilities)? }),
            None => None,
        };
        let plan = Plan::unlimited(&Settings { pyramid: None, ..settings.clone() }, &capabilities)?;
        let Some(frames) = plan.router().total() else {
            bail!(
                "the first dimension is unbounded, and a benchmark must end: give it a count, or --sustained SIZE for a \
                 long run"
            );
        };
        Ok(Self { plan, frames, levels })
    }

    /// The same acquisition with at most about `bytes`: what long runs are tried out with.
    pub fn shortened(&self, bytes: u64) -> Result<Self> {
        if self.bytes() <= bytes {
            return Ok(self.clone());
        }
        let mut settings = self.with_levels().settings().clone();
        stretch(&mut settings, bytes)?;
        Self::new(&settings)
    }

    /// Levels below full resolution, where engines are measured with them, too.
    pub fn levels(&self) -> Option<&Levels> {
        self.levels.as_ref()
    }

    /// The plan with levels, where there are any.
    fn with_levels(&self) -> &Plan {
        self.levels.as_ref().map_or(&self.plan, |levels| &levels.plan)
    }

    /// Most bytes of pixels that an engine stores in a run.
    pub fn most_bytes(&self) -> u64 {
        self.levels.as_ref().map_or(self.bytes(), Levels::bytes)
    }

    /// Geometry, router and settings.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Frames of the acquisition, all positions together.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> u64 {
        self.plan.geometry().frame_bytes()
    }

    /// Bytes of all frames.
    pub fn bytes(&self) -> u64 {
        self.frames.saturating_mul(self.frame_bytes())
    }

    /// When the data must be on the medium.
    pub fn durability(&self) -> Durability {
        self.plan.settings().durability
    }

    /// Settings for the engine `backend` of this project, writing in `folder`.
    pub fn settings_in(&self, folder: &Path, backend: &str) -> StreamSettings {
        let mut settings = self.plan.settings().clone();
        settings.root_path = folder.join(STORE).to_string_lossy().into_owned();
        settings.format.backend = backend.to_owned();
        settings.overwrite = false;
        settings
    }

    /// Settings as ome-writers reads them: its fields alone, with every chunk size spelled out.
    pub fn peer_settings(&self) -> Result<Value> {
        let ours = self.plan.settings();
        if ours.compression.checksum.is_some() {
            bail!("ome-writers has no checksum of chunks, and here {} is asked for", ours.compression);
        }
        if ours.compression != Compression::new(ours.compression.codec) {
            bail!(
                "ome-writers has no levels: {} runs at level {} there, and here {} is asked for",
                ours.compression.codec.name(),
                ours.compression.codec.default_level(),
                ours.compression.level
            );
        }
        let mut settings = Settings::new(STORE, ours.dimensions.clone(), ours.dtype);
        settings.compression = ours.compression;
        settings.storage_order = ours.storage_order.clone();
        settings.plate = ours.plate.clone();
        let in_frame = settings.dimensions.len().saturating_sub(2);
        for (nth, dimension) in settings.dimensions.iter_mut().enumerate() {
            let is_position = dimension.kind == Some(ome_stream::settings::DimensionType::Position);
            if dimension.chunk_size.is_none() && !is_position {
                dimension.chunk_size = if nth < in_frame { Some(1) } else { dimension.count };
            }
        }
        Ok(serde_json::to_value(settings)?)
    }
}

/// A settings file; what it lacks comes from what is asked for beside it, as in ome-writers' benchmark.
fn read_settings(file: &Path, asked: &Acquisition) -> Result<Settings> {
    let text = fs::read_to_string(file)?;
    let mut value: Value = serde_json::from_str(&text).context("not JSON")?;
    let Some(object) = value.as_object_mut() else {
        bail!("a settings file holds one JSON object");
    };
    object.insert("root_path".into(), STORE.into());
    object.entry("dtype").or_insert_with(|| asked.dtype.name().into());
    if let Some(compression) = asked.compression {
        object.entry("compression").or_insert(serde_json::to_value(compression)?);
    }
    Ok(Settings::parse_json(&value.to_string())?)
}

/// Gives the first dimension the count with which the acquisition has at least `bytes`, in whole shards.
fn stretch(settings: &mut Settings, bytes: u64) -> Result<()> {
    // Normalized, so that counts given by coordinates are known; the first one may be unbounded.
    let mut known = settings.clone();
    known.validate()?;
    let item = known.dtype.size() as u64;
    let Some((first, others)) = known.dimensions.split_first() else {
        bail!("there are no dimensions");
    };
    if others.len() < 2 || first.coords.is_some() {
        bail!(
            "--sustained sets the count of the first dimension, which must be one that can go on (such as t:inf, without \
             coordinates) before y and x"
        );
    }
    let each = others.iter().fold(item, |all, each| all.saturating_mul(each.count.unwrap_or(1)));
    let count = bytes.div_ceil(each.max(1)).max(1);
    if let Some(first) = settings.dimensions.first_mut() {
        first.count = Some(count.next_multiple_of(shard_extent(first)));
    }
    Ok(())
}

/// Elements along a dimension that are stored together.
fn shard_extent(dimension: &Dimension) -> u64 {
    dimension.chunk_size.unwrap_or(1).saturating_mul(dimension.shard_size_chunks.unwrap_or(1)).max(1)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn workload(arguments: &str) -> Result<Workload> {
        Cli::try_parse_from(arguments.split_whitespace())?.workload()
    }

    #[test]
    fn counts_frames_and_bytes_of_all_positions() {
        let workload = workload("ome-bench -d t:3,p:2,c:2,y:64:32,x:48 --dtype uint8").unwrap();
        assert_eq!(workload.frames(), 12);
        assert_eq!(workload.frame_bytes(), 64 * 48);
        assert_eq!(workload.bytes(), 12 * 64 * 48);
    }

    #[test]
    fn an_unbounded_acquisition_is_refused_with_a_way_out() {
        let problem = workload("ome-bench -d t:inf,y:64").unwrap_err().to_string();
        assert!(problem.contains("--sustained"), "{problem}");
    }

    #[test]
    fn a_long_run_takes_whole_shards() {
        for dims in ["t:inf:1:10,y:64,x:64", "t:7:1:10,y:64,x:64"] {
            let workload = workload(&format!("ome-bench -d {dims} --sustained 100KiB")).unwrap();
            assert_eq!(workload.frames(), 20, "{dims}");
            assert!(workload.bytes() >= 100 << 10);
        }
        let problem = workload("ome-bench -d y:64,x:64 --sustained 1MiB").unwrap_err().to_string();
        assert!(problem.contains("t:inf"), "{problem}");
    }

    #[test]
    fn a_long_run_can_be_tried_out_short() {
        let long = workload("ome-bench -d t:100:1:10,y:64,x:64").unwrap();
        assert_eq!(long.shortened(u64::MAX).unwrap().frames(), 100);
        assert_eq!(long.shortened(8192 * 15).unwrap().frames(), 20);
    }

    #[test]
    fn a_settings_file_is_completed_by_options() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let dimensions = r#"[{"name":"t","count":2},{"name":"y","count":32},{"name":"x","count":32}]"#;
        let read = |text: String, more: &str| {
            fs::write(&file, text).unwrap();
            workload(&format!("ome-bench -f {} {more}", file.display()))
        };
        let own =
            read(format!(r#"{{"dimensions":{dimensions},"dtype":"uint8","compression":"zstd"}}"#), "-c gzip").unwrap();
        assert_eq!(own.plan().dtype().name(), "uint8");
        assert_eq!(own.plan().settings().compression.to_string(), "zstd:3");
        let filled = read(format!(r#"{{"dimensions":{dimensions}}}"#), "-c gzip:2 --dtype float32").unwrap();
        assert_eq!(filled.plan().dtype().name(), "float32");
        assert_eq!(filled.plan().settings().compression.to_string(), "gzip:2");
        assert!(format!("{:#}", read("[]".into(), "").unwrap_err()).contains("one JSON object"));
        let unknown = read(format!(r#"{{"dimensions":{dimensions},"nonsense":1}}"#), "").unwrap_err();
        assert!(format!("{unknown:#}").contains("nonsense"));
    }

    #[test]
    fn command_line_limits_reach_the_settings() {
        let workload =
            workload("ome-bench -d t:2,y:64 --memory-limit 64MiB --threads 3 --durability shard --storage-order t")
                .unwrap();
        let settings = workload.plan().settings();
        assert_eq!((settings.memory_limit, settings.threads), (64 << 20, Some(3)));
        assert_eq!(settings.durability.name(), "shard");
        assert_eq!(settings.storage_order.to_string(), "t,y,x");
    }

    #[test]
    fn levels_lie_beside_the_acquisition_without_them() {
        let plain = workload("ome-bench -d t:4,p:2,y:64:32,x:48").unwrap();
        assert!(plain.levels().is_none() && plain.most_bytes() == plain.bytes());
        let workload = workload("ome-bench -d t:4,p:2,y:64:32,x:48 --pyramid max:3").unwrap();
        assert!(workload.plan().settings().pyramid.is_none() && workload.plan().forms().len() == 1);
        assert_eq!(workload.bytes(), plain.bytes());
        let levels = workload.levels().unwrap();
        assert_eq!(levels.pyramid().method.name(), "max");
        assert_eq!(levels.shapes(), [[4, 64, 48], [4, 32, 24], [4, 16, 12]]);
        assert_eq!(levels.bytes(), 2 * 4 * (64 * 48 + 32 * 24 + 16 * 12) * 2);
        assert_eq!(workload.most_bytes(), levels.bytes());
        let short = workload.shortened(64 * 48 * 2 * 2).unwrap();
        assert_eq!(short.levels().unwrap().shapes()[2], [1, 16, 12]);
    }

    #[test]
    fn a_pyramid_is_the_mean_unless_it_is_said_or_the_settings_file_has_one() {
        let mean = workload("ome-bench -d t:4,y:640 --pyramid").unwrap();
        assert_eq!(mean.levels().unwrap().pyramid(), Pyramid::default());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let dimensions = r#"[{"name":"t","count":2},{"name":"y","count":32},{"name":"x","count":32}]"#;
        fs::write(&file, format!(r#"{{"dimensions":{dimensions},"pyramid":{{"method":"min","levels":2}}}}"#)).unwrap();
        let of_file = workload(&format!("ome-bench -f {}", file.display())).unwrap();
        assert_eq!((of_file.levels().unwrap().pyramid().levels, of_file.plan().forms().len()), (Some(2), 1));
        let problem = format!("{:#}", workload("ome-bench -d t:4,y:64 --pyramid mean:9").unwrap_err());
        assert!(problem.contains("pyramid.levels") && problem.contains("at most 7"), "{problem}");
    }

    #[test]
    fn peers_get_the_fields_of_ome_writers_alone() {
        let workload = workload("ome-bench -d t:2,p:2,y:64:32:2,x:48 --memory-limit 64MiB --durability none").unwrap();
        let value = workload.peer_settings().unwrap();
        let fields: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            fields,
            ["root_path", "dimensions", "dtype", "format", "compression", "storage_order", "plate", "overwrite"]
        );
        let chunks: Vec<&Value> =
            value["dimensions"].as_array().unwrap().iter().map(|dimension| &dimension["chunk_size"]).collect();
        assert_eq!(chunks, [&Value::from(1), &Value::Null, &Value::from(32), &Value::from(48)]);
    }

    #[test]
    fn a_level_that_peers_cannot_set_is_refused() {
        let other = workload("ome-bench -d t:2,y:64 -c zstd:1").unwrap();
        let problem = other.peer_settings().unwrap_err().to_string();
        assert!(problem.contains("level 3") && problem.contains('1'), "{problem}");
        assert!(workload("ome-bench -d t:2,y:64 -c zstd").unwrap().peer_settings().is_ok());
        let summed = workload("ome-bench -d t:2,y:64 -c none+crc32c").unwrap();
        assert!(summed.peer_settings().unwrap_err().to_string().contains("checksum"));
    }
}
