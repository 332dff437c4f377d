//! What the system must have: a C++ compiler, four libraries with their headers, and Python with pip.

use std::env;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// A header that must be found, and the Debian package that has it.
const HEADERS: [(&str, &str); 4] = [
    ("nlohmann/json.hpp", "nlohmann-json3-dev"),
    ("blosc.h", "libblosc-dev"),
    ("zstd.h", "libzstd-dev"),
    ("zlib.h", "zlib1g-dev"),
];

/// A compiler that works.
pub(crate) struct Compiler {
    pub(crate) program: OsString,
    /// Changes whenever objects of the old one should not be kept.
    pub(crate) version: String,
}

/// Finds the compiler and checks all the rest; every missing package is named at once.
pub(crate) fn check() -> Result<Compiler> {
    let program = env::var_os("CXX").filter(|value| !value.is_empty()).unwrap_or_else(|| "c++".into());
    let mut missing = Vec::new();
    let version = said(Command::new(&program).arg("--version"));
    if version.is_none() {
        missing.push("g++");
    }
    if said(Command::new("ar").arg("--version")).is_none() {
        missing.push("binutils");
    }
    // Without a compiler nothing is known of headers; installing what is there already does no harm.
    missing.extend(HEADERS.iter().filter(|(header, _)| !has_header(&program, header)).map(|(_, package)| *package));
    if python().is_none() {
        missing.push("python3-pip");
    }
    match version {
        Some(version) if missing.is_empty() => Ok(Compiler { program, version }),
        _ => bail!(
            "missing on this system: {}\nOn Debian and Ubuntu:\n  sudo apt-get install {}\nElsewhere install what has a \
             C++17 compiler (or name one in CXX), Python with pip (or name one in PYTHON), and the headers {}.",
            missing.join(", "),
            missing.join(" "),
            HEADERS.map(|(header, _)| header).join(", "),
        ),
    }
}

/// A Python with pip.
pub(crate) fn python() -> Option<OsString> {
    env::var_os("PYTHON")
        .into_iter()
        .chain(["python3".into(), "python".into()])
        .find(|name| said(Command::new(name).args(["-m", "pip", "--version"])).is_some())
}

fn has_header(compiler: &OsString, header: &str) -> bool {
    Command::new(compiler)
        .args(["-std=c++17", "-fsyntax-only", "-x", "c++", "-include", header])
        .arg(if cfg!(windows) { "NUL" } else { "/dev/null" })
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// First line of a program's standard output; `None` where it fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().to_owned())
}
