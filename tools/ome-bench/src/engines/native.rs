//! An engine of this project, through the library as a host uses it.

use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use ome_stream::backend::{self, Backend};
use ome_stream::{Plan, Settings, Stream};

use super::variant::Variant;
use super::{Engine, Job};
use crate::measure::{PeakMemory, Recorder, Run, disk};
use crate::sustained::{Sampler, add_samples};
use crate::workload::{Levels, Workload};

/// A backend of the registry.
pub struct Native {
    name: String,
    backend: Box<dyn Backend>,
    variant: Variant,
    /// Its name without the levels that it makes.
    without_levels: Option<String>,
}

impl Native {
    /// The engine `name` with the settings of `variant`; `with_levels` with those of the workload. What a run would
    /// refuse is told here.
    pub fn new(name: &str, variant: &Variant, with_levels: bool, workload: &Workload) -> Result<Self> {
        let backend = ome_stream_backends::open(name)?;
        let own = variant.name_of(name);
        let (name, without_levels) = if with_levels { (named_with_levels(&own), Some(own)) } else { (own, None) };
        let engine = Self { name, backend, variant: variant.clone(), without_levels };
        let settings = engine.settings(workload, Path::new("nowhere"))?;
        backend::check(&*engine.backend, &Plan::new(&settings, &engine.backend.capabilities())?)?;
        Ok(engine)
    }

    fn settings(&self, workload: &Workload, folder: &Path) -> Result<Settings> {
        let mut settings = workload.settings_in(folder, self.backend.name());
        if self.without_levels.is_some() {
            settings.pyramid = workload.levels().map(Levels::pyramid);
        }
        self.variant.apply(&settings)
    }
}

/// How one of our engines is called where it makes levels.
pub fn named_with_levels(name: &str) -> String {
    format!("{name} + pyramid")
}

impl Engine for Native {
    fn name(&self) -> &str {
        &self.name
    }

    fn without_levels(&self) -> Option<&str> {
        self.without_levels.as_deref()
    }

    fn version(&self) -> Option<String> {
        Some(self.backend.capabilities().version)
    }

    fn durability(&self, workload: &Workload) -> &'static str {
        let durability = self.settings(workload, Path::new("")).map(|settings| settings.durability);
        durability.unwrap_or(workload.durability()).name()
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        let settings = self.settings(job.workload, job.folder)?;
        let mut recorder = Recorder::new(job.window)?;
        let mut dropped = 0;
        let memory = PeakMemory::start();

        let clock = Instant::now();
        let stream = Stream::create(&settings, &*self.backend)?;
        let create_s = clock.elapsed().as_secs_f64();
        thread::scope(|scope| {
            let sampler = job.window.map(|width| Sampler::start(scope, &stream, width));
            let first = Instant::now();
            for number in 0..job.workload.frames() {
                if let Some(camera) = &job.camera
                    && !camera.wait_for(number, first)
                {
                    stream.skip(1)?;
                    dropped += 1;
                    recorder.drop_frame(first.elapsed());
                    continue;
                }
                let pixels = job.frames.frame(number);
                let start = Instant::now();
                stream.append(pixels)?;
                let end = Instant::now();
                recorder.record(end - first, end - start);
            }
            let append_s = first.elapsed().as_secs_f64();
            let report = stream.finish()?;
            let (write_s, create_write_s) = (first.elapsed().as_secs_f64(), clock.elapsed().as_secs_f64());

            let memory = memory.stop();
            let (latencies, mut timeline) = recorder.finish();
            if let Some(sampler) = sampler {
                add_samples(&mut timeline, &sampler.stop());
            }
            Ok(Run {
                create_s,
                append_s: Some(append_s),
                finish_s: Some(write_s - append_s),
                write_s,
                create_write_s,
                latencies: Some(latencies),
                before_bytes: memory.map(|(before, _)| before),
                peak_bytes: memory.map(|(_, peak)| peak),
                dropped: dropped + report.dropped,
                stored_bytes: Some(report.bytes_written),
                level_bytes: self.without_levels.as_ref().and(job.workload.levels()).map(Levels::bytes),
                live_bytes: Some(stream.status().bytes_for_live_readers),
                disk_bytes: disk::used(&report.path),
                timeline,
            })
        })
    }
}
