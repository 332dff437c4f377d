//! An engine that stores levels below full resolution alone.

use std::sync::Arc;

use crate::backend::{Backend, Batch, Capabilities, Sink, Stored, TimeSpent, Unsupported};
use crate::error::Result;
use crate::plan::{ArrayId, Plan};
use crate::store::Store;

/// Passes on to an engine what is not of full resolution, which is stored elsewhere.
#[derive(Debug)]
pub(super) struct LevelsOnly<'a>(pub(super) &'a dyn Backend);

impl Backend for LevelsOnly<'_> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn check(&self, plan: &Plan) -> Result<(), Unsupported> {
        self.0.check(plan)
    }

    fn create(&self, store: &Arc<Store>) -> Result<Box<dyn Sink>> {
        Ok(Box::new(Below { plan: Arc::clone(store.plan()), sink: self.0.create(store)? }))
    }
}

struct Below {
    plan: Arc<Plan>,
    sink: Box<dyn Sink>,
}

impl Below {
    fn is_full(&self, array: ArrayId) -> bool {
        self.plan.array(array).level() == 0
    }
}

impl Sink for Below {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        if self.is_full(batch.key.array) { Ok(Stored::default()) } else { self.sink.write(batch) }
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        if self.is_full(batch.key.array) { Ok(Stored::default()) } else { self.sink.skip(batch) }
    }

    fn publish(&self, array: ArrayId) -> Result<bool> {
        if self.is_full(array) { Ok(true) } else { self.sink.publish(array) }
    }

    fn tend(&self) -> Result<()> {
        self.sink.tend()
    }

    fn seal(&self, array: ArrayId) -> Result<()> {
        self.sink.seal(array)
    }

    fn finish(&self) -> Result<()> {
        self.sink.finish()
    }

    fn bytes_for_live_readers(&self) -> u64 {
        self.sink.bytes_for_live_readers()
    }

    // Nobody reads meanwhile.
    fn allows_copy(&self, _: ArrayId, _: usize, _: usize) -> bool {
        false
    }

    fn time_spent(&self) -> TimeSpent {
        self.sink.time_spent()
    }
}
