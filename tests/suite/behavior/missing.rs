//! Frames that a run has not are listed in the store, by number and place, while it goes on.

use ome_stream::Stream;
use ome_stream::settings::WhenFull;
use ome_stream::store::missing::{self, Why};
use ome_stream_tests::disk::{Gate, wait_for};

use crate::acquisition::Acquisition;

fn listed(run: &Acquisition) -> Vec<(u64, u64, Why)> {
    let listed =
        missing::read(&*ome_stream::platform::native_source(), &run.root()).expect("readable").unwrap_or_default();
    listed.stretches.iter().map(|stretch| (stretch.first, stretch.last, stretch.why)).collect()
}

/// Waits until the store lists just these.
fn wait_for_list(run: &Acquisition, expected: &[(u64, u64, Why)]) {
    wait_for(|| if listed(run) == expected { Ok(()) } else { Err(format!("{:?}", listed(run))) })
        .expect("listed while the run goes on");
}

fn quick(dimensions: &str) -> Acquisition {
    Acquisition::new(dimensions).with(|settings| settings.live_interval = 0.05)
}

#[test]
fn skipped_frames_are_listed_while_the_run_goes_on() {
    let run = quick("t:inf:4,c:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..3);
    wait_for(|| if stream.status().written >= 3 { Ok(()) } else { Err("not yet".into()) }).expect("written");
    assert_eq!(listed(&run), [], "nothing is missing");
    stream.skip(3).expect("unbounded");
    run.append(&stream, 6..7);
    stream.skip(1).expect("unbounded");
    wait_for_list(&run, &[(3, 5, Why::Skipped), (7, 7, Why::Skipped)]);
    // What is listed once is not written again.
    let text = || std::fs::read_to_string(run.root().join(".ome-stream/run/missing.jsonl")).expect("there");
    let before = text();
    stream.skip(2).expect("unbounded");
    wait_for_list(&run, &[(3, 5, Why::Skipped), (7, 9, Why::Skipped)]);
    assert!(text().starts_with(&before));
    stream.finish().expect("all well");
    let lines: Vec<serde_json::Value> =
        text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines[0], serde_json::json!({"format": 1}));
    assert_eq!(lines[1]["from"], serde_json::json!({"position": 0, "index": [1, 1]}));
    assert_eq!(lines[1]["to"], serde_json::json!({"position": 0, "index": [2, 1]}));
}

#[test]
fn dropped_frames_are_listed_by_number() {
    let run = Acquisition::new("t:inf:3,y:128,x:128").with_little_memory().with(|settings| {
        settings.when_full = WhenFull::Drop;
        settings.live_interval = 0.05;
    });
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut dropped = Vec::new();
    let mut number = 0;
    while dropped.len() < 3 {
        let before = stream.status().dropped;
        run.append(&stream, number..number + 1);
        if stream.status().dropped > before {
            dropped.push(number);
        }
        number += 1;
    }
    let expected = vec![(dropped[0], dropped[2], Why::Dropped)];
    assert_eq!(dropped[2] - dropped[0], 2);
    gate.open();
    wait_for_list(&run, &expected);
    stream.finish().expect("dropping is no failure");
    assert_eq!(listed(&run), expected);
}

#[test]
fn a_frame_that_is_put_in_its_place_later_is_missing_no_more() {
    let run = quick("t:inf:4,y:16,x:16");
    let stream = run.start();
    stream.skip(6).expect("unbounded");
    // One in a slab that is stored, one in a slab that is open.
    for frame in [1, 5] {
        stream.write_at(0, &[frame], &run.frame(frame)).expect("its place is there");
    }
    stream.finish().expect("all well");
    assert_eq!(listed(&run), [(0, 0, Why::Skipped), (2, 4, Why::Skipped)]);
}

#[test]
fn a_disk_that_takes_no_list_does_not_stop_the_camera() {
    let run = quick("t:inf,y:16,x:16");
    let refuse = |operation: &ome_stream::platform::faulty::Operation| matches!(operation, ome_stream::platform::faulty::Operation::Append(path, ..) if path.ends_with("missing.jsonl"));
    let count = std::sync::atomic::AtomicU64::new(0);
    // The first three times.
    let disk = ome_stream_tests::disk::faulty(move |operation| {
        let fails = refuse(operation) && count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
        let errno = fails.then(|| rustix::io::Errno::IO.raw_os_error());
        ome_stream::platform::faulty::Fault { errno, ..Default::default() }
    });
    let stream: Stream = run.start_on(disk);
    stream.skip(2).expect("unbounded");
    run.append(&stream, 2..5);
    wait_for_list(&run, &[(0, 1, Why::Skipped)]);
    stream.finish().expect("it went well in the end");
}
