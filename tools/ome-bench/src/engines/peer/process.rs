//! A Python process that takes jobs as lines of JSON and answers in lines of JSON.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// The scripts travel in the program, so that it can be used without its source.
const SCRIPTS: [(&str, &str); 3] = [
    ("peer.py", include_str!("../../../peers/peer.py")),
    ("engines.py", include_str!("../../../peers/engines.py")),
    ("measure.py", include_str!("../../../peers/measure.py")),
];

/// How long a process may take to end once its input has ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts the scripts into `folder`.
pub fn install(folder: &Path) -> Result<()> {
    for (name, text) in SCRIPTS {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The interpreter of the test environment: `target/venv`, beside the program or below the current folder.
pub fn default_python() -> PathBuf {
    let in_venv = |target: &Path| {
        let venv = target.join("venv");
        if cfg!(windows) { venv.join("Scripts").join("python.exe") } else { venv.join("bin").join("python") }
    };
    let program = std::env::current_exe().ok();
    program
        .iter()
        .flat_map(|program| program.ancestors())
        .map(in_venv)
        .find(|python| python.exists())
        .unwrap_or_else(|| in_venv(Path::new("target")))
}

/// A process that runs.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    diagnostics: PathBuf,
}

impl Process {
    /// Starts the scripts in `folder`; what the process says on standard error goes to a file named after `name`.
    pub fn start(python: &Path, folder: &Path, name: &str) -> Result<Self> {
        let diagnostics = folder.join(format!("{}.log", name.replace(['/', ' '], "-")));
        let mut child = Command::new(python)
            .arg("-u")
            .arg(folder.join("peer.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&diagnostics)?)
            .spawn()
            .map_err(|error| {
                let remedy = "make the environment with `cargo xtask python`, or give one with --python";
                match error.kind() {
                    ErrorKind::NotFound => anyhow!("{} is not there; {remedy}", python.display()),
                    _ => anyhow!("{} cannot be started: {error}; {remedy}", python.display()),
                }
            })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("{} has no standard input or output", python.display());
        };
        Ok(Self { child, input: Some(input), output: BufReader::new(output), diagnostics })
    }

    /// Sends a job and waits for its answer.
    pub fn ask(&mut self, job: &Value) -> Result<Value> {
        let sent = self.input.as_mut().map_or(Ok(()), |input| writeln!(input, "{job}").and_then(|()| input.flush()));
        let mut line = String::new();
        if sent.is_err() || self.output.read_line(&mut line)? == 0 {
            let state = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            bail!("the Python process ended ({state}){}", self.last_words());
        }
        let answer: Value =
            serde_json::from_str(&line).with_context(|| format!("not an answer: {}", line.trim_end()))?;
        if answer.get("ok") != Some(&Value::Bool(true)) {
            bail!("{}", answer.get("error").and_then(Value::as_str).unwrap_or("it gave no reason"));
        }
        Ok(answer)
    }

    /// Last line that the process said on standard error.
    fn last_words(&self) -> String {
        let text =
            fs::read(&self.diagnostics).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        text.lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .map_or_else(String::new, |line| format!(": {}", line.trim()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // It hangs in an engine of its own; nothing of it is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    /// A stand-in for Python: a shell script that ignores its arguments.
    #[expect(clippy::unwrap_used, reason = "a helper of tests: what cannot be had here is a failure")]
    fn interpreter(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("python");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn jobs_are_answered_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let python = interpreter(folder.path(), r#"while read line; do echo "{\"ok\": true, \"job\": $line}"; done"#);
        let mut process = Process::start(&python, folder.path(), "a/b").unwrap();
        for number in 0..3 {
            assert_eq!(process.ask(&json!({ "n": number })).unwrap()["job"]["n"], number);
        }
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let python = interpreter(folder.path(), r#"read line; echo '{"ok": false, "error": "no such codec"}'"#);
        let mut process = Process::start(&python, folder.path(), "a").unwrap();
        assert_eq!(process.ask(&json!({})).unwrap_err().to_string(), "no such codec");
    }

    #[test]
    fn a_process_that_dies_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let python = interpreter(folder.path(), "read line; echo one >&2; echo 'segmentation fault' >&2; exit 3");
        let mut process = Process::start(&python, folder.path(), "a").unwrap();
        let problem = process.ask(&json!({})).unwrap_err().to_string();
        assert!(problem.contains("3") && problem.ends_with("segmentation fault"), "{problem}");
    }

    #[test]
    fn an_absent_interpreter_is_told_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let problem = Process::start(&folder.path().join("absent"), folder.path(), "a").err().unwrap().to_string();
        assert!(problem.contains("absent") && problem.contains("--python"), "{problem}");
    }

    #[test]
    fn the_scripts_are_installed_whole() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join("peer.py")).unwrap();
        assert!(text.contains("import engines") && text.contains("from measure import"));
    }
}
