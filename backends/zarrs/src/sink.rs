//! One run of the native engine.

use std::sync::Arc;

use ome_stream::backend::{Batch, Done, Replacement, Sink, Stored, TimeSpent};
use ome_stream::plan::{ArrayId, Form, Layout, SlabKey};
use ome_stream::store::Store;
use ome_stream::{Plan, Result};

use crate::common::Common;
use crate::encode::Encoder;
use crate::of_form::OfForm;
use crate::shards::Shards;
use crate::{array, chunk_files, random_access};

/// The native engine's side of a run.
pub(crate) struct ZarrsSink {
    common: Common,
    /// By form of array.
    forms: Vec<OfForm>,
}

impl ZarrsSink {
    /// Ready to write arrays, or to go on with those that hold what is `resumed`.
    pub(crate) fn open(store: &Arc<Store>, resumed: Option<&Done>) -> Result<Self> {
        let plan = store.plan();
        let common = Common::new(store);
        let of_form = |form: &Arc<Form>| {
            array::check(form)?;
            let encoder = Arc::new(Encoder::new(form)?);
            Ok(OfForm { shards: Shards::new(plan, form, &common, &encoder, resumed), encoder })
        };
        Ok(Self { forms: plan.forms().iter().map(of_form).collect::<Result<_>>()?, common })
    }

    fn plan(&self) -> &Plan {
        self.common.store.plan()
    }

    fn form(&self, array: ArrayId) -> &OfForm {
        &self.forms[self.plan().array(array).form().nth()]
    }

    /// The shards of all forms that have some.
    fn shards(&self) -> impl Iterator<Item = &Shards> {
        self.forms.iter().filter_map(|form| form.shards.as_ref())
    }
}

impl Sink for ZarrsSink {
    fn write(&self, batch: &Batch<'_>) -> Result<Stored> {
        let OfForm { encoder, shards } = self.form(batch.key.array);
        match shards {
            Some(shards) => shards.write(&self.common, batch),
            None => chunk_files::write(&self.common, encoder, batch),
        }
    }

    fn skip(&self, batch: &Batch<'_>) -> Result<Stored> {
        match &self.form(batch.key.array).shards {
            Some(shards) => shards.skip(&self.common, batch),
            // Nothing is stored, and what is not stored needs no medium.
            None => {
                let sealed_durable = if self.common.syncs_now() { batch.units.len() } else { 0 };
                Ok(Stored { sealed_durable, ..Stored::default() })
            }
        }
    }

    fn read(&self, key: SlabKey, layout: &Layout, nth: usize) -> Result<Option<Vec<u8>>> {
        // A shard that is written anew meanwhile has its chunks elsewhere.
        let _nobody_replaces = self.common.replacing();
        random_access::read(&self.common, self.form(key.array), key, layout, nth)
    }

    fn replace(&self, plane: &Replacement<'_>) -> Result<()> {
        random_access::replace(&self.common, self.form(plane.key.array), plane)
    }

    fn publish(&self, array: ArrayId) -> Result<bool> {
        self.form(array).shards.as_ref().map_or(Ok(true), |shards| shards.publish(array))
    }

    fn tend(&self) -> Result<()> {
        let tend = |shards: &Shards| shards.shorten_due(&self.common).and(shards.look_after());
        self.shards().map(tend).fold(Ok(()), Result::and)
    }

    fn seal(&self, array: ArrayId) -> Result<()> {
        self.form(array).shards.as_ref().map_or(Ok(()), |shards| shards.seal(&self.common, array))
    }

    fn finish(&self) -> Result<()> {
        self.shards().map(|shards| shards.shorten_all(&self.common)).fold(Ok(()), Result::and)
    }

    fn time_spent(&self) -> TimeSpent {
        TimeSpent { encode: self.common.encoding.total(), write: self.common.writing.total() }
    }

    fn bytes_for_live_readers(&self) -> u64 {
        self.common.account.spent()
    }

    fn allows_copy(&self, array: ArrayId, shown: usize, filled: usize) -> bool {
        // Uncompressed, only what is new is written.
        self.form(array).encoder.is_identity() || {
            let layout = self.plan().array(array).layout();
            let raw = (layout.plane_bytes() * filled) as u64 * layout.units() as u64;
            self.common.account.allows_copy(raw, filled >= 2 * shown)
        }
    }
}
