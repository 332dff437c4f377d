//! What is measured.

use super::Options;

/// One line of a table.
pub(super) struct Workload {
    pub(super) letter: char,
    pub(super) what: &'static str,
    pub(super) arguments: &'static [&'static str],
}

const SHARDS_OF_TEN: &str = "t:200:1:10,y:2048:512:4,x:2048:512:4";
const SHARD_A_FRAME: &str = "t:40,y:2048:256:8,x:2048:256:8";
const EIGHT_PLANES: &str = "t:4,c:2,z:32:8,y:1024:256,x:1024:256";
const ENDLESS: &str = "t:inf:1:10,y:2048:512:4,x:2048:512:4";

const fn of(letter: char, what: &'static str, arguments: &'static [&'static str]) -> Workload {
    Workload { letter, what, arguments }
}

/// Against the limit and against the engines labs use today.
pub(super) const WORKLOADS: [Workload; 10] = [
    of('A', "many small chunk files", &["-d", "t:20,y:1024:256,x:1024:256"]),
    of('B', "a shard a frame", &["-d", SHARD_A_FRAME]),
    of('C', "shards of ten frames", &["-d", SHARDS_OF_TEN]),
    of('D', "chunks of eight planes", &["-d", EIGHT_PLANES]),
    of('E', "C, blosc-lz4", &["-d", SHARDS_OF_TEN, "-c", "blosc-lz4", "--frames", "camera"]),
    of('E', "C, zstd 1", &["-d", SHARDS_OF_TEN, "-c", "zstd:1", "--frames", "camera"]),
    of('E', "C, blosc-zstd 3", &["-d", SHARDS_OF_TEN, "-c", "blosc-zstd:3", "--frames", "camera"]),
    of('F', "acquired t,z,c, stored t,c,z", &["-d", "t:4,z:16:4,c:2,y:1024:256,x:1024:256"]),
    of('G', "small frames", &["-d", "t:20000:100:10,y:128,x:128"]),
    of('H', "sustained", &["-d", ENDLESS, "--sustained", "16GiB"]),
];

/// The same frames by the standard library's file calls alone.
pub(super) const PORTABLE: [Workload; 4] = [
    of('A', "many small chunk files", WORKLOADS[0].arguments),
    of('B', "a shard a frame", WORKLOADS[1].arguments),
    of('C', "shards of ten frames", WORKLOADS[2].arguments),
    of('D', "chunks of eight planes", WORKLOADS[3].arguments),
];

/// The same frames with levels below full resolution, and without them in the same rounds.
pub(super) const PYRAMIDS: [Workload; 3] = [
    of('B', "a shard a frame", &["-d", SHARD_A_FRAME, "--pyramid", "mean"]),
    of('C', "shards of ten frames", &["-d", SHARDS_OF_TEN, "--pyramid", "mean"]),
    of('D', "chunks of eight planes", &["-d", EIGHT_PLANES, "--pyramid", "mean"]),
];

/// Long runs within a small limit: nothing is the bottleneck, the codec is.
pub(super) const BOUNDED: [Workload; 2] = [
    of('M', "as fast as it goes", &["-d", ENDLESS, "--sustained", "4GiB", "--memory-limit", "256MiB"]),
    of(
        'M',
        "a slow codec: zstd 19",
        &["-d", ENDLESS, "--sustained", "240MiB", "--memory-limit", "400MiB", "-c", "zstd:19", "--frames", "camera"],
    ),
];

impl Workload {
    /// Name of the file that keeps its results: its letter and what is said about it.
    pub(super) fn file_name(&self, table: &str) -> String {
        let plain: String =
            self.what.chars().map(|each| if each.is_ascii_alphanumeric() { each } else { '-' }).collect();
        format!("{table}-{}-{plain}.json", self.letter)
    }

    /// Its dimensions as `ome-bench` takes them.
    pub(super) fn dimensions(&self) -> &'static str {
        self.arguments[1]
    }

    /// True where it is one long run.
    pub(super) fn is_long(&self) -> bool {
        self.arguments.contains(&"--sustained")
    }

    /// True where it is asked for.
    pub(super) fn is_chosen(&self, options: &Options) -> bool {
        options.only.as_ref().is_none_or(|only| only.contains(self.letter))
    }
}
