//! Several threads at one stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use ome_stream_tests::pixels;
use ome_stream_tests::read;

use crate::acquisition::Acquisition;

/// Frame contents of a thread: their numbers are far from those of other threads.
fn content(thread: u64, nth: u64) -> u64 {
    thread * 1000 + nth
}

#[test]
fn frames_of_several_threads_lie_at_their_numbers() {
    let run = Acquisition::new("t:inf:4,y:16,x:16");
    let stream = Arc::new(run.start());
    let dtype = run.case.settings.dtype;
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let stream = Arc::clone(&stream);
            thread::spawn(move || {
                let append = |nth| {
                    let id = content(thread, nth);
                    (stream.append(&pixels::frame(dtype, id, 16, 16)).expect("taken"), id)
                };
                (0..50).map(append).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut at = BTreeMap::new();
    for thread in threads {
        let mine = thread.join().expect("no panic");
        assert!(mine.is_sorted(), "a thread's own frames keep their order");
        at.extend(mine);
    }
    assert!(at.keys().copied().eq(0..200), "every number was given once");
    stream.finish().expect("all well");
    let found = run.read().expect("readable");
    let expected: Vec<u8> = at.values().flat_map(|id| pixels::frame(dtype, *id, 16, 16)).collect();
    assert!(found.bytes == expected, "each frame lies at its number");
}

#[test]
fn a_finish_in_another_thread_stores_accepted_frames() {
    let run = Acquisition::new("t:inf:4,p:2,y:16,x:16");
    let stream = Arc::new(run.start());
    let dtype = run.case.settings.dtype;
    let camera = {
        let stream = Arc::clone(&stream);
        thread::spawn(move || {
            let mut accepted = 0;
            loop {
                match stream.append(&pixels::frame(dtype, accepted, 16, 16)) {
                    Ok(_) => accepted += 1,
                    Err(error) => return (accepted, error.code()),
                }
            }
        })
    };
    while stream.status().accepted < 21 {
        thread::yield_now();
    }
    let report = stream.finish().expect("all well");
    let (accepted, code) = camera.join().expect("no panic");
    assert_eq!((report.frames, code), (accepted, 10));
    for position in 0..2 {
        let found = read::zarrs(&run.root().join(format!("{position}/0"))).expect("readable");
        let mine = (0..accepted).filter(|number| number % 2 == position);
        let expected: Vec<u8> = mine.flat_map(|number| pixels::frame(dtype, number, 16, 16)).collect();
        assert!(found.bytes == expected, "position {position}");
    }
}
