//! The engines labs use today, each in a Python process of its own.

mod process;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ome_stream::settings::{Durability, PyramidMethod};
use serde::Deserialize;
use serde_json::json;

use super::{Engine, Job};
use crate::frames::Frames;
use crate::measure::{Recorder, Run};
use crate::workload::Workload;
use process::Process;

/// Name of acquire-zarr's own package in tables, apart from our engine that uses the same library.
const OWN_PACKAGE: (&str, &str) = ("python/acquire-zarr", "acquire-zarr");

/// Pixels for all peers, in the folder of their scripts.
const FRAMES: &str = "frames.bin";

/// One engine of the Python environment.
pub struct Peer {
    name: String,
    key: String,
    version: String,
    python: PathBuf,
    scratch: PathBuf,
    /// Levels that it makes by itself.
    levels: Option<OwnLevels>,
    /// Begins with the first run.
    process: Option<Process>,
}

/// Levels below full resolution as acquire-zarr's own package makes them.
#[derive(Debug, Clone)]
struct OwnLevels {
    /// Name of the engine without them.
    without: String,
    /// Its word for the method.
    method: &'static str,
    /// Most levels, full resolution included.
    most: usize,
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
    #[serde(default)]
    level_bytes: Option<u64>,
}

/// True for names of engines that live in Python.
pub fn is_peer(name: &str) -> bool {
    name == OWN_PACKAGE.0 || name.starts_with("ome-writers/")
}

/// Every engine that the scripts know, by name, or why it cannot be used. Puts the scripts and the frames that all
/// processes read into `scratch`.
pub fn list(python: Option<&Path>, scratch: &Path, frames: &Frames) -> Result<Vec<(String, Result<Peer>)>> {
    let python = python.map_or_else(process::default_python, Path::to_path_buf);
    process::install(scratch)?;
    let answer = Process::start(&python, scratch, "probe")?.ask(&json!({"probe": true}))?;
    let engines: BTreeMap<String, Probed> = serde_json::from_value(answer["engines"].clone())?;
    let mut file = BufWriter::new(File::create(scratch.join(FRAMES))?);
    frames.write_to(&mut file).and_then(|()| file.flush()).context("the frames for the peers")?;
    let peers = engines.into_iter().map(|(key, Probed { available, version, reason })| {
        let name = if key == OWN_PACKAGE.1 { OWN_PACKAGE.0 } else { &key }.to_owned();
        let (python, scratch) = (python.clone(), scratch.to_path_buf());
        let peer = Peer { name: name.clone(), key, version, python, scratch, levels: None, process: None };
        (name, if available { Ok(peer) } else { Err(anyhow!(reason)) })
    });
    Ok(peers.collect())
}

impl Peer {
    /// The same engine with levels of its own, and its name; `None` where it has none, or none are asked for.
    pub fn with_own_levels(&self, workload: &Workload) -> Option<(String, Result<Self>)> {
        let levels = workload.levels().filter(|_| self.name == OWN_PACKAGE.0)?;
        let name = format!("{} + its own pyramid", self.name);
        let method = match levels.pyramid().method {
            PyramidMethod::Mean => Ok("MEAN"),
            PyramidMethod::Min => Ok("MIN"),
            PyramidMethod::Max => Ok("MAX"),
            PyramidMethod::Nearest => Ok("DECIMATE"),
            other => Err(anyhow!("acquire-zarr has no {}", other.name())),
        };
        let peer = method.map(|method| {
            let levels = Some(OwnLevels { without: self.name.clone(), method, most: levels.shapes().len() });
            let (key, version) = (self.key.clone(), self.version.clone());
            let (python, scratch) = (self.python.clone(), self.scratch.clone());
            Self { name: name.clone(), key, version, python, scratch, levels, process: None }
        });
        Some((name, peer))
    }
}

impl Engine for Peer {
    fn name(&self) -> &str {
        &self.name
    }

    fn without_levels(&self) -> Option<&str> {
        self.levels.as_ref().map(|levels| levels.without.as_str())
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
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(Process::start(&self.python, &self.scratch, &self.name)?),
        };
        let answer = process.ask(&json!({
            "engine": self.key,
            "settings": job.workload.peer_settings()?,
            "frames_file": self.scratch.join(FRAMES),
            "frame_count": job.workload.frames(),
            "out": job.folder,
            "durable": job.workload.durability() != Durability::None,
            "levels": self.levels.as_ref().map(|levels| json!({"method": levels.method, "most": levels.most})),
        }))?;
        let answer: Answer = serde_json::from_value(answer).context("an answer without the agreed fields")?;
        answer.into_run(job.window)
    }
}

impl Answer {
    /// Its memory over time is not known.
    fn into_run(self, window: Option<f64>) -> Result<Run> {
        let mut recorder = Recorder::new(window)?;
        let mut now = Duration::ZERO;
        for seconds in &self.append {
            let latency = Duration::try_from_secs_f64(*seconds)?;
            now += latency;
            recorder.record(now, latency);
        }
        let (latencies, timeline) = recorder.finish();
        Ok(Run {
            create_s: self.create,
            append_s: Some(self.append.iter().sum()),
            finish_s: Some(self.finish + self.sync),
            write_s: self.write,
            // The script ends the one and begins the other at the same instant: their sum is one clock's time.
            create_write_s: self.create + self.write,
            latencies: Some(latencies),
            before_bytes: self.rss_before,
            peak_bytes: self.peak_rss,
            level_bytes: self.level_bytes,
            timeline,
            ..Run::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_run_with_its_sync_in_finish() {
        let answer: Answer = serde_json::from_value(json!({
            "ok": true, "engine": "ome-writers/tensorstore", "version": "1", "create": 0.25, "append": [0.5, 1.0],
            "finish": 0.125, "sync": 0.375, "write": 2.0, "rss_before": 1000, "peak_rss": 3000, "bytes": 10, "level_bytes": 12, "store": "x"
        }))
        .unwrap();
        let run = answer.into_run(Some(1.0)).unwrap();
        assert_eq!((run.create_s, run.append_s, run.finish_s, run.write_s), (0.25, Some(1.5), Some(0.5), 2.0));
        assert_eq!(run.create_write_s, 2.25, "from the call that makes the store until the sync is over");
        assert_eq!((run.increase(), run.level_bytes), (Some(2000), Some(12)));
        assert_eq!(run.latencies.map(|latencies| latencies.len()), Some(2));
        assert_eq!(run.timeline.iter().map(|moment| moment.frames).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn peers_are_told_from_our_engines_by_their_names() {
        assert!(is_peer("ome-writers/tensorstore") && is_peer("python/acquire-zarr"));
        assert!(!is_peer("acquire-zarr") && !is_peer("zarrs"));
    }
}
