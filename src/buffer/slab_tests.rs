//! A slab with several threads at it, for a sanitizer or Miri to look on.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::thread;

use super::*;
use crate::buffer::Budget;
use crate::plan::{ArrayId, Capabilities, Plan, StorageUnit};
use crate::settings::{DataType, Settings, parse_dims};

/// An open slab of `t:4:3,y:4:3,x:6:4`: three planes of four tiles with padding, the last plane of the second slab
/// alone.
fn slab(nth: u64) -> (Open, Arc<Form>, Budget) {
    let settings = Settings::new("a", parse_dims("t:4:3,y:4:3,x:6:4").expect("valid"), DataType::UInt16);
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
    let form = Arc::clone(&plan.forms()[0]);
    let budget = Budget::new(plan.forms(), plan.memory());
    let key = SlabKey { array: ArrayId(0), index: [nth, 0, 0] };
    let mut open = Open::new(key, &form, Some(budget.slab_beside(0))).expect("memory");
    budget.take(&[0], || false).expect("memory").into_iter().for_each(|buffer| open.attach(buffer));
    (open, form, budget)
}

fn frame(value: u8) -> Vec<u8> {
    (0..4 * 6 * 2).map(|at| value.wrapping_add(at)).collect()
}

#[test]
fn what_is_filled_is_read_meanwhile_and_afterwards() {
    let (mut open, form, budget) = slab(0);
    let unit_bytes = form.layout().unit_bytes();
    let watched = open.watch();
    let (sealed, seen) = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut most = 0;
            let mut unit = vec![0; unit_bytes];
            for _ in 0..20 {
                let slots = watched.provisionally(|filled| {
                    let slots = filled.slots();
                    filled.copy_unit(&slots, 3, &mut unit);
                    filled.note_stored(slots.iter().map(|(slot, _)| *slot));
                    slots.len()
                });
                most = most.max(slots.unwrap_or(0));
                thread::yield_now();
            }
            most
        });
        assert!(!open.fill(2, Arrival(7), &frame(2)));
        let plane = open.plane(2).expect("filled");
        let reading = scope.spawn(move || {
            let mut copy = vec![0; 4 * 6 * 2];
            plane.copy_to(&mut copy);
            copy
        });
        assert!(open.plane(0).is_none(), "nothing is there to read");
        assert!(!open.fill(0, Arrival(8), &frame(0)));
        assert!(!open.fill(0, Arrival(9), &frame(99)), "what is filled stays as it is");
        while !open.try_replace(0, &frame(50)) {
            open.watch().wait();
        }
        assert!(open.skip(1, Arrival(10)), "the last of three");
        let sealed = open.seal();
        let also = sealed.clone();
        let writing = scope.spawn(move || {
            also.end_provisional();
            also.bytes(&(0..4)).len()
        });
        assert_eq!(reading.join().expect("no panic"), frame(2));
        assert_eq!(writing.join().expect("no panic"), 4 * unit_bytes);
        (sealed, looking.join().expect("no panic"))
    });
    assert!(seen <= 2);
    let filled: Vec<_> = sealed.filled().collect();
    assert_eq!(filled, [(0, Arrival(8)), (2, Arrival(7))]);
    assert_eq!(sealed.first_arrival(), Some(Arrival(7)));
    // Tiles of 3 x 4: the first has rows 0 to 2 and columns 0 to 3 of each plane.
    let (first, rest) = sealed.bytes(&(0..1)).split_at(form.layout().plane_bytes());
    let (skipped, last) = rest.split_at(form.layout().plane_bytes());
    let rows = |value: u8| frame(value).chunks(12).take(3).flat_map(|row| row[..8].to_vec()).collect::<Vec<_>>();
    assert_eq!((first, last), (&rows(50)[..], &rows(2)[..]));
    assert!(skipped.iter().all(|byte| *byte == 0));
    assert!(budget.bytes_out() > 0);
    drop(sealed);
    assert_eq!(budget.bytes_out(), 0);
    assert!(watched.filled().is_none(), "it is gone");
}

