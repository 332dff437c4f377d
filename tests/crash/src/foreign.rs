//! Foreign readers in a Python process that lives as long as the harness.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ome_stream_tests::python;
use serde_json::Value;

/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running script that answers lines with lines.
#[derive(Debug)]
pub struct Script {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

/// The interpreter with the foreign readers, or `None` after a line that says so.
pub fn interpreter(what: &str) -> Option<PathBuf> {
    python::setting(python::PYTHON, what)
}

/// A script beside this program's sources.
pub fn own_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

impl Script {
    /// Starts `script`.
    pub fn start(interpreter: &Path, script: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(interpreter)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", interpreter.display()))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the script has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    /// Sends one line.
    pub fn tell(&mut self, line: &Value) -> Result<()> {
        let input = self.input.as_mut().context("the script's input is closed")?;
        writeln!(input, "{line}").context("the script does not listen")
    }

    /// Closes its input: the end for a script that waits for it.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// The next line that it says.
    pub fn answer(&self) -> Result<Value> {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            bail!("the script said nothing for {} s, or is gone", PATIENCE.as_secs())
        };
        serde_json::from_str(&line).with_context(|| line)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.close();
        // Fails where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
