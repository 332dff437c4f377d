//! Ways to write files, and which of them could win.

use std::fmt;

/// Files from this size on are worth more than one write.
const LARGE: u64 = 1 << 20;

/// How writes go to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Through the page cache.
    Buffered,
    /// Through the page cache, which starts to write at once and forgets (`RWF_DONTCACHE`, Linux 6.14).
    Uncached,
    /// Past the page cache (`O_DIRECT`).
    Direct,
}

/// How room is made in a file before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// Not at all: the file grows.
    Nothing,
    /// Its length is set.
    Length,
    /// Its blocks are reserved (`fallocate`), its length too.
    Blocks,
}

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub mode: Mode,
    pub threads: usize,
    /// Most bytes of one write, a multiple of the alignment.
    pub piece: usize,
    pub reserve: Reserve,
}

impl Way {
    /// The ways that won anywhere in measurements, for files of up to `largest` bytes on `cores` cores.
    pub fn candidates(largest: u64, cores: usize) -> Vec<Self> {
        const MIB: usize = 1 << 20;
        let linux = cfg!(target_os = "linux");
        let way = |mode, threads, piece, reserve| Self { mode, threads, piece, reserve };
        let mut ways = vec![
            way(Mode::Buffered, 1, 8 * MIB, Reserve::Nothing),
            way(Mode::Buffered, cores.max(2), 8 * MIB, Reserve::Nothing),
        ];
        if !linux {
            ways.push(way(Mode::Buffered, 2 * cores.max(2), 8 * MIB, Reserve::Nothing));
            return ways;
        }
        ways.push(way(Mode::Uncached, cores.max(2), 8 * MIB, Reserve::Nothing));
        ways.push(way(Mode::Uncached, 2 * cores.max(2), 8 * MIB, Reserve::Nothing));
        ways.push(way(Mode::Direct, 4, 8 * MIB, Reserve::Nothing));
        ways.push(way(Mode::Direct, 8, 8 * MIB, Reserve::Nothing));
        if largest < LARGE {
            ways.push(way(Mode::Direct, 16, 8 * MIB, Reserve::Nothing));
            return ways;
        }
        ways.extend([
            way(Mode::Uncached, cores.max(2), MIB, Reserve::Nothing),
            way(Mode::Direct, 2, 8 * MIB, Reserve::Nothing),
            way(Mode::Direct, 4, 8 * MIB, Reserve::Length),
            way(Mode::Direct, 8, 8 * MIB, Reserve::Blocks),
            way(Mode::Direct, 4, 2 * MIB, Reserve::Length),
        ]);
        if largest > 16 << 20 {
            ways.push(way(Mode::Direct, 4, 64 * MIB, Reserve::Nothing));
        }
        ways
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::Buffered => "buffered",
            Mode::Uncached => "uncached",
            Mode::Direct => "direct",
        };
        let reserve = match self.reserve {
            Reserve::Nothing => "",
            Reserve::Length => ", length set first",
            Reserve::Blocks => ", blocks reserved",
        };
        write!(f, "{mode}, {} thread(s), writes of up to {} MiB{reserve}", self.threads, self.piece >> 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_differ_and_are_told_apart_by_their_names() {
        for (largest, cores) in [(100_000, 1), (8 << 20, 2), (80 << 20, 2), (80 << 20, 64)] {
            let ways = Way::candidates(largest, cores);
            let names: std::collections::BTreeSet<String> = ways.iter().map(ToString::to_string).collect();
            assert_eq!(names.len(), ways.len(), "{names:?}");
            assert!(ways.iter().all(|way| way.threads > 0 && way.piece % 4096 == 0));
        }
    }
}
