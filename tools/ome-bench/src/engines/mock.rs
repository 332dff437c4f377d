//! An engine that takes no time: it answers what it was told to, so that everything around it can be tested.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Engine, Job, Role};
use crate::measure::{Recorder, Run};

/// Names of the engines that ran, in order.
pub type Diary = Rc<RefCell<Vec<String>>>;

/// Answers its runs one after another, the last one again and again.
pub struct Mock {
    pub name: String,
    pub variant: Option<String>,
    pub role: Role,
    pub without_levels: Option<String>,
    pub answers: VecDeque<Result<Run, String>>,
    pub diary: Diary,
}

impl Mock {
    /// An engine whose writes take these seconds.
    pub fn taking(name: &str, seconds: &[f64]) -> Self {
        Self {
            name: name.to_owned(),
            variant: None,
            role: Role::Engine,
            without_levels: None,
            answers: seconds.iter().map(|each| Ok(run_of(*each))).collect(),
            diary: Diary::default(),
        }
    }

    /// A variant of a limit, which takes no frames.
    pub fn limit(name: &str, variant: &str, seconds: &[f64]) -> Self {
        Self {
            variant: Some(variant.to_owned()),
            role: Role::Limit,
            answers: seconds.iter().map(|write| Ok(Run::of_limit(*write, 1_000_000))).collect(),
            ..Self::taking(name, &[])
        }
    }

    /// An engine that fails at its `nth` run.
    pub fn failing(name: &str, nth: usize, reason: &str) -> Self {
        let mut mock = Self::taking(name, &vec![1.0; nth]);
        mock.answers.push_back(Err(reason.to_owned()));
        mock
    }

    /// An engine with levels of `bytes` in all, beside the one without them.
    pub fn with_levels(name: &str, without: &str, bytes: u64, seconds: &[f64]) -> Self {
        let run = |each: &f64| Ok(Run { level_bytes: Some(bytes), ..run_of(*each) });
        let answers = seconds.iter().map(run).collect();
        Self { without_levels: Some(without.to_owned()), answers, ..Self::taking(name, &[]) }
    }

    /// With its runs noted in `diary`.
    pub fn noted(mut self, diary: &Diary) -> Self {
        self.diary = Rc::clone(diary);
        self
    }
}

/// A run whose write took `seconds`, a tenth of them at the end, after a create of a millisecond.
pub fn run_of(seconds: f64) -> Run {
    run_with_create(0.001, seconds)
}

/// The same after a create that took `create` seconds.
pub fn run_with_create(create: f64, seconds: f64) -> Run {
    let mut recorder = Recorder::new(None).unwrap();
    for nth in 1..=100 {
        recorder.record(Duration::ZERO, Duration::from_micros(nth * 10));
    }
    Run {
        create_s: create,
        append_s: Some(seconds * 0.9),
        finish_s: Some(seconds * 0.1),
        write_s: seconds,
        create_write_s: create + seconds,
        latencies: Some(recorder.finish().0),
        before_bytes: Some(100 << 20),
        peak_bytes: Some(164 << 20),
        stored_bytes: Some(1_000_000),
        ..Run::default()
    }
}

impl Engine for Mock {
    fn name(&self) -> &str {
        &self.name
    }

    fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    fn role(&self) -> Role {
        self.role
    }

    fn without_levels(&self) -> Option<&str> {
        self.without_levels.as_deref()
    }

    fn version(&self) -> Option<String> {
        Some("mock 1".into())
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        assert!(job.folder.read_dir().unwrap().next().is_none(), "the folder is not fresh");
        std::fs::write(job.folder.join("file"), "x").unwrap();
        let name = self.variant.as_ref().map_or(self.name.clone(), |variant| format!("{}/{variant}", self.name));
        self.diary.borrow_mut().push(name);
        let answer = if self.answers.len() > 1 { self.answers.pop_front() } else { self.answers.front().cloned() };
        match answer {
            Some(Ok(run)) => Ok(run),
            Some(Err(reason)) => bail!("{reason}"),
            None => bail!("nothing to answer"),
        }
    }
}
