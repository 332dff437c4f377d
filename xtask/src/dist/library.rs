//! The built library, and what it asks of the system.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step::cargo;

/// What cargo made.
pub(super) struct Library {
    /// The shared library.
    pub(super) shared: PathBuf,
    /// The static library.
    pub(super) archive: PathBuf,
    /// The name under which programs ask for the shared library.
    pub(super) soname: String,
    /// The machine that it runs on, such as `x86_64-unknown-linux-gnu`.
    pub(super) target: String,
    /// What has to be linked beside the static library: `-lm` and the like.
    pub(super) system_libraries: Vec<String>,
}

impl Library {
    /// Builds the C package.
    pub(super) fn build(profile: &str) -> Result<Self> {
        let output = cargo()
            .args(["rustc", "--package", "ome-stream-c", "--lib", "--profile", profile])
            .args(["--message-format", "json", "--", "--print", "native-static-libs"])
            .output()
            .context("cannot start cargo")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if !output.status.success() {
            bail!("building ome-stream-c ended with {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let files: Vec<PathBuf> = messages
            .iter()
            .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == "ome_stream_c")
            .flat_map(|message| message["filenames"].as_array().into_iter().flatten())
            .filter_map(|file| file.as_str().map(PathBuf::from))
            .collect();
        let file = |extension: &str| {
            let found = files.iter().find(|file| file.extension().is_some_and(|is| is == extension));
            found.cloned().with_context(|| format!("cargo made no .{extension} of ome-stream-c"))
        };
        let (shared, archive) = (file("so")?, file("a")?);
        let libraries = messages.iter().find_map(|message| {
            message["message"]["message"].as_str()?.strip_prefix("native-static-libs: ").map(str::to_owned)
        });
        let mut system_libraries: Vec<String> = Vec::new();
        for each in libraries.context("rustc names no system libraries")?.split_whitespace() {
            if !system_libraries.iter().any(|other| other == each) {
                system_libraries.push(each.to_owned());
            }
        }
        Ok(Self { soname: soname(&shared)?, shared, archive, target: target()?, system_libraries })
    }
}

fn soname(library: &PathBuf) -> Result<String> {
    let output = Command::new("readelf").arg("--dynamic").arg(library).output().context("cannot start readelf")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("(SONAME)")).context("the shared library has no soname")?;
    let name = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    Ok(name.context("the soname cannot be read")?.0.to_owned())
}

fn target() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}
