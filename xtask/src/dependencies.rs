//! `cargo xtask dependencies`: each package that is built has a license that is accepted, and stands there in one
//! version.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::licenses;

/// Looked at for one machine wherever the command runs, with every feature: the lists below hold for that.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Packages that are there in two versions, each with the reason. Any other is a failure, and so is one that is no
/// longer.
const TWICE: [(&str, &str); 11] = [
    ("bit-set", "fancy-regex of jsonschema beside proptest's: tests only"),
    ("bit-vec", "as bit-set"),
    ("cpufeatures", "sha2 0.10 beside proptest's: xtask and tests only"),
    ("hashbrown", "lru of zarrs"),
    ("miniz_oxide", "png beside flate2: pictures of the command-line tool"),
    ("quick-error", "rusty-fork of proptest: tests only"),
    ("rand", "shuttle: schedules of tests only"),
    ("rand_core", "shuttle: schedules of tests only"),
    ("syn", "macros are moving from 2 to 3: nothing of it is in a program"),
    ("toml_datetime", "toml of cbindgen: xtask only"),
    ("winnow", "toml of cbindgen: xtask only"),
];

/// Packages in three versions, as above.
const THRICE: [(&str, &str); 1] = [("getrandom", "ahash of jsonschema, and shuttle's rand: tests only")];

/// Looks, and fails with all that is wrong.
pub(crate) fn check() -> Result<()> {
    let metadata = licenses::metadata(TARGET, &["--all-features"])?;
    let mut problems = licenses::problems(&metadata)?;
    let versions = versions(&metadata);
    problems.extend(duplicates(&versions));
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    println!("{} packages, each with an accepted license; versions as listed", versions.len());
    Ok(())
}

/// The versions of each package that are built.
fn versions(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let list = |value: &'static str, of: &Value| of[value].as_array().cloned().unwrap_or_default();
    let built: BTreeSet<String> =
        list("nodes", &metadata["resolve"]).iter().filter_map(|node| node["id"].as_str().map(str::to_owned)).collect();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        if built.contains(text("id")) {
            versions.entry(text("name")).or_default().insert(text("version"));
        }
    }
    versions
}

/// Where versions are more or fewer than accepted.
fn duplicates(versions: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let accepted = |name: &str| {
        let listed = |list: &[(&str, &str)]| list.iter().any(|(each, _)| *each == name);
        if listed(&THRICE) {
            3
        } else if listed(&TWICE) {
            2
        } else {
            1
        }
    };
    let listed = TWICE.iter().chain(&THRICE).map(|(name, _)| *name);
    let names: BTreeSet<&str> = versions.keys().copied().chain(listed).collect();
    let mut problems = Vec::new();
    for name in names {
        let found = versions.get(name).map_or(0, BTreeSet::len);
        let which = || versions.get(name).into_iter().flatten().copied().collect::<Vec<_>>().join(", ");
        if found > accepted(name) {
            problems.push(format!(
                "{name} is built in {found} versions ({}): `cargo tree -i {name}@VERSION` says for whom",
                which()
            ));
        } else if found < accepted(name) {
            problems.push(format!("{name} is built in {found} versions, no longer in {}: the list of xtask/src/dependencies.rs is to be cut", accepted(name)));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As accepted, with one more name.
    fn accepted_and<'a>(name: &'a str, versions: &[&'a str]) -> Vec<String> {
        let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (listed, count) in TWICE.iter().map(|each| (each.0, 2)).chain(THRICE.iter().map(|each| (each.0, 3))) {
            all.insert(listed, ["1.0.0", "2.0.0", "3.0.0"].into_iter().take(count).collect());
        }
        all.insert(name, versions.iter().copied().collect());
        duplicates(&all)
    }

    #[test]
    fn a_second_version_that_is_not_listed_is_told() {
        assert!(accepted_and("serde", &["1.0.0"]).is_empty());
        let told = accepted_and("serde", &["1.0.0", "2.0.0"]);
        assert!(told.len() == 1 && told[0].starts_with("serde is built in 2 versions (1.0.0, 2.0.0)"), "{told:?}");
        let told = accepted_and("syn", &["1.0.0", "2.0.0", "3.0.0"]);
        assert!(told.len() == 1 && told[0].starts_with("syn is built in 3 versions"), "{told:?}");
    }

    #[test]
    fn a_listed_package_in_one_version_is_told() {
        let told = accepted_and("syn", &["3.0.0"]);
        assert!(told.len() == 1 && told[0].contains("the list of xtask/src/dependencies.rs"), "{told:?}");
    }
}
