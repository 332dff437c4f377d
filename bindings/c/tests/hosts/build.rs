//! Builds and runs host programs.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Set to 1 where a missing tool is a failure and not a skipped test.
const REQUIRE: &str = "OME_STREAM_REQUIRE_TOOLS";

/// Warnings that the header, and every program here, must not give.
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// What the static library asks of the system: Rust's standard library, and Blosc, part of which is C++.
const SYSTEM_LIBRARIES: [&str; 7] = ["-lstdc++", "-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// How a program meets the library.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Linked {
    /// With the shared library.
    Shared,
    /// With the static library, under AddressSanitizer (leaks included) and UndefinedBehaviorSanitizer.
    Sanitized,
}

/// A folder with a program, its library and its data; gone with its test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Self { folder };
        let shared = built("libome_stream_c.so");
        // As an installed library lies: the name that programs are linked with, and the name that they ask for.
        for name in ["libome_stream.so", "libome_stream.so.1"] {
            symlink(&shared, place.path().join(name)).expect("a link to the library");
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A new folder for stores.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        let data = self.path().join(name);
        fs::create_dir(&data).expect("a folder for stores");
        data
    }

    /// Compiles and links a source file, C or C++ by its suffix.
    pub(crate) fn build(&self, source: &Path, linked: Linked, options: &[&str]) -> PathBuf {
        let stem = source.file_stem().expect("a file name").to_string_lossy();
        let program = self.path().join(format!("{stem}-{linked:?}"));
        let mut command = compiler(source);
        command.arg(source).arg("-o").arg(&program).args(["-g", "-pthread"]).args(options);
        match linked {
            Linked::Shared => {
                command.arg("-L").arg(self.path()).arg("-lome_stream");
                command.arg(format!("-Wl,-rpath,{}", self.path().display()));
            }
            Linked::Sanitized => {
                command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
                command.arg(built("libome_stream_c.a")).args(SYSTEM_LIBRARIES);
            }
        }
        succeed(&mut command);
        program
    }
}

/// The compiler for a source file, with the standard that we promise and every warning an error.
pub(crate) fn compiler(source: &Path) -> Command {
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (variable, default, standard) = if is_cpp { ("CXX", "c++", "c++17") } else { ("CC", "cc", "c99") };
    let mut command = Command::new(env::var_os(variable).unwrap_or_else(|| default.into()));
    command.arg(format!("-std={standard}")).args(WARNINGS).arg("-D_POSIX_C_SOURCE=200809L");
    command.arg("-I").arg(package("include")).arg("-I").arg(package("tests/programs"));
    command
}

/// A file of this package.
pub(crate) fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A library of this build: it lies beside this test.
pub(crate) fn built(name: &str) -> PathBuf {
    let this = env::current_exe().expect("this test's own path");
    let path = this.with_file_name(name);
    assert!(path.is_file(), "{} is not there", path.display());
    path
}

/// Runs a command to its end, which must be a success, and returns what it wrote.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?} ended with {status}\n{stdout}{stderr}");
    stdout.into_owned()
}

/// Whether a tool is there; if not, says what is skipped, or fails where nothing may be.
pub(crate) fn has(tool: &str, test: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    skipped(test, &format!("{tool} is not installed"));
    false
}

/// Says what is skipped; a failure where nothing may be.
pub(crate) fn skipped(test: &str, why: &str) {
    assert!(env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{test}: {why}, and {REQUIRE} is 1");
    say(&format!("skipped: {test}: {why}"));
}

/// Writes a line past the capture of test output: what is skipped must be seen.
pub(crate) fn say(line: &str) {
    // Nobody listens where standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
