//! Without shards: one file a chunk, which appears whole.
//!
//! The file of an incomplete uncompressed chunk has its full length when it gets its name, and is zero where nothing
//! came yet; what comes later is written in place.

use std::io::ErrorKind;
use std::path::Path;

use ome_stream::backend::{Batch, Stored};
use ome_stream::platform::{DiskFile, partial_name};
use ome_stream::{Error, Result};

use crate::common::Common;
use crate::encode::Encoder;

/// Stores each chunk of the batch in a file of its own.
pub(crate) fn write(common: &Common, encoder: &Encoder, batch: &Batch<'_>) -> Result<Stored> {
    let mut stored = Stored::default();
    let mut workspace = encoder.workspace_for_whole(batch.layout.unit_bytes())?;
    for (place, pixels) in batch.units() {
        let path = common.object_path(batch.key.array, place.coordinates());
        common.store.make_folder_for(&path)?;
        if let (true, Some(new)) = (encoder.is_identity(), batch.new_planes) {
            let plane = batch.layout.plane_bytes();
            let written = common
                .writing
                .time(|| write_planes(common, &path, pixels, plane, new, batch.complete))
                .map_err(|source| Error::io("write", &path, source))?;
            common.account.count(written);
        } else {
            let bytes = common.encoding.time(|| encoder.encode_whole(pixels, &mut workspace))?;
            common.account.encoded(pixels.len() as u64, bytes.len() as u64);
            if !batch.complete && !common.account.try_spend(bytes.len() as u64) {
                stored.refused = true;
                break;
            }
            common
                .writing
                .time(|| common.disk().put(&path, &bytes, common.store.sync()))
                .map_err(|source| Error::io("write", &path, source))?;
            common.account.count(bytes.len() as u64);
            if batch.complete {
                common.account.earn(bytes.len() as u64);
            }
        }
        if batch.complete {
            stored.sealed_durable += usize::from(common.syncs_now());
        }
    }
    Ok(stored)
}

/// Stores the planes in the slots `new` of an uncompressed chunk where they lie in its file; returns the bytes written.
fn write_planes(
    common: &Common,
    path: &Path,
    pixels: &[u8],
    plane: usize,
    new: &[usize],
    complete: bool,
) -> std::io::Result<u64> {
    let put = |file: &dyn DiskFile| -> std::io::Result<u64> {
        let mut written = 0;
        for run in new.chunk_by(|left, right| left + 1 == *right) {
            let bytes =
                run.first().zip(run.last()).and_then(|(first, last)| pixels.get(first * plane..(last + 1) * plane));
            let bytes = bytes.unwrap_or_default();
            file.write_at((run[0] * plane) as u64, bytes)?;
            written += bytes.len() as u64;
        }
        Ok(written)
    };
    match common.disk().open(path) {
        Ok(file) => {
            let written = put(&*file)?;
            if complete {
                // Until then nothing of it is called durable.
                file.sync(common.store.sync())?;
            }
            Ok(written)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && complete => {
            // Somebody removed it; here is all of it.
            common.disk().put(path, pixels, common.store.sync()).map(|()| pixels.len() as u64)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let partial = partial_name(path);
            let file = common.disk().create(&partial, 0)?;
            file.truncate(pixels.len() as u64)?;
            let written = put(&*file)?;
            file.sync(common.store.sync())?;
            common.disk().rename(&partial, path, common.store.sync())?;
            Ok(written)
        }
        Err(error) => Err(error),
    }
}
