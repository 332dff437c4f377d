//! Every rule has a store that is against it, and valid stores are against none.
#![allow(clippy::expect_used, clippy::panic, reason = "clippy's exceptions for tests do not reach their helpers")]

mod cases;
mod tree;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::platform::faulty::{FaultySource, Misread, Read};
use ome_stream::platform::native_source;
use tempfile::TempDir;

use self::tree::{Base, Tree};
use super::rules::ALL;
use super::version::Version::{self, V04, V05, V06};
use super::{Options, Report, Severity, check};

/// Rules whose case needs more than a document or a file.
/// See the tests of links and of reads that fail.
const APART: [&str; 2] = ["chunk/link", "store/readable"];

fn written(tree: &Tree) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tree.write(folder.path());
    folder
}

fn looked_at(folder: &TempDir) -> Report {
    let verifier = ome_stream_backends::verifier();
    let options = Options { attributes_only: false, pixels: Some(&verifier) };
    check(&*native_source(), folder.path(), &options, &mut |_, _| {}).expect("a store")
}

fn report(tree: &Tree) -> Report {
    looked_at(&written(tree))
}

/// The findings as text, for a test that fails.
fn told(report: &Report) -> String {
    report.findings.iter().fold(String::new(), |mut text, each| {
        let _ = writeln!(text, "{} in {:?} at {}: {}", each.rule.id, each.node, each.place, each.value);
        text
    })
}

fn bases(version: Version) -> Vec<Base> {
    let mut bases = vec![Base::Image, Base::Plate, Base::Series];
    if version != V04 {
        bases.push(Base::Sharded);
    }
    if version == V06 {
        bases.push(Base::Scene);
    }
    bases
}

#[test]
fn valid_stores_are_valid() {
    for version in [V04, V05, V06] {
        for base in bases(version) {
            let report = report(&Tree::valid(base, version));
            assert_eq!(told(&report), "", "{base:?} of {version}");
            assert_eq!((report.version, report.unchecked), (version, Vec::<String>::new()), "{base:?} of {version}");
            assert_eq!(report.looked.decoded % 4, 0);
            assert!(report.looked.decoded > 0 && report.looked.images > 1, "{:?}", report.looked);
        }
    }
}

