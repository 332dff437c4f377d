//! Backpressure: what happens when memory is full.

use std::sync::Arc;

use ome_stream::Stream;
use ome_stream::settings::WhenFull;
use ome_stream_tests::case::Step::{Append, Skip};
use ome_stream_tests::disk::{Gate, wait_for};

use crate::acquisition::Acquisition;

fn acquisition(dimensions: &str, when_full: WhenFull) -> Acquisition {
    Acquisition::new(dimensions).with_little_memory().with(|settings| settings.when_full = when_full)
}

fn wait_until_nothing_is_in_flight(stream: &Stream) {
    let empty = || (stream.status().bytes_in_flight == 0).then_some(()).ok_or_else(|| format!("{:?}", stream.status()));
    wait_for(empty).expect("the gate is open");
}

#[test]
fn error_refuses_the_frame_and_takes_it_later() {
    let run = acquisition("t:inf,y:256,x:128", WhenFull::Error);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let (refused, error) = run.append_until_refused(&stream);
    assert_eq!(error.code(), 9, "{error}");
    let status = stream.status();
    assert_eq!((status.accepted, status.written, status.dropped), (refused, 0, 0));
    assert_eq!(status.bytes_in_flight, status.bytes_limit, "{status:?}");
    assert!(error.to_string().contains(&status.bytes_limit.to_string()), "{error}");
    assert!(refused > 4, "only {refused} frames fit");
    gate.open();
    wait_until_nothing_is_in_flight(&stream);
    run.append(&stream, refused..refused + 1);
    stream.finish().expect("all well");
    run.assert_holds(&[Append(refused + 1)]);
}

#[test]
fn drop_counts_the_frame_leaves_its_place_and_goes_on_at_the_right_one() {
    let run = acquisition("t:inf,y:256,x:128", WhenFull::Drop);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut fit = 0;
    while stream.status().dropped == 0 {
        assert_eq!(stream.append(&run.frame(fit)).expect("taken or dropped"), fit);
        fit += 1;
    }
    fit -= 1;
    run.append(&stream, fit + 1..fit + 5);
    assert_eq!(stream.status().dropped, 5);
    gate.open();
    wait_until_nothing_is_in_flight(&stream);
    run.append(&stream, fit + 5..fit + 8);
    let report = stream.finish().expect("dropping is no failure");
    assert_eq!((report.frames, report.dropped, report.skipped), (fit + 3, 5, 0));
    run.assert_holds(&[Append(fit), Skip(5), Append(3)]);
}

#[test]
fn drop_in_the_middle_of_a_chunk_keeps_the_other_planes() {
    let run = acquisition("t:inf:3,y:128,x:128", WhenFull::Drop);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut script = Vec::new();
    let mut append = |number: u64| {
        let before = stream.status().dropped;
        assert_eq!(stream.append(&run.frame(number)).expect("taken or dropped"), number);
        let dropped = stream.status().dropped > before;
        script.push(if dropped { Skip(1) } else { Append(1) });
        dropped
    };
    let first_dropped = (0..).find(|&number| append(number)).expect("memory ends");
    assert_eq!(first_dropped % 3, 0, "a chunk that has begun has its memory");
    gate.open();
    wait_until_nothing_is_in_flight(&stream);
    (first_dropped + 1..first_dropped + 7).for_each(|number| assert!(!append(number), "there is room again"));
    stream.finish().expect("all well");
    run.assert_holds(&script);
}

#[test]
fn block_waits_and_loses_nothing() {
    let run = Arc::new(acquisition("t:inf,y:256,x:128", WhenFull::Block));
    let gate = Gate::default();
    let stream = Arc::new(run.start_on(gate.disk()));
    let camera = {
        let (run, stream) = (Arc::clone(&run), Arc::clone(&stream));
        std::thread::spawn(move || run.append(&stream, 0..60))
    };
    let status = wait_for(|| {
        let status = stream.status();
        if status.bytes_in_flight == status.bytes_limit { Ok(status) } else { Err(format!("{status:?}")) }
    });
    let fit = status.expect("memory fills up").bytes_limit / (256 * 128 * 2);
    assert!(fit < 20 && !camera.is_finished(), "60 frames do not fit");
    assert!(stream.status().accepted <= fit);
    gate.open();
    camera.join().expect("every frame was taken in the end");
    let report = stream.finish().expect("all well");
    assert_eq!((report.frames, report.dropped), (60, 0));
    assert!(report.bytes_high_water <= stream.status().bytes_limit);
    run.assert_holds(&[Append(60)]);
}

#[test]
fn try_append_never_waits_and_a_refused_frame_uses_no_number() {
    let run = acquisition("t:inf,y:256,x:128", WhenFull::Block);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut taken = 0;
    let error = loop {
        match stream.try_append(&run.frame(taken), Some("{\"exposure_ms\":10}")) {
            Ok(number) => assert_eq!(number, taken),
            Err(error) => break error,
        }
        taken += 1;
    };
    assert_eq!(error.code(), 9, "{error}");
    assert_eq!(stream.try_append(&run.frame(taken), None).expect_err("still full").code(), 9);
    assert_eq!(stream.status().accepted, taken);
    gate.open();
    wait_until_nothing_is_in_flight(&stream);
    assert_eq!(stream.try_append(&run.frame(taken), Some("{}")).expect("room again"), taken);
    stream.finish().expect("all well");
    run.assert_holds(&[Append(taken + 1)]);
    let lines = std::fs::read_to_string(run.root().join("frame_metadata.jsonl")).expect("frame metadata");
    assert_eq!(lines.lines().count() as u64, taken + 1, "a refused frame leaves no metadata");
}

#[test]
fn memory_stays_within_the_limit_whatever_the_unit() {
    for dimensions in ["t:40,y:256,x:128", "t:40:4,y:128:64,x:64", "t:40:1:8,y:256:64:4,x:128:64:2"] {
        let run = acquisition(dimensions, WhenFull::Block);
        let stream = run.start_on(ome_stream_tests::disk::slow(std::time::Duration::from_millis(1)));
        run.append(&stream, 0..40);
        let report = stream.finish().expect("all well");
        assert!(report.bytes_high_water <= stream.status().bytes_limit, "{dimensions}: {report:?}");
        assert!(stream.status().bytes_limit <= 1 << 20, "{dimensions}");
        run.assert_holds(&[Append(40)]);
    }
}
