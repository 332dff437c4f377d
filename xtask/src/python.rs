//! The Python environment of the foreign readers: `venv` in the target folder, every version pinned.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places;
use crate::step::run;

/// Interpreters to try, best first; `PYTHON` in the environment comes before them.
const INTERPRETERS: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python"];

/// Oldest version that zarr-python, tensorstore and the validators support.
const OLDEST: (u32, u32) = (3, 11);

/// What is installed, in `tests/interop`. The last includes the others, and is what pip is given.
const REQUIREMENTS: [&str; 2] = ["requirements.txt", "requirements-micromanager.txt"];

/// What the environment was made of, kept in it: a copy of all requirements.
const STAMP: &str = "requirements.txt";

/// The environment's interpreter; makes the environment if it is missing or its requirements have changed.
pub(crate) fn environment() -> Result<PathBuf> {
    let folder = places::target()?.join("venv");
    let (mut requirements, mut asked) = (String::new(), PathBuf::new());
    for name in REQUIREMENTS {
        asked = places::root().join("tests/interop").join(name);
        requirements += &fs::read_to_string(&asked).with_context(|| asked.display().to_string())?;
    }
    let python = interpreter_in(&folder);
    // Two runs at once would spoil each other's environment.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).with_context(|| lock_path.display().to_string())?;
    lock.lock().with_context(|| lock_path.display().to_string())?;
    if works(&python) && fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == requirements) {
        return Ok(python);
    }
    if !works(&python) {
        let base = interpreter()?;
        run(Command::new(base).args(["-m", "venv", "--clear"]).arg(&folder))?;
    }
    eprintln!("installing the packages of {} into {}", asked.display(), folder.display());
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&asked))?;
    fs::write(folder.join(STAMP), requirements).context("the environment's stamp")?;
    Ok(python)
}

fn interpreter_in(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") }
}

/// Whether an environment's interpreter starts and has pip.
fn works(python: &Path) -> bool {
    said(python.as_os_str().to_string_lossy().as_ref(), "import pip").is_some()
}

/// An interpreter that can make an environment.
fn interpreter() -> Result<String> {
    let mut reasons = Vec::new();
    let given = std::env::var("PYTHON").ok();
    for name in given.iter().map(String::as_str).chain(INTERPRETERS) {
        match suits(name) {
            Ok(()) => return Ok(name.to_owned()),
            Err(reason) => reasons.push(format!("{name}: {reason}")),
        }
    }
    bail!(
        "the foreign readers need Python {}.{} or newer with its venv module:\n  {}\nInstall it (Debian, Ubuntu: apt \
         install python3-venv) or name it in the environment variable PYTHON",
        OLDEST.0,
        OLDEST.1,
        reasons.join("\n  ")
    )
}

fn suits(name: &str) -> Result<(), String> {
    let version = said(name, "import sys; print(*sys.version_info[:2])").ok_or("not found")?;
    let mut parts = version.split_whitespace().map_while(|part| part.parse::<u32>().ok());
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < OLDEST {
        return Err(format!("version {}.{} is too old", found.0, found.1));
    }
    said(name, "import venv, ensurepip").map(|_| ()).ok_or_else(|| "it has no venv module".to_owned())
}

/// Standard output of a line of Python; `None` where it fails.
fn said(python: &str, line: &str) -> Option<String> {
    let output = Command::new(python).args(["-c", line]).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
