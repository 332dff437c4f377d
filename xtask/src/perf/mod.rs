//! `cargo xtask perf`: the tables of `docs/PERFORMANCE.md`, measured anew.
//!
//! Results of each workload are kept beside what was built: with `--only` the tables are written from what is measured
//! now and what was measured before.

mod document;
mod table;
mod workloads;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{places, python, step};
use workloads::{BOUNDED, PORTABLE, PYRAMIDS, WORKLOADS, Workload};

/// Rounds of a workload unless it is said otherwise.
const ROUNDS: u32 = 7;

/// Those of the engines that labs use which were the fastest in some workload; the others take minutes.
const PEERS: [&str; 3] = ["ome-writers/tensorstore", "ome-writers/acquire-zarr", "python/acquire-zarr"];

/// The engine of these that makes levels by itself.
const OWN_PYRAMID: &str = "python/acquire-zarr";

/// Part of the measured rate at which a camera must lose nothing.
const CAMERA: f64 = 0.8;

/// Picture of the camera's run.
const PICTURE: &str = "docs/sustained.svg";

/// Options of `cargo xtask perf`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds that count, of every workload; a camera at its own rate and the runs that show memory are single ones.
    #[arg(short = 'n', long, default_value_t = ROUNDS)]
    iterations: u32,
    /// Only what has these letters: A to H, L for levels below full resolution, P for the portable disk, R for a camera at
    /// its own rate, M for memory. The rest of the tables is what was measured before.
    #[arg(long)]
    only: Option<String>,
    /// Leave out the engines that labs use today.
    #[arg(long)]
    no_peers: bool,
    /// Folder to write in, on the disk to be measured.
    #[arg(short = 'r', long)]
    root: Option<PathBuf>,
    /// Print the tables, leave the document as it is.
    #[arg(long)]
    print: bool,
}

impl Options {
    fn rounds(&self) -> Vec<String> {
        vec!["-n".into(), self.iterations.to_string()]
    }
}

/// The programs that measure, and where their results are kept.
struct Bench {
    folder: PathBuf,
    native: PathBuf,
    portable: Option<PathBuf>,
    python: Option<PathBuf>,
    root: Option<PathBuf>,
}

/// Measures what is asked for and writes the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = |letter: char| options.only.as_ref().is_none_or(|only| only.contains(letter));
    let no_raw = vec!["--no-raw".to_owned()];
    let bench = Bench::prepare(options, chosen('P'))?;
    for workload in WORKLOADS.iter().filter(|workload| workload.is_chosen(options)) {
        bench.measure(&bench.native, "all", workload, [options.rounds(), bench.peers()].concat())?;
    }
    if let Some(portable) = &bench.portable {
        for workload in &PORTABLE {
            bench.measure(portable, "portable", workload, [options.rounds(), no_raw.clone()].concat())?;
        }
    }
    if chosen('L') {
        for workload in &PYRAMIDS {
            bench.measure(&bench.native, "pyramid", workload, [options.rounds(), bench.own_pyramid()].concat())?;
        }
    }
    if chosen('R') {
        bench.measure_camera()?;
    }
    if chosen('M') {
        for workload in &BOUNDED {
            bench.measure(&bench.native, "bounded", workload, no_raw.clone())?;
        }
    }
    let text = bench.tables();
    if options.print {
        println!("{text}");
        return Ok(());
    }
    document::write_into(&places::root().join("docs/PERFORMANCE.md"), &text)
}

impl Bench {
    fn prepare(options: &Options, with_portable: bool) -> Result<Self> {
        let python =
            if options.no_peers { None } else { Some(step::timed("Python environment", python::environment)?) };
        let target = places::target()?;
        let folder = target.join("perf");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let built = target.join("release").join(format!("ome-bench{}", std::env::consts::EXE_SUFFIX));
        let build = |features: &[&str], name: &str| -> Result<PathBuf> {
            step::timed(name, || {
                let arguments = ["build", "--release", "--locked", "-p", "ome-bench"];
                step::run(Command::new(env!("CARGO")).args(arguments).args(features).current_dir(places::root()))
            })?;
            let kept = folder.join(name);
            fs::copy(&built, &kept).with_context(|| built.display().to_string())?;
            Ok(kept)
        };
        let portable = with_portable.then(|| build(&["--features", "portable"], "ome-bench-portable")).transpose()?;
        let native = build(&[], "ome-bench")?;
        Ok(Self { folder, native, portable, python, root: options.root.clone() })
    }

    fn peers(&self) -> Vec<String> {
        let Some(python) = &self.python else { return Vec::new() };
        let named = PEERS.iter().flat_map(|peer| ["-b".to_owned(), (*peer).to_owned()]);
        named.chain(["--python".to_owned(), python.display().to_string()]).collect()
    }

    /// The only one of them that makes levels.
    fn own_pyramid(&self) -> Vec<String> {
        let Some(python) = &self.python else { return Vec::new() };
        ["-b", OWN_PYRAMID, "--python", &python.display().to_string()].map(str::to_owned).to_vec()
    }

    /// Measures one workload and keeps its results.
    fn measure(&self, program: &Path, table: &str, workload: &Workload, more: Vec<String>) -> Result<()> {
        step::timed(&format!("{table} {} {}", workload.letter, workload.what), || {
            let mut command = Command::new(program);
            command.args(workload.arguments).args(more).args(["-b", "zarrs"]);
            self.run(command, &workload.file_name(table))
        })
    }

    /// The long run again, with a camera that is a little slower than what was reached.
    fn measure_camera(&self) -> Result<()> {
        let long = WORKLOADS.iter().find(|workload| workload.is_long()).context("no long run")?;
        let reached = self.kept("all", long).context("measure H before R: it gives the rate")?;
        let fps = table::engine(&reached, "zarrs").and_then(|ours| ours["fps"]["median"].as_f64()).unwrap_or(0.0);
        ensure!(fps > 0.0, "the long run gave no rate");
        let rate = format!("{:.1}", fps * CAMERA);
        let picture = places::root().join(PICTURE);
        step::timed(&format!("camera at {rate} frames a second"), || {
            let mut command = Command::new(&self.native);
            command.args(long.arguments).args(["-b", "zarrs", "--rate", &rate, "--plot"]).arg(&picture);
            self.run(command, "camera.json")
        })
    }

    fn run(&self, mut command: Command, file_name: &str) -> Result<()> {
        if let Some(root) = &self.root {
            command.arg("-r").arg(root);
        }
        let path = self.folder.join(file_name);
        step::run(command.arg("--json").arg(&path))
    }

    fn kept(&self, table: &str, workload: &Workload) -> Option<Value> {
        self.kept_as(&workload.file_name(table))
    }

    fn kept_as(&self, file_name: &str) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.folder.join(file_name)).ok()?).ok()
    }

    fn tables(&self) -> String {
        let with = |table: &'static str, list: &'static [Workload]| {
            list.iter().map(move |workload| (workload, self.kept(table, workload))).collect::<Vec<_>>()
        };
        let (all, portable, bounded) =
            (with("all", &WORKLOADS), with("portable", &PORTABLE), with("bounded", &BOUNDED));
        let pyramids = with("pyramid", &PYRAMIDS);
        [
            table::conditions(all.iter().chain(&pyramids).chain(&portable).filter_map(|(_, results)| results.as_ref())),
            table::against_limit_and_peers(&all),
            table::pyramids(&pyramids),
            table::camera(self.kept_as("camera.json").as_ref()),
            table::portable(&portable, &all),
            table::bounded(&bounded),
        ]
        .join("\n")
    }
}
