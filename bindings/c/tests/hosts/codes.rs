//! Each code is provoked by a C program, or it is said why none can.

use std::collections::BTreeMap;
use std::fs;

use super::build::package;

/// The table of codes in docs/C-ABI.md: number and last column by name.
fn documented() -> BTreeMap<String, (i32, String)> {
    let page = fs::read_to_string(package("../../docs/C-ABI.md")).expect("the page");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", number, name, _, provoked, ""] = cells.as_slice() else { return None };
        Some((format!("OME_STREAM_{}", name.trim_matches('`')), (number.parse().ok()?, (*provoked).to_owned())))
    });
    rows.collect()
}

/// The codes of the header.
pub(crate) fn declared() -> BTreeMap<String, i32> {
    let header = fs::read_to_string(package("include/ome_stream.h")).expect("the header");
    header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .filter(|(name, _)| *name != "OME_STREAM_ABI_VERSION" && !name.starts_with("OME_STREAM_STATE_"))
        .filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?)))
        .collect()
}

#[test]
fn each_code_is_documented_and_provoked_from_c() {
    let documented = documented();
    let numbers: BTreeMap<_, _> = documented.iter().map(|(name, (number, _))| (name.clone(), *number)).collect();
    assert_eq!(numbers, declared());
    let mut out_of_reach = Vec::new();
    for (name, (_, provoked)) in &documented {
        if provoked.starts_with("not from C: ") {
            out_of_reach.push(name.as_str());
            continue;
        }
        let program = package("tests/programs").join(provoked.trim_matches('`'));
        let text = fs::read_to_string(&program).unwrap_or_else(|error| panic!("{name}: {provoked}: {error}"));
        // A success is expected by a macro of its own.
        let expected = if name == "OME_STREAM_OK" { "EXPECT_OK(" } else { name.as_str() };
        let compared = text
            .lines()
            .any(|line| line.contains(expected) && ["EXPECT", "refused("].iter().any(|check| line.contains(check)));
        // A long call of `refused` has its code on a line of its own.
        let continued = text.lines().any(|line| line.trim_start().starts_with(&format!("{name}, ")));
        assert!(compared || continued, "{provoked} does not compare {name}");
    }
    assert_eq!(out_of_reach, ["OME_STREAM_INTERNAL", "OME_STREAM_NO_SUCH_FRAME", "OME_STREAM_PANIC"]);
}
