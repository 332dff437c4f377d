//! The metadata documents of the arrays: all of them when the store is made, then those of arrays that have grown. A
//! document is written after what it tells of: no reader may look for planes that it cannot read.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Store;
use crate::error::{Error, Result};
use crate::plan::{ArrayId, Form, PlannedArray};
use crate::platform::{Disk, SyncPolicy, write_new};
use crate::zarr::ArrayDocument;
use crate::zarr::json::with_member;

/// What is in the arrays' documents.
#[derive(Debug)]
pub(super) struct Arrays {
    /// Locked while documents are written: a round of the live thread may come while the run is being finished.
    shown: Mutex<Shown>,
    /// True where the store was there before: others may have edited the documents, and what they wrote is kept.
    continued: bool,
}

#[derive(Debug)]
struct Shown {
    /// Planes along the append axis that each array's document tells of.
    extents: Vec<Option<u64>>,
    /// The document that was written last, its form and extent: many arrays have the same.
    latest: Option<(usize, Option<u64>, Vec<u8>)>,
}

impl Arrays {
    /// Of arrays that have these planes along their append axis.
    pub(super) fn new(extents: Vec<Option<u64>>, continued: bool) -> Self {
        Self { shown: Mutex::new(Shown { extents, latest: None }), continued }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Metadata of an array with `extent` planes along its append axis, as this store has them.
    #[must_use]
    pub fn array_metadata(&self, form: &Form, extent: Option<u64>) -> Value {
        let document = form.document(extent);
        // An engine that makes its own files knows no chunks without shards.
        let codecs = if self.own_documents { form.shards() } else { document.codecs };
        form.in_format(&ArrayDocument { codecs, ..document })
    }

    /// Planes along the append axis that the document of an array tells of; `None` where its shape is fixed.
    #[must_use]
    pub fn extent(&self, array: ArrayId) -> Option<u64> {
        self.arrays.lock().extents.get(array.index()).copied().flatten()
    }

    /// Makes the documents of a new store, without planes along the append axis.
    pub(super) fn make_arrays(&self) -> Result<()> {
        if self.arrays.continued {
            return Ok(());
        }
        let mut shown = self.arrays.lock();
        for array in self.plan.arrays() {
            let empty = array.geometry().append_axis().map(|_| 0);
            self.put_array(&mut shown, array, empty, write_new)?;
        }
        Ok(())
    }

    /// Tells of `extent` planes along the append axis of an array, which are there, unless it tells of as many.
    ///
    /// # Errors
    /// [`Error::Io`]; the document is then as it was.
    pub(crate) fn grow(&self, array: ArrayId, extent: Option<u64>) -> Result<()> {
        self.shape(array, extent, |shown| extent > shown)
    }

    /// Gives an array its final extent.
    ///
    /// # Errors
    /// As for [`Store::grow`].
    pub(crate) fn trim(&self, array: ArrayId, extent: Option<u64>) -> Result<()> {
        let trim = || self.shape(array, extent, |shown| extent != shown);
        // What fails once may go well the second time; the error is told all the same.
        trim().inspect_err(|_| drop(trim()))
    }

    /// Puts the documents of all arrays in the place of those that the engine has made; goes on after an error.
    ///
    /// # Errors
    /// The first [`Error::Io`].
    pub(crate) fn replace_arrays(&self, extents: &[Option<u64>]) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        let mut shown = self.arrays.lock();
        let put = |(array, extent): (&PlannedArray, &Option<u64>)| self.put_array(&mut shown, array, *extent, replace);
        self.plan.arrays().iter().zip(extents).map(put).fold(Ok(()), Result::and)
    }

    fn shape(&self, array: ArrayId, extent: Option<u64>, wanted: impl FnOnce(Option<u64>) -> bool) -> Result<()> {
        // An engine with documents of its own tells readers itself while it runs.
        if self.own_documents || self.is_lost() {
            return Ok(());
        }
        let mut shown = self.arrays.lock();
        match shown.extents.get(array.index()) {
            Some(known) if wanted(*known) => self.put_array(&mut shown, self.plan.array(array), extent, replace),
            _ => Ok(()),
        }
    }

    fn put_array(
        &self,
        shown: &mut Shown,
        array: &PlannedArray,
        extent: Option<u64>,
        put: impl FnOnce(&dyn Disk, &Path, &[u8], SyncPolicy) -> io::Result<()>,
    ) -> Result<()> {
        let form = array.form();
        let path = self.plan.folder_of(array).join(self.plan.zarr().array_file());
        let text = if self.arrays.continued { self.text(&path)? } else { None };
        let edited = text.and_then(|text| grown(form, &text, extent));
        let common = edited.is_none();
        let document = match (edited, shown.latest.take()) {
            (Some(document), _) => document,
            (None, Some((nth, same, document))) if (nth, same) == (form.nth(), extent) => document,
            _ => serde_json::to_vec_pretty(&self.array_metadata(form, extent))
                .map_err(|error| Error::Internal { place: "array metadata", message: error.to_string() })?,
        };
        self.make_folder_for(&path)?;
        put(&*self.disk, &path, &document, self.sync).map_err(|source| Error::io("write", &path, source))?;
        self.count(document.len() as u64);
        shown.latest = common.then_some((form.nth(), extent, document));
        if let Some(known) = shown.extents.get_mut(array.id().index()) {
            *known = extent;
        }
        Ok(())
    }
}

fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: SyncPolicy) -> io::Result<()> {
    disk.put(path, bytes, sync)
}

/// The document of an array that is continued, with `extent` planes along its append axis and all else as others may
/// have edited it. `None` where it is no document any more.
fn grown(form: &Form, text: &[u8], extent: Option<u64>) -> Option<Vec<u8>> {
    with_member(text, &["shape"], &json!(form.geometry().shape_with(extent)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::journal::record::Come;
    use crate::plan::{Capabilities, Plan, StorageUnit};
    use crate::platform::{self, faulty::FaultyDisk};
    use crate::settings::{DataType, Settings, parse_dims};
    use crate::store::{Earlier, Root};

    fn plan(folder: &tempfile::TempDir) -> Arc<Plan> {
        let root = folder.path().join("a.ome.zarr").display().to_string();
        let dimensions = parse_dims("t:inf,y:8,x:8").expect("valid");
        let settings = Settings::new(root, dimensions, DataType::UInt8);
        Arc::new(Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).expect("valid"))
    }

    fn create(plan: &Arc<Plan>, disk: &Arc<dyn Disk>, own_documents: bool) -> (Root, Store) {
        let engine = Capabilities { own_documents, ..Capabilities::taking(StorageUnit::Chunk) };
        let (root, store) = Store::create(plan, disk, &engine).expect("made");
        store.complete(&[Come::default()]).expect("made");
        (root, store)
    }

    fn text(plan: &Plan) -> String {
        std::fs::read_to_string(plan.root().join("0/zarr.json")).expect("there")
    }

    fn shape(plan: &Plan) -> Value {
        serde_json::from_str::<Value>(&text(plan)).expect("JSON")["shape"].clone()
    }

    #[test]
    fn documents_are_written_when_they_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan(&folder);
        let recording = Arc::new(FaultyDisk::recording(platform::native()));
        let disk: Arc<dyn Disk> = Arc::clone(&recording) as Arc<dyn Disk>;
        let (_root, store) = create(&plan, &disk, false);
        type Change = fn(&Store, ArrayId, Option<u64>) -> Result<()>;
        let (grow, trim): (Change, Change) = (Store::grow, Store::trim);
        let steps =
            [(grow, 3, 3, true), (grow, 3, 3, false), (grow, 2, 3, false), (trim, 2, 2, true), (trim, 2, 2, false)];
        assert_eq!(shape(&plan), json!([0, 8, 8]));
        for (change, extent, expected, writes) in steps {
            let before = (recording.recorded(), store.bytes_written());
            change(&store, ArrayId(0), Some(extent)).expect("all well");
            assert_eq!(shape(&plan), json!([expected, 8, 8]));
            assert_eq!(store.extent(ArrayId(0)), Some(expected));
            let after = (recording.recorded(), store.bytes_written());
            assert_eq!((before.0 != after.0, before.1 != after.1), (writes, writes), "{extent}");
        }
    }

    #[test]
    fn what_others_wrote_into_a_document_stays_when_it_grows() {
        let folder = tempfile::tempdir().expect("a folder");
        let (plan, disk) = (plan(&folder), platform::native());
        let (root, store) = create(&plan, &disk, false);
        drop(root.keep());
        drop(store);
        let edited = text(&plan).replace("\"attributes\": {}", "\"attributes\": {\"exposure\": NaN}");
        std::fs::write(plan.root().join("0/zarr.json"), &edited).expect("written");
        let earlier = Earlier { come: vec![Come::default()], host: Default::default(), extents: vec![Some(0)] };
        let store = Store::existing(&plan, &disk, &Capabilities::taking(StorageUnit::Chunk), &earlier).expect("opened");
        store.grow(ArrayId(0), Some(5)).expect("all well");
        assert_eq!(text(&plan), edited.replacen("    0,\n", "    5,\n", 1));
    }

    #[test]
    fn an_engine_with_documents_has_ours_before_and_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let (plan, disk) = (plan(&folder), platform::native());
        let (_root, store) = create(&plan, &disk, true);
        let before = text(&plan);
        assert!(before.contains("sharding_indexed"), "all its arrays have shards");
        std::fs::write(plan.root().join("0/zarr.json"), "the engine's").expect("written");
        store.grow(ArrayId(0), Some(5)).expect("nothing");
        store.trim(ArrayId(0), Some(5)).expect("nothing");
        assert_eq!(text(&plan), "the engine's");
        store.replace_arrays(&[Some(0)]).expect("all well");
        assert_eq!(text(&plan), before);
    }
}
