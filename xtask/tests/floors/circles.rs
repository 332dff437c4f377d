//! Modules that can reach themselves.

use std::collections::BTreeSet;

use crate::imports::Imports;

/// The circles, each as its modules.
pub fn of(imports: &Imports) -> Vec<Vec<String>> {
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for module in imports.keys() {
        let reached = reachable(module, imports);
        if reached.contains(module.as_str()) {
            let circle = reached.iter().filter(|other| reachable(other, imports).contains(module.as_str()));
            circles.insert(circle.map(|name| (*name).to_owned()).collect());
        }
    }
    circles.into_iter().collect()
}

/// What a module knows, directly or by others.
fn reachable<'a>(module: &str, imports: &'a Imports) -> BTreeSet<&'a str> {
    let targets = |name: &str| imports.get(name).into_iter().flatten().map(String::as_str);
    let mut found = BTreeSet::new();
    let mut left: Vec<&str> = targets(module).collect();
    while let Some(name) = left.pop() {
        if found.insert(name) {
            left.extend(targets(name));
        }
    }
    found
}

/// A circle with its imports.
pub fn told(circle: &[String], imports: &Imports) -> String {
    let inside = |from: &String| {
        let known = imports[from].iter().filter(|to| circle.contains(to)).cloned().collect::<Vec<_>>();
        format!("  {from} -> {}", known.join(", "))
    };
    format!("{}:\n{}", circle.join(", "), circle.iter().map(inside).collect::<Vec<_>>().join("\n"))
}
