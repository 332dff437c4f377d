//! Names of our own files in a store: whoever reads, writes or reserves them has them from here.
//!
//! They lie in one folder of the root. Readers that list a group warn of every name in it that is no Zarr node
//! (zarr-python 3 does), so the folder is an empty group and what is in it belongs to an array without elements.

/// The folder of ours in the root: a Zarr group without members but the next.
pub(crate) const FOLDER: &str = ".ome-stream";

/// The folder that holds our files: a Zarr array without elements, which readers do not list.
pub(crate) const RUN_FOLDER: &str = ".ome-stream/run";

/// The mark: what run the store belongs to.
pub(crate) const MARK: &str = ".ome-stream/run/run.json";

/// How far the run had come.
pub(crate) const RECORD: &str = ".ome-stream/run/progress.json";

/// The host's metadata of the run, once more.
pub(crate) const ATTRIBUTES: &str = ".ome-stream/run/attributes.json";

/// Empty; locked by whoever changes the store.
pub(crate) const LOCK: &str = ".ome-stream/run/lock";

/// Held for a moment by whoever takes the lock.
pub(crate) const TAKING: &str = ".ome-stream/run/taking";

/// Who holds the lock.
pub(crate) const OWNER: &str = ".ome-stream/run/owner.json";

/// The write log.
pub(crate) const LOG: &str = ".ome-stream/run/log";

/// Frames that the run has not, by number and place.
pub(crate) const MISSING: &str = ".ome-stream/run/missing.jsonl";

/// Keeps space on the disk; without the ending of a file that is not whole.
pub(crate) const RESERVE: &str = ".ome-stream/run/room";

/// Every file of ours.
pub(crate) const ALL: [&str; 9] = [MARK, RECORD, ATTRIBUTES, LOCK, TAKING, OWNER, LOG, MISSING, RESERVE];

/// Names that earlier versions gave the record, the write log and the file that keeps space, in the root itself.
pub(crate) const OLD_RECORD: &str = ".ome-stream.json";
pub(crate) const OLD_LOG: &str = ".ome-stream-log";
pub(crate) const OLD_RESERVE: &str = ".ome-stream-room";

/// Newest format of what lies in the folder; a larger number is of a later version and is not understood.
pub(crate) const FORMAT: u64 = 2;

/// Ending of the names under which recovery keeps what it replaced; a number follows where the name was taken.
pub const KEPT_SUFFIX: &str = ".before-recover";
