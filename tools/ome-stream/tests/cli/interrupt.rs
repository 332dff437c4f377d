//! Ctrl-C at a run whose input has not ended.
#![cfg(unix)]

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, command, frames};

/// Longest wait for something that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn an_interrupted_run_leaves_a_finished_store() {
    let bench = Bench::new();
    let mut child = command(&bench.path(""))
        .args("write - -o out --json -d t:inf,y:10,x:20 --dtype uint16".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    // Half a frame more than three: the pipe stays open, as a camera's does.
    stdin.write_all(&frames(4, 10, 20)[..3 * 400 + 200]).expect("written");
    let start = Instant::now();
    // Chunk files appear while the run goes on.
    while !bench.path("out.ome.zarr/0/c/2/0/0").exists() {
        assert!(start.elapsed() < PATIENCE, "the third frame did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("not zero");
    kill_process(pid, Signal::INT).expect("sent");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["frames"], &report["complete"]), (&3.into(), &false.into()));
    assert_eq!(bench.pixels("out.ome.zarr/0"), (vec![3, 10, 20], frames(3, 10, 20)));
    drop(stdin);
}
