//! The writer process: streams a case and says how far it is, until it ends or is killed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ome_stream::{Stream, platform};
use ome_stream_tests::case::Case;
use ome_stream_tests::pixels;
use serde::{Deserialize, Serialize};

use crate::watermarks::Log;

/// Time between two entries of the status file.
pub const TICK: Duration = Duration::from_millis(20);

/// What a writer is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub case: Case,
    /// Where the store goes.
    pub folder: PathBuf,
    /// Where the writer says how far it is.
    pub status: PathBuf,
    /// Where it says how it ended, if it is not killed.
    pub outcome: PathBuf,
    /// Frames a second; 0 as fast as it goes.
    pub rate: u64,
    /// Frames that come as fast as it goes before `rate` holds.
    pub burst: u64,
    /// Stops, and finishes, after this many seconds.
    pub seconds: f64,
    /// Most open files; 0 leaves it as it is.
    pub files: u64,
    /// Waits to be killed after this many frames.
    pub idle_after: Option<u64>,
}

/// How a writer ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What `append` said at last, if it refused a frame.
    pub append: Option<String>,
    /// What `finish` said, if it failed.
    pub finish: Option<String>,
    /// Frames accepted and written.
    pub accepted: u64,
    pub written: u64,
    /// Bytes in flight after `finish`.
    pub in_flight: u64,
}

impl Order {
    pub fn new(case: Case, folder: &Path, rate: u64) -> Self {
        Self {
            case,
            folder: folder.to_path_buf(),
            status: folder.join("status"),
            outcome: folder.join("outcome.json"),
            rate,
            burst: 0,
            seconds: 3600.0,
            files: 0,
            idle_after: None,
        }
    }

    /// The store.
    pub fn root(&self) -> PathBuf {
        self.case.settings_in(&self.folder).output_path()
    }

    /// This program as the writer; its order is written to the folder.
    pub fn command(&self) -> Result<std::process::Command> {
        let path = self.folder.join("order.json");
        std::fs::write(&path, serde_json::to_vec(self)?).with_context(|| path.display().to_string())?;
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg("write").arg(path);
        Ok(command)
    }

    /// How the writer says that it ended.
    pub fn ended(&self) -> Result<Outcome> {
        let bytes = std::fs::read(&self.outcome).context("the writer left no outcome")?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

/// Does what the order in the file at `path` says.
pub fn run(path: &Path) -> Result<()> {
    let order: Order = serde_json::from_slice(&std::fs::read(path)?)?;
    if order.files > 0 {
        limit_files(order.files)?;
    }
    let settings = order.case.settings_in(&order.folder);
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create_on(&settings, &*backend, platform::native())?;
    let mut log = Log::create(&order.status)?;
    log.put(&stream.status())?;
    let ended = AtomicBool::new(false);
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| -> Result<()> {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                if log.put(&stream.status()).is_err() {
                    break;
                }
            }
        });
        outcome.append = play(&order, &stream).err().map(|error| error.to_string());
        outcome.finish = stream.finish().err().map(|error| error.to_string());
        ended.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    let status = stream.status();
    (outcome.accepted, outcome.written, outcome.in_flight) = (status.accepted, status.written, status.bytes_in_flight);
    std::fs::write(&order.outcome, serde_json::to_vec(&outcome)?)?;
    Ok(())
}

fn play(order: &Order, stream: &Stream) -> Result<(), ome_stream::Error> {
    let camera = Camera::new(&order.case);
    let mut frame = camera.memory();
    let start = Instant::now();
    for number in 0..order.case.consumed() {
        while order.idle_after.is_some_and(|last| number >= last) && start.elapsed().as_secs_f64() < order.seconds {
            std::thread::sleep(TICK);
        }
        if order.rate > 0 && number >= order.burst {
            let due = Duration::from_secs_f64((number - order.burst) as f64 / order.rate as f64);
            std::thread::sleep(due.saturating_sub(start.elapsed()));
        }
        if start.elapsed().as_secs_f64() > order.seconds {
            break;
        }
        camera.send(number, &mut frame, stream)?;
    }
    Ok(())
}

/// Makes the frames of `ome_stream_tests::pixels` for uint16, fast.
pub struct Camera {
    plane: Vec<u16>,
}

impl Camera {
    pub fn new(case: &Case) -> Self {
        let (rows, columns) = case.frame();
        let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
        Self { plane: places.map(|(y, x)| pixels::value(0, y, x) as u16).collect() }
    }

    pub fn memory(&self) -> Vec<u8> {
        vec![0; self.plane.len() * 2]
    }

    /// Gives frame `number` to a stream, with metadata.
    pub fn send(&self, number: u64, frame: &mut [u8], stream: &Stream) -> Result<u64, ome_stream::Error> {
        self.take(number, frame);
        stream.append_with(frame, &format!("{{\"sent\":{number}}}"))
    }

    /// Frame `number`.
    pub fn take(&self, number: u64, frame: &mut [u8]) {
        let shift = (pixels::value(number, 0, 0) as u16).wrapping_sub(pixels::value(0, 0, 0) as u16);
        for (bytes, pixel) in frame.chunks_exact_mut(2).zip(&self.plane) {
            bytes.copy_from_slice(&pixel.wrapping_add(shift).to_le_bytes());
        }
    }
}

#[cfg(unix)]
fn limit_files(files: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: Some(files) })?)
}

#[cfg(not(unix))]
fn limit_files(_files: u64) -> Result<()> {
    bail!("open files cannot be limited on this platform")
}

/// Ends a process at once, as SIGKILL does, and waits until it is gone.
pub fn kill(mut child: std::process::Child) -> Result<()> {
    child.kill().context("killing the writer")?;
    let status = child.wait()?;
    // It may have ended by itself, but then well.
    #[cfg(unix)]
    let killed = std::os::unix::process::ExitStatusExt::signal(&status).is_some();
    #[cfg(not(unix))]
    let killed = true;
    if !killed && !status.success() {
        bail!("the writer ended by itself with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ome_stream::settings::DataType;

    #[test]
    fn the_camera_takes_the_frames_that_the_readers_expect() {
        let case = Case::new("camera", "t:3,y:5,x:7");
        let camera = Camera::new(&case);
        let mut frame = camera.memory();
        for number in [0, 1, 12_345] {
            camera.take(number, &mut frame);
            assert_eq!(frame, pixels::frame(DataType::UInt16, number, 5, 7));
        }
    }
}
