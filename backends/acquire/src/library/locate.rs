//! Where an acquire-zarr library may lie. Looks at folders only; runs nothing, loads nothing.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::LoadError;

/// Environment variable that names the library: the file, or a folder that holds it.
pub const VARIABLE: &str = "OME_STREAM_ACQUIRE_ZARR";

/// Folder of the Python package, in `site-packages`.
const PACKAGE: &str = "acquire_zarr";

/// Names under which a user's own build may be installed: what the engine's build makes, and the same as a C name.
const LIBRARY_NAMES: [&str; 2] = ["libacquire-zarr.so", "libacquire_zarr.so"];

/// Interpreter names that mark a folder of the `PATH` as a Python's.
const INTERPRETERS: [&str; 4] = ["python3", "python", "python3.exe", "python.exe"];

/// How a candidate was found, in the order of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The settings named it.
    Settings,
    /// The environment variable [`VARIABLE`] named it.
    Variable,
    /// In the active virtual environment (`VIRTUAL_ENV` or `CONDA_PREFIX`).
    VirtualEnvironment,
    /// Beside a Python on the `PATH`, or in the user's own Python packages.
    Python,
    /// In a folder for shared libraries.
    LibraryFolder,
}

impl Source {
    /// Whether somebody asked for this very file, so that no other may be taken instead.
    pub fn is_deliberate(self) -> bool {
        matches!(self, Source::Settings | Source::Variable)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Settings => "settings",
            Source::Variable => VARIABLE,
            Source::VirtualEnvironment => "active virtual environment",
            Source::Python => "Python on the PATH",
            Source::LibraryFolder => "library folder",
        })
    }
}

/// A file that may be the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub source: Source,
}

/// What the search looks at: the part of the process's surroundings that names folders.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Path from the settings.
    pub explicit: Option<PathBuf>,
    /// Value of [`VARIABLE`].
    pub variable: Option<OsString>,
    /// Roots of active virtual environments, innermost first.
    pub virtual_environments: Vec<PathBuf>,
    /// Folders of the `PATH`.
    pub path: Vec<PathBuf>,
    /// The user's own prefix for packages, `~/.local`.
    pub user_prefix: Option<PathBuf>,
    /// Folders for shared libraries, in order.
    pub library_folders: Vec<PathBuf>,
}

impl Surroundings {
    /// The surroundings of this process; `explicit` is the path from the settings.
    pub fn of_process(explicit: Option<&Path>) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let list =
            |name: &str| set(name).map(|value| std::env::split_paths(&value).collect::<Vec<_>>()).unwrap_or_default();
        let mut library_folders = list("LD_LIBRARY_PATH");
        library_folders.extend(
            ["/usr/local/lib", "/usr/local/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"]
                .map(PathBuf::from),
        );
        Self {
            explicit: explicit.map(Path::to_path_buf),
            variable: set(VARIABLE),
            virtual_environments: ["VIRTUAL_ENV", "CONDA_PREFIX"]
                .into_iter()
                .filter_map(set)
                .map(PathBuf::from)
                .collect(),
            path: list("PATH"),
            user_prefix: set("HOME").map(|home| PathBuf::from(home).join(".local")),
            library_folders,
        }
    }
}

/// What a search came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Files to try, best first. Each file once, however many names lead to it.
    pub candidates: Vec<Candidate>,
    /// Folders that were looked into, for the message when nothing is found.
    pub searched: Vec<PathBuf>,
}

/// Finds the files to try, in the order: settings, environment variable, active virtual environment, Pythons on the
/// `PATH`, library folders. A path that somebody named stands alone: taking another in its place would hide a mistake.
///
/// # Errors
/// [`LoadError::NoSuchFile`] when the settings or the environment variable name something that does not exist, or a
/// folder in which there is no library.
pub fn search(surroundings: &Surroundings) -> Result<Search, LoadError> {
    let named = surroundings.explicit.clone().map(|path| (path, Source::Settings));
    let named = named.or_else(|| surroundings.variable.clone().map(|path| (PathBuf::from(path), Source::Variable)));
    if let Some((path, source)) = named {
        let file = resolve_named(&path)
            .ok_or_else(|| LoadError::NoSuchFile { path: path.clone(), source_name: source.to_string() })?;
        return Ok(Search { candidates: vec![Candidate { path: file, source }], searched: vec![path] });
    }

    let mut collector = Collector::default();
    for root in &surroundings.virtual_environments {
        collector.prefix(root, Source::VirtualEnvironment);
    }
    for prefix in surroundings.path.iter().flat_map(|folder| python_prefixes(folder)) {
        collector.prefix(&prefix, Source::Python);
    }
    if let Some(prefix) = &surroundings.user_prefix {
        collector.prefix(prefix, Source::Python);
    }
    for folder in &surroundings.library_folders {
        collector.folder(folder, libraries_in(folder), Source::LibraryFolder);
    }
    Ok(collector.search)
}

