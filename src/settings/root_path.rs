//! Where the store is made.

use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};

use crate::error::{Error, Result};
use crate::names;
use crate::shown::quoted;

/// Suffix of a store where neither `root_path` nor the format says otherwise.
pub(super) const DEFAULT_SUFFIX: &str = ".ome.zarr";

/// Most bytes of a suffix: with the longest name and what `overwrite` adds to both it fits into a folder's 255.
const MAX_SUFFIX_BYTES: usize = 20;

/// Splits a path into what comes before its suffix, and the suffix, in lower case: `.ome.zarr`, `.zarr`, the same with
/// `.tif` or `.tiff`, or nothing.
fn split_suffix(path: &str) -> (&str, &'static str) {
    const SUFFIXES: [&str; 6] = [".ome.zarr", ".zarr", ".ome.tiff", ".ome.tif", ".tiff", ".tif"];
    SUFFIXES
        .into_iter()
        .find_map(|suffix| {
            let at = path.len().checked_sub(suffix.len())?;
            let (stem, end) = path.split_at_checked(at)?;
            end.eq_ignore_ascii_case(suffix).then_some((stem, suffix))
        })
        .unwrap_or((path, ""))
}

/// Without separators at the end, which name the same folder.
fn trimmed(root: &str) -> &str {
    let kept = root.trim_end_matches(std::path::is_separator);
    if kept.is_empty() { root } else { kept }
}

/// The suffix that a store at `root` gets by itself.
pub(super) fn suffix_of(root: &str) -> &'static str {
    match split_suffix(trimmed(root)).1 {
        "" => DEFAULT_SUFFIX,
        own => own,
    }
}

/// The folder of the store; `suffix` as in the format, where empty means the path's own.
pub(super) fn output(root: &str, suffix: &str) -> PathBuf {
    let suffix = if suffix.is_empty() { suffix_of(root) } else { suffix };
    let (stem, _) = split_suffix(trimmed(root));
    let path = format!("{stem}{suffix}");
    match (in_home(&path), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// What follows the sign of the home folder.
fn in_home(path: &str) -> Option<&str> {
    path.strip_prefix("~/").or_else(|| path.strip_prefix('~')?.strip_prefix(MAIN_SEPARATOR_STR))
}

/// Refuses what names no local folder; fills in an empty suffix.
pub(super) fn check(root: &str, suffix: &mut String) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(Error::settings("root_path", quoted(root), problem, remedy));
    if root.is_empty() {
        return refuse("no path is given", "give the folder to write, such as \"data/run1.ome.zarr\"");
    }
    if root.contains('\0') {
        return refuse("contains a NUL character", "remove it");
    }
    if root.contains("://") {
        return refuse("is a URL; only local folders are written", "give a path on this machine");
    }
    if root.starts_with('~') && in_home(root).is_none() {
        return refuse(
            "only ~/ is understood as a home folder",
            "write the path out, or start it with ./ if the name begins with ~",
        );
    }
    if in_home(root).is_some() && std::env::home_dir().is_none() {
        return refuse("the home folder is not known", "write the path out");
    }
    let (stem, own) = split_suffix(trimmed(root));
    if own.contains("tif") {
        return refuse("asks for a TIFF file; only OME-Zarr is written", "end the path with .ome.zarr");
    }
    let name = stem.rsplit(std::path::is_separator).next().unwrap_or(stem);
    if matches!(name, "" | "." | "..") {
        return refuse("has no name for the store", "end the path with a name, such as \"run1.ome.zarr\"");
    }
    if let Err(refusal) = names::check_folder(name) {
        return refuse(&format!("as the store's name, {}: {}", quoted(name), refusal.problem), &refusal.remedy);
    }
    if own.is_empty() && root.ends_with(std::path::is_separator) {
        return refuse(
            "ends like a folder to write into, and names no store in it",
            "add the store's name, such as \"run1.ome.zarr\", or leave the separator out to name the store itself",
        );
    }
    if suffix.is_empty() {
        *suffix = suffix_of(root).to_owned();
    }
    let plain = suffix.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_'));
    if !(plain && suffix.starts_with('.') && suffix.ends_with(".zarr")) {
        return Err(Error::settings(
            "format.suffix",
            quoted(suffix),
            "readers know a store by its .zarr ending",
            "use \".ome.zarr\" or another suffix of letters, digits and dots that ends with \".zarr\"",
        ));
    }
    if suffix.len() > MAX_SUFFIX_BYTES {
        return Err(Error::settings(
            "format.suffix",
            quoted(suffix),
            "the suffix is too long for the name of a folder",
            format!("use at most {MAX_SUFFIX_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// Refuses names of folders above the store that are not there yet and that no system, or not every one, can have.
/// Those that are there are the user's.
pub(crate) fn check_folders_to_make(root: &Path) -> Result<()> {
    let missing = root
        .ancestors()
        .skip(1)
        .take_while(|folder| !folder.as_os_str().is_empty() && std::fs::symlink_metadata(folder).is_err());
    for folder in missing {
        let Some(name) = folder.file_name() else { continue };
        if let Err(refusal) = names::check_folder(&name.to_string_lossy()) {
            return Err(Error::settings(
                "root_path",
                quoted(&root.to_string_lossy()),
                format!("the folder {} would be made, and {}", quoted(&name.to_string_lossy()), refusal.problem),
                format!("{}, or make the folder yourself", refusal.remedy),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_would_be_made_have_names_for_every_system() {
        let folder = tempfile::tempdir().unwrap();
        for missing in ["trail.", "two\nlines", "aux", "a:b", "a\u{200b}b"] {
            for path in [folder.path().join(missing).join("run.zarr"), folder.path().join(missing).join("a/run.zarr")] {
                let error = check_folders_to_make(&path).unwrap_err().to_string();
                assert!(error.contains("would be made") && !error.contains('\n'), "{error}");
            }
        }
        assert!(check_folders_to_make(&folder.path().join("a/.hidden/b c/run.zarr")).is_ok());
        assert!(check_folders_to_make(Path::new("run.zarr")).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn folders_that_are_there_are_the_user_s() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("trail.");
        std::fs::create_dir(&odd).unwrap();
        assert!(check_folders_to_make(&odd.join("run.zarr")).is_ok());
    }
}
