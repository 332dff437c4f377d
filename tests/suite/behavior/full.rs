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
fn drop_counts_the_frame_and_leaves_its_place() {
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
fn a_disk_that_stands_still_has_only_so_many_frames_dropped() {
    const MOST: u64 = 1 << 16;
    let run = acquisition("t:inf,y:16,x:16", WhenFull::Drop);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut fit = 0;
    while stream.status().dropped == 0 {
        run.append(&stream, fit..fit + 1);
        fit += 1;
    }
    fit -= 1;
    let any = run.frame(0);
    let refused = (0..2 * MOST).find_map(|_| stream.append(&any).err()).expect("what waits has a bound");
    assert_eq!(refused.code(), 9, "{refused}");
    let status = stream.status();
    assert!(status.dropped <= MOST && status.dropped > MOST / 2, "{status:?}");
    assert_eq!(status.accepted, fit + status.dropped, "the refused one uses no number");
    gate.open();
    wait_until_nothing_is_in_flight(&stream);
    run.append(&stream, status.accepted..status.accepted + 1);
    let report = stream.finish().expect("dropping is no failure");
    assert_eq!((report.frames, report.dropped), (fit + 1, status.dropped));
    run.assert_holds(&[Append(fit), Skip(status.dropped), Append(1)]);
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

#[test]
fn no_frame_is_refused_while_there_is_room() {
    for (dimensions, tries) in [("t:inf,y:256,x:128", false), ("t:inf:5,y:256,x:128", true)] {
        let run = Acquisition::new(dimensions).with(|settings| settings.when_full = WhenFull::Error);
        let stream = run.start();
        let frame = run.frame(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let taken = if tries { stream.try_append(&frame, None) } else { stream.append(&frame) };
                        taken.expect("1 GiB is not full");
                    }
                });
            }
        });
        assert_eq!(stream.finish().expect("all well").frames, 900);
    }
}

/// The plan may have as few buffers as slabs are open, and one: whoever waits for one that another thread's frames
/// must free would wait for ever.
#[test]
fn threads_that_share_few_buffers_never_wait_for_each_other() {
    let run = Acquisition::new("t:inf:10,y:256,x:128").with(|settings| {
        settings.memory_limit = (2 * 10 * 64 + 256) << 10;
        settings.threads = Some(1);
    });
    let stream = run.start_on(ome_stream_tests::disk::slow(std::time::Duration::from_millis(1)));
    assert_eq!(stream.status().bytes_limit / (10 * 64 * 1024), 2, "buffers");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| _ = stream.append(&run.frame(7)).expect("taken")));
        }
    });
    assert_eq!(stream.finish().expect("all well").frames, 400);
}

#[test]
fn who_must_not_wait_is_answered_while_others_wait_for_the_disk() {
    let run = acquisition("t:inf:2,y:256,x:128", WhenFull::Block);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut taken = 0;
    while stream.try_append(&run.frame(taken), None).is_ok() {
        taken += 1;
    }
    assert_eq!(taken % 2, 0, "a chunk that has begun has its memory");
    std::thread::scope(|scope| {
        // The slab of the next frame has no buffer, nor has the one that is replaced.
        stream.skip(1).expect("needs no memory");
        let replaced = scope.spawn(|| stream.write_at(0, &[taken], &run.frame(taken)));
        let appended = scope.spawn(|| stream.append(&run.frame(taken + 1)));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(stream.try_append(&run.frame(0), None).expect_err("full").code(), 9);
        let early = stream.write_at(0, &[taken + 5], &run.frame(0)).expect_err("it has not come yet");
        assert_eq!(early.code(), 18, "{early}");
        gate.open();
        replaced.join().expect("no panic").expect("replaced");
        assert_eq!(appended.join().expect("no panic").expect("taken"), taken + 1);
    });
    stream.finish().expect("all well");
    run.assert_holds(&[Append(taken + 2)]);
}

#[test]
fn a_skip_that_waits_for_the_disk_holds_nobody_up() {
    let run = acquisition("t:inf,y:256,x:128", WhenFull::Block);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    run.append(&stream, 0..1);
    std::thread::scope(|scope| {
        let skipped = scope.spawn(|| stream.skip(10_000));
        wait_for(|| if stream.status().accepted > 4000 { Ok(()) } else { Err(format!("{:?}", stream.status())) })
            .expect("some are passed over");
        let refused = wait_for(|| stream.try_append(&run.frame(0), None).err().ok_or_else(|| "taken".to_owned()));
        assert_eq!(refused.expect("its turn comes later").code(), 9);
        assert!(stream.status().accepted < 10_001, "jobs are bounded");
        gate.open();
        assert_eq!(skipped.join().expect("no panic").expect("passed over"), 10_001);
    });
    let report = stream.finish().expect("all well");
    assert_eq!((report.frames, report.skipped), (1, 10_000));
}
