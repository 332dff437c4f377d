//! Plan -> TensorStore's specification of an array.
//!
//! TensorStore opens each array with `assume_metadata`: it neither reads nor writes `zarr.json`, and is told of a shape
//! that is rounded up to whole units and practically endless along the append axis. Every unit that core hands over is
//! then a whole one, also at the edges, and nothing has to be resized.

use ome_stream::plan::Form;
use ome_stream::zarr::ArrayDocument;
use ome_stream::{Error, Plan, Result};
use serde_json::{Value, json};

use crate::NAME;

/// Planes along the append axis that TensorStore is told of, give or take a unit: more than any acquisition has, and
/// far below its limit of 2^62 pixels along an axis.
const ENDLESS: u64 = 1 << 44;

const LEAST_FILES_AT_ONCE: usize = 4;

/// TensorStore's specification of an array, for storing whole units; where they go is not its matter.
///
/// # Errors
/// [`Error::Unsupported`] for an array that is too long.
pub fn array(form: &Form) -> Result<Value> {
    let unsupported = |reason: String| Error::Unsupported { backend: NAME.into(), reason };
    let geometry = form.geometry();
    let shape = geometry
        .shape()
        .iter()
        .zip(geometry.object())
        .enumerate()
        .map(|(axis, (extent, unit))| {
            let units =
                if geometry.append_axis() == Some(axis) { ENDLESS.div_ceil(unit) } else { extent.div_ceil(unit) };
            units.checked_mul(unit).filter(|pixels| *pixels < 1 << 61).ok_or_else(|| {
                unsupported(format!("an axis of {units} stored objects of {unit} pixels is too long for TensorStore"))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "driver": "zarr3",
        "metadata": ArrayDocument { shape, ..form.document(None) }.json(),
        "open": true,
        "assume_metadata": true,
        "store_data_equal_to_fill_value": true,
        "recheck_cached_data": false,
    }))
}

/// Files that are written at once, and so shards that are encoded at once: one for each core, and at least four. With
/// eight instead of four nothing was faster on two cores (measured), and each takes the memory of a shard.
#[must_use]
pub fn files_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).max(LEAST_FILES_AT_ONCE)
}

/// TensorStore's settings for a run.
#[must_use]
pub fn context(plan: &Plan) -> Value {
    let threads = plan.settings().threads.map_or(json!("shared"), |threads| json!(threads.max(1)));
    json!({
        // What is stored is not read again.
        "cache_pool": {"total_bytes_limit": 0},
        "data_copy_concurrency": {"limit": threads},
        "file_io_concurrency": {"limit": files_at_once()},
    })
}

#[cfg(test)]
mod tests {
    use ome_stream::Settings;
    use ome_stream::plan::{Capabilities, StorageUnit};
    use ome_stream::settings::{Checksum, Codec, Compression, DataType, parse_dims};

    use super::*;

    fn plan(dimensions: &str) -> Plan {
        let settings = Settings::new("store", parse_dims(dimensions).unwrap(), DataType::UInt16);
        Plan::new(&settings, &Capabilities::taking(StorageUnit::Shard)).unwrap()
    }

    #[test]
    fn what_tensorstore_is_told_holds_whole_units_and_never_ends() {
        let spec = array(&plan("t:inf:2:3,y:100:64,x:30:16:2").forms()[0]).unwrap();
        assert_eq!(spec["metadata"]["shape"], json!([ENDLESS.div_ceil(6) * 6, 128, 32]));
        assert_eq!(spec["metadata"]["chunk_grid"]["configuration"]["chunk_shape"], json!([6, 64, 32]));
    }

    #[test]
    fn tensorstore_is_told_of_a_checksum_as_readers_are() {
        let mut settings = plan("t:inf:2:3,y:100:64,x:30:16:2").settings().clone();
        settings.compression = Compression::new(Codec::Zstd).with_checksum(Checksum::Crc32c);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Shard)).unwrap();
        let codecs = &array(&plan.forms()[0]).unwrap()["metadata"]["codecs"];
        assert_eq!(*codecs, plan.forms()[0].metadata(None)["codecs"]);
        assert_eq!(codecs[0]["configuration"]["codecs"][2], json!({"name": "crc32c"}));
    }
}
