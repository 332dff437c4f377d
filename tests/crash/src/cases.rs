//! What the writers write: every way in which a store can be laid out, in small.

use ome_stream::settings::{Checksum, Codec, Compression, Durability, NgffVersion};
use ome_stream_tests::case::{Case, Step, field, plate};
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// How soon readers must see what was written, in seconds.
pub const LIVE_INTERVAL: f64 = 0.3;

/// How fast frames come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// A few live intervals for a shard.
    Slow,
    /// Several shards in a live interval.
    Fast,
}

impl Pace {
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Fast => "fast",
        }
    }
}

/// One layout of a store.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// Dimensions as the command line takes them; `N` stands for the declared time points.
    dimensions: &'static str,
    compression: Compression,
    durability: Durability,
    version: NgffVersion,
    /// Whether its positions are fields of a plate.
    in_wells: bool,
    /// Its levels below full resolution, as settings have them.
    pyramid: Option<&'static str>,
    /// Whether each series of kills has one of it.
    always: bool,
    /// Frames of one time point.
    each: u64,
    /// Frames a second when they come slowly.
    slow: u64,
    /// Frames a second when they come fast.
    fast: u64,
}

impl Kind {
    const fn new(name: &'static str, dimensions: &'static str, codec: Codec) -> Self {
        Self {
            name,
            dimensions,
            compression: Compression::new(codec),
            durability: Durability::None,
            version: NgffVersion::V0_5,
            in_wells: false,
            pyramid: None,
            always: false,
            each: 1,
            slow: 40,
            fast: 1500,
        }
    }

    const fn each(mut self, frames: u64) -> Self {
        self.each = frames;
        self
    }

    /// In each series of kills, however short.
    const fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// With a checksum of each chunk.
    const fn summed(mut self) -> Self {
        self.compression = self.compression.with_checksum(Checksum::Crc32c);
        self
    }

    /// With the three positions in two wells of a plate.
    const fn in_wells(mut self) -> Self {
        self.in_wells = true;
        self
    }

    /// With levels below full resolution.
    const fn levels(mut self, pyramid: &'static str) -> Self {
        self.pyramid = Some(pyramid);
        self
    }

    const fn paces(mut self, slow: u64, fast: u64) -> Self {
        (self.slow, self.fast) = (slow, fast);
        self
    }

    const fn durable(mut self) -> Self {
        self.durability = Durability::Shard;
        self
    }

    const fn version(mut self, version: NgffVersion) -> Self {
        self.version = version;
        self
    }

    /// Frames a second.
    pub fn rate(&self, pace: Pace) -> u64 {
        match pace {
            Pace::Slow => self.slow,
            Pace::Fast => self.fast,
        }
    }

    /// The case in which frames come for `seconds`.
    pub fn case(&self, pace: Pace, seconds: f64) -> Case {
        self.case_of((self.rate(pace) as f64 * seconds) as u64)
    }

    /// The case of at least this many frames.
    pub fn case_of(&self, frames: u64) -> Case {
        let rounds = frames.div_ceil(self.each).max(2);
        let mut case = Case::new(self.name, &self.dimensions.replace('N', &rounds.to_string()))
            .compression(self.compression)
            .durability(self.durability)
            .version(self.version)
            .script(&[Step::Append(rounds * self.each)]);
        case.settings.live_interval = LIVE_INTERVAL;
        if let Some(pyramid) = self.pyramid {
            case = case.pyramid(serde_json::from_str(pyramid).unwrap_or_default());
        }
        if self.in_wells {
            let fields = [field(("B", "2"), "0"), field(("A", "1"), "0"), field(("B", "2"), "1")];
            case = case.plate(plate(&["A", "B"], &["1", "2"]), &fields);
        }
        case
    }
}

/// The kind called `name`.
pub fn kind(name: &str) -> anyhow::Result<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| anyhow::anyhow!("no case is called {name:?}"))
}

