//! `cargo xtask tsan`: the library, the native engine and the suites that drive both, under ThreadSanitizer.
//!
//! A nightly compiler takes the flag; its standard library is not compiled with it. `tests/tsan/locks.c` tells the
//! sanitizer what that library's locks order, and `tests/tsan/suppressions.txt` names what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{places, step};

/// Exit code of a test program that met a race.
const RACE: &str = "66";

/// What `locks.c` calls a function of the standard library, and how its symbol ends.
const NAMES: [(&str, &str); 7] = [
    ("MUTEX_LOCK", "5futexNtB2_5Mutex14lock_contended"),
    ("RWLOCK_READ", "5futexNtB2_6RwLock14read_contended"),
    ("RWLOCK_WRITE", "5futexNtB2_6RwLock15write_contended"),
    ("CONDVAR_WAIT", "5futexNtB2_7Condvar4wait"),
    ("CONDVAR_WAIT_TIMEOUT", "5futexNtB2_7Condvar12wait_timeout"),
    ("ONCE_CALL", "5futexNtB5_4Once4call"),
    ("SCOPE_THREAD_ENDS", "9ScopeData29decrement_num_running_threads"),
];

/// What is tested: all threads of core with an engine in memory, then with the native one.
const TESTS: [&str; 8] = [
    "-p=ome-stream",
    "-p=ome-stream-tests",
    "--lib",
    "--test=behavior",
    "--test=conformance",
    "--locked",
    "--no-fail-fast",
    "--target=x86_64-unknown-linux-gnu",
];

/// Parts of the names of tests that weigh the process or count its threads: the sanitizer makes it several times as
/// heavy, and has a thread of its own.
const WEIGH: [&str; 2] = ["memory_stands_still", "process::"];

/// Options of `cargo xtask tsan`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only tests whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Only build.
    #[arg(long)]
    no_run: bool,
    /// Folder for what is built; below the target folder where not given.
    #[arg(long)]
    target: Option<PathBuf>,
}

/// Builds and runs the tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "only on Linux with x86_64");
    let folder = match &options.target {
        Some(folder) => folder.clone(),
        None => places::target()?.join("tsan"),
    };
    fs::create_dir_all(&folder)?;
    let sources = places::root().join("tests/tsan");
    let names = names(&sources, &folder)?;
    let locks = folder.join("locks.o");
    let given = names.iter().map(|(name, symbol)| format!("-D{name}={symbol}"));
    step::run(Command::new("cc").args(["-O2", "-c"]).args(given).arg(sources.join("locks.c")).arg("-o").arg(&locks))?;
    // What is generic in the standard library is compiled with our crates, and seen.
    let mut flags = ["-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer", "-Zshare-generics=no"]
        .map(str::to_owned)
        .to_vec();
    flags.push(format!("-Clink-arg={}", locks.display()));
    let wrapped = names.iter().map(|(_, symbol)| symbol.as_str()).chain(["__tsan_atomic64_fetch_sub"]);
    flags.extend(wrapped.map(|symbol| format!("-Clink-arg=-Wl,--wrap={symbol}")));
    let mut cargo = nightly("cargo");
    cargo.current_dir(places::root());
    cargo.arg("test").args(TESTS);
    cargo.env("CARGO_TARGET_DIR", &folder).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let suppressions = sources.join("suppressions.txt");
    let told = format!("suppressions={} exitcode={RACE} halt_on_error=0", suppressions.display());
    cargo.env("TSAN_OPTIONS", told);
    if options.no_run {
        cargo.arg("--no-run");
    } else {
        cargo.args(["--", "--test-threads=1"]).args(&options.only);
        cargo.args(WEIGH.iter().flat_map(|part| ["--skip", part]));
    }
    step::timed("ThreadSanitizer", || step::run(&mut cargo))
}

/// A program of the nightly tool chain.
fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}

/// Symbols of the standard library's functions for which `locks.c` stands in.
fn names(sources: &Path, folder: &Path) -> Result<Vec<(&'static str, String)>> {
    let probe = folder.join("probe");
    step::run(nightly("rustc").arg("--edition=2024").arg(sources.join("probe.rs")).arg("-o").arg(&probe))
        .context("a nightly compiler is needed: rustup toolchain install nightly")?;
    let listed = Command::new("nm").arg(&probe).output().context("nm, of the binutils, cannot be started")?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let symbols: Vec<&str> = listed.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    NAMES
        .iter()
        .map(|(name, end)| match symbols.iter().find(|symbol| symbol.ends_with(end)) {
            Some(symbol) => Ok((*name, (*symbol).to_owned())),
            None => {
                bail!("this compiler's standard library has no function that ends with {end}: see tests/tsan/locks.c")
            }
        })
        .collect()
}
