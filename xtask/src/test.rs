//! `cargo xtask test`.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::{images, node, places, python, step, tensorstore};

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// On the portable disk instead of this platform's own; leaves out what does not depend on it.
    #[arg(long)]
    portable: bool,
    /// Only the tests of the TensorStore engine, after making its library where that is not up to date.
    #[arg(long, conflicts_with = "portable")]
    tensorstore: bool,
    /// Further arguments for `cargo test`, such as the name of a test.
    #[arg(last = true)]
    cargo: Vec<String>,
}

/// Folders with tests of the project's Python scripts.
const PYTHON_TESTS: [&str; 2] = ["tests/interop", "tools/ome-bench/peers"];

/// Tests of the TensorStore engine alone.
const TENSORSTORE_TESTS: [&str; 5] = ["tensorstore_engine", "amplification", "store", "cross_check", "half"];

/// Suites that run through every engine: of them only the tests with its name. A test in each says that there are some.
const TENSORSTORE_SUITES: [&str; 2] = ["conformance", "interop"];

/// What links the engine's library.
const TENSORSTORE_FEATURES: &str =
    "ome-stream-tests/tensorstore,ome-stream-backend-tensorstore/native,ome-stream-tensorstore-sys/link";

/// Makes what the tests need, then runs all of them.
pub(crate) fn run(options: &Options) -> Result<()> {
    let python = step::timed("Python environment", python::environment)?;
    let images = step::timed("real images", || images::fetched(&python))?;
    if options.tensorstore {
        return tensorstore_engine(options, &python, &images);
    }
    let features: &[&str] = if options.portable { &["--features", "ome-stream-tests/portable"] } else { &[] };
    let workspace = |command: &str| {
        let mut cargo = cargo();
        cargo.args([command, "--workspace"]).args(features);
        cargo
    };
    // All tests together build the programs that they run. Some tests alone may not; then everything is compiled once
    // more, for cargo chooses other features without tests. This program is running, and some systems do not let it be
    // replaced.
    if !options.cargo.is_empty() {
        step::timed("programs", || step::run(workspace("build").args(["--bins", "--exclude", "xtask"])))?;
    }
    step::timed("Rust tests, with foreign readers and real images", || {
        let mut tests = workspace("test");
        tests.arg("--no-fail-fast");
        step::run(with_environment(tests.args(&options.cargo), &python, &images)?)
    })?;
    if options.portable {
        return Ok(());
    }
    step::timed("Python tests", || {
        step::run(Command::new(&python).args(["-m", "pytest", "-q"]).args(PYTHON_TESTS).current_dir(places::root()))
    })
}

/// The whole workspace is named, although few of its tests are built: for single packages cargo would choose other
/// features of their dependencies, and compile those again.
fn tensorstore_engine(options: &Options, python: &Path, images: &Path) -> Result<()> {
    tensorstore::run(&tensorstore::Options::default())?;
    let run = |names: &[&str], arguments: &[String]| {
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--no-fail-fast", "--features", TENSORSTORE_FEATURES]);
        tests.args(names.iter().flat_map(|name| ["--test", name])).args(arguments);
        step::run(with_environment(&mut tests, python, images)?)
    };
    step::timed("Rust tests of the TensorStore engine", || {
        if !options.cargo.is_empty() {
            return run(&[TENSORSTORE_TESTS.as_slice(), TENSORSTORE_SUITES.as_slice()].concat(), &options.cargo);
        }
        run(&TENSORSTORE_TESTS, &[])?;
        run(&TENSORSTORE_SUITES, &["--".to_owned(), "tensorstore".to_owned()])
    })
}

fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(places::root());
    cargo
}

/// Tells the tests where everything is, and that nothing of it may be missing.
fn with_environment<'a>(command: &'a mut Command, python: &Path, images: &Path) -> Result<&'a mut Command> {
    let tool = places::programs()?.join(format!("ome-stream{}", env::consts::EXE_SUFFIX));
    if let Some(node) = step::timed("readers in JavaScript", node::environment)? {
        command.env("OME_STREAM_NODE", node);
    }
    Ok(command
        .env("OME_STREAM_PYTHON", python)
        .env("OME_STREAM_REQUIRE_PYTHON", "1")
        .env("OME_STREAM_IMAGES", images)
        .env("OME_STREAM_TOOL", tool)
        .env("VIRTUAL_ENV", places::target()?.join("venv")))
}
