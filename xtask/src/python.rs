//! The Python environment of the foreign readers: `venv` in the target folder, every version pinned.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::places;
use crate::step::run;

/// Interpreters to try, the newest for which all packages are built first; `PYTHON` in the environment comes before
/// them.
const INTERPRETERS: [&str; 5] = ["python3.13", "python3.12", "python3", "python3.11", "python"];

/// Oldest version that anything is pinned for.
const OLDEST: Version = (3, 11);

/// Oldest version that the newest releases of readers and validators support.
const NEWEST_FROM: Version = (3, 12);

/// What is installed, in `tests/interop`: for the newest releases, and before.
const REQUIREMENTS: [&str; 2] = ["requirements.txt", "requirements-micromanager.txt"];
const OLD_REQUIREMENTS: [&str; 2] = ["requirements-3.11.txt", "requirements-micromanager.txt"];

/// Major and minor version of an interpreter.
type Version = (u32, u32);

/// What the environment was made of, kept in it: a copy of all requirements.
const STAMP: &str = "requirements.txt";

/// The environment's interpreter; makes the environment if it is missing, older than it could be, or its requirements
/// have changed.
pub(crate) fn environment() -> Result<PathBuf> {
    let folder = places::target()?.join("venv");
    let python = interpreter_in(&folder);
    // Two runs at once would spoil each other's environment.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).with_context(|| lock_path.display().to_string())?;
    lock.lock().with_context(|| lock_path.display().to_string())?;
    let found = if works(&python) { version(&python) } else { None };
    let best = interpreter();
    let version = match (found, best) {
        (Some(found), Ok((_, best))) if found >= best => found,
        (Some(found), Err(_)) => found,
        (_, best) => {
            let (base, version) = best?;
            run(Command::new(base).args(["-m", "venv", "--clear"]).arg(&folder))?;
            version
        }
    };
    let mut requirements = String::new();
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    for name in if version >= NEWEST_FROM { REQUIREMENTS } else { OLD_REQUIREMENTS } {
        let path = places::root().join("tests/interop").join(name);
        requirements += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        install.arg("--requirement").arg(path);
    }
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == requirements) {
        return Ok(python);
    }
    eprintln!("installing the packages of tests/interop/requirements*.txt into {}", folder.display());
    run(&mut install)?;
    fs::write(folder.join(STAMP), requirements).context("the environment's stamp")?;
    Ok(python)
}

fn interpreter_in(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") }
}

/// Whether an environment's interpreter starts and has pip.
fn works(python: &Path) -> bool {
    said(python, "import pip").is_some()
}

/// An interpreter that can make an environment, and its version: the best by name, or among those that a version
/// manager keeps.
fn interpreter() -> Result<(PathBuf, Version)> {
    if let Some(given) = std::env::var_os("PYTHON").map(PathBuf::from) {
        return suits(&given).map(|version| (given, version)).map_err(anyhow::Error::msg);
    }
    let mut reasons = Vec::new();
    let mut best: Option<(PathBuf, Version)> = None;
    for candidate in INTERPRETERS.iter().map(PathBuf::from).chain(kept_by_pyenv()) {
        match suits(&candidate) {
            Ok(version) if best.as_ref().is_none_or(|(_, before)| *before < version) => {
                best = Some((candidate, version))
            }
            Ok(_) => {}
            Err(reason) => reasons.push(reason),
        }
    }
    best.with_context(|| {
        format!(
            "the foreign readers need Python {}.{} or newer with its venv module:\n  {}\nInstall it (Debian, Ubuntu: apt \
             install python3-venv) or name it in the environment variable PYTHON",
            OLDEST.0,
            OLDEST.1,
            reasons.join("\n  ")
        )
    })
}

/// The interpreters that pyenv keeps beside the one that it puts on the path.
fn kept_by_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| interpreter_in(&entry.path()))
        .filter(|path| path.exists())
        .collect()
}

/// The version of an interpreter that can make an environment.
fn suits(python: &Path) -> Result<Version, String> {
    let name = python.display();
    let found = version(python).ok_or_else(|| format!("{name}: not found"))?;
    if found < OLDEST {
        return Err(format!("{name}: version {}.{} is too old", found.0, found.1));
    }
    let module = said(python, "import venv, ensurepip");
    module.map(|_| found).ok_or_else(|| format!("{name}: it has no venv module"))
}

fn version(python: &Path) -> Option<Version> {
    let said = said(python, "import sys; print(*sys.version_info[:2])")?;
    let mut parts = said.split_whitespace().map_while(|part| part.parse::<u32>().ok());
    Some((parts.next()?, parts.next()?))
}

/// Standard output of a line of Python; `None` where it fails.
fn said(python: &Path, line: &str) -> Option<String> {
    let output = Command::new(python).args(["-c", line]).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
