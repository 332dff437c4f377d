//! The suite, for one engine.

use std::cell::RefCell;
use std::fmt;

use ome_stream::backend::{Backend, MemoryBackend};
use ome_stream::zarr::ZarrFormat;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::case::Case;
use crate::check::{self, Differences};
use crate::run::{self as running, NoRun};
use crate::{matrix, random};

/// Random cases, where nothing else is said.
const RANDOM_CASES: u32 = 60;

/// Most random cases that an engine may refuse for each one that it runs.
const REFUSED_PER_CASE: u32 = 10;

/// Least share of the matrix, in percent, that an engine has to run, where nothing else is said: what it refuses is a
/// difference, but not everything.
const LEAST_PERCENT: usize = 20;

/// Runs the whole suite for an engine that writes Zarr stores.
///
/// # Errors
/// Every case that went wrong, or that too many were refused.
pub fn run(backend: &dyn Backend) -> Result<Passed, Failures> {
    let suite = Suite::of(backend);
    let every = suite.every_case()?;
    let random = suite.random_cases(RANDOM_CASES)?;
    Ok(Passed { ran: every.ran + random.ran, refused: [every.refused, random.refused].concat(), ..every })
}

/// The suite for one engine.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    engine: Engine<'a>,
    differences: Differences,
    least_percent: usize,
}

/// An engine, and where what it wrote is looked at.
#[derive(Debug, Clone, Copy)]
enum Engine<'a> {
    /// On disk.
    Files(&'a dyn Backend),
    /// In memory.
    Memory(&'a MemoryBackend),
}

/// A suite that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The engine.
    pub engine: String,
    /// Cases that ran and came out right.
    pub ran: usize,
    /// Cases that the engine refused, with its reasons.
    pub refused: Vec<String>,
}

/// What went wrong, a line for each case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// The engine.
    pub engine: String,
    /// Cases, with the first difference of each.
    pub cases: Vec<String>,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} cases came out right, {} refused", self.engine, self.ran, self.refused.len())
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} wrong\n{}", self.engine, self.cases.len(), self.cases.join("\n"))
    }
}

impl std::error::Error for Failures {}

impl<'a> Suite<'a> {
    /// For an engine that writes Zarr stores.
    #[must_use]
    pub fn of(backend: &'a dyn Backend) -> Self {
        Self { engine: Engine::Files(backend), differences: Differences::default(), least_percent: LEAST_PERCENT }
    }

    /// For the engine that keeps all in memory, and refuses nothing.
    #[must_use]
    pub fn of_memory(backend: &'a MemoryBackend) -> Self {
        Self { engine: Engine::Memory(backend), differences: Differences::default(), least_percent: 100 }
    }

    /// With what the engine may do otherwise.
    #[must_use]
    pub fn differences(mut self, differences: Differences) -> Self {
        self.differences = differences;
        self
    }

    /// With the least share of the matrix, in percent, that it must not refuse.
    #[must_use]
    pub fn least_percent(mut self, percent: usize) -> Self {
        self.least_percent = percent;
        self
    }

    /// Name of the engine; of the one in memory also what it takes.
    #[must_use]
    pub fn name(&self) -> String {
        match self.engine {
            Engine::Files(backend) => backend.name().to_owned(),
            Engine::Memory(backend) => {
                let capabilities = backend.capabilities();
                let order = if capabilities.in_order { ", in order" } else { "" };
                format!("memory ({:?}{order})", capabilities.unit)
            }
        }
    }

    /// Formats of Zarr that the engine says it writes.
    fn formats(&self) -> &'static [ZarrFormat] {
        match self.engine {
            Engine::Files(backend) => backend.capabilities().zarr_formats,
            Engine::Memory(backend) => backend.capabilities().zarr_formats,
        }
    }

    /// Streams one case and compares all of it.
    ///
    /// # Errors
    /// [`NoRun`], the first difference among it.
    pub fn pass(&self, case: &Case) -> Result<(), NoRun> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        match self.engine {
            Engine::Files(backend) => {
                let ran = running::run(case, backend, folder.path())?;
                Ok(check::files(case, &ran, self.differences)?)
            }
            Engine::Memory(backend) => {
                let ran = running::run(case, backend, folder.path())?;
                Ok(check::memory(case, &ran, &backend.store())?)
            }
        }
    }

    /// Every case of the matrix; every failure is told, not only the first.
    ///
    /// # Errors
    /// The cases that went wrong, or that too many were refused.
    pub fn every_case(&self) -> Result<Passed, Failures> {
        self.cases(&matrix::cases())
    }

    /// These cases.
    ///
    /// # Errors
    /// As for [`Suite::every_case`].
    pub fn cases(&self, cases: &[Case]) -> Result<Passed, Failures> {
        let mut passed = Passed { engine: self.name(), ran: 0, refused: Vec::new() };
        let mut wrong = Vec::new();
        for case in cases {
            match self.pass(case) {
                Ok(()) => passed.ran += 1,
                Err(NoRun::Unsupported(reason)) => passed.refused.push(format!("{}: {reason}", case.name)),
                Err(NoRun::Failed(message)) => wrong.push(format!("{}: {message}", case.name)),
            }
        }
        // What is of a format that the engine does not name, it has to refuse.
        let able = cases.iter().filter(|case| self.formats().contains(&case.zarr())).count();
        if wrong.is_empty() && !(able * self.least_percent..=able * 100).contains(&(passed.ran * 100)) {
            wrong.push(format!(
                "{} cases ran, of {able} in a Zarr format that it names, of which at least {} % must and no others may",
                passed.ran, self.least_percent
            ));
        }
        if wrong.is_empty() { Ok(passed) } else { Err(Failures { engine: passed.engine, cases: wrong }) }
    }

    /// So many random cases that the engine does not refuse.
    ///
    /// # Errors
    /// The smallest case that goes wrong, as JSON.
    pub fn random_cases(&self, cases: u32) -> Result<Passed, Failures> {
        let config = Config {
            cases,
            max_global_rejects: cases * REFUSED_PER_CASE,
            // No file of seeds: a failure tells its smallest case, which belongs into the matrix.
            failure_persistence: None,
            ..Config::default()
        };
        let refused = RefCell::new(Vec::new());
        let outcome = TestRunner::new(config).run(&random::case(), |case| match self.pass(&case) {
            Ok(()) => Ok(()),
            Err(NoRun::Unsupported(reason)) => {
                refused.borrow_mut().push(format!("{}: {reason}", case.name));
                Err(TestCaseError::reject("the engine cannot write this"))
            }
            Err(NoRun::Failed(message)) => Err(TestCaseError::fail(message)),
        });
        let wrong = match outcome {
            Ok(()) => return Ok(Passed { engine: self.name(), ran: cases as usize, refused: refused.into_inner() }),
            Err(TestError::Fail(why, case)) => {
                format!("{why}\n{}", serde_json::to_string(&case).unwrap_or_else(|error| error.to_string()))
            }
            Err(TestError::Abort(why)) => why.to_string(),
        };
        Err(Failures { engine: self.name(), cases: vec![wrong] })
    }
}
