//! The book-keeping of progress under thousands of schedules: `cargo test -p ome-stream --features shuttle --lib schedules`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use shuttle::{check_random, thread};

use super::progress::Progress;
use crate::buffer::{GroupKey, Unit};
use crate::plan::Plan;
use crate::settings::{DataType, Durability, Settings, parse_dims};

#[test]
fn schedules_of_workers_end_with_every_frame_written_and_durable() {
    let dimensions = parse_dims("t:8:1:4,y:4:2:1,x:4").expect("a grammar of ours");
    let mut settings = Settings::new("a", dimensions, DataType::UInt8);
    settings.durability = Durability::Shard;
    let plan = Arc::new(Plan::new(&settings).expect("valid"));
    let layout = Arc::new(plan.layout(Unit::Chunk));
    check_random(
        move || {
            let progress = Arc::new(Progress::new(&plan, &layout, 0, vec![0]));
            let workers: Vec<_> = (0..4u64)
                .map(|worker| {
                    let (plan, layout, progress) = (Arc::clone(&plan), Arc::clone(&layout), Arc::clone(&progress));
                    thread::spawn(move || {
                        // Each worker stores two of the eight frames; the last of a shard seals both its shards.
                        for t in [worker, worker + 4] {
                            let key = GroupKey { position: 0, index: [t, 0, 0] };
                            progress.sealed(&layout, key, if t % 4 == 3 { 2 } else { 0 });
                            thread::yield_now();
                            progress.written(&plan, &layout, key, [0].into_iter());
                            progress.group_stored(&plan, &layout, key, [0].into_iter());
                            let (written, durable) = progress.counts();
                            assert!(written <= 8 && durable <= 8, "{written} written, {durable} durable");
                        }
                    })
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
            assert_eq!(progress.counts(), (8, 8));
        },
        5_000,
    );
}
