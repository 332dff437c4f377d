//! What happens now, on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::engines::Failure;
use crate::measure::Run;

/// Tells how far the benchmark is.
pub struct Progress {
    bar: ProgressBar,
    terminal: bool,
    quiet: bool,
}

impl Progress {
    /// For a person who watches, unless they asked for silence.
    pub fn new(quiet: bool) -> Self {
        Self { bar: ProgressBar::hidden(), terminal: std::io::stderr().is_terminal(), quiet }
    }

    /// Says nothing.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self::new(true)
    }

    /// Something that takes a while and has no steps.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// So many runs begin.
    pub fn start(&mut self, runs: usize) {
        self.finish();
        if self.terminal && !self.quiet {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (left: {eta}) {msg}");
            self.bar = ProgressBar::new(runs as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar.enable_steady_tick(Duration::from_millis(250));
        }
    }

    /// `name` runs.
    pub fn run(&self, name: &str) {
        self.bar.set_message(name.to_owned());
    }

    /// `name` ran, or could not.
    pub fn ran(&self, name: &str, run: Option<&Run>) {
        self.bar.inc(1);
        if let Some(run) = run.filter(|_| !self.terminal) {
            self.note(&format!("{name}: {:.3} s", run.write_s));
        }
    }

    /// An engine is out.
    pub fn failed(&self, failure: &Failure) {
        self.bar.suspend(|| self.note(&format!("{} failed: {}", failure.name, failure.reason)));
    }

    /// All is measured.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
