//! The folders of our own files in a store, and the documents that make Zarr nodes of them.

use std::path::Path;

use crate::error::{Error, Result};
use crate::names::own::{FOLDER, RUN_FOLDER};
use crate::platform::{Disk, SyncPolicy};
use crate::reader::is_there;

const GROUP: &str = r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#;

const ARRAY: &str = r#"{"zarr_format":3,"node_type":"array","shape":[0],"data_type":"uint8","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[1]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"bytes"}],"attributes":{}}"#;

/// The documents of our folders, which never change.
pub(crate) const DOCUMENTS: [(&str, &str); 2] =
    [(".ome-stream/zarr.json", GROUP), (".ome-stream/run/zarr.json", ARRAY)];

/// Makes the folders in `root`, which is there; fine if they are.
pub(super) fn make_folders(root: &Path, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
    for (folder, document) in [(FOLDER, GROUP), (RUN_FOLDER, ARRAY)] {
        let folder = root.join(folder);
        disk.create_dir(&folder, sync).map_err(|source| Error::io("create", &folder, source))?;
        let path = folder.join("zarr.json");
        if !is_there(&*disk.source(), &path)? {
            disk.put(&path, document.as_bytes(), sync).map_err(|source| Error::io("write", &path, source))?;
        }
    }
    Ok(())
}
