//! `cargo xtask fuzz`: a fuzz target with its seeds under libFuzzer, and what it found into the seeds.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::{places, step};

#[path = "../../fuzz/src/seeds.rs"]
mod seeds;

/// Memory as a file system: targets that write small stores are some ten times faster on it.
const MEMORY: &str = "/dev/shm";

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which target: fuzz/README.md lists them.
    target: String,
    /// Keep this input among the seeds, under the name of its file, and run nothing.
    #[arg(long, value_name = "FILE")]
    keep: Vec<PathBuf>,
    /// Given to libFuzzer: -max_total_time=60 -max_len=4096 and the like.
    #[arg(last = true)]
    fuzzer: Vec<OsString>,
}

/// Runs the target, or keeps inputs.
pub(crate) fn run(options: &Options) -> Result<()> {
    let fuzz = places::root().join("fuzz");
    let file = seeds::file(&fuzz, &options.target);
    let mut seeds = seeds::read(&file).map_err(|error| anyhow!(error))?;
    if options.keep.is_empty() {
        lay_out(&seeds, &fuzz.join("targets/corpus").join(&options.target))?;
        return step::run(&mut fuzzer(options, &fuzz));
    }
    for input in &options.keep {
        let name = input.file_name().with_context(|| format!("{} is no file", input.display()))?;
        let bytes = fs::read(input).with_context(|| input.display().to_string())?;
        seeds.insert(name.to_string_lossy().into_owned(), bytes);
    }
    fs::write(&file, seeds::text(&seeds)?).with_context(|| file.display().to_string())
}

/// Puts the seeds beside what earlier runs have found.
fn lay_out(seeds: &seeds::Seeds, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus).with_context(|| corpus.display().to_string())?;
    for (name, bytes) in seeds {
        fs::write(corpus.join(name), bytes).with_context(|| name.clone())?;
    }
    Ok(())
}

fn fuzzer(options: &Options, fuzz: &Path) -> Command {
    let mut command = step::cargo();
    command
        .current_dir(fuzz.join("targets"))
        .args(["fuzz", "run"])
        .arg(&options.target)
        .arg("--")
        .args(&options.fuzzer);
    if options.target.ends_with("settings") {
        command.arg(format!("-dict={}", fuzz.join("settings.dict").display()));
    }
    // A stable compiler takes the sanitizer's flags, too.
    command.env("RUSTC_BOOTSTRAP", "1");
    if env::var_os("TMPDIR").is_none() && Path::new(MEMORY).is_dir() {
        command.env("TMPDIR", MEMORY);
    }
    // GCC puts a constant table of zstd's (`getAllMatchesFns`, a local of `ZSTD_selectBtGetAllMatches`) into static
    // memory and still marks it as gone when the function returns (seen with GCC 12): a use after scope that is none.
    if env::var_os("CFLAGS").is_none() {
        command.env("CFLAGS", "-fno-sanitize-address-use-after-scope");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_laid_out_beside_what_was_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("found"), b"before").expect("written");
        let seeds = seeds::read(&seeds::file(&places::root().join("fuzz"), "recover")).expect("seeds");
        lay_out(&seeds, folder.path()).expect("written");
        assert_eq!(fs::read(folder.path().join("found")).expect("there"), b"before");
        assert_eq!(fs::read(folder.path().join("cut-01")).expect("there"), seeds["cut-01"]);
    }

    #[test]
    fn an_unknown_target_is_an_error() {
        let options = Options { target: "none".into(), keep: Vec::new(), fuzzer: Vec::new() };
        assert!(run(&options).expect_err("no seeds").to_string().contains("none.json"));
    }
}
