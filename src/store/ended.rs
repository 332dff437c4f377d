//! How a run ended, in the root group: written when all else is, and taken away while another run goes on.

use std::path::PathBuf;

use serde_json::Value;

use super::Store;
use crate::error::{Error, Result};
use crate::zarr::json::{parse_object, with_member};

impl Store {
    /// Tells how the run ended. Every other byte of the root's document stays, whoever wrote it; one that is none any
    /// more tells nothing.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn tell_end(&self, ended: &Value) -> Result<()> {
        if self.is_lost() {
            return Ok(());
        }
        let (path, place) = self.place_of_end();
        let edited = self.text(&path)?.and_then(|text| with_member(&text, &place, ended));
        edited.map_or(Ok(()), |text| {
            self.disk.put(&path, &text, self.sync).map_err(|source| Error::io("write", &path, source))
        })
    }

    /// Takes away what is told of the run before: it has not ended while this one goes on with it.
    ///
    /// # Errors
    /// As for [`Store::tell_end`].
    pub(crate) fn forget_end(&self) -> Result<()> {
        if !self.groups.are_continued() {
            return Ok(());
        }
        let (path, place) = self.place_of_end();
        let told = self.text(&path)?.and_then(|text| {
            let document = parse_object(&text).ok()?;
            place.iter().try_fold(&Value::Object(document), |value, name| value.get(name)).map(|run| !run.is_null())
        });
        if told == Some(true) { self.tell_end(&Value::Null) } else { Ok(()) }
    }

    /// The root's document, and where in it the end is told.
    fn place_of_end(&self) -> (PathBuf, Vec<&'static str>) {
        let zarr = self.plan.zarr();
        let place = [zarr.attribute_at("ome_stream"), vec!["run"]].concat();
        (self.plan.root().join(zarr.attributes_file()), place)
    }
}
