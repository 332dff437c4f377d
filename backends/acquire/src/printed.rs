//! Reading what the engine prints.
//!
//! The engine has no call that tells its last error: it prints it to standard error, and returns a NULL or a number.
//! While a call runs that may fail with a reason (reading settings, creating, closing, asking after an earlier
//! failure), standard error is led through a pipe. A thread passes every byte on to the real standard error at once,
//! whoever wrote it, and keeps the engine's error lines. Nothing is swallowed, and nothing waits.
//!
//! There is one standard error: calls that overlap share the pipe, and each is told all that was printed meanwhile.

/// Calls `call` and gives its result with the reasons that the engine printed meanwhile, joined by `; `.
///
/// The text is empty when nothing was printed and where standard error cannot be led through a pipe (a process
/// without one): it explains a failure, and never decides whether there was one.
pub(crate) fn with_printed<T>(call: impl FnOnce() -> T) -> (T, String) {
    platform::with_printed(call)
}

/// The message in one line of the engine: `2026-01-31 12:34:56.789 [ERROR] file.cpp:12 function: message`. A line may
/// hold another line as its message; the innermost counts.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux loads the engine"))]
fn message(line: &str) -> Option<&str> {
    let (before, rest) = line.rsplit_once(" [ERROR] ")?;
    let time = before.get(before.len().checked_sub("2026-01-31 12:34:56.789".len())?..)?;
    let is_time = time.bytes().all(|byte| byte.is_ascii_digit() || b"-:. ".contains(&byte));
    let (place, message) = rest.split_once(": ")?;
    let is_place = place.contains(".cpp:") || place.contains(".hh:");
    (is_time && is_place).then(|| message.trim_end())
}

