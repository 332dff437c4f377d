//! From functions to what they are for.

use std::collections::BTreeMap;

/// Names of functions, and the phase that everything they call belongs to. The innermost one that is known counts.
const PHASES: [(&str, &[&str]); 4] = [
    ("copy", &["Layout::copy_in", "Group::fill"]),
    ("encode", &["::encode", "blosc_", "ZSTD_", "deflate"]),
    ("sync", &["syncfs", "::sync", "fsync", "fdatasync"]),
    ("write", &["::write_at", "::write_all_at", "Disk>::create", "Disk>::put", "Disk>::rename", "::create_dir"]),
];

/// Everything that no phase claims.
const OTHER: &str = "other";

/// Samples by thread and phase.
#[derive(Debug, Default)]
pub struct Phases {
    threads: BTreeMap<String, BTreeMap<&'static str, usize>>,
}

impl Phases {
    /// Counts `samples` of a stack, innermost function first.
    pub fn add<'a>(&mut self, thread: &str, stack: impl IntoIterator<Item = &'a str>, samples: usize) {
        let phase = stack.into_iter().find_map(phase_of).unwrap_or(OTHER);
        *self.threads.entry(kind(thread)).or_default().entry(phase).or_default() += samples;
    }

    /// All samples.
    pub fn total(&self) -> usize {
        self.threads.values().flat_map(BTreeMap::values).sum()
    }

    /// Header and rows: a row for each kind of thread, seconds on a core in each phase. A sample stands for `period`
    /// seconds.
    pub fn rows(&self, period: f64) -> (Vec<String>, Vec<Vec<String>>) {
        let phases: Vec<&str> = PHASES.iter().map(|(name, _)| *name).chain([OTHER]).collect();
        let header = std::iter::once("threads").chain(phases.iter().copied()).chain(["all s"]).map(str::to_owned);
        let line = |name: &str, count: &dyn Fn(&str) -> usize| {
            let all: usize = phases.iter().map(|phase| count(phase)).sum();
            let seconds = |samples: usize| format!("{:.2}", samples as f64 * period);
            let each = phases.iter().map(|phase| seconds(count(phase)));
            std::iter::once(name.to_owned()).chain(each).chain([seconds(all)]).collect()
        };
        let mut rows: Vec<Vec<String>> = self
            .threads
            .iter()
            .map(|(name, counts)| line(name, &|phase| counts.get(phase).copied().unwrap_or(0)))
            .collect();
        rows.push(line("all", &|phase| self.threads.values().filter_map(|counts| counts.get(phase)).sum()));
        (header.collect(), rows)
    }
}

fn phase_of(function: &str) -> Option<&'static str> {
    PHASES.iter().find(|(_, names)| names.iter().any(|name| function.contains(name))).map(|(phase, _)| *phase)
}

/// Threads of a pool have numbered names; what they do together is what matters.
fn kind(thread: &str) -> String {
    let name = thread.trim_end_matches(|last: char| last.is_ascii_digit()).trim_end_matches(['-', ' ', '_']);
    if name.is_empty() { thread.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_known_function_says_what_a_sample_was_spent_on() {
        let mut phases = Phases::default();
        phases.add("worker-1", ["memcpy", "zarrs::codec::Blosc::encode", "Sink::write_at"], 30);
        phases.add("worker-2", ["pwrite64", "LinuxFile::write_at", "ZarrsSink::write"], 50);
        phases.add("ome-bench", ["memcpy", "ome_stream::buffer::layout::Layout::copy_in", "Stream::append"], 15);
        phases.add("ome-bench", ["somewhere"], 5);
        assert_eq!(phases.total(), 100);
        let (header, rows) = phases.rows(0.01);
        assert_eq!(header, ["threads", "copy", "encode", "sync", "write", "other", "all s"]);
        assert_eq!(
            rows,
            [
                ["ome-bench", "0.15", "0.00", "0.00", "0.00", "0.05", "0.20"],
                ["worker", "0.00", "0.30", "0.00", "0.50", "0.00", "0.80"],
                ["all", "0.15", "0.30", "0.00", "0.50", "0.05", "1.00"],
            ]
        );
    }

    #[test]
    fn numbered_threads_are_one_kind() {
        assert_eq!([kind("worker-12"), kind("worker 3"), kind("42"), kind("live")], ["worker", "worker", "42", "live"]);
    }
}
