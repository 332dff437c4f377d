//! An engine of this project, through the library as a host uses it.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ome_stream::backend::Backend;
use ome_stream::platform::faulty::{Fault, FaultyDisk, Operation};
use ome_stream::platform::{self, Disk};
use ome_stream::{Settings, Stream};

use super::variant::Variant;
use super::{Engine, Job};
use crate::measure::{PeakMemory, Recorder, Run};
use crate::sustained::{Sampler, timeline};
use crate::workload::Workload;

/// A backend of the registry.
pub struct Native {
    name: String,
    backend: Box<dyn Backend>,
    variant: Variant,
    disk: Arc<dyn Disk>,
}

impl Native {
    /// `backend`, shown as `name`.
    pub fn new(name: &str, backend: Box<dyn Backend>) -> Self {
        Self { name: name.to_owned(), backend, variant: Variant::default(), disk: platform::native() }
    }

    /// `backend` with some settings changed, which the name tells.
    pub fn variant(name: &str, backend: Box<dyn Backend>, variant: &Variant) -> Self {
        Self { name: format!("{name} {variant}"), variant: variant.clone(), ..Self::new(name, backend) }
    }

    /// With a disk on which every write takes `delay` longer.
    pub fn on_slow_disk(mut self, delay: Duration) -> Self {
        let script = move |_, operation: &Operation| match operation {
            Operation::Write(..) => Fault { delay, ..Fault::default() },
            _ => Fault::default(),
        };
        self.disk = Arc::new(FaultyDisk::new(self.disk, Box::new(script)));
        self
    }

    fn settings(&self, workload: &Workload, folder: &Path) -> Result<Settings> {
        self.variant.apply(&workload.settings_in(folder, self.backend.name()))
    }
}

impl Engine for Native {
    fn name(&self) -> &str {
        &self.name
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
        let stream = Stream::create_on(&settings, &*self.backend, Arc::clone(&self.disk))?;
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
            let (write, create_write) = (first.elapsed().as_secs_f64(), clock.elapsed().as_secs_f64());

            let memory = memory.stop();
            let samples = sampler.map_or_else(Vec::new, Sampler::stop);
            let (latencies, windows) = recorder.finish();
            Ok(Run {
                create,
                append: Some(append),
                finish: Some(write - append),
                write,
                create_write,
                latencies: Some(latencies),
                memory,
                dropped: dropped + report.dropped,
                stored: Some(report.bytes_written),
                for_live_readers: Some(stream.status().bytes_for_live_readers),
                on_disk: crate::measure::disk::used(&report.path),
                timeline: timeline(&windows, &samples),
            })
        })
    }
}
