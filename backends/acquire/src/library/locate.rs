//! Where an acquire-zarr library may lie. Looks at folders only; runs nothing, loads nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Folder of the Python package, in `site-packages`.
const PACKAGE: &str = "acquire_zarr";

/// Names under which a user's own build may be installed: what the engine's build makes, and the same as a C name.
const LIBRARY_NAMES: [&str; 2] = ["libacquire-zarr.so", "libacquire_zarr.so"];

/// Interpreter names that mark a folder of the `PATH` as a Python's.
const INTERPRETERS: [&str; 2] = ["python3", "python"];

/// Folders for shared libraries, after those of `LD_LIBRARY_PATH`.
const LIBRARY_FOLDERS: [&str; 5] =
    ["/usr/local/lib", "/usr/local/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// What the search looks at: the part of the process's surroundings that names folders.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
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
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let list =
            |name: &str| set(name).map(|value| std::env::split_paths(&value).collect::<Vec<_>>()).unwrap_or_default();
        let mut library_folders = list("LD_LIBRARY_PATH");
        library_folders.extend(LIBRARY_FOLDERS.map(PathBuf::from));
        let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(set);
        Self {
            virtual_environments: environments.map(PathBuf::from).collect(),
            path: list("PATH"),
            user_prefix: set("HOME").map(|home| PathBuf::from(home).join(".local")),
            library_folders,
        }
    }
}

/// What a search came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// Files to try, best first, each with how it was found. Each file once, however many names lead to it.
    pub candidates: Vec<(PathBuf, &'static str)>,
    /// Folders that were looked into, for the message when nothing is found.
    pub searched: Vec<PathBuf>,
    seen: HashSet<PathBuf>,
}

/// Finds the files to try, in the order: active virtual environment, Pythons on the `PATH`, the user's own packages,
/// library folders.
pub(super) fn search(surroundings: &Surroundings) -> Search {
    let mut search = Search::default();
    for root in &surroundings.virtual_environments {
        search.prefix(root, "active virtual environment");
    }
    let pythons = surroundings.path.iter().flat_map(|folder| python_prefixes(folder));
    for prefix in pythons.chain(surroundings.user_prefix.clone()) {
        search.prefix(&prefix, "Python on the PATH");
    }
    for folder in &surroundings.library_folders {
        search.folder(folder, libraries_in(folder), "library folder");
    }
    search
}

impl Search {
    fn prefix(&mut self, prefix: &Path, how: &'static str) {
        for site in site_folders(prefix) {
            self.folder(&site, module_in(&site.join(PACKAGE)), how);
        }
    }

    fn folder(&mut self, folder: &Path, files: impl IntoIterator<Item = PathBuf>, how: &'static str) {
        // A virtual environment is on the PATH too, and `lib64` is often a link to `lib`: look through links.
        if !self.seen.insert(real(folder)) {
            return;
        }
        self.searched.push(folder.to_path_buf());
        for path in files {
            if self.seen.insert(real(&path)) {
                self.candidates.push((path, how));
            }
        }
    }
}

/// The path without links, or as it is where it leads nowhere.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// The file meant by a path that somebody named: itself, or the library inside a package folder, a `site-packages`,
/// an environment's root, or a library folder.
pub(super) fn named(path: &Path) -> Option<PathBuf> {
    if !path.is_dir() {
        return path.exists().then(|| path.to_path_buf());
    }
    let packages = site_folders(path).into_iter().map(|site| site.join(PACKAGE));
    [path.to_path_buf(), path.join(PACKAGE)]
        .into_iter()
        .chain(packages)
        .filter_map(|folder| module_in(&folder))
        .chain(libraries_in(path))
        .next()
}

/// Prefixes of the Pythons whose interpreter lies in `folder`, a folder of the `PATH`.
fn python_prefixes(folder: &Path) -> Vec<PathBuf> {
    let Some(interpreter) = INTERPRETERS.iter().map(|name| folder.join(name)).find(|file| file.is_file()) else {
        return Vec::new();
    };
    let mut prefixes: Vec<_> = folder.parent().map(Path::to_path_buf).into_iter().collect();
    // A link elsewhere (a distribution's alternatives, a tool's managed Python) has its packages where it leads.
    prefixes.extend(real(&interpreter).parent().and_then(Path::parent).map(Path::to_path_buf));
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

/// The extension module of the package in `folder`. One is enough: the engine inside does not depend on the Python that
/// it was built for.
fn module_in(folder: &Path) -> Option<PathBuf> {
    let is_module = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.strip_prefix("__init__.").is_some_and(|rest| rest.ends_with(".so")))
    };
    children(folder).into_iter().rfind(is_module)
}

fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    LIBRARY_NAMES.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

/// What is in a folder, sorted; nothing when it cannot be read, because a search only skips what it may not see.
pub(super) fn children(folder: &Path) -> Vec<PathBuf> {
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