/// Those whose name contains `only`, in the order of a series of kills: those that each series has, then the others as
/// `random` has them, so that a short series kills others than the one before.
pub fn series(only: &str, random: &mut Random) -> Vec<&'static Kind> {
    let mut all: Vec<_> =
        KINDS.iter().filter(|kind| kind.name.contains(only)).map(|kind| (random.next(), kind)).collect();
    all.sort_by_key(|(nth, kind)| (!kind.always, *nth));
    all.into_iter().map(|(_, kind)| kind).collect()
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind::new("chunk files", "t:N,y:96,x:80", Codec::None),
    Kind::new("chunk files, t chunks, blosc-lz4, unbounded", "t:inf:4,y:96:48,x:80:40", Codec::BloscLz4).paces(20, 600),
    Kind::new("aligned shards", "t:N:1:24,y:384:192:2,x:384:192:2", Codec::None).paces(20, 150),
    // Chunks large enough to be written side by side into room that was made for all of them.
    Kind::new("aligned shards, blosc-lz4, unbounded", "t:inf:1:24,y:512,x:512", Codec::BloscLz4).paces(20, 100),
    Kind::new("shards, unbounded", "t:inf:1:50,y:64:32:2,x:64:32:2", Codec::None),
    Kind::new("shards, t chunks, unbounded", "t:inf:4:16,y:64:32:2,x:64:32:2", Codec::None),
    Kind::new("shards, t chunks, zstd, unbounded", "t:inf:4:16,y:64:32:2,x:64:32:2", Codec::Zstd).paces(20, 800),
    Kind::new("shards, blosc-lz4, unbounded", "t:inf:1:100,y:64:32:2,x:64:32:2", Codec::BloscLz4).paces(40, 800),
    Kind::new("shards, transposed, z chunks, unbounded", "t:inf:1:8,z:5:5:1,c:2,y:64:32:2,x:64:32:2", Codec::None)
        .each(10)
        .paces(50, 1000),
    Kind::new("shards, positions, blosc-zstd, unbounded", "t:inf:2:8,p:3,y:64,x:64", Codec::BloscZstd)
        .each(3)
        .paces(30, 600),
    Kind::new("chunk files, positions, channels", "t:N,p:4,c:2,y:64,x:64", Codec::None).each(8).paces(40, 800),
    Kind::new("plate, shards, blosc-zstd, unbounded", "t:inf:2:8,p:3,y:64,x:64", Codec::BloscZstd)
        .always()
        .each(3)
        .in_wells()
        .paces(30, 600),
    Kind::new("shards, durable each, unbounded", "t:inf:1:20,y:64:32:2,x:64:32:2", Codec::None)
        .durable()
        .paces(40, 400),
    Kind::new("four shards a frame, unbounded", "t:inf:1:32,y:128:32:2,x:128:32:2", Codec::None).paces(40, 500),
    Kind::new("chunk files, t chunks, positions, unbounded", "t:inf:4,p:2,y:96:48,x:80", Codec::None)
        .each(2)
        .paces(20, 600),
    Kind::new("shards, t chunks, positions, unbounded", "t:inf:4:4,p:3,c:2,y:64:32:2,x:64:32:2", Codec::None)
        .each(6)
        .paces(20, 600),
    Kind::new("shards, t chunks, positions, zstd, unbounded", "t:inf:4:4,p:3,c:2,y:64:32:2,x:64:32:2", Codec::Zstd)
        .each(6)
        .paces(20, 600),
    Kind::new(
        "shards, transposed, positions, blosc-lz4, unbounded",
        "t:inf:2:4,z:4:2,p:2,c:2,y:64,x:64",
        Codec::BloscLz4,
    )
    .each(16)
    .paces(60, 800),
    Kind::new("index of 512 chunks, zstd, unbounded", "t:inf:1:512,y:64,x:64", Codec::Zstd).paces(20, 800),
    Kind::new("index of five pages, unbounded", "t:inf:1:64,y:64:16:4,x:64:16:4", Codec::None).paces(40, 600),
    Kind::new("0.4, chunk files, t chunks, positions, unbounded", "t:inf:4,p:2,y:96:48,x:80", Codec::BloscLz4)
        .always()
        .version(NgffVersion::V0_4)
        .each(2)
        .paces(20, 600),
    Kind::new("0.6, shards, positions, unbounded", "t:inf:2:8,p:3,y:64,x:64", Codec::None)
        .always()
        .version(NgffVersion::V0_6)
        .each(3)
        .paces(30, 600),
    Kind::new("shards, t chunks, checksum, unbounded", "t:inf:4:16,y:64:32:2,x:64:32:2", Codec::None)
        .always()
        .summed()
        .paces(20, 800),
    Kind::new("chunk files, t chunks, checksum", "t:N:4,y:96:48,x:80", Codec::None).summed().paces(20, 600),
    Kind::new(
        "levels, shards, pairs of planes, positions, unbounded",
        "t:inf:2:4,z:3:2,p:2,y:49:24:2,x:40:20:2",
        Codec::None,
    )
    .always()
    .levels(r#"{"levels": 3, "factors": {"z": 2}}"#)
    .each(6)
    .paces(40, 400),
    Kind::new("levels, planes outermost, chunk files, zstd, unbounded", "z:inf:3,y:45:20,x:64:24", Codec::Zstd)
        .levels(r#"{"levels": 3, "method": "median", "factors": {"z": 2}}"#)
        .paces(20, 300),
    Kind::new("0.4, levels, chunk files, blosc-lz4", "t:N,z:4:2,y:40,x:64:30", Codec::BloscLz4)
        .version(NgffVersion::V0_4)
        .levels(r#"{"levels": 4, "method": "max"}"#)
        .each(4)
        .paces(40, 400),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_series_has_what_each_must_have() {
        for seed in 0..20 {
            let series = series("", &mut Random::new(seed));
            assert_eq!(series.len(), KINDS.len());
            let (first, others): (Vec<_>, Vec<_>) = (series[..5].to_vec(), series[5..].to_vec());
            assert!(first.iter().all(|kind| kind.always) && others.iter().all(|kind| !kind.always));
            let of = |it: &dyn Fn(&Kind) -> bool| first.iter().any(|kind| it(kind));
            assert!(of(&|kind| kind.version == NgffVersion::V0_4) && of(&|kind| kind.version == NgffVersion::V0_6));
            assert!(of(&|kind| kind.in_wells) && of(&|kind| kind.compression.checksum.is_some()));
            assert!(of(&|kind| kind.pyramid.is_some()));
        }
        let named = |seed| series("", &mut Random::new(seed)).iter().map(|kind| kind.name).collect::<Vec<_>>();
        assert_eq!(named(7), named(7), "a seed brings a series back");
        assert_ne!(named(7), named(8), "others of the rest");
    }
}
