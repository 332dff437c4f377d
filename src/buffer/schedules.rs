//! The pool and a group under thousands of schedules: `cargo test -p ome-stream --features shuttle --lib schedules`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{check_random, thread};

use super::{Group, GroupKey, Pool, Unit};
use crate::plan::Plan;
use crate::settings::{DataType, Settings, parse_dims};

const SCHEDULES: usize = 5_000;

#[test]
fn schedules_of_the_pool_never_exceed_its_limit_and_never_hang() {
    check_random(
        || {
            let pool = Arc::new(Pool::new(4096, 0, 2));
            let out = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..4)
                .map(|nth| {
                    let (pool, out) = (Arc::clone(&pool), Arc::clone(&out));
                    thread::spawn(move || {
                        for _ in 0..3 {
                            let coming = || nth == 3 && out.load(Ordering::SeqCst) > 0;
                            let made = pool.take_or_make(coming).expect("memory");
                            let buffer = made.unwrap_or_else(|| pool.take(|| true).expect("memory"));
                            assert!(out.fetch_add(1, Ordering::SeqCst) < 2, "three buffers are out");
                            thread::yield_now();
                            out.fetch_sub(1, Ordering::SeqCst);
                            drop(buffer);
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
            assert_eq!(pool.bytes_out(), 0);
            assert!(pool.high_water() <= pool.limit_bytes());
        },
        SCHEDULES,
    );
}

#[test]
fn schedules_of_a_group_show_only_whole_planes_and_never_after_the_complete_one() {
    let dimensions = parse_dims("t:3:3,y:4:2,x:4:2").expect("a grammar of ours");
    let plan = Plan::new(&Settings::new("a", dimensions, DataType::UInt8)).expect("valid");
    let layout = Arc::new(plan.layout(Unit::Chunk));
    check_random(
        move || {
            let group = Arc::new(Group::new(GroupKey { position: 0, index: [0; 3] }, &layout).expect("memory"));
            group.attach(Pool::new(layout.buffer_bytes(), 0, 1).take(|| false).expect("memory"));
            let complete = Arc::new(AtomicUsize::new(0));
            let live = {
                let (group, layout, complete) = (Arc::clone(&group), Arc::clone(&layout), Arc::clone(&complete));
                thread::spawn(move || {
                    for _ in 0..3 {
                        let stored = group.store_provisional(|| {
                            let mut unit = vec![0; layout.unit_bytes()];
                            group.copy_partial(&layout, 1, &mut unit);
                            thread::yield_now();
                            assert_eq!(complete.load(Ordering::SeqCst), 0, "a provisional copy after the complete one");
                            for (slot, plane) in unit.chunks(layout.plane_bytes()).enumerate() {
                                let whole = plane.iter().all(|byte| *byte == slot as u8 + 1);
                                assert!(whole || plane.iter().all(|byte| *byte == 0), "half a plane: {plane:?}");
                            }
                        });
                        if stored.is_none() {
                            return;
                        }
                    }
                })
            };
            for slot in 0..3 {
                group.fill(&layout, slot, &vec![slot as u8 + 1; layout.frame_bytes()]);
                thread::yield_now();
            }
            group.seal(&layout);
            group.end_provisional();
            complete.store(1, Ordering::SeqCst);
            // SAFETY: sealed above.
            let bytes = unsafe { group.sealed_bytes(0, layout.unit_bytes()) };
            assert!(bytes.chunks(layout.plane_bytes()).enumerate().all(|(slot, plane)| plane[0] == slot as u8 + 1));
            live.join().expect("no panic");
        },
        SCHEDULES,
    );
}
