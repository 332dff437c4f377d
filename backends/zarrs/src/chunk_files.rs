//! Without shards: one file a chunk, which appears whole.

use ome_stream::backend::{Batch, Stored};
use ome_stream::{Error, Result};

use crate::sink::Common;

/// Stores each chunk of the batch in a file of its own.
pub(crate) fn write(common: &Common, batch: &Batch<'_>) -> Result<Stored> {
    let mut stored = Stored::default();
    let mut bench = common.encoder.bench();
    for (place, pixels) in batch.units() {
        let path = common.object_path(batch.key.position as usize, place.coordinates());
        common.folders.for_file(&path)?;
        let bytes = common.encoding.time(|| common.encoder.encode(pixels, &mut bench))?;
        common
            .writing
            .time(|| common.disk.put(&path, &bytes, common.sync))
            .map_err(|source| Error::io("write", &path, source))?;
        common.count(bytes.len());
        if batch.complete {
            stored.sealed_durable += usize::from(common.syncs_now());
        }
    }
    common.encoder.put_away(bench);
    Ok(stored)
}
