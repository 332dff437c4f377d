//! The licences of everything that is linked into the library.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::library::cargo;

/// How deep licence files of bundled C sources are looked for, inside a crate.
const DEPTH: usize = 3;

/// Names that files with a licence begin with.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// A table of the crates, then the text of each licence file in them, equal texts once.
pub(super) fn of_everything_linked(target: &str) -> Result<String> {
    let metadata = metadata(target)?;
    let linked = linked(&metadata)?;
    let mut table = String::from(
        "What is linked into this library, with its licence. Rust's standard library (MIT OR Apache-2.0) comes on top.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if !package["id"].as_str().is_some_and(|id| linked.contains(id)) {
            continue;
        }
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        let licence = package["license"].as_str().or(package["license_file"].as_str());
        let licence = licence.with_context(|| format!("{name} names no licence"))?;
        writeln!(table, "{name:40} {licence}")?;
        if package["source"].is_string() {
            let folder = Path::new(text("manifest_path")).parent().context("a manifest lies in no folder")?;
            let mut files = Vec::new();
            find(folder, DEPTH, &mut files)?;
            for file in files {
                let inside = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
                let words = String::from_utf8_lossy(&fs::read(&file)?).replace("\r\n", "\n").trim().to_owned();
                texts.entry(words).or_default().push(format!("{name}: {inside}"));
            }
        }
    }
    ensure!(!texts.is_empty(), "no licence file was found in any crate");
    for (text, places) in texts {
        write!(table, "\n{}\n{}\n\n{text}\n", "=".repeat(100), places.join("\n"))?;
    }
    Ok(table)
}

fn metadata(target: &str) -> Result<Value> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--filter-platform", target])
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("what cargo metadata says")
}

/// Ids of the packages that end up in the library: ordinary dependencies, without macros, which run in the compiler.
fn linked(metadata: &Value) -> Result<BTreeSet<String>> {
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let is_macro: BTreeSet<&str> = packages()
        .filter(|package| {
            let mut targets = package["targets"].as_array().into_iter().flatten();
            targets.any(|target| target["kind"].as_array().into_iter().flatten().any(|kind| kind == "proc-macro"))
        })
        .filter_map(|package| package["id"].as_str())
        .collect();
    let start = packages().find(|package| package["name"] == "ome-stream-c").and_then(|package| package["id"].as_str());
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut found = BTreeSet::new();
    let mut left = vec![start.context("ome-stream-c is not in the workspace")?];
    while let Some(id) = left.pop() {
        if is_macro.contains(id) || !found.insert(id.to_owned()) {
            continue;
        }
        let dependencies = nodes.get(id).and_then(|node| node["deps"].as_array());
        left.extend(dependencies.into_iter().flatten().filter_map(|dependency| {
            let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            kinds.any(|kind| kind["kind"].is_null()).then(|| dependency["pkg"].as_str()).flatten()
        }));
    }
    Ok(found)
}

/// Licence files in a folder and the folders in it.
fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_dir() {
            if depth > 0 {
                find(&path, depth - 1, files)?;
            }
        } else if NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".RS") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn macros_and_what_only_tests_and_build_scripts_use_are_not_linked() {
        let package = |name: &str, kind: &str| json!({"id": name, "name": name, "targets": [{"kind": [kind]}]});
        let dependency = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [
                package("ome-stream-c", "cdylib"), package("core", "lib"), package("derive", "proc-macro"),
                package("syn", "lib"), package("cc", "lib"), package("tempfile", "lib"), package("far", "lib"),
            ],
            "resolve": {"nodes": [
                {"id": "ome-stream-c", "deps": [
                    dependency("core", Value::Null), dependency("derive", Value::Null), dependency("tempfile", json!("dev")),
                ]},
                {"id": "core", "deps": [
                    dependency("far", Value::Null), dependency("cc", json!("build")), dependency("core", Value::Null),
                ]},
                {"id": "derive", "deps": [dependency("syn", Value::Null)]},
            ]},
        });
        let found: Vec<_> = linked(&metadata).expect("a list").into_iter().collect();
        assert_eq!(found, ["core", "far", "ome-stream-c"]);
    }
}