/// Fills the slot of a claim, tile by tile, as [`Open::fill`] lays out a frame.
fn make(claim: &mut Claim, frame: &[u8]) -> Option<()> {
    claim.make(|tiles| {
        let (rows, columns) = tiles.shape();
        for (row, line) in frame.chunks(12).enumerate() {
            for (across, part) in line.chunks(columns * 2).enumerate() {
                let tile = tiles.tile(row / rows, across);
                tile[row % rows * columns * 2..][..part.len()].copy_from_slice(part);
            }
        }
    })
}

#[test]
fn planes_are_made_where_they_lie_by_several_at_once() {
    let (mut open, form, budget) = slab(0);
    let mut claims: Vec<Claim> = (0..3).map(|slot| open.claim(slot).expect("empty")).collect();
    assert!(open.claim(0).is_none(), "it is claimed");
    assert!(!open.fill(0, Arrival(0), &frame(9)) && !open.skip(0, Arrival(0)) && !open.try_replace(0, &frame(9)));
    assert!(open.plane(0).is_none() && open.left() == 3, "nothing is there yet");
    thread::scope(|scope| {
        for (value, claim) in [20, 30, 40].into_iter().zip(&mut claims) {
            scope.spawn(move || make(claim, &frame(value)).expect("open"));
        }
    });
    drop(claims.remove(1));
    assert!(open.claim(1).is_some(), "a claim that is given up leaves an empty slot");
    for (claim, slot) in claims.into_iter().zip([0_u8, 2]) {
        assert!(!open.fill_claimed(claim, Arrival(slot.into())));
    }
    assert!(open.fill(1, Arrival(1), &frame(30)));
    for (slot, value) in [20, 30, 40].into_iter().enumerate() {
        let mut copy = vec![0; 4 * 6 * 2];
        open.plane(slot).expect("filled").copy_to(&mut copy);
        assert_eq!(copy, frame(value));
    }
    let sealed = open.seal();
    assert_eq!(sealed.bytes(&(0..1))[..8], frame(20)[..8]);
    assert_eq!(form.layout().planes(), 3);
    drop(sealed);
    assert_eq!(budget.bytes_out(), 0);
}

#[test]
fn no_plane_is_made_in_a_slab_whose_filling_has_ended() {
    let (mut open, _, _budget) = slab(0);
    let mut late = open.claim(1).expect("empty");
    let sealed = open.seal();
    assert!(make(&mut late, &frame(1)).is_none());
    drop(late);
    assert!(sealed.bytes(&(0..4)).iter().all(|byte| *byte == 0));
    let (mut other, _, _) = slab(0);
    let (mut mine, _, _) = slab(0);
    let claim = other.claim(0).expect("empty");
    assert!(!mine.fill_claimed(claim, Arrival(0)) && mine.plane(0).is_none(), "a claim of another slab");
}

#[test]
fn a_slab_at_the_edge_is_complete_with_the_planes_that_it_has() {
    let (mut open, _, budget) = slab(1);
    assert_eq!(open.left(), 1);
    assert!(open.fill(0, Arrival(3), &frame(3)));
    assert_eq!(open.left(), 0);
    assert!(open.seal().not_stored().is_none());
    assert_eq!(budget.bytes_out(), 0);
}

#[test]
fn a_slab_without_a_frame_has_no_bytes_and_counts_beside() {
    let settings = Settings::new("a", parse_dims("t:2:2,y:4,x:4").expect("valid"), DataType::UInt8);
    let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid");
    let budget = Budget::new(plan.forms(), plan.memory());
    let key = SlabKey { array: ArrayId(0), index: [0; 3] };
    let mut open = Open::new(key, &plan.forms()[0], Some(budget.slab_beside(0))).expect("memory");
    assert!(budget.bytes_beside() > 0);
    assert!(!open.fill(1, Arrival(1), &[7; 16]), "it has no memory for a frame");
    assert!(!open.skip(0, Arrival(0)) && open.skip(1, Arrival(1)));
    let sealed = open.seal();
    assert!(sealed.is_skipped() && sealed.bytes(&(0..1)).is_empty());
    drop(sealed);
    assert_eq!(budget.bytes_beside(), 0);
}
