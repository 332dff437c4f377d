//! Power loss: a run's operations are recorded and replayed, and at each of them everything unsynced is lost.

mod medium;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ome_stream::platform;
use ome_stream::platform::faulty::{FaultyDisk, Operation};
use ome_stream::settings::Durability;
use ome_stream::{Plan, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::levels::Level;
use ome_stream_tests::model;
use serde_json::json;
use tempfile::TempDir;

use self::medium::Medium;
use crate::judge::Plane;
use crate::levels;
use crate::random::Random;
use crate::table::Table;
use crate::writer::Camera;

/// Pause between frames: the live thread shall have its rounds.
const PAUSE: Duration = Duration::from_millis(3);

/// Small stores in every layout: name, dimensions, codec.
const CASES: &[(&str, &str, &str)] = &[
    ("chunk files", "t:12,y:16,x:16", "none"),
    ("chunk files, t chunks, unbounded", "t:inf:3,y:16:8,x:16", "blosc-lz4"),
    ("shards", "t:24:1:6,y:16:8:2,x:16:8:2", "none"),
    ("shards, t chunks, unbounded", "t:inf:2:3,y:16:8:2,x:16:8:2", "none"),
    ("shards, t chunks, zstd, unbounded", "t:inf:2:3,y:16:8:2,x:16:8:2", "zstd"),
    ("four shards a frame, unbounded", "t:inf:1:5,y:16:4:2,x:16:4:2", "none"),
    ("shards, positions, channels, unbounded", "t:inf:1:4,p:2,c:2,y:16:8:2,x:16:8:2", "none"),
    (LEVELS, "t:inf:1:3,z:3:2,y:16:8:2,x:20:8:2", "none"),
];

/// Has levels below full resolution, of pairs of planes.
const LEVELS: &str = "levels, shards, pairs of planes, unbounded";

/// A run as it was recorded.
struct Recorded {
    case: Case,
    plan: Plan,
    operations: Vec<Operation>,
    /// Operations recorded when `create` returned.
    created: usize,
    /// Operations recorded, and frames that status called durable before that.
    samples: Vec<(usize, u64)>,
    /// True once `finish` promised that everything is on the medium.
    durable_at_end: bool,
}

/// Loses power at every operation; true when nothing promised was lost.
pub fn run(seed: u64) -> Result<bool> {
    let mut random = Random::new(seed);
    let heading = ["case", "durability", "operations", "power losses", "durable frames read", "lost", "not opened"];
    let mut table = Table::new(&heading);
    let (mut losses, mut lost, mut closed) = (0, 0, 0);
    for (name, dimensions, codec) in CASES {
        for durability in [Durability::Shard, Durability::Finish, Durability::None] {
            let folder = memory_folder()?;
            let recorded = record(name, dimensions, codec, durability, folder.path()).context(*name)?;
            let outcome = replay(&recorded, folder.path(), &mut random).context(*name)?;
            for error in &outcome.errors {
                eprintln!("{name}, {durability:?}: {error}");
            }
            let Outcome { tried, read, missing, unopened, .. } = outcome;
            let operations = recorded.operations.len();
            table.row(&[
                name,
                &format!("{durability:?}").to_lowercase(),
                &operations,
                &tried,
                &read,
                &missing,
                &unopened,
            ]);
            (losses, lost, closed) = (losses + tried, lost + missing, closed + unopened);
        }
    }
    table.print();
    println!("power losses: {losses}, durable frames lost: {lost}, stores that did not open: {closed}");
    Ok(lost == 0 && closed == 0)
}

fn record(name: &str, dimensions: &str, codec: &str, durability: Durability, folder: &Path) -> Result<Recorded> {
    let compression = codec.parse()?;
    let mut case = Case::new(name, dimensions).compression(compression).durability(durability);
    if name == LEVELS {
        case = case.pyramid(json!({"levels": 3, "factors": {"z": 2}}));
    }
    // 20 rounds of what is unbounded are enough.
    let frames = case.declared();
    let mut case = case.script(&[Step::Append(frames)]);
    case.settings.live_interval = 0.05;
    let settings = case.settings_in(folder);
    let disk = FaultyDisk::recording(platform::native());
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create_on(&settings, &*backend, std::sync::Arc::new(disk.clone()))?;
    let created = disk.recorded();
    let camera = Camera::new(&case);
    let mut frame = camera.memory();
    let mut samples = Vec::new();
    for number in 0..frames {
        camera.take(number, &mut frame);
        stream.append_with(&frame, &format!("{{\"sent\":{number}}}"))?;
        std::thread::sleep(PAUSE);
        // First what it says, then what had been done by then.
        let durable = stream.status().durable;
        samples.push((disk.recorded(), durable));
        ensure!(durability == Durability::Shard || durable == 0, "{durable} frames are called durable before finish");
    }
    stream.finish()?;
    let durable = stream.status().durable;
    let durable_at_end = durability != Durability::None;
    ensure!(durable == if durable_at_end { frames } else { 0 }, "{durable} frames are called durable after finish");
    samples.push((disk.recorded(), durable));
    let plan = stream.plan().clone();
    Ok(Recorded { case, plan, operations: disk.log(), created, samples, durable_at_end })
}

#[derive(Default)]
struct Outcome {
    tried: u64,
    read: u64,
    missing: u64,
    unopened: u64,
    errors: Vec<String>,
}

/// The levels of an image, each with the last frame that becomes a part of each of its planes.
type Expected = Vec<(Level, Vec<Option<u64>>)>;

impl Outcome {
    fn wrong(&mut self, error: String) {
        const MOST: usize = 5;
        if self.errors.len() < MOST {
            self.errors.push(error);
        }
    }
}

fn replay(recorded: &Recorded, folder: &Path, random: &mut Random) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut medium = Medium::new(folder);
    let images = model::images(&recorded.case);
    let of_image = |image| -> Expected {
        let levels = levels::expected(&recorded.case, image);
        levels.into_iter().zip(levels::last_frames(&recorded.case, image)).collect()
    };
    let images: Vec<Expected> = images.iter().map(of_image).collect();
    let last = recorded.operations.len();
    for (nth, operation) in recorded.operations.iter().enumerate() {
        medium.apply(operation);
        let done = nth + 1;
        let durable = recorded.samples.iter().filter(|(at, _)| *at <= done).map(|(_, durable)| *durable).max();
        // Only `shard` promises something before the end.
        let promised = match recorded.case.settings.durability {
            Durability::Shard => done >= recorded.created,
            Durability::Finish | Durability::None => done == last && recorded.durable_at_end,
        };
        if !promised {
            continue;
        }
        for chance in [None, Some(&mut *random)] {
            let how = if chance.is_some() { "some of the unsynced left" } else { "all of the unsynced lost" };
            let after = memory_folder()?;
            medium.lose_power(after.path(), chance)?;
            outcome.tried += 1;
            look(recorded, folder, after.path(), &images, durable.unwrap_or(0), &mut outcome, &|error| {
                format!("operation {done} of {last} ({how}): {error}")
            });
        }
    }
    Ok(outcome)
}