#[cfg(not(target_os = "linux"))]
mod platform {
    pub(super) fn with_printed<T>(call: impl FnOnce() -> T) -> (T, String) {
        (call(), String::new())
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::collections::VecDeque;
    use std::os::fd::OwnedFd;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::fstat;
    use rustix::io::{Errno, fcntl_dupfd_cloexec, read, write};
    use rustix::pipe::{PipeFlags, pipe_with};
    use rustix::stdio::{dup2_stderr, stderr};

    use super::message;

    /// Reasons told of one failure. The engine repeats itself when a disk is full; the first ones matter.
    const TOLD: usize = 4;

    /// Reasons kept while calls overlap; older ones are dropped.
    const KEPT: usize = 64;

    /// Longest line that is looked at: a message with two of the longest paths.
    const LINE_LIMIT: usize = 16 * 1024;

    pub(super) fn with_printed<T>(call: impl FnOnce() -> T) -> (T, String) {
        match Listener::start() {
            Ok(listener) => {
                let result = call();
                (result, listener.heard())
            }
            Err(_) => (call(), String::new()),
        }
    }

    /// The pipe in use, with the number of calls that share it.
    static CURRENT: Mutex<Option<(Arc<Diversion>, usize)>> = Mutex::new(None);

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call's share of the diversion. Gives it up on drop, also when the call unwinds.
    struct Listener {
        diversion: Arc<Diversion>,
        /// Number of the first reason that belongs to this call.
        since: u64,
    }

    impl Listener {
        fn start() -> Result<Self, Errno> {
            let mut current = lock(&CURRENT);
            let diversion = match &mut *current {
                Some((diversion, users)) => {
                    *users += 1;
                    Arc::clone(diversion)
                }
                None => {
                    let diversion = Diversion::start()?;
                    *current = Some((Arc::clone(&diversion), 1));
                    diversion
                }
            };
            drop(current);
            let since = diversion.pass_on().next;
            Ok(Self { diversion, since })
        }

        fn heard(&self) -> String {
            let mut told: Vec<String> = Vec::new();
            let lines = self.diversion.pass_on();
            for (number, reason) in &lines.reasons {
                if *number >= self.since && told.len() < TOLD && !told.contains(reason) {
                    told.push(reason.clone());
                }
            }
            told.join("; ")
        }
    }

    impl Drop for Listener {
        fn drop(&mut self) {
            let mut current = lock(&CURRENT);
            if let Some((diversion, users)) = &mut *current {
                *users -= 1;
                if *users == 0 {
                    diversion.lead_back();
                    *current = None;
                }
            }
        }
    }

    /// Standard error led through a pipe.
    struct Diversion {
        real: OwnedFd,
        output: OwnedFd,
        lines: Mutex<Lines>,
    }

    #[derive(Default)]
    struct Lines {
        unfinished: Vec<u8>,
        reasons: VecDeque<(u64, String)>,
        /// Number of the next reason.
        next: u64,
        /// Nothing has the pipe open any more, and all of it was read.
        over: bool,
    }

    impl Diversion {
        fn start() -> Result<Arc<Self>, Errno> {
            let real = fcntl_dupfd_cloexec(stderr(), 3)?;
            let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            // The writing end is blocking, as standard error is: a printer must not see a full pipe as an error.
            rustix::fs::fcntl_setfl(&input, rustix::fs::OFlags::empty())?;
            let diversion = Arc::new(Self { real, output, lines: Mutex::default() });
            let reader = Arc::clone(&diversion);
            let thread = std::thread::Builder::new().name("acquire-zarr-text".to_owned());
            thread.spawn(move || reader.run()).map_err(|_| Errno::AGAIN)?;
            // From here on the pipe lives as long as something has it for its standard error; then the thread ends.
            dup2_stderr(&input)?;
            Ok(diversion)
        }

        /// Gives standard error back, unless somebody else has led it elsewhere meanwhile.
        fn lead_back(&self) {
            let ours = match (fstat(stderr()), fstat(&self.output)) {
                (Ok(now), Ok(pipe)) => (now.st_dev, now.st_ino) == (pipe.st_dev, pipe.st_ino),
                _ => true,
            };
            if ours {
                // Cannot fail: both descriptors are open, and 2 is a valid number.
                let _ = dup2_stderr(&self.real);
            }
            drop(self.pass_on());
        }

        /// Passes on until nothing has the pipe open: not this process, nor a child that was started meanwhile.
        fn run(&self) {
            loop {
                match poll(&mut [PollFd::new(&self.output, PollFlags::IN)], None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(_) => return,
                }
                if self.pass_on().over {
                    return;
                }
            }
        }

        /// Passes on what is in the pipe now, and keeps the engine's reasons.
        fn pass_on(&self) -> MutexGuard<'_, Lines> {
            let mut lines = lock(&self.lines);
            let mut buffer = [0; 4096];
            loop {
                match read(&self.output, &mut buffer) {
                    Ok(0) => {
                        lines.over = true;
                        return lines;
                    }
                    Ok(count) => {
                        self.write_all(&buffer[..count]);
                        lines.take(&buffer[..count]);
                    }
                    Err(Errno::INTR) => {}
                    Err(_) => return lines, // nothing there
                }
            }
        }

        fn write_all(&self, mut bytes: &[u8]) {
            while !bytes.is_empty() {
                match write(&self.real, bytes) {
                    Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                    Err(Errno::INTR) => {}
                    Err(_) => return, // a broken standard error: the bytes would have been lost without us, too
                }
            }
        }
    }

