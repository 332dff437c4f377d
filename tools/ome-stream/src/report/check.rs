//! What `check` found, for a person and as data.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;
use std::hash::Hash;
use std::path::Path;

use serde_json::{Value, json};

use super::numbers::bytes;
use super::text::clean;
use crate::check::Report;
use crate::check::rule::{Finding, Rule, Severity};

/// Places of one rule in one node that are shown; --json has more.
const SHOWN: usize = 5;

/// For a person: grouped by node, each rule once in it.
pub fn text(report: &Report, path: &Path) -> String {
    let mut out = String::new();
    // Writing to memory does not fail.
    let _ = lines(report, path, &mut out);
    out
}

fn lines(report: &Report, path: &Path, out: &mut String) -> std::fmt::Result {
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let verdict = if errors > 0 { "INVALID" } else { "valid" };
    let version = format!("OME-NGFF {} on Zarr v{}", report.version, report.format);
    writeln!(
        out,
        "{}: {version}: {verdict}, {errors} error(s), {warnings} warning(s)",
        clean(&path.to_string_lossy())
    )?;
    let looked = &report.looked;
    write!(out, "  looked at {} group(s) and array(s), {} image(s)", looked.nodes, looked.images)?;
    if looked.files > 0 {
        write!(out, ", {} chunk file(s) of {}", looked.files, bytes(looked.bytes))?;
    }
    if looked.decoded > 0 {
        write!(out, ", {} chunk(s) decoded", looked.decoded)?;
    }
    writeln!(out)?;
    for (nodes, findings) in alike(&report.findings) {
        writeln!(out, "\n{}", named(&nodes))?;
        for (_, alike) in groups(findings, |finding| finding.rule.id) {
            let Some(Finding { rule, .. }) = alike.first() else { continue };
            let word = if rule.severity == Severity::Error { "ERROR" } else { "warning" };
            writeln!(out, "  {word} {}: {}", rule.id, rule.says)?;
            for finding in alike.iter().take(SHOWN) {
                let place = if finding.place.is_empty() { "here" } else { &finding.place };
                writeln!(out, "    {}: {}", clean(place), clean(&finding.value))?;
            }
            if alike.len() > SHOWN {
                writeln!(out, "    ... {} in all; --json lists them", alike.len())?;
            }
            writeln!(out, "    -> {} [{}]", rule.remedy, rule.section(report.version))?;
        }
    }
    if report.more > 0 {
        writeln!(out, "\n... and {} more findings", report.more)?;
    }
    for what in &report.unchecked {
        writeln!(out, "  not checked: {}", clean(what))?;
    }
    Ok(())
}

/// What was found in a node, by rule, place and value.
type Signature<'a> = Vec<(&'static str, &'a str, &'a str)>;

/// Nodes in which the same was found, and what that is: a plate has as many images that are alike as fields.
fn alike(findings: &[Finding]) -> Vec<(Vec<&str>, Vec<&Finding>)> {
    let mut merged: Vec<(Vec<&str>, Vec<&Finding>)> = Vec::new();
    let mut places = HashMap::<Signature<'_>, usize>::new();
    for (node, group) in groups(findings, |finding| finding.node.as_str()) {
        let signature = group.iter().map(|each| (each.rule.id, each.place.as_str(), each.value.as_str())).collect();
        match places.entry(signature) {
            Entry::Occupied(place) => {
                if let Some((nodes, _)) = merged.get_mut(*place.get()) {
                    nodes.push(node);
                }
            }
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push((vec![node], group));
            }
        }
    }
    merged
}

/// Nodes by their paths, the first few.
fn named(nodes: &[&str]) -> String {
    let path = |node: &&str| if node.is_empty() { "the root".to_owned() } else { clean(node) };
    let mut text = nodes.iter().take(SHOWN).map(path).collect::<Vec<_>>().join(", ");
    if nodes.len() > SHOWN {
        text.push_str(&format!(", ... {} nodes alike", nodes.len()));
    }
    text
}

/// Findings with the same key, in the order of the first.
fn groups<'a, K: Eq + Hash + Copy>(
    findings: impl IntoIterator<Item = &'a Finding>,
    key: impl Fn(&'a Finding) -> K,
) -> Vec<(K, Vec<&'a Finding>)> {
    let mut groups: Vec<(K, Vec<&Finding>)> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let key = key(finding);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, group)) = groups.get_mut(place) {
            group.push(finding);
        }
    }
    groups
}

/// As data.
pub fn json(report: &Report, path: &Path) -> serde_json::Result<String> {
    let finding = |Finding { rule, node, place, value }: &Finding| -> Value {
        let Rule { id, severity, says, remedy, .. } = rule;
        json!({
            "severity": severity, "rule": id, "node": clean(node), "where": clean(place), "value": clean(value),
            "says": says, "remedy": remedy, "section": rule.section(report.version),
        })
    };
    let errors = report.count(Severity::Error);
    let all = json!({
        "path": path.display().to_string(),
        "zarr_format": report.format,
        "version": report.version.text(),
        "valid": errors == 0,
        "errors": errors,
        "warnings": report.count(Severity::Warning),
        "more": report.more,
        "looked_at": report.looked,
        "not_checked": report.unchecked.iter().map(|what| clean(what)).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&all).map(|text| text + "\n")
}