/// A folder in memory where there is one: a sync costs nothing there, and what it does is worked out here anyway.
fn memory_folder() -> std::io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

/// Every array opens, and holds every frame below `durable`; of each level the planes that such frames become.
fn look(
    recorded: &Recorded,
    folder: &Path,
    after: &Path,
    images: &[Expected],
    durable: u64,
    outcome: &mut Outcome,
    words: &dyn Fn(String) -> String,
) {
    for (position, expected) in images.iter().enumerate() {
        for (nth, (level, last)) in (0..).zip(expected) {
            let array = recorded.plan.array_path(position, nth);
            let moved = array.strip_prefix(folder).map_or_else(|_| array.clone(), |path| after.join(path));
            let found = match Plane::open(&moved) {
                Ok(found) => found,
                Err(error) => {
                    outcome.unopened += 1;
                    outcome.wrong(words(error));
                    continue;
                }
            };
            for (flat, (plane, last)) in level.planes.iter().zip(last).enumerate() {
                let Some((plane, last)) = plane.as_ref().zip(last.filter(|last| *last < durable)) else { continue };
                outcome.read += 1;
                let wrong = match found.read(&level.shape, flat as u64) {
                    Ok(found) if found == *plane => continue,
                    Ok(_) => format!("level {nth}, frame {last} is not what was sent, {durable} were called durable"),
                    Err(error) => format!("level {nth}, frame {last}, {durable} were called durable: {error}"),
                };
                outcome.missing += 1;
                outcome.wrong(words(wrong));
            }
        }
    }
}
