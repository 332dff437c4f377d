//! What is refused, with the reason; everything beside it is taken.

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::settings::{
    Codec, Compression, Coord, DataType, Durability, Format, NgffVersion, Position, Pyramid, Settings, StorageOrder,
    parse_dims,
};

use super::*;
use crate::document;

fn settings(dimensions: &str) -> Settings {
    Settings::new("store", parse_dims(dimensions).unwrap(), DataType::UInt16)
}

fn answer(settings: &Settings) -> Result<Order, Unsupported> {
    check(&Plan::new(settings, &Capabilities::taking(StorageUnit::Frame)).unwrap())
}

fn refusal(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings("t:4,p:2,c:2,y:8,x:8");
    change(&mut settings);
    match Plan::new(&settings, &Capabilities::taking(StorageUnit::Frame)) {
        Ok(plan) => check(&plan).expect_err("refused").0,
        // What core does not plan reaches no engine.
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_the_engine_lacks_is_refused_by_name() {
    assert!(refusal(|it| it.dtype = DataType::Float16).contains("float16"));
    assert!(refusal(|it| it.compression = Compression::new(Codec::Gzip)).contains("gzip"));
    let negative = Compression::new(Codec::Zstd).with_level(-1);
    assert!(refusal(|it| it.compression = negative).contains("compression.level = -1"));
}

#[test]
fn every_other_type_codec_and_level_is_taken() {
    for dtype in DataType::ALL.iter().filter(|each| **each != DataType::Float16) {
        answer(&Settings { dtype: *dtype, ..settings("t:4,y:8,x:8") }).unwrap();
    }
    for (codec, levels) in [(Codec::Zstd, 0..=22), (Codec::BloscLz4, 0..=9), (Codec::BloscZstd, 0..=9)] {
        for level in levels {
            let compression = Compression::new(codec).with_level(level);
            answer(&Settings { compression, ..settings("t:4,y:8,x:8") }).unwrap();
        }
    }
}

#[test]
fn what_the_engine_cannot_promise_is_refused() {
    assert!(refusal(|it| it.durability = Durability::Shard).contains("durability"));
    let zarr_v2 = Format { version: NgffVersion::V0_4, ..Format::default() };
    assert!(refusal(|it| it.format = zarr_v2).contains("0.4"));
}

#[test]
fn orders_that_the_engine_would_scramble_are_refused() {
    let ordered = |dimensions: &str, storage_order: StorageOrder| Settings { storage_order, ..settings(dimensions) };
    for taken in
        ["t:2,c:3,z:4,y:8,x:8", "t:2,z:4,c:3,y:8,x:8", "t:inf,z:4,p:2,c:3,y:8,x:8", "c:1,t:2,y:8,x:8", "y:8,x:8"]
    {
        answer(&settings(taken)).unwrap_or_else(|reason| panic!("{taken}: {reason}"));
    }
    for refused in ["c:3,t:2,y:8,x:8", "z:4,c:3,t:2,y:8,x:8", "z:inf,c:2,y:8,x:8"] {
        answer(&settings(refused)).expect_err(refused);
        answer(&ordered(refused, StorageOrder::Acquisition)).unwrap();
    }
}

#[test]
fn position_names_matter_only_as_keys() {
    let named = |names: &[&str]| {
        let mut settings = settings("p:1,t:2,y:8,x:8");
        settings.dimensions[0].coords = Some(names.iter().map(|name| Coord::Position(Position::new(*name))).collect());
        settings.dimensions[0].count = None;
        answer(&settings)
    };
    named(&["Pos 0 µ"]).unwrap();
    named(&["Pos_0", "Pos-1.a"]).unwrap();
    let refused = named(&["Pos_0", "Pos 1"]).expect_err("a space in a key").0;
    assert!(refused.contains("`Pos 1`"), "{refused}");
}

#[test]
fn levels_are_arrays_of_the_image() {
    let with_levels = |dimensions: &str| {
        let pyramid = Some(Pyramid { levels: Some(3), ..Pyramid::default() });
        Settings { pyramid, ..settings(dimensions) }
    };
    let keys = |settings: &Settings| -> Vec<String> {
        let plan = Plan::new(settings, &Capabilities::taking(StorageUnit::Frame)).unwrap();
        check(&plan).unwrap();
        plan.arrays().iter().filter_map(|array| document::key(&plan, array)).map(str::to_owned).collect()
    };
    assert_eq!(keys(&settings("t:4,y:64,x:64")), [""; 0]);
    assert_eq!(keys(&with_levels("t:4,y:64,x:64")), ["0", "1", "2"]);
    assert_eq!(keys(&with_levels("t:4,p:2,y:64,x:64")), ["0/0", "1/0", "0/1", "0/2", "1/1", "1/2"]);
    // The name of the only position is no part of a key.
    let mut named = with_levels("p:1,t:2,y:64,x:64");
    named.dimensions[0].coords = Some(vec![Coord::Position(Position::new("Pos 0 µ"))]);
    assert_eq!(keys(&named), ["0", "1", "2"]);
}

#[test]
fn sizes_beyond_32_bits_are_refused() {
    let refused = answer(&settings("t:5000000000,y:8,x:8")).expect_err("too long").0;
    assert!(refused.contains("5000000000") && refused.contains("4294967295"), "{refused}");
}
