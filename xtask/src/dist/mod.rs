//! `cargo xtask dist`: the folder and the archive that a host developer uses.

mod check;
mod library;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::library::Library;
use crate::header::bindings;
use crate::{licenses, places, step};

/// Options of `cargo xtask dist`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Also use the archive as a host developer does, from an empty folder: with CMake and with pkg-config.
    #[arg(long)]
    check: bool,
    /// Cargo profile to build with.
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Version of everything in the package.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Makes the package, and uses it where that is asked.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!(
            "dist makes packages for Linux only; elsewhere `cargo build --release -p ome-stream-c` makes the library"
        );
    }
    let library = step::timed("library", || Library::build(&options.profile))?;
    let name = format!("ome-stream-{VERSION}-{}", library.target);
    let folder = places::target()?.join("dist").join(&name);
    step::timed("package", || fill(&folder, &library))?;
    check::exports(&folder.join("lib/libome_stream.so"))?;
    let archive = archive(&folder, &name)?;
    println!("{}", folder.display());
    println!("{}", archive.display());
    if options.check {
        step::timed("use of the archive from an empty folder", || check::from_empty_folder(&archive, &name))?;
    }
    Ok(())
}

/// Makes the folder anew.
fn fill(folder: &Path, library: &Library) -> Result<()> {
    empty(folder)?;
    for part in ["lib/pkgconfig", "lib/cmake/ome_stream", "include", "share/ome_stream"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let lib = folder.join("lib");
    let shared = format!("libome_stream.so.{VERSION}");
    copy(&library.shared, &lib.join(&shared))?;
    link(&shared, &lib.join(&library.soname))?;
    link(&library.soname, &lib.join("libome_stream.so"))?;
    copy(&library.archive, &lib.join("libome_stream.a"))?;
    // Line tables are of use where the source is; here they are most of the size.
    step::run(Command::new("strip").arg("--strip-debug").arg(lib.join(&shared)).arg(lib.join("libome_stream.a")))?;
    for header in ["ome_stream.h", "ome_stream.hpp"] {
        copy(&bindings().join("include").join(header), &folder.join("include").join(header))?;
    }
    let share = folder.join("share/ome_stream");
    copy(&places::root().join("docs/C-ABI.md"), &share.join("C-ABI.md"))?;
    fs::write(share.join("settings.schema.json"), schema()?).context("writing the schema")?;
    fs::write(folder.join("LICENSES.txt"), licenses::of_everything_linked(&library.target)?)?;

    let libraries = library.system_libraries.join(" ");
    let values = [
        ("VERSION", VERSION),
        ("SHARED", &shared),
        ("SONAME", &library.soname),
        ("SYSTEM_LIBRARIES", &libraries),
        ("SYSTEM_LIBRARIES_CMAKE", &library.system_libraries.join(";")),
        ("POINTER_BYTES", &size_of::<usize>().to_string()),
    ];
    template("ome_stream.pc", &folder.join("lib/pkgconfig"), &values)?;
    template("ome_stream-config.cmake", &folder.join("lib/cmake/ome_stream"), &values)?;
    template("ome_stream-config-version.cmake", &folder.join("lib/cmake/ome_stream"), &values)
}

/// The JSON schema of settings. It is the same whatever it is built for, and tests have built the tool that prints it.
fn schema() -> Result<Vec<u8>> {
    let output = step::cargo()
        .args(["run", "--quiet", "--package", "ome-stream-cli", "--", "settings", "--schema"])
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("ome-stream settings --schema: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice::<serde_json::Value>(&output.stdout).context("the schema is not JSON")?;
    Ok(output.stdout)
}

/// Fills in a file of `bindings/c/packaging`.
fn template(name: &str, into: &Path, values: &[(&str, &str)]) -> Result<()> {
    let path = bindings().join("packaging").join(format!("{name}.in"));
    let mut text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    for (key, value) in values {
        text = text.replace(&format!("@{key}@"), value);
    }
    if let Some(rest) = text.split('@').nth(1) {
        bail!("{}: nothing is known to put for @{rest}@", path.display());
    }
    fs::write(into.join(name), text).with_context(|| format!("writing {name}"))
}

fn archive(folder: &Path, name: &str) -> Result<PathBuf> {
    let parent = folder.parent().context("the package lies in no folder")?;
    let archive = parent.join(format!("{name}.tar.gz"));
    step::run(Command::new("tar").arg("-C").arg(parent).arg("-czf").arg(&archive).arg(name))?;
    Ok(archive)
}

/// Makes a folder that is empty.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))
}

#[cfg(unix)]
fn link(name: &str, at: &Path) -> Result<()> {
    std::os::unix::fs::symlink(name, at).with_context(|| format!("linking {} to {name}", at.display()))
}

#[cfg(not(unix))]
fn link(_: &str, at: &Path) -> Result<()> {
    bail!("cannot link {} on this system", at.display())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}
