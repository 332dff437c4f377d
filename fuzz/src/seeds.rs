//! The seeds of the fuzz targets: `seeds/*.json`, each a table of names and inputs in which a character is a byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Inputs by their names.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// The file with the seeds of a target: those that damage a store share theirs.
pub fn file(fuzz: &Path, target: &str) -> PathBuf {
    let name = if matches!(target, "info" | "recover") { "damage" } else { target };
    fuzz.join("seeds").join(name).with_extension("json")
}

/// Reads such a file.
///
/// # Errors
/// What is wrong with it.
pub fn read(file: &Path) -> Result<Seeds, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
    let table: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|error| told(&error))?;
    let byte = |each: char| u8::try_from(each).map_err(|error| told(&error));
    let bytes = |text: String| text.chars().map(byte).collect::<Result<Vec<u8>, String>>();
    table.into_iter().map(|(name, text)| Ok((name, bytes(text)?))).collect()
}

/// The text of such a file.
///
/// # Errors
/// Never: a table of texts is JSON.
pub fn text(seeds: &Seeds) -> Result<String, serde_json::Error> {
    let table: BTreeMap<&String, String> =
        seeds.iter().map(|(name, bytes)| (name, bytes.iter().copied().map(char::from).collect())).collect();
    Ok(serde_json::to_string_pretty(&table)? + "\n")
}
