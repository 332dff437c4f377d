//! Reading back what was stored and replacing planes in it.

use std::io::ErrorKind;

use ome_stream::backend::Replacement;
use ome_stream::plan::{ArrayId, Layout, SlabKey, UnitPlace};
use ome_stream::reader::limits::stored_chunk_bytes;
use ome_stream::reader::{Small, small};
use ome_stream::{Error, Result};

use crate::common::Common;
use crate::of_form::OfForm;
use crate::options::options;
use crate::shard_file::Kind;
use crate::spares::zeros;

/// Pixels of a unit; `None` where it is not stored.
pub(crate) fn read(
    common: &Common,
    form: &OfForm,
    key: SlabKey,
    layout: &Layout,
    nth: usize,
) -> Result<Option<Vec<u8>>> {
    let place = layout.place(&key.index, nth);
    let path = common.object_path(key.array, place.coordinates());
    let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
    let stored = match &form.shards {
        Some(shards) => {
            let (file, chunk) = shards.find(common, key.array, &place)?;
            file.read(chunk)?
        }
        None => match small(&*common.disk().source(), &path, stored_chunk_bytes(layout.unit_bytes() as u64))? {
            Small::Bytes(bytes) => Some(bytes),
            Small::Nothing => None,
            Small::TooLong(length) => return Err(damaged(format!("{length} bytes long, which no chunk here can be"))),
            Small::Link | Small::NoFile => return Err(damaged("not a file".into())),
        },
    };
    let Some(stored) = stored else { return Ok(None) };
    let pixels = form.encoder.decode(stored, &options()?).map_err(damaged)?;
    if pixels.len() == layout.unit_bytes() {
        return Ok(Some(pixels));
    }
    Err(damaged(format!("a chunk has {} bytes of pixels, expected {}", pixels.len(), layout.unit_bytes())))
}

/// Replaces a plane in every unit of its slab.
pub(crate) fn replace(common: &Common, form: &OfForm, plane: &Replacement<'_>) -> Result<()> {
    // Two planes of one chunk must not be replaced from the same old chunk.
    let _one_at_a_time = common.replacing();
    let mut workspace = form.encoder.workspace_for_whole(plane.layout.unit_bytes())?;
    for (nth, bytes) in plane.bytes.chunks_exact(plane.layout.plane_bytes()).enumerate() {
        let place = plane.layout.place(&plane.key.index, nth);
        let within = plane.slot * plane.layout.plane_bytes();
        if form.encoder.is_identity() && overwrite(common, form, plane.key.array, &place, within, bytes)? {
            continue;
        }
        let pixels = read(common, form, plane.key, plane.layout, nth)?;
        let mut pixels = pixels.map_or_else(|| zeros(plane.layout.unit_bytes(), "a chunk with a new plane"), Ok)?;
        pixels[within..within + bytes.len()].copy_from_slice(bytes);
        let encoded = form.encoder.encode_whole(&pixels, &mut workspace)?;
        common.account.count(encoded.len() as u64);
        match &form.shards {
            None => {
                let path = common.object_path(plane.key.array, place.coordinates());
                common.store.make_folder_for(&path)?;
                common
                    .disk()
                    .put(&path, &encoded, common.store.sync())
                    .map_err(|source| Error::io("write", &path, source))?;
            }
            Some(shards) => {
                let (file, chunk) = shards.find(common, plane.key.array, &place)?;
                common.store.make_folder_for(&common.object_path(plane.key.array, &shards.shard_of(&place)))?;
                if form.encoder.is_identity() {
                    file.write_planes(&[chunk], &encoded, encoded.len(), None, false)?;
                } else {
                    file.write(&[(chunk, encoded.len() as u64)], &encoded, Kind::Replacement)?;
                }
                file.publish(true)?;
            }
        }
    }
    Ok(())
}

/// Writes a plane over the old one where it lies; false where the chunk is not there.
fn overwrite(
    common: &Common,
    form: &OfForm,
    array: ArrayId,
    place: &UnitPlace,
    within: usize,
    bytes: &[u8],
) -> Result<bool> {
    common.account.count(bytes.len() as u64);
    if let Some(shards) = &form.shards {
        let (file, chunk) = shards.find(common, array, place)?;
        return file.overwrite(chunk, within as u64, bytes);
    }
    let path = common.object_path(array, place.coordinates());
    let file = match common.disk().open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(Error::io("open", &path, source)),
    };
    file.write_at(within as u64, bytes)
        .and_then(|()| file.sync(common.store.sync()))
        .map_err(|source| Error::io("write", &path, source))?;
    Ok(true)
}