#[derive(Default)]
struct Collector {
    search: Search,
    seen: HashSet<PathBuf>,
}

impl Collector {
    fn prefix(&mut self, prefix: &Path, source: Source) {
        for site in site_folders(prefix) {
            let modules = modules_in(&site.join(PACKAGE));
            self.folder(&site, modules, source);
        }
    }

    fn folder(&mut self, folder: &Path, files: Vec<PathBuf>, source: Source) {
        // A virtual environment is on the PATH too, and `lib64` is often a link to `lib`: look through links.
        if !self.seen.insert(real(folder)) {
            return;
        }
        self.search.searched.push(folder.to_path_buf());
        for path in files {
            if self.seen.insert(real(&path)) {
                self.search.candidates.push(Candidate { path, source });
            }
        }
    }
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The file meant by a path that somebody named: itself, or the library inside a package folder, a `site-packages`,
/// an environment's root, or a library folder.
fn resolve_named(path: &Path) -> Option<PathBuf> {
    if !path.is_dir() {
        return path.exists().then(|| path.to_path_buf());
    }
    let packages = site_folders(path).into_iter().map(|site| site.join(PACKAGE));
    [path.to_path_buf(), path.join(PACKAGE)]
        .into_iter()
        .chain(packages)
        .flat_map(|folder| modules_in(&folder))
        .chain(libraries_in(path))
        .next()
}

/// Prefixes of the Pythons whose interpreter lies in `folder`, a folder of the `PATH`.
fn python_prefixes(folder: &Path) -> Vec<PathBuf> {
    let Some(interpreter) = INTERPRETERS.iter().map(|name| folder.join(name)).find(|file| file.is_file()) else {
        return Vec::new();
    };
    let mut prefixes = Vec::new();
    // `bin/python3` and, on Windows, `Scripts\python.exe` lie one below the prefix; a plain Windows Python lies in it.
    if interpreter.extension().is_some_and(|extension| extension == "exe") {
        prefixes.push(folder.to_path_buf());
    }
    prefixes.extend(folder.parent().map(Path::to_path_buf));
    // A link elsewhere (a distribution's alternatives, a tool's managed Python) has its packages where it leads.
    let target = real(&interpreter);
    prefixes.extend(target.parent().and_then(Path::parent).map(Path::to_path_buf));
    // pyenv puts scripts into one `shims` folder; the Pythons lie in `versions`, beside it.
    if folder.file_name().is_some_and(|name| name == "shims")
        && let Some(root) = folder.parent()
    {
        prefixes.extend(children(&root.join("versions")).into_iter().rev());
    }
    prefixes
}

/// Folders for packages below a Python's prefix, the newest Python first.
fn site_folders(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for library in ["lib", "lib64"] {
        let mut pythons: Vec<_> = children(&prefix.join(library))
            .into_iter()
            .filter_map(|path| Some((python_version(&path)?, path)))
            .collect();
        pythons.sort();
        for (_, python) in pythons.into_iter().rev() {
            folders.push(python.join("site-packages"));
            folders.push(python.join("dist-packages")); // Debian's and Ubuntu's own name
        }
    }
    folders.push(prefix.join("Lib").join("site-packages")); // Windows
    folders.retain(|folder| folder.is_dir());
    folders
}

/// The version in a folder name such as `python3.12` or `python3`; `None` for other folders.
fn python_version(path: &Path) -> Option<(u32, u32)> {
    let version = path.file_name()?.to_str()?.strip_prefix("python")?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    // A free-threaded build is called `python3.13t`.
    Some((major.parse().ok()?, minor.trim_end_matches('t').parse().ok()?))
}

/// Extension modules of the package in `folder`. One of them is enough: the engine inside does not depend on the
/// Python that it was built for.
fn modules_in(folder: &Path) -> Vec<PathBuf> {
    let is_module = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("__init__.") && (name.ends_with(".so") || name.ends_with(".pyd"))
    };
    children(folder).into_iter().filter(is_module).rev().take(1).collect()
}

fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    LIBRARY_NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

/// What is in a folder, sorted; nothing when it cannot be read, because a search only skips what it may not see.
fn children(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
