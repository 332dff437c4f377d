//! Where the store is made.

use std::path::{MAIN_SEPARATOR_STR, PathBuf};

use super::json::quote;
use crate::error::{Error, Result};

/// Suffix of a store where neither `root_path` nor the format says otherwise.
pub(super) const DEFAULT_SUFFIX: &str = ".ome.zarr";

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
    let refuse = |problem: &str, remedy: &str| Err(Error::settings("root_path", quote(root), problem, remedy));
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
    if suffix.is_empty() {
        *suffix = suffix_of(root).to_owned();
    }
    let plain = suffix.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_'));
    if !(plain && suffix.starts_with('.') && suffix.ends_with(".zarr")) {
        return Err(Error::settings(
            "format.suffix",
            quote(suffix),
            "readers know a store by its .zarr ending",
            "use \".ome.zarr\" or another suffix of letters, digits and dots that ends with \".zarr\"",
        ));
    }
    Ok(())
}
