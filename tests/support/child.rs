//! A process of its own for one stream: clean counters, and something that may be killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ome_stream::settings::Settings;
use serde::{Deserialize, Serialize};

/// What the parent asks, one JSON object on a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Makes a stream more with an engine of the registry; each write of pixels takes `delay_us` longer.
    Create {
        /// Settings.
        settings: Box<Settings>,
        /// Engine.
        backend: String,
        /// Microseconds.
        delay_us: u64,
    },
    /// Makes a stream of [`crate::sources`] in a folder.
    CreateSources {
        /// The store.
        root: PathBuf,
        /// Whether it goes on with what is there.
        resume: bool,
    },
    /// Answers, then appends and skips frames of all sources of the last stream, a thread each, until it is killed.
    PlayUntilKilled,
    /// Leaves this process at most so much more than it has now; `None` leaves a limit as it is.
    Limit {
        /// Bytes of address space.
        address_space: Option<u64>,
        /// Open files, altogether.
        files: Option<u64>,
    },
    /// Takes the limits away again.
    Unlimit,
    /// Appends frames to each stream, with metadata that say their number.
    Append {
        /// How many.
        frames: u64,
        /// Their pixels.
        pixels: Pixels,
    },
    /// Answers, then appends frames with coordinates and metadata until it is killed.
    AppendUntilKilled,
    /// Finishes the streams.
    Finish,
    /// Frees the streams.
    Free,
    /// Only answers.
    Tell,
}

/// Pixels of the frames that a child appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// Those of [`crate::pixels`].
    Coordinates,
    /// The same bytes in every frame, which no codec makes smaller.
    Noise,
}

/// What the child says, one JSON object on a line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Answer {
    /// What went wrong.
    pub error: Option<String>,
    /// Frames that the streams have accepted, together.
    pub accepted: u64,
    /// Most bytes that were ever in flight.
    pub high_water: u64,
    /// Bytes that may be in flight.
    pub in_flight_limit: u64,
    /// The process's own counters after the request.
    pub counters: Counters,
}

/// Counters that the operating system keeps of a process.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Bytes handed to write calls.
    pub written: u64,
    /// Bytes got from read calls.
    pub read: u64,
    /// Most bytes that were resident.
    pub peak_resident: u64,
    /// Bytes that are resident.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
}

impl Counters {
    /// This process's counters, from `/proc` (Linux); zeros elsewhere.
    #[must_use]
    pub fn now() -> Self {
        let number = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
                .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
                .unwrap_or(0)
        };
        Self {
            written: number("/proc/self/io", "wchar"),
            read: number("/proc/self/io", "rchar"),
            peak_resident: number("/proc/self/status", "VmHWM") * 1024,
            resident: number("/proc/self/status", "VmRSS") * 1024,
            threads: number("/proc/self/status", "Threads"),
        }
    }
}

/// A running child; dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the program at `executable` (`CARGO_BIN_EXE_ome-stream-test-child`).
    ///
    /// # Errors
    /// The operating system's.
    pub fn start(executable: impl AsRef<Path>) -> std::io::Result<Self> {
        let mut child = Command::new(executable.as_ref()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let missing = || std::io::Error::other("the child has no pipes");
        let ask = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Self { child, ask, answers })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// What the child says went wrong, or that it is gone.
    pub fn ask(&mut self, ask: &Ask) -> Result<Answer, String> {
        let line = serde_json::to_string(ask).map_err(|error| error.to_string())?;
        writeln!(self.ask, "{line}").map_err(|error| format!("the child does not listen: {error}"))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| format!("the child does not answer: {error}"))?;
        let answer: Answer = serde_json::from_str(&line).map_err(|error| format!("{error} in {line:?}"))?;
        answer.error.clone().map_or(Ok(answer), Err)
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it at once (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// The operating system's.
    pub fn kill(mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
