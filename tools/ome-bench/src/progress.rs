//! What happens now, on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::engines::Failure;
use crate::measure::Run;

/// Tells how far the benchmark is.
pub struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    warmups: usize,
    counted: usize,
}

impl Progress {
    /// For a person who watches, unless they asked for silence.
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { bar: (terminal && !quiet).then(ProgressBar::hidden), lines: !terminal && !quiet, warmups: 0, counted: 0 }
    }

    /// Says nothing.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self { bar: None, lines: false, warmups: 0, counted: 0 }
    }

    /// Something that takes a while and has no steps.
    pub fn note(&self, text: &str) {
        if self.bar.is_some() || self.lines {
            eprintln!("{text}");
        }
    }

    /// `runs` tries begin.
    pub fn tries(&mut self, runs: usize) {
        self.note("trying ways to reach the machine's limit");
        self.start(runs);
    }

    /// The rounds begin.
    pub fn rounds(&mut self, warmups: usize, counted: usize, engines: usize) {
        (self.warmups, self.counted) = (warmups, counted);
        self.start((warmups + counted) * engines);
    }

    fn start(&mut self, runs: usize) {
        if let Some(bar) = &mut self.bar {
            bar.finish_and_clear();
            *bar = ProgressBar::new(runs as u64);
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (left: {eta}) {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(250));
        }
    }

    /// `name` runs; `round` is `None` where it does not count.
    pub fn run(&mut self, name: &str, round: Option<usize>) {
        if let Some(bar) = &self.bar {
            let round = round.map_or("warm-up".to_owned(), |round| format!("round {}/{}", round + 1, self.counted));
            bar.set_message(format!("{round}: {name}"));
        }
    }

    /// `name` ran.
    pub fn ran(&mut self, name: &str, run: &Run) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if self.lines {
            eprintln!("{name}: {:.3} s", run.write);
        }
    }

    /// An engine is out.
    pub fn failed(&mut self, failure: &Failure) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.println(format!("{} failed: {}", failure.name, failure.reason));
        } else if self.lines {
            eprintln!("{} failed: {}", failure.name, failure.reason);
        }
    }

    /// All is measured.
    pub fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
