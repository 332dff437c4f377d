//! Which files a workload has, and how large they are.

use std::path::PathBuf;

use ome_stream::Plan;
use ome_stream::plan::ShardGrid;
use ome_stream::zarr::index::index_bytes;

/// One chunk file or shard file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpec {
    /// Path below the folder of the run.
    pub path: PathBuf,
    /// Its length: chunks, and in a shard its index.
    pub bytes: u64,
}

/// All files of all positions, in storage order.
pub fn list(plan: &Plan) -> Vec<FileSpec> {
    let geometry = plan.geometry();
    let chunk_bytes = geometry.chunk().iter().product::<u64>() * geometry.item_size() as u64;
    let shards = ShardGrid::of(geometry);
    let grid: Vec<u64> =
        geometry.shape().iter().zip(geometry.object()).map(|(extent, object)| extent.div_ceil(object)).collect();
    let form = &plan.forms()[0];
    let mut files = Vec::new();
    for position in 0..plan.positions().len() {
        let array = plan.array_path(position, 0);
        let array = array.strip_prefix(plan.root()).unwrap_or(&array);
        for number in 0..grid.iter().product::<u64>() {
            let mut place = vec![0; grid.len()];
            let mut rest = number;
            for (coordinate, extent) in place.iter_mut().zip(&grid).rev() {
                *coordinate = rest % extent;
                rest /= extent;
            }
            // A shard at the edge holds only the chunks that lie in the array, and a whole index.
            let bytes = shards.as_ref().map_or(chunk_bytes, |shards| {
                shards.expected(&place) as u64 * chunk_bytes + index_bytes(shards.chunks_per_shard())
            });
            files.push(FileSpec { path: array.join(form.object_key(&place)), bytes });
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use ome_stream::plan::{Capabilities, StorageUnit};
    use ome_stream::settings::{DataType, Settings, parse_dims};

    use super::*;

    fn files(dims: &str) -> Vec<(String, u64)> {
        let settings = Settings::new("a.zarr", parse_dims(dims).unwrap(), DataType::UInt16);
        let plan = Plan::new(&settings, &Capabilities::taking(StorageUnit::Chunk)).unwrap();
        list(&plan).into_iter().map(|file| (file.path.display().to_string().replace('\\', "/"), file.bytes)).collect()
    }

    #[test]
    fn chunk_files_at_the_edge_are_whole() {
        let found = files("t:2,y:64:64,x:100:64");
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|(_, bytes)| *bytes == 64 * 64 * 2));
        assert_eq!(found[3].0, "0/c/1/0/1");
    }

    #[test]
    fn a_shard_at_the_edge_has_a_whole_index() {
        // Seven planes in shards of four; 64 x 100 in shards of 1 x 2 chunks of 64.
        let found = files("t:7:1:4,y:64:64,x:100:64:2");
        let index = 4 * 2 * 16 + 4;
        assert_eq!(found, [("0/c/0/0/0".into(), 8 * 8192 + index), ("0/c/1/0/0".into(), 6 * 8192 + index)]);
    }

    #[test]
    fn every_position_has_its_files() {
        let found = files("p:2,t:3,y:8,x:8");
        assert_eq!(found.len(), 6);
        assert_eq!(found.iter().filter(|(path, _)| path.ends_with("0/c/2/0/0")).count(), 2);
    }
}
