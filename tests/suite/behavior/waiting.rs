//! Waiting for a frame to have come so far, for room within a time limit, and calling that off.

use std::time::{Duration, Instant};

use ome_stream::settings::{Durability, WhenFull};
use ome_stream::stream::FrameState;
use ome_stream_tests::case::Step::Append;
use ome_stream_tests::disk::{self, Gate};

use crate::acquisition::Acquisition;

/// Far more than any of these takes, and far less than for ever.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);

fn little(when_full: WhenFull) -> Acquisition {
    Acquisition::new("t:inf,y:256,x:128").with_little_memory().with(|settings| settings.when_full = when_full)
}

#[test]
fn a_frame_without_room_is_given_up_in_time() {
    for when_full in [WhenFull::Block, WhenFull::Error, WhenFull::Drop] {
        let run = little(when_full);
        let gate = Gate::default();
        let stream = run.start_on(gate.disk());
        let mut taken = 0;
        while stream.try_append(&run.frame(taken), None).is_ok() {
            taken += 1;
        }
        let start = Instant::now();
        let error = stream.append_within(&run.frame(taken), None, SHORT).expect_err("there is no room");
        assert!(error.code() == 21 && error.to_string().contains("0.03 s"), "{error}");
        assert!(start.elapsed() >= SHORT);
        assert_eq!((stream.status().accepted, stream.status().dropped), (taken, 0), "it changed nothing");
        gate.open();
        assert_eq!(stream.append_within(&run.frame(taken), None, LONG).expect("now there is"), taken);
        stream.finish().expect("all well");
        run.assert_holds(&[Append(taken + 1)]);
    }
}

#[test]
fn what_waits_is_called_off_and_the_run_goes_on() {
    let run = little(WhenFull::Block);
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    let mut taken = 0;
    while stream.try_append(&run.frame(taken), None).is_ok() {
        taken += 1;
    }
    std::thread::scope(|scope| {
        // One waits for room, one for its turn, one for a frame.
        let appends = [0; 2].map(|_| scope.spawn(|| stream.append(&run.frame(taken))));
        let wait = scope.spawn(|| stream.wait(taken, FrameState::Written, None));
        let all = || appends.iter().all(|each| each.is_finished()) && wait.is_finished();
        while !all() {
            stream.cancel();
            std::thread::sleep(Duration::from_millis(1));
        }
        for append in appends {
            assert_eq!(append.join().expect("no panic").expect_err("called off").code(), 22);
        }
        assert_eq!(wait.join().expect("no panic").expect_err("called off").code(), 22);
    });
    assert_eq!(stream.status().accepted, taken);
    gate.open();
    run.append(&stream, taken..taken + 2);
    stream.finish().expect("all well");
    run.assert_holds(&[Append(taken + 2)]);
}

#[test]
fn a_frame_is_waited_for_until_it_is_written_and_readable() {
    let run = Acquisition::new("t:inf,y:64,x:64").with(|settings| {
        settings.live_interval = 0.05;
        settings.durability = Durability::Finish;
    });
    let gate = Gate::default();
    let stream = run.start_on(gate.disk());
    run.append(&stream, 0..3);
    let error = stream.wait(2, FrameState::Written, Some(SHORT)).expect_err("the disk stands still");
    assert_eq!(error.code(), 21, "{error}");
    std::thread::scope(|scope| {
        // The last of them has not come yet.
        let waits = [0, 2, 4].map(|frame| {
            scope.spawn({
                let stream = &stream;
                move || stream.wait(frame, FrameState::Written, Some(LONG))
            })
        });
        gate.open();
        run.append(&stream, 3..5);
        waits.into_iter().for_each(|wait| wait.join().expect("no panic").expect("written"));
    });
    assert!(stream.status().written >= 5);
    stream.wait(4, FrameState::Readable, Some(LONG)).expect("shown");
    run.holds(&[Append(5)]).expect("readers see it");
    assert_eq!(stream.wait(4, FrameState::Durable, Some(SHORT)).expect_err("before finish").code(), 21);
    stream.finish().expect("all well");
    for state in [FrameState::Written, FrameState::Durable, FrameState::Readable] {
        stream.wait(4, state, None).expect("all has come");
        assert_eq!(stream.wait(5, state, None).expect_err("it never comes").code(), 10);
    }
}

#[test]
fn frames_become_durable_with_their_shard() {
    let run = Acquisition::new("t:inf:1:2,y:16:16:1,x:16:16:1").with(|settings| {
        settings.durability = Durability::Shard;
        settings.live_interval = 0.05;
    });
    let stream = run.start();
    run.append(&stream, 0..3);
    stream.wait(1, FrameState::Durable, Some(LONG)).expect("its shard is full");
    assert_eq!(stream.wait(2, FrameState::Durable, Some(SHORT)).expect_err("its shard is open").code(), 21);
    let never = Acquisition::new("t:2,y:16,x:16").with(|settings| settings.durability = Durability::None);
    let stream = never.start();
    let error = stream.wait(0, FrameState::Durable, None).expect_err("none does");
    assert!(error.to_string().contains("`durability`"), "{error}");
}

#[test]
fn a_wait_ends_with_the_failure_of_the_run() {
    let run = Acquisition::new("t:inf,y:64,x:64");
    let stream = run.start_on(disk::failing(0, rustix::io::Errno::IO, disk::writes_pixels));
    std::thread::scope(|scope| {
        let wait = scope.spawn(|| stream.wait(100, FrameState::Written, None));
        let _ = stream.append(&run.frame(0));
        assert_eq!(wait.join().expect("no panic").expect_err("the disk failed").code(), 11);
    });
    assert_eq!(stream.finish().expect_err("the disk failed").code(), 11);
}
