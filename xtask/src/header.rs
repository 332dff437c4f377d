//! `cargo xtask header`: the C header, made from the exported functions of `bindings/c`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::places;

/// Options of `cargo xtask header`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only compare: fail if the committed header is not what the source makes.
    #[arg(long)]
    check: bool,
}

/// Writes the header, or compares it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let path = committed();
    let made = generated()?;
    if options.check {
        let there = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(there == made, "{} is out of date: run `cargo xtask header` and commit it", path.display());
        return Ok(());
    }
    fs::write(&path, made).with_context(|| format!("writing {}", path.display()))
}

/// Folder of the C package.
pub(crate) fn bindings() -> PathBuf {
    places::root().join("bindings/c")
}

fn committed() -> PathBuf {
    bindings().join("include/ome_stream.h")
}

fn generated() -> Result<String> {
    let folder = bindings();
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).map_err(anyhow::Error::msg)?;
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        // Files by name and not the crate: the header then needs no call of `cargo metadata`.
        .with_src(folder.join("src/codes.rs"))
        .with_src(folder.join("src/exports.rs"))
        .with_src(folder.join("src/exports/planned.rs"))
        .generate()
        .context("making the header")?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    Ok(String::from_utf8(header)?.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_header_is_what_the_source_makes() {
        let there = std::fs::read_to_string(super::committed()).expect("the committed header");
        let made = super::generated().expect("the header");
        assert!(there.replace("\r\n", "\n") == made, "out of date: run `cargo xtask header` and commit it");
    }
}
