//! Every kind of thread at once, on an engine that takes no lock which could order them: `cargo xtask tsan` runs this
//! under ThreadSanitizer.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::Stream;
use crate::backend::{Backend, Batch, Capabilities, Sink, Stored, Unsupported};
use crate::error::Result;
use crate::plan::{Plan, StorageUnit};
use crate::settings::{DataType, Settings, parse_dims};
use crate::store::Store;

/// Frames that each of the camera's threads appends.
const FRAMES: u64 = 150;

/// Adds up the bytes of what it is given.
#[derive(Debug, Clone, Default)]
struct Summing {
    complete: Arc<AtomicU64>,
    provisional: Arc<AtomicU64>,
}

impl Backend for Summing {
    fn name(&self) -> &'static str {
        "summing"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::taking(StorageUnit::Chunk)
    }

    fn check(&self, _plan: &Plan) -> Result<(), Unsupported> {
        Ok(())
    }

    fn create(&self, _store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(self.clone()))
    }
}

impl Sink for Summing {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let sum: u64 = batch.bytes.iter().map(|byte| u64::from(*byte)).sum();
        let to = if batch.complete { &self.complete } else { &self.provisional };
        to.fetch_add(sum, Ordering::Relaxed);
        Ok(Stored::default())
    }

    fn skip(&self, _batch: &Batch<'_>) -> Result<Stored> {
        Ok(Stored::default())
    }
}

#[test]
fn bytes_of_several_cameras_arrive_once() {
    for dimensions in ["t:inf,y:32:8,x:32:16", "t:inf:4,y:32:8,x:32:16", "t:inf:2:3,c:2,y:32:16:2,x:32:16:2"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("run.ome.zarr");
        let dimensions = parse_dims(dimensions).expect("a grammar of ours");
        let mut settings = Settings::new(root.to_string_lossy(), dimensions, DataType::UInt8);
        settings.live_interval = 0.05;
        settings.memory_limit = 1 << 20;
        settings.threads = Some(3);
        let backend = Summing::default();
        let stream = Stream::create(&settings, &backend).expect("a stream");
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let cameras: Vec<_> = (1..=3u8)
                .map(|camera| {
                    let stream = &stream;
                    scope.spawn(move || {
                        for frame in 0..FRAMES {
                            stream.append_with(&[camera; 32 * 32], "{\"sent\":1}").expect("taken");
                            if frame % 16 == 0 {
                                thread::yield_now();
                            }
                        }
                    })
                })
                .collect();
            let (stream, over) = (&stream, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let status = stream.status();
                    assert!(status.written <= status.accepted && status.accepted <= 3 * FRAMES, "{status:?}");
                }
            });
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    stream.set_metadata("host", "{\"looks\":\"on\"}").expect("stored");
                }
            });
            cameras.into_iter().for_each(|camera| camera.join().expect("no panic"));
            over.store(true, Ordering::Relaxed);
        });
        let reports: Vec<_> = thread::scope(|scope| {
            let asking: Vec<_> = (0..2).map(|_| scope.spawn(|| stream.finish().expect("all well").frames)).collect();
            asking.into_iter().map(|asking| asking.join().expect("no panic")).collect()
        });
        assert_eq!(reports, [3 * FRAMES; 2]);
        assert_eq!(backend.complete.load(Ordering::Relaxed), FRAMES * (1 + 2 + 3) * 32 * 32);
    }
}
