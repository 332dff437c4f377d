//! A simulated sCMOS camera at a fixed rate, and what becomes of its frames.
//!
//! `cargo run --release -p ome-stream-examples --bin camera [FPS] [SIZE] [SECONDS] [STORE]`
//!
//! As with a real camera, its driver fills a few buffers of its own in turn, tells the program about each as it is
//! full, and overwrites it soon after, whatever the program does. `append` copies, so that this does no harm; and it
//! never waits (`when_full: drop`): where the disk is too slow, frames are dropped and counted instead of stalling the
//! camera.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ome_stream::settings::{DataType, Dimension, WhenFull};
use ome_stream::{Error, Settings, Stream};

/// Buffers that the driver fills in turn.
const RING: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::from_arguments()?;
    let size = options.size;
    let dimensions = vec![
        Dimension::unbounded("t").with_scale(1.0 / options.fps),
        Dimension::standard("y", size),
        Dimension::standard("x", size),
    ];
    let mut settings = Settings::new(options.store, dimensions, DataType::UInt16);
    settings.when_full = WhenFull::Drop;
    settings.overwrite = true;
    let stream = Arc::new(Stream::create(&settings, ome_stream_backends::open("auto")?.as_ref())?);

    let frames = (options.fps * options.seconds).ceil() as u64;
    let camera = std::thread::Builder::new().name("camera".into()).spawn({
        let stream = Arc::clone(&stream);
        let mut camera = Camera::new(options.fps, size)?;
        move || camera.run(frames, |frame| stream.append(frame).map(|_| ()))
    })?;
    println!("{size} x {size} pixels of uint16 at {} frames/s, {} frames", options.fps, frames);
    let mut next = Instant::now() + Duration::from_secs(1);
    while !camera.is_finished() {
        std::thread::sleep(Duration::from_millis(5));
        if Instant::now() >= next {
            println!("{}", line(&stream));
            next += Duration::from_secs(1);
        }
    }
    let late = camera.join().map_err(|_| "the camera's thread panicked")??;
    let report = stream.finish()?;
    println!("{}", line(&stream));
    println!(
        "{} frames stored, {} dropped, {late} late; slowest append {:.2} ms: {}",
        report.frames,
        report.dropped,
        stream.status().append.max_us / 1e3,
        report.path.display()
    );
    Ok(())
}

/// How the run stands.
fn line(stream: &Stream) -> String {
    let status = stream.status();
    format!(
        "accepted {}  written {}  durable {}  dropped {}  in flight {:.1} MB",
        status.accepted - status.dropped,
        status.written,
        status.durable,
        status.dropped,
        status.bytes_in_flight as f64 / 1e6
    )
}

struct Camera {
    /// Time of one frame.
    period: Duration,
    ring: [Vec<u8>; RING],
    /// A frame's worth of noise, twice: frames are cut out of it at changing places.
    noise: Vec<u8>,
}

impl Camera {
    fn new(fps: f64, size: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let bytes = usize::try_from(size * size * 2)?;
        let mut state = 0x9e37_79b9u32;
        let mut noise: Vec<u8> = Vec::with_capacity(2 * bytes);
        while noise.len() < 2 * bytes {
            // xorshift, then offset 100 and a few counts of noise, as from a dark frame.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            noise.extend((100 + (state % 16) as u16).to_le_bytes());
        }
        Ok(Self { period: Duration::from_secs_f64(1.0 / fps), ring: std::array::from_fn(|_| vec![0; bytes]), noise })
    }

    /// Delivers frames on time and returns how many came later than a frame's time, because delivering took so long.
    fn run(&mut self, frames: u64, mut deliver: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<u64, Error> {
        let start = Instant::now();
        let mut late = 0;
        for number in 0..frames {
            let due = start + self.period.mul_f64(number as f64);
            match due.checked_duration_since(Instant::now()) {
                Some(early) => std::thread::sleep(early),
                None => late += u64::from(due.elapsed() > self.period),
            }
            let buffer = &mut self.ring[number as usize % RING];
            expose(buffer, &self.noise, number);
            deliver(buffer)?;
            // The driver owns its buffers: this one is overwritten at once, as the exposure to come.
            buffer.fill(0xff);
        }
        Ok(late)
    }
}

/// Fills a buffer with noise; the first eight bytes are the number of the frame.
fn expose(buffer: &mut [u8], noise: &[u8], number: u64) {
    let shift = 2 * (number as usize * 7919 % (buffer.len() / 2));
    buffer.copy_from_slice(&noise[shift..shift + buffer.len()]);
    buffer[..8].copy_from_slice(&number.to_le_bytes());
}

struct Options {
    fps: f64,
    size: u64,
    seconds: f64,
    store: String,
}

impl Options {
    fn from_arguments() -> Result<Self, String> {
        let mut arguments = std::env::args().skip(1);
        let usage = |what: &str| format!("{what} cannot be used; usage: camera [FPS] [SIZE] [SECONDS] [STORE]");
        let mut number = |name: &str, default: f64, range: std::ops::RangeInclusive<f64>| {
            let text = arguments.next();
            let given = text.map_or(Ok(default), |text| text.parse());
            given.ok().filter(|given| range.contains(given)).ok_or_else(|| usage(name))
        };
        let fps = number("FPS (0.1 to 100000)", 100.0, 0.1..=100_000.0)?;
        let size = number("SIZE (8 to 20000 pixels)", 256.0, 8.0..=20_000.0)? as u64;
        let seconds = number("SECONDS (0.1 to a day)", 1.0, 0.1..=86_400.0)?;
        let store = arguments.next().unwrap_or_else(|| std::env::temp_dir().join("camera").display().to_string());
        Ok(Self { fps, size, seconds, store })
    }
}
