//! The program of a child process: see `ome_stream_tests::child`.

use std::io::{BufRead, Write};
use std::time::Duration;

use ome_stream::Stream;
use ome_stream_tests::child::{Answer, Ask, Counters, Pixels};
use ome_stream_tests::{disk, pixels};

/// A stream and the camera that feeds it.
#[derive(Default)]
struct Child {
    stream: Option<Stream>,
    camera: Vec<u8>,
}

impl Child {
    fn answer(&mut self, ask: &Ask) -> Answer {
        let error = self.run(ask).err();
        let status = self.stream.as_ref().map(Stream::status);
        Answer {
            error,
            high_water: status.as_ref().map_or(0, |status| status.bytes_high_water),
            in_flight_limit: status.as_ref().map_or(0, |status| status.bytes_limit),
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
                self.stream = Some(Stream::create_on(settings, &*backend, disk).map_err(said)?);
                Ok(())
            }
            Ask::Append { frames, pixels } => (0..*frames).try_for_each(|_| self.append(*pixels)),
            Ask::AppendUntilKilled => Ok(()),
            Ask::Finish => self.stream()?.finish().map(|_| ()).map_err(said),
        }
    }

    fn stream(&self) -> Result<&Stream, String> {
        self.stream.as_ref().ok_or_else(|| "create comes first".to_owned())
    }

    fn append(&mut self, content: Pixels) -> Result<(), String> {
        let Self { stream: Some(stream), camera } = self else { return Err("create comes first".to_owned()) };
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
        sent.map(|_| ()).map_err(|error| error.to_string())
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
    }
    Ok(())
}
