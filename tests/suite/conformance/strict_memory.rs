//! The memory backend is stricter than any disk: what would pass unnoticed elsewhere fails here.

use std::sync::Arc;

use ome_stream::backend::{Backend, Batch, MemoryBackend, Sink};
use ome_stream::plan::{ArrayId, Capabilities, Form, SlabKey, StorageUnit};
use ome_stream::store::Store;
use ome_stream::{Error, Plan};
use ome_stream_tests::case::Case;

/// A run of a memory backend: two positions of `t:5:2` in two tiles.
struct Run {
    sink: Box<dyn Sink>,
    form: Arc<Form>,
}

impl Run {
    fn new() -> Self {
        let case = Case::new("strict", "t:5:2,p:2,y:4,x:8:4");
        let plan = Arc::new(
            Plan::new(&case.settings_in("folder".as_ref()), &Capabilities::taking(StorageUnit::Chunk))
                .expect("valid settings"),
        );
        let backend = MemoryBackend::new(StorageUnit::Chunk, false);
        let store = Arc::new(Store::nowhere(&plan, &ome_stream::platform::native()));
        let sink = backend.create(&store).expect("memory");
        Self { sink, form: Arc::clone(&plan.forms()[0]) }
    }

    fn batch<'a>(&'a self, position: u32, group: u64, bytes: &'a [u8]) -> Batch<'a> {
        Batch {
            key: SlabKey { array: ArrayId(position), index: [group, 0, 0] },
            layout: self.form.layout(),
            units: 0..self.form.layout().units(),
            bytes,
            complete: true,
            new_planes: None,
        }
    }

    fn whole(&self) -> Vec<u8> {
        vec![1; self.form.layout().units() * self.form.layout().unit_bytes()]
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, why: &str) {
    let error = outcome.expect_err(why);
    assert_eq!(error.code(), 13, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn a_unit_may_be_written_once_only() {
    let run = Run::new();
    let bytes = run.whole();
    run.sink.write(&run.batch(0, 0, &bytes)).expect("the first time");
    refused(run.sink.write(&run.batch(0, 0, &bytes)), "already complete");
    refused(run.sink.skip(&run.batch(0, 0, &[])), "already complete");
    run.sink.write(&run.batch(1, 0, &bytes)).expect("the other position");
}

#[test]
fn a_skipped_unit_may_not_be_written_nor_skipped_again() {
    let run = Run::new();
    let bytes = run.whole();
    run.sink.skip(&run.batch(0, 1, &[])).expect("the first time");
    refused(run.sink.write(&run.batch(0, 1, &bytes)), "already complete");
    refused(run.sink.skip(&run.batch(0, 1, &[])), "already complete");
}

#[test]
fn a_provisional_unit_may_be_written_again_until_it_is_complete() {
    let run = Run::new();
    let bytes = run.whole();
    let provisional = || Batch { complete: false, ..run.batch(0, 0, &bytes) };
    run.sink.write(&provisional()).expect("provisional");
    run.sink.write(&provisional()).expect("provisional, again");
    run.sink.write(&run.batch(0, 0, &bytes)).expect("complete");
    refused(run.sink.write(&provisional()), "already complete");
}

#[test]
fn units_of_the_wrong_size_or_place_are_refused() {
    let run = Run::new();
    let bytes = run.whole();
    refused(run.sink.write(&run.batch(0, 0, &bytes[1..])), "bytes for 2 units");
    refused(run.sink.write(&run.batch(2, 0, &bytes)), "no array 2");
    refused(run.sink.write(&run.batch(0, 3, &bytes)), "outside the array");
}

#[test]
fn nothing_comes_after_a_seal_and_finish_after_all_of_them() {
    let run = Run::new();
    let bytes = run.whole();
    run.sink.seal(ArrayId(0)).expect("the first time");
    refused(run.sink.seal(ArrayId(0)), "was sealed before");
    refused(run.sink.write(&run.batch(0, 0, &bytes)), "after its array was sealed");
    run.sink.write(&run.batch(1, 0, &bytes)).expect("the other position");
    run.sink.seal(ArrayId(1)).expect("the first time");
    run.sink.finish().expect("the first time");
    refused(run.sink.finish(), "finish was asked twice");
    refused(run.sink.write(&run.batch(1, 1, &bytes)), "after finish");
    refused(Run::new().sink.finish(), "0 of 2 arrays sealed");
}
