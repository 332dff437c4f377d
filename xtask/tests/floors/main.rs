//! Imports run downwards: rooms of the core stand on floors, and no modules go round in a circle.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod circles;
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{Imports, imports};

/// Rooms of `src/` from the ground: a room knows those on floors below and, without circles, those beside it.
const FLOORS: [&[&str]; 7] = [
    &["error", "names", "ngff", "platform", "pyramid", "router", "settings", "shown", "sync", "zarr"],
    &["plan"],
    &["buffer", "reader"],
    &["journal", "store"],
    &["backend", "recover"],
    &["stream"],
    &["convert"],
];

fn of(root: &str) -> Imports {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo");
    imports(&Path::new(&xtask).parent().expect("the workspace").join(root))
}

/// Fails where modules of `imports` go round in a circle. The root may hold what all share: it is in none.
fn assert_no_circles(imports: &Imports) {
    let mut imports = imports.clone();
    imports.values_mut().for_each(|targets| targets.retain(|target| !target.is_empty()));
    let circles = circles::of(&imports);
    let told: Vec<String> = circles.iter().map(|circle| circles::told(circle, &imports)).collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), told.join("\n"));
}

/// Imports between the rooms of the core, each with a module that holds it.
fn rooms() -> BTreeMap<(String, String), String> {
    let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let mut rooms = BTreeMap::new();
    for (from, targets) in of("src/lib.rs") {
        for to in targets {
            if !to.is_empty() && !from.is_empty() && room(&from) != room(&to) {
                rooms.insert((room(&from), room(&to)), format!("{from} -> {to}"));
            }
        }
    }
    rooms
}

#[test]
fn rooms_know_only_rooms_below() {
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
    let wrong: Vec<String> = rooms()
        .into_iter()
        .filter(|((from, to), _)| match (floor(from), floor(to)) {
            (Some(from), Some(to)) => to > from,
            _ => true, // a room that stands on no floor
        })
        .map(|(_, held)| held)
        .collect();
    assert!(wrong.is_empty(), "upwards, or of a room without a floor:\n{}", wrong.join("\n"));
}

#[test]
fn rooms_on_one_floor_have_no_circles() {
    let mut known = Imports::new();
    for (from, to) in rooms().into_keys() {
        known.entry(from).or_default().insert(to);
    }
    assert_no_circles(&known);
}

#[test]
fn settings_have_no_circles() {
    let inside = |module: &str| module == "settings" || module.starts_with("settings::");
    let settings = of("src/lib.rs")
        .into_iter()
        .filter(|(from, _)| inside(from))
        .map(|(from, targets)| (from, targets.into_iter().filter(|to| inside(to)).collect::<BTreeSet<_>>()));
    assert_no_circles(&settings.collect());
}

#[test]
fn engine_zarrs_has_no_circles() {
    assert_no_circles(&of("backends/zarrs/src/lib.rs"));
}

#[test]
fn engine_acquire_has_no_circles() {
    assert_no_circles(&of("backends/acquire/src/lib.rs"));
}

#[test]
fn engine_tensorstore_has_no_circles() {
    assert_no_circles(&of("backends/tensorstore/src/lib.rs"));
}

#[test]
fn ome_bench_has_no_circles() {
    assert_no_circles(&of("tools/ome-bench/src/main.rs"));
}

#[test]
fn ome_stream_has_no_circles() {
    assert_no_circles(&of("tools/ome-stream/src/main.rs"));
}

/// Writes the files of a small crate, and reads its imports.
fn small(files: &[(&str, &str)]) -> Imports {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = temporary.path();
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    imports(&folder.join("lib.rs"))
}

#[test]
fn imports_of_every_form_are_found() {
    let found = small(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; #[cfg_attr(unix, path = \"other_e.rs\")] mod e; pub use e::Thing;"),
        ("a.rs", "use crate::{b::{self, Inner as Other}, c}; fn f(x: crate::d::D) {}"),
        ("b.rs", "/// See [`crate::a`].\nfn f() { crate::Thing::new(); super::c::g!() } // crate::a"),
        (
            "c.rs",
            "#[cfg(test)] mod tests { use crate::a; } #[cfg(test)] use crate::a::{f}; const A: &str = \"crate::a\";",
        ),
        ("d/mod.rs", "mod inner; mod other; pub(crate) use inner::D; mod here { use super::other::O; }"),
        ("d/inner.rs", "use super::super::c;"),
        ("d/other.rs", "use super::D; use crate::d::here::X;"),
        ("other_e.rs", "#[cfg(not(test))] use crate::c;"),
    ]);
    let targets = |from: &str| found[from].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(targets("a"), ["b", "c", "d::inner"]);
    assert_eq!(targets("b"), ["c", "e"]);
    assert_eq!(targets("c"), [""; 0]);
    assert_eq!(targets("d"), ["d::other"]);
    assert_eq!(targets("d::inner"), ["c"]);
    assert_eq!(targets("d::other"), ["d", "d::inner"]);
    assert_eq!(targets("e"), ["c"]);
    let told = circles::of(&found);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0], ["d", "d::other"]);
}