    impl Lines {
        fn take(&mut self, bytes: &[u8]) {
            self.unfinished.extend_from_slice(bytes);
            while let Some(end) = self.unfinished.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unfinished.drain(..=end).collect();
                let Some(reason) = std::str::from_utf8(&line).ok().and_then(message) else {
                    continue;
                };
                self.reasons.push_back((self.next, reason.to_owned()));
                self.next += 1;
                if self.reasons.len() > KEPT {
                    self.reasons.pop_front();
                }
            }
            if self.unfinished.len() > LINE_LIMIT {
                self.unfinished.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_an_engine_line_is_what_follows_the_function() {
        let line = "2026-01-31 12:34:56.789 [ERROR] zarr.stream.cpp:642 commit_settings_: Null pointer: path";
        assert_eq!(message(line), Some("Null pointer: path"));
    }

    #[test]
    fn a_line_within_a_line_counts_once_and_without_its_wrapping() {
        let line = "2026-01-31 12:34:56.789 [ERROR] acquire.zarr.cpp:644 ZarrStream_create: Error creating Zarr stream: \
                    2026-01-31 12:34:56.788 [ERROR] zarr.stream.cpp:904 ZarrStream_s: no such folder";
        assert_eq!(message(line), Some("no such folder"));
    }

    #[test]
    fn a_progress_bar_before_the_line_does_not_hide_it() {
        let line = "\r 40 % done2026-01-31 12:34:56.789 [ERROR] sink.cpp:3 write: disk full";
        assert_eq!(message(line), Some("disk full"));
    }

    #[test]
    fn lines_of_others_are_not_taken_for_the_engine_s() {
        for line in [
            "",
            "[ERROR] x: y",
            "ä [ERROR] a.cpp:1 f: m",
            "some program says [ERROR] a.cpp:1 f: m",
            "panicked at src/lib.rs:1: no",
            "2026-01-31 12:34:56.789 [INFO] a.cpp:1 f: m",
        ] {
            assert_eq!(message(line), None, "{line}");
        }
    }

    #[cfg(target_os = "linux")]
    mod standard_error {
        use std::io::Write;
        use std::process::{Command, Stdio};
        use std::sync::{Barrier, Mutex, PoisonError};

        use rustix::io::{fcntl_dupfd_cloexec, write};
        use rustix::stdio::{dup2_stderr, stderr};

        use super::super::with_printed;

        /// There is one standard error: these tests take turns.
        static TURN: Mutex<()> = Mutex::new(());

        fn engine_prints(text: &str) {
            let line = format!("2026-01-31 12:34:56.789 [ERROR] test.cpp:1 f: {text}\n");
            assert_eq!(write(stderr(), line.as_bytes()), Ok(line.len()));
        }

        #[test]
        fn what_is_printed_during_a_call_is_told_once_and_nothing_of_before() {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            let ((), printed) = with_printed(|| {
                engine_prints("disk full");
                engine_prints("disk full");
                engine_prints("no shard");
            });
            assert_eq!(printed, "disk full; no shard");
            let (result, printed) = with_printed(|| 3);
            assert_eq!((result, printed.as_str()), (3, ""));
        }

        #[test]
        fn more_than_a_pipe_holds_does_not_block_the_call() {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            let null = std::fs::File::create("/dev/null").unwrap();
            let real = fcntl_dupfd_cloexec(stderr(), 3).unwrap();
            dup2_stderr(&null).unwrap();
            let ((), printed) = with_printed(|| {
                for _ in 0..3000 {
                    engine_prints(&"x".repeat(100));
                }
                engine_prints("the end");
            });
            dup2_stderr(&real).unwrap();
            assert!(printed.ends_with("xxx; the end"), "{printed}");
        }

        #[test]
        fn calls_that_overlap_are_each_told_what_was_printed_meanwhile() {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            let (begun, printed) = (Barrier::new(2), Barrier::new(2));
            std::thread::scope(|scope| {
                let long = scope.spawn(|| {
                    with_printed(|| {
                        engine_prints("first");
                        begun.wait();
                        printed.wait();
                    })
                });
                begun.wait();
                let ((), short) = with_printed(|| engine_prints("second"));
                printed.wait();
                assert_eq!(short, "second");
                assert_eq!(long.join().unwrap().1, "first; second");
            });
        }

        #[test]
        fn a_child_started_during_a_call_keeps_a_standard_error_that_works() {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut child, printed) = with_printed(|| {
                let mut shell = Command::new("sh");
                shell.args(["-c", "read go && echo 'a child prints late' >&2"]).stdin(Stdio::piped()).spawn().unwrap()
            });
            assert_eq!(printed, "");
            child.stdin.take().unwrap().write_all(b"go\n").unwrap();
            // Writing to a pipe that nobody reads would end it by a signal.
            assert!(child.wait().unwrap().success());
        }

        #[test]
        fn a_host_that_leads_standard_error_elsewhere_during_a_call_keeps_its_way() {
            let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            let real = fcntl_dupfd_cloexec(stderr(), 3).unwrap();
            let file = tempfile::tempfile().unwrap();
            let ((), _) = with_printed(|| dup2_stderr(&file).unwrap());
            engine_prints("to the file");
            dup2_stderr(&real).unwrap();
            assert!(file.metadata().unwrap().len() > 0);
        }
    }
}
