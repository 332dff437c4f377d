//! The end of a look: remedies are applied, the log goes last, the whole is judged.

use super::anew::Run;
use super::mend::Action;
use super::report::{Finding, Report, State, Verdict};
use super::{Inspection, written};
use crate::error::Result;
use crate::plan::{Plan, StorageUnit};
use crate::platform::Disk;
use crate::store;

impl Inspection<'_> {
    /// Applies the remedies if asked to, and judges the whole.
    pub(super) fn mend(mut self, disk: &dyn Disk) -> Report {
        let mut failed = false;
        for finding in &mut self.report.findings {
            if !self.options.apply || finding.remedy.is_none() {
                continue;
            }
            match finding.actions.iter().try_for_each(|action| action.apply(disk)) {
                Ok(()) => finding.mended = true,
                Err(error) => {
                    finding.failure = Some(error.to_string());
                    failed = true;
                }
            }
        }
        if self.log.present {
            let finding = self.end_interruption(failed, disk);
            self.report.findings.push(finding);
        } else if self.options.apply
            && !failed
            && let Err(error) = self.note_behind(disk)
        {
            self.report.notes.push(format!("how far the levels are there could not be noted: {error}"));
        }
        let findings = &self.report.findings;
        self.report.verdict = match findings.iter().any(|finding| finding.loses_frames) {
            true => Verdict::Lost,
            false if findings.is_empty() && self.report.levels.is_empty() => Verdict::Whole,
            false => Verdict::Harmless,
        };
        self.report
    }

    /// The log goes last, and only when it is needed no more: when all else is mended, and the store tells how far the
    /// run had come.
    fn end_interruption(&mut self, failed: bool, disk: &dyn Disk) -> Finding {
        let finding = Finding::new(self.log.name, State::Leftover, "the run did not finish");
        if self.log_is_needed {
            // Whoever mends the metadata by hand will need it to win the chunks back.
            return finding;
        }
        let path = self.root.join(self.log.name);
        let (remedy, action) = match self.going_on {
            Some(_) => ("it is removed", Action::Remove { path }),
            None => ("it is kept under another name", Action::KeepAside { path }),
        };
        let mut finding = finding.remedy(remedy, Vec::new());
        if !self.options.apply {
            return finding;
        }
        if failed {
            finding.failure = Some("it is still needed: something else could not be mended".into());
            return finding;
        }
        let ended = self.note_written(disk).and_then(|()| action.apply(disk));
        match ended {
            Ok(()) => finding.mended = true,
            Err(error) => finding.failure = Some(error.to_string()),
        }
        finding
    }

    /// Notes in the store which frames the run had stored and which are lost. Where nothing tells the plan of the run,
    /// or how far it had come, that stays as it is.
    fn note_written(&mut self, disk: &dyn Disk) -> Result<()> {
        // What the log tells of was laid out for the engine that kept it, which need not be the one that goes on.
        let unit = self.log.unit.unwrap_or(StorageUnit::Chunk);
        let going_on = || {
            let sources: Vec<_> = self.going_on?.sources().iter().map(|source| source.settings().clone()).collect();
            Plan::at(&sources, self.root, unit).ok()
        };
        let made = if self.run.is_none() { going_on() } else { None };
        let plan = self.run.as_ref().map(Run::plan).or(made.as_ref());
        let (Some(plan), true) = (plan, self.record.is_some()) else { return Ok(()) };
        let mut written =
            written::find(self.source, plan, &self.root.join(self.log.name), self.log.unit, &self.lost_frames)?;
        for (nth, each) in written.iter_mut().enumerate() {
            each.come = self.certain(plan, nth, each.come);
        }
        written::note(plan, &written, disk)?;
        for (source, written) in plan.sources().iter().zip(&written) {
            let lost = written.lost.iter().map(|stretch| stretch.count).fold(0, u64::saturating_add);
            if lost > 0 {
                self.report.notes.push(format!(
                    "{lost} frame(s) of the first {} are not in the store; {} has their numbers",
                    written.come.frames,
                    store::missing::file_of(source.id())
                ));
            }
        }
        for (source, durable) in self.log.durable.iter().filter(|(_, durable)| **durable > 0) {
            let whose = if plan.sources().len() > 1 { format!(" of source {}", source.0) } else { String::new() };
            let told = format!("the run had told that its first {durable} frame(s){whose} were on the medium");
            self.report.notes.push(told);
        }
        Ok(())
    }
}
