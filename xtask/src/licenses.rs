//! The licenses of everything that is built, and their texts for what is linked into the library.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::step::cargo;

/// How deep license files of bundled C sources are looked for, inside a crate.
const DEPTH: usize = 3;

/// Names that files with a license begin with.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// What may be in a program that is given away: no more is asked than to keep a notice.
const ACCEPTED: [&str; 12] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "Unicode-3.0",
];

/// Packages with a license of another kind, with the reason why that is no matter.
const OTHERS: [(&str, &str, &str); 1] =
    [("cbindgen", "MPL-2.0", "makes the C header, and is in no program that is given away")];

/// What is wrong with the licenses of the packages in `metadata`, a line each.
pub(crate) fn problems(metadata: &Value) -> Result<Vec<String>> {
    let linked = linked(metadata)?;
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, license) = (text("name"), text("license"));
        let excused = OTHERS.iter().any(|(other, its, _)| (*other, *its) == (name, license));
        if license.is_empty() {
            problems.push(format!("{name} {} names no license", text("version")));
        } else if excused && linked.contains(text("id")) {
            problems.push(format!("{name} ({license}) is linked into the C library"));
        } else if !excused && !is_accepted(license) {
            problems.push(format!("{name} {}: {license} is not among the accepted licenses", text("version")));
        }
    }
    Ok(problems)
}

/// Whether a license expression leaves a choice of accepted licenses. Where parentheses are nested it may say no for
/// yes.
fn is_accepted(expression: &str) -> bool {
    expression.split(" AND ").all(|part| {
        let choices = part.split(['/', '(', ')']).flat_map(|choice| choice.split(" OR "));
        choices.map(str::trim).any(|choice| ACCEPTED.contains(&choice))
    })
}

/// A table of the crates, then the text of each license file in them, equal texts once.
pub(crate) fn of_everything_linked(target: &str) -> Result<String> {
    let metadata = metadata(target, &[])?;
    let linked = linked(&metadata)?;
    let mut table = String::from(
        "What is linked into this library, with its license. Rust's standard library (MIT OR Apache-2.0) comes on top.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        if !package["id"].as_str().is_some_and(|id| linked.contains(id)) {
            continue;
        }
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        let license = package["license"].as_str().or(package["license_file"].as_str());
        let license = license.with_context(|| format!("{name} names no license"))?;
        writeln!(table, "{name:40} {license}")?;
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
    ensure!(!texts.is_empty(), "no license file was found in any crate");
    for (text, places) in texts {
        write!(table, "\n{}\n{}\n\n{text}\n", "=".repeat(100), places.join("\n"))?;
    }
    Ok(table)
}

/// What cargo says of the packages that are built for a machine.
pub(crate) fn metadata(target: &str, more: &[&str]) -> Result<Value> {
    let output = cargo()
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
        .args(more)
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

/// License files in a folder and the folders in it.
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
    fn a_license_is_accepted_where_a_choice_is() {
        for accepted in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0", "A / MIT"] {
            assert!(is_accepted(accepted), "{accepted}");
        }
        for refused in ["GPL-3.0", "MIT AND GPL-3.0", "MITX", "LGPL-2.1 OR GPL-2.0", "(GPL-3.0 OR X) AND MIT", ""] {
            assert!(!is_accepted(refused), "{refused}");
        }
    }

    #[test]
    fn a_license_that_is_missing_or_new_is_told() {
        let package =
            |name: &str, license: Value| json!({"id": name, "name": name, "version": "1.0.0", "license": license});
        let with = |packages: Vec<Value>, dependency: &str| {
            let library = package("ome-stream-c", json!("MIT"));
            let packages: Vec<Value> = [library].into_iter().chain(packages).collect();
            let needs = json!([{"pkg": dependency, "dep_kinds": [{"kind": null}]}]);
            let nodes = json!([{"id": "ome-stream-c", "deps": needs}]);
            problems(&json!({"packages": packages, "resolve": {"nodes": nodes}})).expect("a list")
        };
        let cbindgen = || package("cbindgen", json!("MPL-2.0"));
        assert!(with(vec![cbindgen()], "none").is_empty());
        assert_eq!(with(vec![cbindgen()], "cbindgen"), ["cbindgen (MPL-2.0) is linked into the C library"]);
        assert_eq!(with(vec![package("new", Value::Null)], "none"), ["new 1.0.0 names no license"]);
        let refused = "new 1.0.0: MPL-2.0 is not among the accepted licenses";
        assert_eq!(with(vec![package("new", json!("MPL-2.0"))], "none"), [refused]);
    }

    #[test]
    fn build_time_packages_are_not_linked() {
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
