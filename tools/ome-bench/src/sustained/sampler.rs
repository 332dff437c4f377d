//! Looks at memory while an engine works.

use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use ome_stream::Stream;

use crate::measure::resident;

/// Memory at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Seconds since the first frame.
    pub seconds: f64,
    /// Resident memory of the process, in bytes.
    pub resident: Option<u64>,
    /// Bytes that wait for the disk.
    pub in_flight: u64,
}

/// A thread that takes samples of a stream until it is stopped.
pub struct Sampler<'scope> {
    stop: SyncSender<()>,
    thread: ScopedJoinHandle<'scope, Vec<Sample>>,
}

impl<'scope> Sampler<'scope> {
    /// Takes a few samples in each piece of `width` seconds, from now on.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, stream: &'env Stream, width: f64) -> Self {
        let (stop, stopped) = sync_channel(0);
        let interval = Duration::from_secs_f64((width / 4.0).clamp(0.01, 1.0));
        let thread = scope.spawn(move || {
            let first = Instant::now();
            let mut samples = Vec::with_capacity(4096);
            loop {
                samples.push(Sample {
                    seconds: first.elapsed().as_secs_f64(),
                    resident: resident(),
                    in_flight: stream.status().bytes_in_flight,
                });
                match stopped.recv_timeout(interval) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return samples,
                }
            }
        });
        Self { stop, thread }
    }

    /// Everything seen.
    pub fn stop(self) -> Vec<Sample> {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}
