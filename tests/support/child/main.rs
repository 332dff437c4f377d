//! The program of a child process: see `ome_stream_tests::child`.

use std::io::{BufRead, Write};
use std::time::Duration;

use ome_stream::Stream;
use ome_stream_tests::child::{Answer, Ask, Counters, Pixels};
use ome_stream_tests::{disk, pixels, sources};

/// Bytes of small blocks that the allocator keeps when the address space is limited: what is out of a stream's reach.
const SMALL_BLOCKS: usize = 8 << 20;

/// Streams and the camera that feeds them.
#[derive(Default)]
struct Child {
    streams: Vec<Stream>,
    camera: Vec<u8>,
    /// Holds the top of the heap, so that what lies below it stays with the allocator.
    top: Vec<Box<[u8]>>,
}

impl Child {
    fn answer(&mut self, ask: &Ask) -> Answer {
        let error = self.run(ask).err();
        let statuses: Vec<_> = self.streams.iter().map(Stream::status).collect();
        Answer {
            error,
            accepted: statuses.iter().map(|status| status.accepted).sum(),
            high_water: statuses.iter().map(|status| status.bytes_high_water).sum(),
            in_flight_limit: statuses.iter().map(|status| status.bytes_limit).sum(),
            counters: Counters::now(),
        }
    }

    fn run(&mut self, ask: &Ask) -> Result<(), String> {
        let said = |error: ome_stream::Error| error.to_string();
        match ask {
            Ask::Create { settings, backend, delay_us } => {
                let backend = ome_stream_backends::open(backend).map_err(said)?;
                let disk = match delay_us {
                    0 => ome_stream::platform::native(),
                    delay => disk::slow(Duration::from_micros(*delay)),
                };
                self.streams.push(Stream::create_on(settings, &*backend, disk).map_err(said)?);
                Ok(())
            }
            Ask::CreateSources { root, resume } => {
                let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT).map_err(said)?;
                let plan = sources::plan(root, *resume, &backend.capabilities()).map_err(said)?;
                let disk = ome_stream::platform::native();
                self.streams.push(Stream::of_plan(plan, &*backend, disk).map_err(said)?);
                Ok(())
            }
            Ask::Append { frames, pixels } => (0..*frames).try_for_each(|_| self.append(*pixels)),
            Ask::AppendUntilKilled | Ask::PlayUntilKilled | Ask::Tell => Ok(()),
            Ask::Finish => self.streams.iter().try_for_each(|stream| stream.finish().map(|_| ())).map_err(said),
            Ask::Free => {
                self.streams.clear();
                Ok(())
            }
            Ask::Limit { address_space, files } => self.limit(*address_space, *files),
            Ask::Unlimit => limits::raise(),
        }
    }

    fn limit(&mut self, address_space: Option<u64>, files: Option<u64>) -> Result<(), String> {
        if let Some(files) = files {
            limits::files(files)?;
        }
        if let Some(left) = address_space {
            // What is freed below the top of the heap is what small allocations come from.
            let block = || vec![1; 16 << 10].into_boxed_slice();
            let blocks: Vec<_> = std::iter::repeat_with(block).take(SMALL_BLOCKS / (16 << 10)).collect();
            self.top.push(block());
            drop(blocks);
            limits::address_space(left)?;
        }
        Ok(())
    }

    fn append(&mut self, content: Pixels) -> Result<(), String> {
        let Self { streams, camera, .. } = self;
        for stream in streams {
            let number = stream.status().accepted;
            let plan = stream.plan();
            let (rows, columns) = plan.geometry().frame();
            match content {
                Pixels::Coordinates => {
                    camera.clear();
                    pixels::append_frame(plan.dtype(), number, rows, columns, camera);
                }
                Pixels::Noise if camera.is_empty() => *camera = noise(plan.geometry().frame_bytes() as usize),
                Pixels::Noise => {}
            }
            let sent = stream.append_with(camera, &format!("{{\"sent\":{number}}}"));
            sent.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Limits of this process.
#[cfg(unix)]
mod limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    pub fn files(most: u64) -> Result<(), String> {
        set(Resource::Nofile, Some(most))
    }

    pub fn address_space(left: u64) -> Result<(), String> {
        let text = std::fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
        let pages: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).ok_or("statm")?;
        set(Resource::As, Some(pages * rustix::param::page_size() as u64 + left))
    }

    pub fn raise() -> Result<(), String> {
        set(Resource::As, getrlimit(Resource::As).maximum)
    }

    fn set(resource: Resource, current: Option<u64>) -> Result<(), String> {
        let maximum = getrlimit(resource).maximum;
        setrlimit(resource, Rlimit { current, maximum }).map_err(|error| error.to_string())
    }
}

#[cfg(not(unix))]
mod limits {
    pub fn files(_: u64) -> Result<(), String> {
        Err("no such limits here".into())
    }

    pub fn address_space(_: u64) -> Result<(), String> {
        Err("no such limits here".into())
    }

    pub fn raise() -> Result<(), String> {
        Ok(())
    }
}

/// Bytes that no codec makes smaller (a 64-bit xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(length)
    .collect()
}

fn main() -> std::io::Result<()> {
    let mut child = Child::default();
    for line in std::io::stdin().lock().lines() {
        let ask: Ask = serde_json::from_str(&line?)?;
        let answer = child.answer(&ask);
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        out.flush()?;
        drop(out);
        if matches!(ask, Ask::AppendUntilKilled) {
            while child.append(Pixels::Coordinates).is_ok() {}
        }
        if let (Ask::PlayUntilKilled, Some(stream)) = (&ask, child.streams.last()) {
            std::thread::scope(|scope| {
                for source in stream.plan().sources() {
                    let from = stream.status_of(source.id()).map_or(0, |status| status.accepted);
                    scope.spawn(move || sources::play(stream, source.id(), from, u64::MAX));
                }
            });
        }
    }
    Ok(())
}
