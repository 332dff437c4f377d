//! The engines labs use today, each in a Python process of its own.

mod process;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};
use ome_stream::settings::Durability;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Engine, Job};
use crate::measure::{Moment, Recorder, ResidentMemory, Run, histogram};
use crate::sustained::timeline;
use crate::workload::Workload;
use process::Process;

/// Name of acquire-zarr's own package in tables, apart from our engine that uses the same library.
const OWN_PACKAGE: (&str, &str) = ("python/acquire-zarr", "acquire-zarr");

/// A way to start peers: the interpreter, the scripts beside the frames.
pub struct Peers {
    python: PathBuf,
    scratch: PathBuf,
    frames: OnceLock<PathBuf>,
}

/// An engine that the Python environment knows.
pub struct Known {
    /// Name in tables and for `-b`.
    pub name: String,
    /// Its version, or why it cannot be used.
    pub state: Result<String, String>,
    key: String,
}

/// One engine of the Python environment.
pub struct Peer {
    name: String,
    key: String,
    version: String,
    frames: PathBuf,
    process: Process,
}

#[derive(Deserialize)]
struct Probed {
    available: bool,
    #[serde(default)]
    version: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Answer {
    create: f64,
    append: Vec<f64>,
    finish: f64,
    sync: f64,
    write: f64,
    rss_before: Option<u64>,
    peak_rss: Option<u64>,
}

/// True for names of engines that live in Python.
pub fn is_peer(name: &str) -> bool {
    name == OWN_PACKAGE.0 || name.starts_with("ome-writers/")
}

impl Peers {
    /// Puts the scripts into `scratch`; `python` is asked for nothing yet.
    pub fn new(python: Option<&Path>, scratch: &Path) -> Result<Self> {
        process::install(scratch)?;
        Ok(Self {
            python: python.map_or_else(process::default_python, Path::to_path_buf),
            scratch: scratch.to_path_buf(),
            frames: OnceLock::new(),
        })
    }

    /// Every engine that the scripts know, available or not.
    pub fn list(&self) -> Result<Vec<Known>> {
        let answer = Process::start(&self.python, &self.scratch, "probe")?.ask(&json!({"probe": true}))?;
        let engines: serde_json::Map<String, Value> =
            serde_json::from_value(answer.get("engines").cloned().unwrap_or_default())?;
        engines
            .into_iter()
            .map(|(key, state)| {
                let probed: Probed = serde_json::from_value(state)?;
                let name = if key == OWN_PACKAGE.1 { OWN_PACKAGE.0.to_owned() } else { key.clone() };
                Ok(Known { name, state: if probed.available { Ok(probed.version) } else { Err(probed.reason) }, key })
            })
            .collect()
    }

    /// A process for the engine `known`, with `frames` in a file that all processes read.
    pub fn open(&self, known: &Known, frames: &crate::frames::Frames) -> Result<Peer> {
        let version = known.state.clone().map_err(|reason| anyhow!(reason))?;
        let file = match self.frames.get() {
            Some(file) => file.clone(),
            None => {
                let file = self.scratch.join("frames.bin");
                let mut target = BufWriter::new(File::create(&file)?);
                frames.write_to(&mut target).and_then(|()| target.flush()).context("the frames for the peers")?;
                self.frames.get_or_init(|| file).clone()
            }
        };
        Ok(Peer {
            name: known.name.clone(),
            key: known.key.clone(),
            version,
            frames: file,
            process: Process::start(&self.python, &self.scratch, &known.key)?,
        })
    }
}

impl Engine for Peer {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> Option<String> {
        Some(self.version.clone())
    }

    fn durability(&self, workload: &Workload) -> &'static str {
        // They have no such setting; one syncfs at the end makes everything durable.
        if workload.durability() == Durability::None { "none" } else { "finish" }
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        if job.camera.is_some() {
            bail!("runs only as fast as it goes: use --rate 0");
        }
        let answer = self.process.ask(&json!({
            "engine": self.key,
            "settings": job.workload.peer_settings()?,
            "frames_file": self.frames,
            "frame_count": job.workload.frames(),
            "out": job.folder,
            "durable": job.workload.durability() != Durability::None,
        }))?;
        let answer: Answer = serde_json::from_value(answer).context("an answer without the agreed fields")?;
        answer.into_run(job.window)
    }
}

impl Answer {
    fn into_run(self, window: Option<f64>) -> Result<Run> {
        let mut latencies = histogram()?;
        for seconds in &self.append {
            latencies.saturating_record((seconds * 1e9) as u64);
        }
        Ok(Run {
            create: self.create,
            append: Some(self.append.iter().sum()),
            finish: Some(self.finish + self.sync),
            write: self.write,
            // The script ends the one and begins the other at the same instant: their sum is one clock's time.
            create_write: self.create + self.write,
            latencies: Some(latencies),
            memory: self.rss_before.zip(self.peak_rss).map(|(before, peak)| ResidentMemory { before, peak }),
            dropped: 0,
            stored: None,
            for_live_readers: None,
            on_disk: None,
            timeline: window.map_or_else(|| Ok(Vec::new()), |width| self.over_time(width))?,
        })
    }

    /// The run over time, from its appends one after another. Its memory over time is not known.
    fn over_time(&self, width: f64) -> Result<Vec<Moment>> {
        let mut recorder = Recorder::new(Some(width))?;
        let mut now = 0.0;
        for seconds in &self.append {
            now += seconds.max(0.0);
            recorder
                .record(std::time::Duration::from_secs_f64(now), std::time::Duration::from_secs_f64(seconds.max(0.0)));
        }
        Ok(timeline(&recorder.finish().1, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_run_with_its_sync_in_finish() {
        let answer: Answer = serde_json::from_value(json!({
            "ok": true, "engine": "ome-writers/tensorstore", "version": "1", "create": 0.25, "append": [0.5, 1.0],
            "finish": 0.125, "sync": 0.375, "write": 2.0, "rss_before": 1000, "peak_rss": 3000, "bytes": 10, "store": "x"
        }))
        .unwrap();
        let run = answer.into_run(Some(1.0)).unwrap();
        assert_eq!((run.create, run.append, run.finish, run.write), (0.25, Some(1.5), Some(0.5), 2.0));
        assert_eq!(run.create_write, 2.25, "from the call that makes the store until the sync is over");
        assert_eq!(run.memory.map(|memory| memory.increase()), Some(2000));
        assert_eq!(run.latencies.map(|latencies| latencies.len()), Some(2));
        assert_eq!(run.timeline.iter().map(|moment| moment.frames).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn peers_are_told_from_our_engines_by_their_names() {
        assert!(is_peer("ome-writers/tensorstore") && is_peer("python/acquire-zarr"));
        assert!(!is_peer("acquire-zarr") && !is_peer("zarrs"));
    }
}