#[test]
fn each_broken_store_is_found() {
    let mut failed = String::new();
    for (rule, base, versions, _) in cases::all() {
        assert!(ALL.iter().any(|each| each.id == rule), "{rule} is no rule");
        assert!(!versions.is_empty() && (base != Base::Scene || versions == [V06]));
    }
    for version in [V04, V05, V06] {
        for (nth, (rule, base, versions, edit)) in cases::all().into_iter().enumerate() {
            if !versions.contains(&version) {
                continue;
            }
            let mut tree = Tree::valid(base, version);
            cases::apply(edit, &mut tree);
            let report = report(&tree);
            if !report.findings.iter().any(|each| each.rule.id == rule && !each.value.is_empty()) {
                let _ = writeln!(failed, "{version} case {nth}, {rule}: found only\n{}", told(&report));
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn transformations_of_each_type_are_judged() {
    let found = |transformation| {
        let mut tree = Tree::valid(Base::Image, V06);
        cases::between(&mut tree, transformation);
        report(&tree)
    };
    for transformation in cases::right() {
        assert_eq!(told(&found(transformation.clone())), "", "{transformation}");
    }
    for (rule, transformation) in cases::wrong() {
        let report = found(transformation.clone());
        assert!(report.findings.iter().any(|each| each.rule.id == rule), "{rule} {transformation}:\n{}", told(&report));
    }
}

#[test]
fn every_rule_has_a_case() {
    let transformations = cases::wrong().into_iter().map(|(rule, _)| rule);
    let cases: BTreeSet<&str> =
        cases::all().iter().map(|(rule, ..)| *rule).chain(transformations).chain(APART).collect();
    let rules: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(rules.len(), ALL.len(), "two rules have one name");
    assert_eq!(cases, rules);
}

#[test]
fn rules_are_listed_in_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CHECK.md");
    let mut table = "| rule | | says | from |\n|---|---|---|---|\n".to_owned();
    for rule in ALL {
        let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
        let from = rule.section(V05).replace("OME-NGFF 0.5, ", "").replace("not in a specification", "");
        let _ = writeln!(table, "| `{}` | {severity} | {} | {from} |", rule.id, rule.says);
    }
    let text = std::fs::read_to_string(path).expect("readable");
    let (before, rest) = text.split_once("<!-- rules -->\n").expect("a mark");
    let (_, after) = rest.split_once("<!-- end -->").expect("a mark");
    let expected = format!("{before}<!-- rules -->\n{table}<!-- end -->{after}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &expected).expect("written");
    } else {
        assert_eq!(text, expected, "UPDATE_GOLDEN=1 writes it anew");
    }
}

#[cfg(unix)]
#[test]
fn links_are_told_and_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = written(&Tree::valid(Base::Image, V05));
    let at = |name: &str| folder.path().join(name);
    symlink(at("0/c/0/0/0"), at("0/c/0/0/1")).expect("linked");
    std::fs::rename(at("1/zarr.json"), at("elsewhere")).expect("renamed");
    symlink(at("elsewhere"), at("1/zarr.json")).expect("linked");
    let report = looked_at(&folder);
    let found: Vec<_> = report.findings.iter().map(|each| (each.rule.id, each.node.as_str())).collect();
    assert_eq!(found, [("document/readable", "1"), ("chunk/link", "0")], "{}", told(&report));
    assert!(report.findings[0].value.contains("link"), "{}", told(&report));
}

#[test]
fn reads_that_fail_are_told() {
    let folder = written(&Tree::valid(Base::Sharded, V05));
    let verifier = ome_stream_backends::verifier();
    let options = Options { attributes_only: false, pixels: Some(&verifier) };
    let whole = looked_at(&folder);
    let mut unread = 0;
    for nth in 0.. {
        let count = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&count);
        let script = move |_, _: &Read| match counted.fetch_add(1, Ordering::SeqCst) == nth {
            true => Misread::Fails(5),
            false => Misread::None,
        };
        let source = FaultySource::new(native_source(), Box::new(script));
        let found = check(&source, folder.path(), &options, &mut |_, _| {});
        if count.load(Ordering::SeqCst) <= nth {
            break;
        }
        // Without its root nothing is known of it. Files are listed once more to tell how far it is.
        let Ok(found) = found else { continue };
        unread += found.unread();
        assert!(!found.findings.is_empty() || found.looked == whole.looked, "read {nth}");
    }
    assert!(unread > 0, "no file of chunks was among them");
}

#[test]
fn more_findings_than_are_kept_are_counted() {
    let mut tree = Tree::valid(Base::Image, V05);
    let colors: Vec<_> = (0..super::at::MAX_FINDINGS + 5).map(|_| serde_json::json!({})).collect();
    tree.group("labels/cells")["image-label"]["colors"] = colors.into();
    // A warning behind all those errors is kept.
    tree.files.insert("0/c/9/0/0".into(), tree::gzip(&[0; 32]));
    let report = report(&tree);
    let [errors, warnings] = [Severity::Error, Severity::Warning].map(|severity| report.count(severity));
    assert_eq!((errors, report.more), (super::at::MAX_FINDINGS, 5));
    assert!(warnings > 0, "chunk/outside");
}

#[cfg(unix)]
#[test]
fn names_that_lead_out_are_not_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().expect("a folder");
    let folder = written(&Tree::valid(Base::Plate, V05));
    std::fs::rename(folder.path().join("A"), outside.path().join("A")).expect("moved");
    symlink(outside.path().join("A"), folder.path().join("A")).expect("linked");
    let report = looked_at(&folder);
    assert!(
        report.looked.images < looked_at(&written(&Tree::valid(Base::Plate, V05))).looked.images,
        "{}",
        told(&report)
    );
    let folder = written(&Tree::valid(Base::Image, V05));
    std::fs::rename(folder.path().join("labels"), outside.path().join("labels")).expect("moved");
    symlink(outside.path().join("labels"), folder.path().join("labels")).expect("linked");
    let report = looked_at(&folder);
    assert_eq!(report.looked.images, 1, "{}", told(&report));
    assert!(report.findings.iter().any(|each| each.value.contains("link")), "{}", told(&report));
}
