//! The layout against a naive picture of an array: every pixel has one place, and it is the right one.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::{AlignedBuffer, lay_out};
use crate::Plan;
use crate::plan::{Capabilities, Layout, StorageUnit};
use crate::router::MAX_INDEX_DIMENSIONS;
use crate::settings::{DataType, Dimension, Settings};

/// Any small acquisition: up to three index dimensions with chunks and shards, the first perhaps unbounded.
fn any_plan(unit: impl Strategy<Value = StorageUnit>) -> impl Strategy<Value = Plan> {
    let dimension = (1u64..7, 1u64..4, 1u64..4);
    let frame = (1u64..12, 1u64..8, 1u64..4);
    (prop::collection::vec(dimension, 0..=3), frame.clone(), frame, any::<bool>(), any::<bool>(), 0usize..3, unit)
        .prop_map(|(index, rows, columns, sharded, unbounded, dtype, unit)| {
            let make = |name: &str, (count, chunk, shard): (u64, u64, u64)| {
                let dimension = Dimension::standard(name, count).with_chunk(chunk.min(count));
                if sharded { dimension.with_shard(shard) } else { dimension }
            };
            let mut dimensions: Vec<Dimension> =
                ["t", "c", "z"].iter().zip(index).map(|(name, sizes)| make(name, sizes)).collect();
            if let (true, Some(first)) = (unbounded, dimensions.first_mut()) {
                first.count = None;
            }
            dimensions.extend([make("y", rows), make("x", columns)]);
            let dtype = [DataType::UInt8, DataType::UInt16, DataType::Float64][dtype];
            Plan::new(&Settings::new("a", dimensions, dtype), &Capabilities::taking(unit)).expect("a valid plan")
        })
}

fn units() -> impl Strategy<Value = StorageUnit> {
    prop_oneof![Just(StorageUnit::Frame), Just(StorageUnit::Chunk), Just(StorageUnit::Shard)]
}

