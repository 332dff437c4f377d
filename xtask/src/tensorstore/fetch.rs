//! The two source packages: fetched by pip, pinned by version and hash, unpacked into one tree, one line patched.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{engine_folder, packages, write_if_different};
use crate::step::run;

/// A source package and what is taken out of it.
struct Package {
    name: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// Folders, each with the number of leading folders that are taken off.
    folders: &'static [(&'static str, usize)],
}

/// Version of TensorStore.
pub(crate) const VERSION: &str = "0.1.86";

/// TensorStore has all of its own source; gRPC's package carries Abseil and RE2.
const PACKAGES: [Package; 2] = [
    Package {
        name: "tensorstore",
        version: VERSION,
        sha256: "1056ab91bc9e4250f01faa1350930bb3a1a16efebba18795cdf405d3c4a1b8a4",
        folders: &[("tensorstore", 0)],
    },
    Package {
        name: "grpcio",
        version: "1.85.1",
        sha256: "5f530287d5de5f7f66089ead81de44f6787162944dab3922efa65dfdff108a1d",
        folders: &[("third_party/abseil-cpp/absl", 2), ("third_party/re2/re2", 2), ("third_party/re2/util", 2)],
    },
];

/// A line of a source that does not fit the other sources.
struct Patch {
    file: &'static str,
    line: usize,
    before: &'static str,
    after: &'static str,
}

/// TensorStore hands RE2 a `std::string_view`; the RE2 that comes with gRPC is older and takes its own kind.
const PATCHES: [Patch; 1] = [Patch {
    file: "tensorstore/util/unit.cc",
    line: 45,
    before: "  RE2::Consume(&unit, *kNumberPattern, &multiplier);",
    after: "  re2::StringPiece rest(unit.data(), unit.size()); RE2::Consume(&rest, *kNumberPattern, &multiplier); \
            unit = std::string_view(rest.data(), rest.size());",
}];

/// Kept in the unpacked tree: what it was made of.
const STAMP: &str = "unpacked.txt";

/// The unpacked and patched tree.
pub(crate) fn unpacked(prefix: &Path) -> Result<PathBuf> {
    let source = prefix.join("source");
    let stamp = stamp();
    if fs::read_to_string(source.join(STAMP)).is_ok_and(|found| found == stamp) {
        return Ok(source);
    }
    let downloads = prefix.join("downloads");
    let archives = PACKAGES.iter().map(|package| fetched(package, &downloads)).collect::<Result<Vec<_>>>()?;
    if source.exists() {
        fs::remove_dir_all(&source).with_context(|| source.display().to_string())?;
    }
    for (package, archive) in PACKAGES.iter().zip(&archives) {
        unpack(package, archive, &source).with_context(|| archive.display().to_string())?;
    }
    for patch in &PATCHES {
        apply(patch, &source)?;
    }
    write_if_different(&source.join(STAMP), stamp.as_bytes())?;
    Ok(source)
}

/// The files to compile, relative to the tree: the closure of the zarr3 driver, the file store and what the bridge
/// calls.
pub(crate) fn units(source: &Path) -> Result<Vec<(PathBuf, String)>> {
    let list = engine_folder().join("sources.txt");
    let text = fs::read_to_string(&list).with_context(|| list.display().to_string())?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(|line| (source.join(line), line.to_owned())).collect())
}

fn stamp() -> String {
    let packages = PACKAGES.iter().map(|package| format!("{} {} {}\n", package.name, package.version, package.sha256));
    packages.chain(PATCHES.iter().map(|patch| format!("{}:{} {}\n", patch.file, patch.line, patch.after))).collect()
}

/// The package's archive; asks pip for it only where it is not there yet.
fn fetched(package: &Package, downloads: &Path) -> Result<PathBuf> {
    let archive = downloads.join(format!("{}-{}.tar.gz", package.name, package.version));
    if archive.exists() && sha256(&archive)? == package.sha256 {
        return Ok(archive);
    }
    fs::create_dir_all(downloads).with_context(|| downloads.display().to_string())?;
    let python = packages::python().context("there is no Python with pip")?;
    eprintln!("fetching {} {}", package.name, package.version);
    // pip holds the archive against the hash before it looks into it, then asks the package's own setup.py for its
    // metadata; it does not build it.
    let requirements = downloads.join(format!("{}.txt", package.name));
    let line = format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256);
    fs::write(&requirements, line).with_context(|| requirements.display().to_string())?;
    run(Command::new(python)
        .args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--require-hashes", "--no-deps"])
        .args(["--no-binary", ":all:", "--dest"])
        .arg(downloads)
        .arg("--requirement")
        .arg(&requirements))?;
    let found = sha256(&archive)?;
    if found != package.sha256 {
        bail!("{} has the SHA-256 {found}, expected {}", archive.display(), package.sha256);
    }
    Ok(archive)
}

fn sha256(path: &Path) -> Result<String> {
    let mut digest = Sha256::new();
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    io::copy(&mut file, &mut digest).with_context(|| path.display().to_string())?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unpack(package: &Package, archive: &Path, target: &Path) -> Result<()> {
    let mut tar = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in tar.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path()?.into_owned();
        // The first folder is that of the package.
        let inside: PathBuf = path.components().skip(1).collect();
        if inside.components().any(|part| !matches!(part, Component::Normal(_))) {
            bail!("it has a file outside its folder: {}", path.display());
        }
        let Some((_, off)) = package.folders.iter().find(|(folder, _)| inside.starts_with(folder)) else { continue };
        let file: PathBuf = target.join(inside.components().skip(*off).collect::<PathBuf>());
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        entry.unpack(&file)?;
    }
    Ok(())
}

fn apply(patch: &Patch, source: &Path) -> Result<()> {
    let path = source.join(patch.file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut lines: Vec<&str> = text.lines().collect();
    match lines.get_mut(patch.line - 1) {
        Some(line) if *line == patch.before => *line = patch.after,
        line => bail!("{}:{} is {line:?}, expected {:?}", path.display(), patch.line, patch.before),
    }
    fs::write(&path, lines.join("\n") + "\n").with_context(|| path.display().to_string())
}
