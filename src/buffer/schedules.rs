//! The budget and a slab under thousands of schedules: `cargo test -p ome-stream --features shuttle --lib schedules`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{check_random, thread};

use super::{Arrival, Budget, Open};
use crate::plan::{ArrayId, Capabilities, Form, Plan, SlabKey, StorageUnit};
use crate::settings::{DataType, Settings, parse_dims};

const SCHEDULES: usize = 5_000;

#[test]
fn schedules_of_the_budget_keep_its_limit() {
    check_random(
        || {
            let budget = Arc::new(Budget::of_buffers(4096, 0, 2));
            let out = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..4)
                .map(|nth| {
                    let (budget, out) = (Arc::clone(&budget), Arc::clone(&out));
                    thread::spawn(move || {
                        for _ in 0..3 {
                            let coming = || nth == 3 && out.load(Ordering::SeqCst) > 0;
                            let made = budget.take_or_make(&[0], coming).expect("memory");
                            let buffer = made.unwrap_or_else(|| budget.take(&[0], || true).expect("memory"));
                            assert!(out.fetch_add(1, Ordering::SeqCst) < 2, "three buffers are out");
                            thread::yield_now();
                            out.fetch_sub(1, Ordering::SeqCst);
                            drop(buffer);
                        }
                    })
                })
                .collect();
            all_come_back(threads, &budget);
        },
        SCHEDULES,
    );
}

/// Every thread comes to its end and gives back what it took; the limit held.
fn all_come_back(threads: Vec<thread::JoinHandle<()>>, budget: &Budget) {
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(budget.bytes_out(), 0);
    assert!(budget.high_water() <= budget.limit_bytes());
}

#[test]
fn schedules_of_two_sources_in_one_budget() {
    check_random(
        || {
            // Two buffers of each class are sure, and there is nothing else.
            let budget = Arc::new(Budget::of_classes(&[(4096, 2), (512, 2)], 0));
            let threads: Vec<_> = (0..4_usize)
                .map(|nth| {
                    let budget = Arc::clone(&budget);
                    thread::spawn(move || {
                        for _ in 0..2 {
                            // A family of both, of one only, and one that never gives its first back before it has
                            // another.
                            match nth {
                                0 => drop(budget.take(&[0, 1], || true).expect("memory")),
                                1 => drop(budget.take(&[0], || true).expect("memory")),
                                2 => drop(budget.take(&[1], || true).expect("memory")),
                                _ => {
                                    let first = budget.try_take(&[1], || true).expect("memory");
                                    thread::yield_now();
                                    drop(first);
                                }
                            }
                        }
                    })
                })
                .collect();
            all_come_back(threads, &budget);
        },
        SCHEDULES,
    );
}

/// Of slabs with three planes of four tiles.
fn form() -> Arc<Form> {
    let dimensions = parse_dims("t:3:3,y:4:2,x:4:2").expect("a grammar of ours");
    let settings = Settings::new("a", dimensions, DataType::UInt8);
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
    Arc::clone(&plan.forms()[0])
}

fn open_slab(form: &Arc<Form>) -> (Open, Budget) {
    let budget = Budget::of_buffers(form.layout().buffer_bytes(), 0, 1);
    let key = SlabKey { array: ArrayId(0), index: [0; 3] };
    let mut slab = Open::new(key, form, Some(budget.slab_beside(0))).expect("memory");
    budget.take(&[0], || false).expect("memory").into_iter().for_each(|buffer| slab.attach(buffer));
    (slab, budget)
}

#[test]
fn schedules_of_a_slab_show_only_whole_planes() {
    let form = form();
    check_random(
        move || {
            let layout = form.layout();
            let (mut slab, _budget) = open_slab(&form);
            let complete = Arc::new(AtomicUsize::new(0));
            let live = {
                let (watched, form, complete) = (slab.watch(), Arc::clone(&form), Arc::clone(&complete));
                thread::spawn(move || {
                    let layout = form.layout();
                    for _ in 0..3 {
                        let stored = watched.provisionally(|filled| {
                            let mut unit = vec![0; layout.unit_bytes()];
                            filled.copy_unit(&filled.slots(), 1, &mut unit);
                            thread::yield_now();
                            assert_eq!(complete.load(Ordering::SeqCst), 0, "a provisional copy after the complete one");
                            for (slot, plane) in unit.chunks(layout.plane_bytes()).enumerate() {
                                let value = plane[0];
                                // The plane in the second slot is replaced by others.
                                let known = value == 0 || value == slot as u8 + 1 || (value == 9 && slot == 1);
                                let whole = plane.iter().all(|byte| *byte == value);
                                assert!(known && whole, "half a plane: {plane:?}");
                            }
                        });
                        if stored.is_none() {
                            return;
                        }
                    }
                })
            };
            for slot in 0..3 {
                slab.fill(slot, Arrival(slot as u64), &vec![slot as u8 + 1; layout.frame_bytes()]);
                thread::yield_now();
            }
            let plane = slab.plane(1).expect("filled");
            let reader = {
                let bytes = layout.frame_bytes();
                thread::spawn(move || {
                    let mut frame = vec![0; bytes];
                    plane.copy_to(&mut frame);
                    assert!(frame.iter().all(|byte| *byte == 2) || frame.iter().all(|byte| *byte == 9), "{frame:?}");
                })
            };
            // Whoever replaces a plane keeps readers away, or is kept away by them.
            let _ = slab.try_replace(1, &vec![9; layout.frame_bytes()]);
            let replaced = slab.try_replace(1, &vec![2; layout.frame_bytes()]);
            let sealed = slab.seal();
            sealed.end_provisional();
            complete.store(1, Ordering::SeqCst);
            let planes: Vec<u8> = sealed.bytes(&(0..1)).chunks(layout.plane_bytes()).map(|plane| plane[0]).collect();
            assert!(planes == [1, 2, 3] || !replaced && planes == [1, 9, 3], "{planes:?}");
            live.join().expect("no panic");
            reader.join().expect("no panic");
        },
        SCHEDULES,
    );
}

/// Planes that are made where they lie, while the filling ends: a plane is there whole, or it is fill value.
#[test]
fn schedules_of_a_slab_that_ends_wait_for_planes_that_are_made() {
    let form = form();
    check_random(
        move || {
            let (mut slab, _budget) = open_slab(&form);
            let layout = form.layout();
            let makers: Vec<_> = (0..2)
                .map(|slot| {
                    let mut claim = slab.claim(slot).expect("empty");
                    thread::spawn(move || {
                        let made = claim.make(|tiles| {
                            for half in 0..2 {
                                let tile = tiles.tile(0, 0);
                                let middle = tile.len() / 2;
                                tile[half * middle..][..middle].fill(slot as u8 + 1);
                                thread::yield_now();
                            }
                        });
                        (claim, made.is_some())
                    })
                })
                .collect();
            slab.fill(2, Arrival(2), &vec![3; layout.frame_bytes()]);
            let sealed = slab.seal();
            let unit = sealed.bytes(&(0..1)).to_vec();
            for maker in makers {
                let (claim, _) = maker.join().expect("no panic");
                drop(claim);
            }
            assert_eq!(unit, sealed.bytes(&(0..1)), "nobody writes what is sealed");
            for (slot, plane) in unit.chunks(layout.plane_bytes()).enumerate() {
                let expected = if slot == 2 { 3 } else { 0 };
                assert!(plane.iter().all(|byte| *byte == expected), "{slot}: {plane:?}");
            }
        },
        SCHEDULES,
    );
}