/// Where the naive picture finds byte `byte` of pixel (row, column) of the plane in `slot`: unit by coordinates, then C
/// order within it.
fn naive_offset(layout: &Layout, slot: usize, row: usize, column: usize, item: usize) -> usize {
    let shape: Vec<usize> = layout.unit_shape().map(|each| each as usize).collect();
    let (tile_rows, tile_columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let unit = (0..layout.units())
        .find(|unit| {
            let place = layout.place(&[0; MAX_INDEX_DIMENSIONS], *unit);
            place.coordinates()[shape.len() - 2..] == [(row / tile_rows) as u64, (column / tile_columns) as u64]
        })
        .expect("every pixel lies in a unit");
    let inside = (slot * tile_rows + row % tile_rows) * tile_columns + column % tile_columns;
    unit * layout.unit_bytes() + inside * item
}

proptest! {
    #[test]
    fn every_pixel_lands_where_zarr_looks_for_it(plan in any_plan(units()), slot in 0usize..64) {
        let layout = plan.forms()[0].layout();
        let slot = slot % layout.planes();
        let (rows, columns) = plan.geometry().frame();
        let item = plan.geometry().item_size();
        let frame: Vec<u8> = (0..layout.frame_bytes()).map(|at| (at % 251 + 1) as u8).collect();
        let mut buffer = AlignedBuffer::of_planes(layout.buffer_bytes()).expect("memory");
        lay_out(layout, &frame, slot, &mut buffer);
        let mut seen = 0;
        for row in 0..rows as usize {
            for column in 0..columns as usize {
                let at = naive_offset(layout, slot, row, column, item);
                prop_assert_eq!(layout.pixel_offset(slot, row, column), at);
                let source = (row * columns as usize + column) * item;
                prop_assert_eq!(&buffer.as_mut_slice()[at..at + item], &frame[source..source + item]);
                seen += item;
            }
        }
        let nonzero = buffer.as_mut_slice().iter().filter(|byte| **byte != 0).count();
        prop_assert_eq!(nonzero, seen, "padding and other planes stay fill value");
        lay_out(layout, &vec![0; layout.frame_bytes()], slot, &mut buffer);
        prop_assert!(buffer.as_mut_slice().iter().all(|byte| *byte == 0));
    }

    #[test]
    fn slots_and_planes_are_inverse(plan in any_plan(units()), index in prop::array::uniform3(0u64..7)) {
        let layout = plan.forms()[0].layout();
        let extent = plan.geometry().index_extent();
        let index = std::array::from_fn(|axis| index[axis] % extent[axis]);
        let (slab, slot) = layout.slot(&index);
        prop_assert_eq!(layout.plane(&slab, slot), Some(index));
        let inside = (0..layout.planes()).filter(|slot| layout.plane(&slab, *slot).is_some()).count();
        prop_assert_eq!(inside, layout.expected_planes(&slab));
    }

    #[test]
    fn jobs_cover_every_unit_once_and_stay_in_one_shard(plan in any_plan(Just(StorageUnit::Chunk))) {
        let layout = plan.forms()[0].layout();
        let axes = plan.geometry().shape().len();
        for whole in [true, false] {
            prop_assert!(layout.jobs(whole).len() as u64 <= layout.most_jobs());
            prop_assert!(layout.jobs(true).len() as u64 == layout.shards_of_frame());
            let covered: Vec<usize> = layout.jobs(whole).iter().flat_map(Clone::clone).collect();
            prop_assert_eq!(covered, (0..layout.units()).collect::<Vec<_>>());
            if let Some(shard) = plan.geometry().shard() {
                for job in layout.jobs(whole) {
                    let shards: std::collections::HashSet<Vec<u64>> = job.clone().map(|unit| {
                        let place = layout.place(&[0; MAX_INDEX_DIMENSIONS], unit);
                        (axes - 2..axes).map(|axis| place.coordinates()[axis] / shard[axis]).collect()
                    }).collect();
                    prop_assert_eq!(shards.len(), 1);
                }
            }
        }
    }

    #[test]
    fn the_memory_plan_counts_the_slabs_that_are_open_at_once(plan in any_plan(units())) {
        let layout = plan.forms()[0].layout();
        let memory = *plan.memory();
        let frames = plan.router().total().unwrap_or(200).min(400);
        let (mut open, mut most) = (std::collections::HashMap::new(), 0);
        for frame in 0..frames {
            let location = plan.router().locate(frame).expect("declared");
            let (slab, _) = layout.slot(&location.index);
            let key = (location.position, slab);
            let done = open.entry(key).or_insert(0usize);
            *done += 1;
            let complete = *done == layout.expected_planes(&slab);
            most = most.max(open.len() as u64);
            if complete {
                open.remove(&key);
            }
        }
        prop_assert!(most <= memory.open_slabs, "{most} open, {} planned", memory.open_slabs);
        let need = plan.forms()[0].need();
        prop_assert!(memory.budget_bytes >= need.sure_bytes() && need.sure_bytes() > memory.open_slabs * need.cost());
        prop_assert!(memory.total_bytes <= plan.settings().memory_limit);
        if plan.router().total().is_some_and(|total| total == frames) {
            prop_assert!(most == memory.open_slabs, "the plan is exact where every loop runs through");
        }
    }
}

#[test]
fn a_plan_that_cannot_fit_is_refused_with_the_numbers() {
    let dimensions = vec![
        Dimension::standard("t", 100).with_chunk(50),
        Dimension::standard("z", 40),
        Dimension::standard("y", 1024),
        Dimension::standard("x", 1024),
    ];
    let mut settings = Settings::new("a", dimensions, DataType::UInt16);
    settings.memory_limit = 1 << 30;
    let chunks = Capabilities::taking(StorageUnit::Chunk);
    let error = Plan::new(&settings, &chunks).expect_err("40 slabs of 100 MiB");
    assert_eq!(error.code(), 3);
    let message = error.to_string();
    assert!(message.contains("40 open slab(s)") && message.contains("104857600 bytes each"), "{message}");
    let least = match error {
        crate::Error::MemoryLimit { needed, .. } => needed,
        other => panic!("{other}"),
    };
    settings.memory_limit = least;
    let plan = Plan::new(&settings, &chunks).expect("just enough");
    assert!(plan.memory().total_bytes <= least);
}
