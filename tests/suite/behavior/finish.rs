//! The end of a run.

use std::sync::Arc;

use ome_stream_tests::case::Step::Append;
use ome_stream_tests::disk;
use rustix::io::Errno;

use crate::acquisition::Acquisition;

#[test]
fn asked_twice_finish_gives_the_same_report() {
    let run = Acquisition::new("t:inf:3,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..5);
    let first = stream.finish().expect("all well");
    assert_eq!((first.frames, first.shapes.clone()), (5, vec![vec![5, 16, 16]]));
    assert_eq!(stream.finish().expect("all well"), first);
    assert!(stream.status().finished);
    drop(stream);
    run.assert_holds(&[Append(5)]);
}

#[test]
fn asked_twice_finish_gives_the_same_error() {
    let run = Acquisition::new("t:4,y:16,x:16");
    let stream = run.start_on(disk::failing(0, Errno::IO, disk::writes_pixels));
    stream.append(&run.frame(0)).expect("nobody knows yet");
    let first = stream.finish().expect_err("the write failed");
    let again = stream.finish().expect_err("it still has");
    assert_eq!((first.code(), first.to_string()), (11, again.to_string()));
}

#[test]
fn a_dropped_stream_is_finished() {
    let run = Acquisition::new("t:inf:4:2,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..6);
    drop(stream);
    run.assert_holds(&[Append(6)]);
}

#[test]
fn a_stream_dropped_after_a_failure_does_not_panic() {
    let run = Acquisition::new("t:inf,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..1);
    drop(stream);
    let failing = Acquisition::new("t:inf,y:16,x:16");
    let stream = failing.start_on(disk::failing(1, Errno::NOSPC, disk::writes_pixels));
    let (_, error) = failing.append_until_refused(&stream);
    assert_eq!(error.code(), 11);
    drop(stream);
    // The process lives, and another run is none the worse for it.
    run.assert_holds(&[Append(1)]);
}

#[test]
fn nothing_is_taken_after_finish() {
    let run = Acquisition::new("t:4,y:16,x:16");
    let stream = run.start();
    run.append(&stream, 0..1);
    stream.finish().expect("all well");
    let refused = [
        stream.append(&run.frame(1)).expect_err("append").code(),
        stream.append_with(&run.frame(1), "{}").expect_err("append_with").code(),
        stream.try_append(&run.frame(1), None).expect_err("try_append").code(),
        stream.skip(1).expect_err("skip").code(),
        stream.set_metadata("mine", "{}").expect_err("set_metadata").code(),
    ];
    assert_eq!(refused, [10; 5]);
    run.assert_holds(&[Append(1)]);
}

#[test]
fn threads_that_finish_at_once_get_one_answer() {
    let run = Acquisition::new("t:inf:4,y:16,x:16");
    let stream = Arc::new(run.start());
    run.append(&stream, 0..10);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let stream = Arc::clone(&stream);
            std::thread::spawn(move || stream.finish().expect("all well"))
        })
        .collect();
    let reports: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert!(reports.iter().all(|report| *report == reports[0] && report.frames == 10));
}
