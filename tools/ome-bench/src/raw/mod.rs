//! The machine's limit: the same files, at the same durability, by plain writes straight from the frames' memory.
//!
//! No chunk is laid out and no metadata written. Several ways compete (through the page cache, past it, around it; more
//! and fewer threads; large and small writes): which one wins depends on the disk and on the size of the files.

mod files;
mod ways;
mod write;

use anyhow::{Result, bail};

use crate::engines::{Engine, Job, Role};
use crate::measure::{Run, cores};
use crate::workload::Workload;

use ways::Way;

/// Plain writes in one way.
pub struct Raw {
    variant: String,
    way: Way,
}

/// All ways that could win for `workload`.
pub fn candidates(workload: &Workload) -> Result<Vec<Raw>> {
    let compression = &workload.plan().settings().compression;
    if !workload.plan().forms()[0].is_verbatim() {
        bail!("plain writes of uncompressed bytes say nothing about {compression}: the limit is `codec`");
    }
    let largest = files::list(workload.plan()).iter().map(|file| file.bytes).max().unwrap_or(0);
    let ways = Way::candidates(largest, cores()).into_iter();
    Ok(ways.map(|way| Raw { variant: way.to_string(), way }).collect())
}

impl Engine for Raw {
    fn name(&self) -> &str {
        "raw"
    }

    fn variant(&self) -> Option<&str> {
        Some(&self.variant)
    }

    fn role(&self) -> Role {
        Role::Limit
    }

    fn version(&self) -> Option<String> {
        Some(format!("plain writes: {}", self.variant))
    }

    fn run(&mut self, job: &Job<'_>) -> Result<Run> {
        let files = files::list(job.workload.plan());
        let stored = files.iter().map(|file| file.bytes).sum();
        let write = write::all(&files, job.folder, job.frames.slab(), self.way, job.workload.durability())?;
        Ok(Run::of_limit(write, stored))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::frames::{Frames, Pixels};

    fn workload(arguments: &str) -> Workload {
        Cli::try_parse_from(format!("ome-bench {arguments}").split_whitespace()).unwrap().workload().unwrap()
    }

    /// Length and bytes of every file below `folder`, by path relative to it.
    fn contents(folder: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
        let mut found = std::collections::BTreeMap::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in next.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    #[test]
    fn every_way_writes_the_same_files() {
        for dims in ["t:3,y:100:64,x:90:64", "t:7:2:2,y:128:64:2,x:100:64", "t:2,p:2,y:600,x:1024"] {
            for durability in ["finish", "shard", "none"] {
                let workload = workload(&format!("-d {dims} --durability {durability}"));
                let frames = Frames::generate(&workload, Pixels::Random).expect("memory");
                let expected = files::list(workload.plan());
                let mut ran = 0;
                for mut raw in candidates(&workload).unwrap() {
                    let folder = tempfile::tempdir().unwrap();
                    let job =
                        Job { workload: &workload, frames: &frames, folder: folder.path(), camera: None, window: None };
                    let Ok(run) = raw.run(&job) else {
                        // A file system without direct or uncached writes: those ways are then not in the race.
                        assert_ne!(raw.way.mode, ways::Mode::Buffered, "{}", raw.variant);
                        continue;
                    };
                    ran += 1;
                    assert_eq!(run.stored_bytes, Some(expected.iter().map(|file| file.bytes).sum()));
                    let found = contents(folder.path());
                    assert_eq!(found.len(), expected.len(), "{dims} {}", raw.variant);
                    for file in &expected {
                        assert_eq!(
                            found[&file.path].len() as u64,
                            file.bytes,
                            "{dims} {} {:?}",
                            raw.variant,
                            file.path
                        );
                    }
                    // Of random bytes one in 256 is zero; a page that was never written is all zeros.
                    let empty = found
                        .values()
                        .flat_map(|bytes| bytes.chunks_exact(4096))
                        .any(|page| page.iter().all(|byte| *byte == 0));
                    assert!(!empty, "{dims} {}: a page without payload", raw.variant);
                }
                assert!(ran > 0);
            }
        }
    }

    #[test]
    fn compressed_workloads_have_another_limit() {
        let problem = candidates(&workload("-d t:2,y:64 -c zstd:1")).err().unwrap().to_string();
        assert!(problem.contains("zstd:1") && problem.contains("codec"), "{problem}");
    }
}
