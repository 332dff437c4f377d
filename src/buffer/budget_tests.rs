//! The byte budget: what each class is sure of, what is common, what counts beside.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use super::*;

fn take(budget: &Budget) -> Option<Vec<Buffer>> {
    budget.try_take(&[0], || true).expect("memory")
}

fn need(bytes: u64, open: u64) -> Need {
    Need { buffer_bytes: bytes, open_slabs: open, ..Need::default() }
}

#[test]
fn never_lends_more_than_its_limit() {
    let budget = Budget::of_buffers(4096, 0, 2);
    let first = take(&budget).expect("the first");
    let second = take(&budget).expect("the second");
    assert!(take(&budget).is_none());
    assert_eq!(budget.bytes_out(), 8192);
    drop(first);
    assert_eq!(budget.bytes_out(), 4096);
    let third = take(&budget).expect("what came back");
    assert!(take(&budget).is_none());
    drop((second, third));
    assert_eq!((budget.bytes_out(), budget.high_water()), (0, 8192));
}

#[test]
fn taking_waits_until_a_buffer_comes_back() {
    let budget = Budget::of_buffers(4096, 0, 1);
    let only = budget.take(&[0], || false).expect("memory");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| budget.take(&[0], || false).expect("memory").len());
        drop(only);
        assert_eq!(waiter.join().expect("no panic"), 1);
    });
}

#[test]
fn a_class_is_sure_of_its_part_whatever_another_takes() {
    // Two slabs of 1000 and two of 300 are sure; 1400 are common.
    let budget = Budget::of_needs([need(1000, 1), need(300, 1)].into_iter(), 4000, 0, 0);
    let mut large: Vec<_> = std::iter::from_fn(|| budget.try_take(&[0], || true).expect("memory")).collect();
    assert_eq!(large.len(), 3, "two of its own and one of what is common");
    let small: Vec<_> = std::iter::from_fn(|| budget.try_take(&[1], || true).expect("memory")).collect();
    assert_eq!(small.len(), 3, "its own two, and one of the 400 that are left");
    assert!(budget.try_take(&[0, 1], || true).expect("memory").is_none());
    large.truncate(1);
    assert!(budget.try_take(&[0, 1, 1], || true).expect("memory").is_some(), "a family at once");
    assert!(budget.bytes_out() <= 4000);
}

#[test]
fn free_buffers_of_one_size_give_way_to_another() {
    let budget = Budget::of_needs([need(1000, 0), need(300, 0)].into_iter(), 2000, 0, 0);
    let small: Vec<_> = std::iter::from_fn(|| budget.try_take(&[1], || true).expect("memory")).collect();
    assert_eq!(small.len(), 3);
    drop(small);
    assert_eq!(budget.shared.state().free, 900);
    let _large = budget.try_take(&[0], || true).expect("memory").expect("there is room");
    assert_eq!(budget.shared.state().free, 900, "there is room for all");
    let rest: Vec<_> = std::iter::from_fn(|| budget.try_take(&[1], || true).expect("memory")).collect();
    assert_eq!(rest.len(), 3);
    drop(rest);
    let budget = Budget::of_needs([need(1000, 0), need(300, 0)].into_iter(), 1300, 0, 0);
    drop(budget.try_take(&[0], || true).expect("memory"));
    let _small = budget.try_take(&[1], || true).expect("memory").expect("what it is sure of");
    assert_eq!(budget.shared.state().free, 1000);
    let Shared { limit, .. } = *budget.shared;
    let beside = budget.beside(limit - 400);
    drop(budget.try_take(&[0], || true).expect("memory").expect("what it is sure of"));
    drop(beside);
    let state = budget.shared.state();
    assert!(state.out + state.free <= limit, "{state:?}");
}

#[test]
fn what_goes_beside_takes_from_what_is_common() {
    let budget = Budget::of_needs(std::iter::once(need(1000, 0)), 3000, 3500, 0);
    budget.count_beside(0, 500);
    let taken: Vec<_> = std::iter::from_fn(|| take(&budget)).collect();
    assert_eq!(taken.len(), 3, "there is room beside what is of use");
    drop(taken);
    budget.count_beside(0, 1500);
    let taken: Vec<_> = std::iter::from_fn(|| take(&budget)).collect();
    assert_eq!(taken.len(), 1);
    budget.count_beside(2000, 0);
    assert!(take(&budget).is_some());
}

#[test]
fn what_goes_with_a_buffer_is_counted() {
    let budget = Budget::of_buffers(1600, 400, 3);
    let _first = take(&budget);
    assert_eq!((budget.bytes_out(), budget.high_water(), budget.limit_bytes()), (2000, 2000, 6000));
}

#[test]
#[cfg_attr(miri, ignore = "Miri ends where there is no memory")]
fn without_memory_for_a_first_buffer_taking_is_an_error() {
    let budget = Budget::of_buffers(usize::MAX / 4, 0, 1);
    assert_eq!(budget.take(&[0], || true).expect_err("no machine has so much").code(), 20);
    assert_eq!(budget.try_take(&[0], || true).expect_err("no machine has so much").code(), 20);
    assert_eq!(budget.bytes_out(), 0, "nothing is left of the attempts");
}

#[test]
#[cfg_attr(miri, ignore = "112 MiB, page by page")]
fn what_is_made_ahead_is_bounded_in_the_process_and_given_back() {
    let budgets: Vec<Budget> = (0..4).map(|_| Budget::of_buffers(28 << 20, 0, 100)).collect();
    let made = |budgets: &[Budget]| budgets.iter().map(|budget| budget.shared.state().of[0].free.len()).sum::<usize>();
    budgets[0].warm(&|| true);
    assert!(made(&budgets) <= 4, "{}", made(&budgets));
    budgets.iter().for_each(|budget| budget.warm(&|| true));
    assert!(made(&budgets) <= 4, "{}", made(&budgets));
    let other = Budget::of_buffers(1 << 20, 0, 8);
    other.warm(&|| false);
    assert_eq!(other.shared.state().free, 0, "it was called away");
}

#[test]
#[cfg_attr(miri, ignore = "Miri ends where there is no memory")]
fn a_family_without_memory_leaves_nothing() {
    let classes = [need(4096, 1), need(1 << 62, 0), need(512, 0)];
    let budget = Budget::of_needs(classes.into_iter(), 0, 0, 0);
    drop(budget.try_take(&[0, 2], || true).expect("memory"));
    let error = budget.try_take(&[0, 1], || true).expect_err("no machine has so much");
    assert_eq!(error.code(), 20);
    assert_eq!(budget.take(&[0, 1], || false).expect_err("no machine has so much").code(), 20);
    let state = budget.shared.state();
    assert_eq!((state.out, state.free), (0, 4096), "what was free of a class that was wanted is kept");
}
