//! What the shared library shows to the outside.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::build::{built, has, package, succeed};

/// Functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(package("include/ome_stream.h")).expect("the header");
    let code = without_comments(&header);
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices('(') {
        let before = code.get(..at).unwrap_or_default();
        let name = before.rsplit(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').next().unwrap_or("");
        if name.starts_with("ome_stream_") {
            names.insert(name.to_owned());
        }
    }
    names
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code + rest
}

#[test]
fn the_library_exports_what_the_header_declares() {
    if !has("nm", "exported symbols") {
        return;
    }
    let list = succeed(
        Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(built("libome_stream_c.so")),
    );
    let exported: BTreeSet<_> = list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert_eq!(exported, declared());
    assert!(exported.len() >= 12, "{exported:?}");
}

#[test]
fn the_pages_for_hosts_tell_of_each_function_and_of_no_other() {
    let declared = declared();
    let said = |page: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(package("../../docs").join(page)).expect("the page");
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        words.filter(|word| word.starts_with("ome_stream_")).map(str::to_owned).collect()
    };
    // A row of the table of nodes each.
    let text = fs::read_to_string(package("../../docs/LABVIEW.md")).expect("the page");
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned()));
    assert_eq!(rows.filter(|name| name.starts_with("ome_stream_")).collect::<BTreeSet<_>>(), declared);
    let others: BTreeSet<_> = ["ome_stream_", "ome_stream_t", "ome_stream_c"].map(str::to_owned).into();
    let mut missing: Vec<_> = said("C-ABI.md").symmetric_difference(&declared).cloned().collect();
    missing.retain(|name| !others.contains(name));
    assert!(missing.is_empty(), "C-ABI.md and the header differ in {missing:?}");
}

#[test]
fn the_shared_library_is_asked_for_by_its_abi_number() {
    if !has("readelf", "soname") {
        return;
    }
    let list = succeed(Command::new("readelf").arg("--dynamic").arg(built("libome_stream_c.so")));
    assert!(list.contains("[libome_stream.so.1]"), "{list}");
}
