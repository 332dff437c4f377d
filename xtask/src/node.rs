//! The readers in JavaScript: `node` in the target folder, every version pinned with its checksum. Who has no Node does
//! without them: their test is skipped, and says so.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::places;
use crate::step::run;

/// Oldest major version of Node that the packages run on.
const OLDEST: u32 = 20;

/// What is installed, in `tests/interop/node`; the last tells every version.
const FILES: [&str; 3] = ["open_stores.mjs", "package.json", "package-lock.json"];

/// A copy of the last of [`FILES`], written when all of it is installed.
const STAMP: &str = "installed.json";

/// Set to 1 where a missing Node is a failure.
pub(crate) const REQUIRE: &str = "OME_STREAM_REQUIRE_NODE";

/// The folder with the packages and the script that uses them; `None` where there is no Node, or they cannot be had.
pub(crate) fn environment() -> Result<Option<PathBuf>> {
    let found = installed();
    if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") {
        return found.map(Some);
    }
    Ok(found.inspect_err(|error| eprintln!("readers in JavaScript are left out: {error:#}")).ok())
}

fn installed() -> Result<PathBuf> {
    match version() {
        Some(version) if version >= OLDEST => {}
        Some(version) => bail!("Node {version} is older than {OLDEST}"),
        None => bail!("there is no Node"),
    }
    let folder = places::target()?.join("node");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // Two runs at once would spoil each other's packages.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).with_context(|| lock_path.display().to_string())?;
    lock.lock().with_context(|| lock_path.display().to_string())?;
    let stamp = folder.join(STAMP);
    let pinned = places::root().join("tests/interop/node");
    let read = |path: &PathBuf| fs::read(path).with_context(|| path.display().to_string());
    let fresh = read(&stamp).is_ok_and(|stamp| read(&pinned.join(FILES[2])).is_ok_and(|lock| lock == stamp));
    for name in FILES {
        fs::copy(pinned.join(name), folder.join(name)).with_context(|| name.to_owned())?;
    }
    if !fresh || !folder.join("node_modules").is_dir() {
        eprintln!("installing the packages of tests/interop/node into {}", folder.display());
        // Nothing that a package brings along is run.
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        // Whoever is killed meanwhile leaves no stamp of what is there in part.
        if stamp.exists() {
            fs::remove_file(&stamp).with_context(|| stamp.display().to_string())?;
        }
        run(Command::new("npm").args(arguments).current_dir(&folder).stdout(Stdio::null()))?;
        fs::copy(pinned.join(FILES[2]), &stamp).with_context(|| stamp.display().to_string())?;
    }
    Ok(folder)
}

/// The major version of Node: `v20.1.0`.
fn version() -> Option<u32> {
    let output = Command::new("node").arg("--version").stderr(Stdio::null()).output().ok()?;
    let told = String::from_utf8(output.stdout).ok()?;
    told.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}
