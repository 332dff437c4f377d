//! From functions to what they are for.

use std::collections::BTreeMap;

/// Phases, each with the functions whose work it is: by name, or by how names of a foreign library begin. The innermost
/// function that is known counts.
const PHASES: [(&str, &[&str], &[&str]); 5] = [
    ("buffers", &["touch", "warm", "make_spare", "zeroed", "alloc_zeroed"], &[]),
    ("copy", &["copy_in", "fill"], &[]),
    ("encode", &["encode", "compress"], &["blosc", "ZSTD_", "LZ4_", "HUF_", "FSE_", "deflate"]),
    ("sync", &["sync", "sync_all", "sync_data", "sync_folder"], &["syncfs", "fsync", "fdatasync"]),
    (
        "write",
        &["write_at", "write_all_at", "put", "append", "open", "open_c", "rename", "create_dir_all", "create_dir"],
        &["pwrite", "mkdir", "fallocate"],
    ),
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
        let phases: Vec<&str> = PHASES.iter().map(|(name, ..)| *name).chain([OTHER]).collect();
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
    let name = bare_name(function);
    PHASES
        .iter()
        .find(|(_, names, prefixes)| {
            names.contains(&name.as_str()) || prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|(phase, ..)| *phase)
}

/// A function's own name: without its path, its types and the closures in it. Inlined functions have no more than this.
fn bare_name(function: &str) -> String {
    let mut depth = 0usize;
    let plain: String = function
        .chars()
        .filter(|each| {
            let closes = *each == '>' && depth > 0;
            depth = if *each == '<' { depth + 1 } else { depth - usize::from(closes) };
            depth == 0 && !closes
        })
        .collect();
    let last = plain.rsplit("::").find(|part| !part.is_empty() && !part.starts_with('{'));
    last.unwrap_or(&plain).to_owned()
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
        phases.add("worker-1", ["memcpy", "<zarrs::Blosc as Codec>::encode::{closure#0}", "LinuxFile::write_at"], 30);
        phases.add("worker-2", ["pwrite64", "<LinuxFile as DiskFile>::write_at", "ZarrsSink::write"], 50);
        phases.add("ome-bench", ["memcpy", "copy_in", "append"], 15);
        phases.add("ome-bench", ["somewhere", "run"], 5);
        assert_eq!(phases.total(), 100);
        let (header, rows) = phases.rows(0.01);
        assert_eq!(header, ["threads", "buffers", "copy", "encode", "sync", "write", "other", "all s"]);
        assert_eq!(
            rows,
            [
                ["ome-bench", "0.00", "0.15", "0.00", "0.00", "0.00", "0.05", "0.20"],
                ["worker", "0.00", "0.00", "0.30", "0.00", "0.50", "0.00", "0.80"],
                ["all", "0.00", "0.15", "0.30", "0.00", "0.50", "0.05", "1.00"],
            ]
        );
    }

    #[test]
    fn functions_are_known_by_their_own_names() {
        for (function, name) in [
            ("copy_in", "copy_in"),
            ("ome_stream::buffer::layout::Layout::copy_in", "copy_in"),
            ("<a::B<C> as d::E<F>>::write_at", "write_at"),
            ("zstd::stream::encode::<alloc::vec::Vec<u8>, u8>::{closure#0}", "encode"),
            ("fold<core::slice::Iter<u8>, ()>", "fold"),
            ("", ""),
        ] {
            assert_eq!(bare_name(function), name, "{function}");
        }
    }

    #[test]
    fn numbered_threads_are_one_kind() {
        assert_eq!([kind("worker-12"), kind("worker 3"), kind("42"), kind("live")], ["worker", "worker", "42", "live"]);
    }
}
