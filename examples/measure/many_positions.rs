//! What it costs to make and to finish a store of many positions, or of a plate (`1536x9`: wells and fields of each):
//! times `Stream::create` and `finish` and, in turns, the plain calls of the standard library that make the same
//! folders and files. Prints medians and their ratios, and in brackets those of the calling thread's own processor time
//! (Linux), which a busy machine changes little.
//!
//! ```text
//! cargo run --release -p ome-stream-examples --example many_positions [FOLDER] [POSITIONS | WELLSxFIELDS] [PAIRS]
//! ```

#![allow(clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ome_stream::settings::{DataType, Dimension, Durability, Plate, Position, Settings, parse_dims};
use ome_stream::{Stream, platform};
use ome_stream_backend_zarrs::ZarrsBackend;

type Failure = Box<dyn Error>;

/// Folders (`None`) and files of a store, by their path in it; a folder comes before what is in it.
type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let images = arguments.next().map_or(Ok(Images::Series(10_000)), |text| Images::read(&text))?;
    let positions = images.count();
    let pairs = arguments.next().map_or(Ok(5), |text| text.parse::<usize>())?;
    let work = tempfile::tempdir_in(folder)?;
    for frames in [positions, 10] {
        let mut times = [const { Vec::new() }; 5];
        for _ in 0..pairs {
            for (all, time) in times.iter_mut().zip(pair(work.path(), &images, frames)?) {
                all.push(time);
            }
        }
        let [create, create_plain, metadata, finish, finish_plain] = times.map(|times| {
            let (wall, processor) = times.into_iter().unzip();
            [median(wall), median(processor)]
        });
        println!("{images}, {frames} frames:");
        let compare = |what: &str, [wall, processor]: [f64; 2], [plain, plain_processor]: [f64; 2]| {
            let ratios = (wall / plain, processor / plain_processor);
            println!(
                "  {what} {wall:.1} ms ({processor:.1}), plain calls {plain:.1} ms ({plain_processor:.1}): {:.2} ({:.2})",
                ratios.0, ratios.1
            );
        };
        compare("create", create, create_plain);
        compare("finish", finish, finish_plain);
        println!("  set_metadata {:.1} ms", metadata[0]);
    }
    Ok(())
}

/// What the store holds.
enum Images {
    /// So many positions.
    Series(u64),
    /// Wells of a standard plate and fields of each.
    Plate(u32, u32),
}

impl Images {
    fn read(text: &str) -> Result<Self, std::num::ParseIntError> {
        Ok(match text.split_once('x') {
            Some((wells, fields)) => Self::Plate(wells.parse()?, fields.parse()?),
            None => Self::Series(text.parse()?),
        })
    }

    fn count(&self) -> u64 {
        match self {
            Self::Series(positions) => *positions,
            Self::Plate(wells, fields) => u64::from(*wells) * u64::from(*fields),
        }
    }

    /// Puts the fields into their wells, row by row.
    fn settle(&self, settings: &mut Settings) -> Result<(), Failure> {
        let Self::Plate(wells, fields) = self else { return Ok(()) };
        let plate = Plate::from_standard_wells(*wells)?;
        let mut positions = Vec::new();
        for row in &plate.row_names {
            for column in &plate.column_names {
                positions.extend((0..*fields).map(|field| Position {
                    plate_row: Some(row.clone()),
                    plate_column: Some(column.clone()),
                    ..Position::new(field.to_string())
                }));
            }
        }
        let in_wells = |each: Dimension| if each.name == "p" { each.with_coords(positions.clone()) } else { each };
        settings.dimensions = settings.dimensions.drain(..).map(in_wells).collect();
        settings.plate = Some(plate);
        Ok(())
    }
}

impl std::fmt::Display for Images {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Series(positions) => write!(f, "{positions} positions"),
            Self::Plate(wells, fields) => write!(f, "a plate of {wells} wells, {fields} fields each"),
        }
    }
}

/// Time on the clock, and the thread's on a processor.
type Time = (Duration, Duration);

/// Times what `work` does.
fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Time), E> {
    let (start, processor) = (Instant::now(), on_processor());
    let done = work()?;
    Ok((done, (start.elapsed(), on_processor().saturating_sub(processor))))
}

/// Time that this thread has spent on a processor; zero where the system does not tell.
fn on_processor() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// One run and the plain calls that leave the same behind.
fn pair(work: &Path, images: &Images, frames: u64) -> Result<[Time; 5], Failure> {
    let root = work.join("run.ome.zarr");
    let dimensions = parse_dims(&format!("t:inf,p:{},y:16,x:16", images.count()))?;
    let mut settings = Settings::new(root.display().to_string(), dimensions, DataType::UInt16);
    images.settle(&mut settings)?;
    settings.durability = Durability::None;
    settings.live_interval = 3600.0;
    // Memory that is made ahead of the first frame is not what is measured.
    settings.memory_limit = 4 << 20;
    let (stream, create) = timed(|| Stream::create_on(&settings, &ZarrsBackend, platform::native()))?;
    let made = tree(&root)?;
    let ((), metadata) = timed(|| stream.set_metadata("host", "{\"name\":\"many positions\"}"))?;
    for _ in 0..frames {
        stream.append(&[1; 16 * 16 * 2])?;
    }
    while stream.status().written < frames {
        std::thread::sleep(Duration::from_millis(1));
    }
    let before = tree(&root)?;
    let (_, finish) = timed(|| stream.finish())?;
    let mut changed = tree(&root)?;
    changed.retain(|path, contents| before.get(path) != Some(contents));
    drop(stream);
    fs::remove_dir_all(&root)?;

    let ((), create_plain) = timed(|| make(&root, &made))?;
    make(&root, &before)?;
    let ((), finish_plain) = timed(|| make(&root, &changed))?;
    fs::remove_dir_all(&root)?;
    Ok([create, create_plain, metadata, finish, finish_plain])
}

fn tree(root: &Path) -> Result<Tree, Failure> {
    let mut found = Tree::from([(PathBuf::new(), None)]);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path.clone());
                found.insert(path, None);
            } else {
                found.insert(path, Some(fs::read(entry.path())?));
            }
        }
    }
    Ok(found)
}

fn make(root: &Path, tree: &Tree) -> Result<(), Failure> {
    for (path, contents) in tree {
        let path = root.join(path);
        match contents {
            Some(bytes) => fs::write(&path, bytes)?,
            None => match fs::create_dir(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            },
        }
    }
    Ok(())
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
