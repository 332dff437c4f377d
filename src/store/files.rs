//! The folders of our own files in a store, and the documents that make Zarr nodes of them.

use std::path::Path;

use crate::error::{Error, Result};
use crate::names::own::{FOLDER, RUN_FOLDER};
use crate::platform::{Disk, SyncPolicy};
use crate::reader::is_there;
use crate::zarr::ZarrFormat;

const GROUP_V2: &str = r#"{"zarr_format":2}"#;

const ARRAY_V2: &str = r#"{"zarr_format":2,"shape":[0],"chunks":[1],"dtype":"|u1","compressor":null,"fill_value":0,"order":"C","filters":null,"dimension_separator":"/"}"#;

const GROUP: &str = r#"{"zarr_format":3,"node_type":"group","attributes":{}}"#;

const ARRAY: &str = r#"{"zarr_format":3,"node_type":"array","shape":[0],"data_type":"uint8","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[1]}},"chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":0,"codecs":[{"name":"bytes"}],"attributes":{}}"#;

/// The documents of our folders, which never change: folder, name and text.
pub(crate) const fn documents(zarr: ZarrFormat) -> [(&'static str, &'static str, &'static str); 2] {
    let (group, array) = match zarr {
        ZarrFormat::V2 => (GROUP_V2, ARRAY_V2),
        ZarrFormat::V3 => (GROUP, ARRAY),
    };
    [(FOLDER, zarr.group_file(), group), (RUN_FOLDER, zarr.array_file(), array)]
}

/// Makes the folders in `root`, which is there; fine if they are.
pub(super) fn make_folders(root: &Path, zarr: ZarrFormat, disk: &dyn Disk, sync: SyncPolicy) -> Result<()> {
    for (folder, name, document) in documents(zarr) {
        let folder = root.join(folder);
        disk.create_dir(&folder, sync).map_err(|source| Error::io("create", &folder, source))?;
        let path = folder.join(name);
        if !is_there(&*disk.source(), &path)? {
            disk.put(&path, document.as_bytes(), sync).map_err(|source| Error::io("write", &path, source))?;
        }
    }
    Ok(())
}
