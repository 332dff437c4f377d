//! Ctrl-C and friends: the run ends, its store is finished and holds every frame taken so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ome_stream::Stream;

use crate::failure::Failure;
use crate::output;
use crate::report::run::{Outcome, Run};

/// Exit code of an interrupted run whose store is finished, as shells have it.
const INTERRUPTED: i32 = 130;

/// Exit code of a run that could not be finished.
const WRITING_FAILED: i32 = 3;

/// Whether an interruption came.
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on an interruption finishes `stream`, reports and ends the process.
    ///
    /// The thread that reads the input may wait for a pipe at that moment, so it cannot be the one that finishes.
    pub fn catch(stream: &Arc<Stream>, run: &Arc<Run>) -> Result<Self, Failure> {
        let came = Arc::new(AtomicBool::new(false));
        let (stream, run, seen) = (Arc::clone(stream), Arc::clone(run), Arc::clone(&came));
        ctrlc::set_handler(move || {
            seen.store(true, Ordering::SeqCst);
            eprintln!("interrupted: finishing the store");
            let code = match stream.finish() {
                Ok(report) => {
                    // The exit code tells already; a lost line is no reason for another one.
                    let _ = output::print(&run.text(&report, Outcome::Incomplete("interrupted")));
                    INTERRUPTED
                }
                Err(error) => {
                    eprintln!("error: {error}");
                    WRITING_FAILED
                }
            };
            std::process::exit(code);
        })
        .map_err(|error| Failure::input(format!("signals cannot be caught: {error}")))?;
        Ok(Self(came))
    }

    /// Leaves the last word to the interruption, if one came.
    pub fn wait_if_it_came(&self) {
        while self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
