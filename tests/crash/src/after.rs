//! A killed writer's store after `recover --apply`, and after a run has gone on with it: every frame that the writer
//! called written is demanded, with its metadata.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use ome_stream::recover::{Options, Verdict, recover};
use ome_stream::store::missing;
use ome_stream::stream::complete_levels;
use ome_stream::{Plan, Stream, platform};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::disk;
use serde_json::Value;

use crate::judge::{self, Findings};
use crate::writer::Camera;

/// Frames that a run which goes on takes: some rounds of every case.
const MORE: u64 = 40;

/// What was found.
#[derive(Debug, Default)]
pub struct After {
    /// Frames that the writers had called written.
    pub written: u64,
    /// Of those, frames that were gone after recovery or after going on.
    pub lost: u64,
    /// Frames that runs went on behind.
    pub kept: u64,
}

impl After {
    pub fn add(&mut self, other: &Self) {
        self.written += other.written;
        self.lost += other.lost;
        self.kept += other.kept;
    }
}

/// Mends the store of `case` in `folder`, goes on with a copy of it as it was and with one as it was mended, and judges
/// all three. `made` is false where the writer was killed before it said that there is a store.
pub fn judge(
    case: &Case,
    plan: &Plan,
    folder: &Path,
    written: u64,
    made: bool,
    findings: &mut Findings,
) -> Result<After> {
    let mut after = After { written, ..After::default() };
    let copies = [folder.join("killed"), folder.join("mended")];
    let root = |folder: &Path| case.settings_in(folder).output_path();
    let copy = |folder: &Path| if plan.root().exists() { disk::copy(plan.root(), &root(folder)) } else { Ok(()) };
    copy(&copies[0])?;
    if made {
        let verifier = ome_stream_backends::verifier();
        let report = recover(plan.root(), &Options { apply: true, verifier: Some(&verifier) })?;
        if report.verdict == Verdict::Lost {
            findings.wrong(format!("recover calls something lost: {:?}", report.findings));
        }
        let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
        complete_levels(plan.root(), &*backend, &platform::native()).context("making levels anew")?;
        let again = recover(plan.root(), &Options { apply: false, verifier: Some(&verifier) })?;
        if again.verdict != Verdict::Whole {
            findings.wrong(format!("after recover: {:?}", again.findings));
        }
        // A frame that was on its way may show as far as it came.
        let (come, lost) = (come(plan.root())?, lost(plan.root())?);
        take(findings, judge::mended(case, plan, written, come, &lost), "after recover", &mut after);
    }
    copy(&copies[1])?;
    for folder in &copies {
        let kept = go_on(case, folder, written, findings, &mut after).context("going on")?;
        after.kept = after.kept.max(kept);
    }
    Ok(after)
}

/// Frames that a store says have come.
fn come(root: &Path) -> Result<u64> {
    let path = root.join(".ome-stream/run/progress.json");
    let record: Value = serde_json::from_slice(&std::fs::read(&path).with_context(|| path.display().to_string())?)?;
    record["frames"].as_u64().with_context(|| format!("{}: {record}", path.display()))
}

/// Frames that a store lists as missing.
fn lost(root: &Path) -> Result<BTreeSet<u64>> {
    let listed = missing::read(&*platform::native_source(), root)?.unwrap_or_default();
    Ok(listed.stretches.iter().flat_map(|stretch| stretch.first..=stretch.last).collect())
}

fn take(findings: &mut Findings, found: Findings, when: &str, after: &mut After) {
    after.lost = after.lost.max(found.lost);
    found.errors.into_iter().for_each(|error| findings.wrong(format!("{when}: {error}")));
}

/// Goes on with the store in `folder` and finishes it; returns the number of the first frame.
fn go_on(case: &Case, folder: &Path, written: u64, findings: &mut Findings, after: &mut After) -> Result<u64> {
    let mut settings = case.settings_in(folder);
    (settings.resume, settings.overwrite) = (true, false);
    let backend = ome_stream_backends::open(ome_stream_backends::DEFAULT)?;
    let stream = Stream::create(&settings, &*backend)?;
    let first = stream.status().accepted;
    if first < written {
        findings.wrong(format!("a run goes on at {first}, {written} frames were written"));
    }
    let end = match stream.plan().router().total() {
        Some(total) => total.min(first + MORE),
        None => first + MORE,
    };
    let camera = Camera::new(case);
    let mut frame = camera.memory();
    for number in first..end {
        camera.send(number, &mut frame, &stream)?;
    }
    stream.finish()?;
    let longer = case.clone().script(&[Step::Append(end.max(case.consumed()))]);
    let plan = stream.plan();
    let listed = missing::read(&*platform::native_source(), plan.root())?.unwrap_or_default();
    let lost = listed.stretches.iter().flat_map(|stretch| stretch.first..=stretch.last).collect();
    take(findings, judge::ended(&longer, plan, written, written, &lost), "after going on", after);
    let whole = judge::store(&longer, plan, 0, 0).whole;
    // A frame whose chunks came to the disk just before the kill, and the word of it in the log did not, is listed too.
    if whole + listed.lost < end || listed.dropped + listed.skipped > 0 {
        findings.wrong(format!("after going on: {whole} of {end} frames are whole, but {listed:?} are listed"));
    }
    if listed.stretches.iter().any(|stretch| stretch.first < written) {
        findings.wrong(format!("after going on: {listed:?}, but {written} frames were written"));
    }
    Ok(first)
}
