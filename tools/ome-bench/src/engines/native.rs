//! An engine of this project, through the library as a host uses it.

use std::thread;
use std::time::Instant;

use anyhow::Result;
use ome_stream::Stream;
use ome_stream::backend::Backend;

use super::{Engine, Job};
use crate::measure::{PeakMemory, Recorder, Run};
use crate::sustained::{Sampler, timeline};

/// A backend of the registry.
pub struct Native {
    name: String,
    backend: Box<dyn Backend>,
}

impl Native {
    /// `backend`, shown as `name`.
    pub fn new(name: &str, backend: Box<dyn Backend>) -> Self {
        Self { name: name.to_owned(), backend }
    }
}

impl Engine for Native {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> Option<String> {
        Some(self.backend.capabilities().version)
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        let settings = job.workload.settings_in(job.folder, &self.name);
        let mut recorder = Recorder::new(job.window)?;
        let mut dropped = 0;
        let memory = PeakMemory::start();

        let clock = Instant::now();
        let stream = Stream::create(&settings, &*self.backend)?;
        let create = clock.elapsed().as_secs_f64();
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
            let append = first.elapsed().as_secs_f64();
            let report = stream.finish()?;
            let write = first.elapsed().as_secs_f64();

            let memory = memory.stop();
            let samples = sampler.map_or_else(Vec::new, Sampler::stop);
            let (latencies, windows) = recorder.finish();
            Ok(Run {
                create,
                append: Some(append),
                finish: Some(write - append),
                write,
                latencies: Some(latencies),
                memory,
                dropped: dropped + report.dropped,
                stored: Some(report.bytes_written),
                timeline: timeline(&windows, &samples),
            })
        })
    }
}
