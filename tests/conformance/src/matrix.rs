//! The hand-made cases of the conformance suite, and their crossings.

use ome_stream::settings::{
    Channel, Checksum, Codec, Compression, Coord, DataType, Dimension, DimensionType, Durability, NgffVersion, Plate,
    PlateAcquisition, Position, Settings, Shuffle, StorageOrder,
};

use serde_json::json;

use crate::case::{Case, Step, field, plate};

/// Every case; names are unique.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        shapes(),
        types(),
        codecs(),
        shards(),
        orders(),
        positions(),
        plates(),
        unbounded(),
        partial(),
        metadata(),
        crossings(),
        checksums(),
        version_0_4(),
        version_0_6(),
        pyramids(),
    ]
    .concat()
}

fn shapes() -> Vec<Case> {
    vec![
        Case::new("a single frame", "y:16,x:24"),
        Case::new("a single pixel", "y:1,x:1"),
        Case::new("a single frame in tiles", "y:37:16,x:53:20"),
        Case::new("one row, many columns", "t:3,y:1,x:300:128"),
        Case::new("one column, many rows", "t:3,y:300:128,x:1"),
        Case::new("time lapse", "t:7,y:32,x:48"),
        Case::new("tiles that do not divide the frame", "t:5,y:33:16,x:47:16"),
        Case::new("tiles larger than the frame", "t:3,y:20:64,x:30:64"),
        Case::new("chunks of several planes", "z:12:4,y:24:12,x:24:12"),
        Case::new("chunks that do not divide time", "t:10:4,y:16,x:16"),
        Case::new("chunks larger than the dimension", "t:3:8,y:16,x:16"),
        Case::new("all five axes", "t:2,c:2,z:3,y:16:8,x:16:8"),
        Case::new("all five axes in chunks of several planes", "t:3:2,c:2:2,z:5:3,y:16:8,x:16:8"),
        Case::new("dimensions of one", "t:1,c:1,z:1,y:16,x:16"),
        Case::of(
            "a dimension of another kind",
            vec![
                Dimension::standard("t", 3),
                Dimension::new("angle", 4).with_kind(DimensionType::Other),
                Dimension::standard("y", 16),
                Dimension::standard("x", 16),
            ],
        ),
        Case::new("large frames", "t:3,y:512:256,x:512:256"),
        Case::new("many small frames", "t:600:50,y:8,x:8"),
    ]
}

fn types() -> Vec<Case> {
    let name = |dtype: DataType, what: &str| format!("{dtype} {what}");
    DataType::ALL
        .iter()
        .flat_map(|&dtype| {
            [
                Case::new(&name(dtype, "plain"), "t:3,y:19:8,x:21:8").dtype(dtype),
                Case::new(&name(dtype, "compressed in shards"), "t:5:1:2,y:19:8:2,x:21:8:2")
                    .dtype(dtype)
                    .compression(Compression::new(Codec::BloscZstd)),
            ]
        })
        .collect()
}

fn codecs() -> Vec<Case> {
    let blosc = [Codec::BloscLz4, Codec::BloscZstd].into_iter().flat_map(|codec| {
        [Shuffle::None, Shuffle::Byte, Shuffle::Bit].map(|shuffle| Compression::new(codec).with_shuffle(shuffle))
    });
    let levels = [
        Compression::new(Codec::BloscLz4).with_level(0),
        Compression::new(Codec::BloscLz4).with_level(9),
        Compression::new(Codec::BloscZstd).with_level(1),
        Compression::new(Codec::BloscZstd).with_level(9),
        Compression::new(Codec::Zstd).with_level(-7),
        Compression::new(Codec::Zstd).with_level(1),
        Compression::new(Codec::Zstd),
        Compression::new(Codec::Zstd).with_level(19),
        Compression::new(Codec::Gzip).with_level(0),
        Compression::new(Codec::Gzip),
        Compression::new(Codec::Gzip).with_level(9),
    ];
    blosc
        .chain(levels)
        .enumerate()
        .map(|(nth, compression)| {
            let name = format!("{} {} {:?}", compression.codec.name(), compression.level, compression.shuffle);
            // Chunk files and shards in turn.
            let dimensions = if nth % 2 == 0 { "t:4:2,y:40:32,x:40:32" } else { "t:4:1:2,y:40:20:2,x:40:20:2" };
            Case::new(&name, dimensions).compression(compression)
        })
        .collect()
}

fn shards() -> Vec<Case> {
    vec![
        Case::new("a shard for each frame", "t:4,y:64:16:4,x:64:16:4"),
        Case::new("several shards for each frame", "t:3,y:64:16:2,x:64:16:2"),
        Case::new("shards of several frames", "t:12:1:4,y:32:16:2,x:32:16:2"),
        Case::new("shards that do not divide time", "t:10:1:4,y:32:16:2,x:32:16:2"),
        Case::new("shards that do not divide the frame", "t:4:1:2,y:50:16:2,x:70:16:3"),
        Case::new("shards larger than the array", "t:3:1:8,y:20:16:8,x:20:16:8"),
        Case::new("shards of chunks of several planes", "z:12:2:3,y:32:16:2,x:32:16:2"),
        Case::new("shards over time and depth", "t:4:1:2,z:6:1:3,y:16,x:16"),
        Case::new("shards over time, chunks over depth", "t:4:1:2,z:6:3,y:16:8:2,x:16:8:2"),
        Case::new("a single chunk in each shard", "t:3:1:1,y:16,x:16"),
        Case::new("one shard for everything", "t:5:1:5,c:2:1:2,z:3:1:3,y:16:8:2,x:16:8:2"),
        Case::new("many chunks in a shard", "t:2:1:2,y:64:4:16,x:64:4:16"),
        Case::new("shards, durable each", "t:6:1:2,y:32:16:2,x:32:16:2").durability(Durability::Shard),
        Case::new("shards, durable at finish", "t:6:1:2,y:32:16:2,x:32:16:2").durability(Durability::Finish),
        Case::new("chunk files, durable each", "t:4,y:32:16,x:32:16").durability(Durability::Shard),
    ]
}

fn orders() -> Vec<Case> {
    let acquired = ["t:2,c:3,z:4", "t:2,z:4,c:3", "c:3,t:2,z:4", "c:3,z:4,t:2", "z:4,t:2,c:3", "z:4,c:3,t:2"];
    let mut cases: Vec<Case> = acquired
        .iter()
        .flat_map(|loops| {
            let dimensions = format!("{loops},y:16,x:16");
            [
                Case::new(&format!("acquired {loops} stored as OME"), &dimensions),
                Case::new(&format!("acquired {loops} stored as acquired"), &dimensions)
                    .order(StorageOrder::Acquisition),
                Case::new(&format!("acquired {loops} stored as z c t"), &dimensions)
                    .explicit(&["z", "c", "t", "y", "x"]),
            ]
        })
        .collect();
    cases.extend([
        Case::new("transposed in chunks and shards", "z:6:2:3,c:2,t:4:1:2,y:24:12:2,x:24:12:2")
            .compression(Compression::new(Codec::BloscLz4)),
        Case::new("transposed, chunks over both loops", "t:6:3,z:4:2,c:2,y:16:8,x:16:8"),
        Case::new("transposed by hand, chunks over both loops", "t:5:2,z:3:2,y:16,x:16")
            .explicit(&["z", "t", "y", "x"]),
    ]);
    cases
}

fn positions() -> Vec<Case> {
    let stage = Coord::Position(Position {
        x_coord: Some(123_456.789),
        y_coord: Some(-0.125),
        z_coord: Some(17.5),
        ..Position::new("stage")
    });
    vec![
        Case::new("positions outermost", "p:3,t:4,y:16,x:16"),
        Case::new("positions in the middle", "t:3,p:2,c:2,y:16,x:16"),
        Case::new("positions innermost", "t:3,c:2,p:3,y:16,x:16"),
        Case::new("positions only", "p:4,y:16:8,x:16:8"),
        Case::new("a single position", "t:2,p:1,y:16,x:16"),
        Case::new("positions within the loop of a chunk", "t:6:3,p:2,z:4:2,y:16,x:16"),
        Case::new("positions within the loop of a shard", "t:6:1:3,p:3,y:16:8:2,x:16:8:2"),
        Case::new("stage positions", "t:2,p:2,z:2,y:16,x:16")
            .dimension("p", |p| p.with_coords([stage.clone(), Coord::from("named")])),
        Case::new("equal names in different grid cells", "p:3,t:2,y:16,x:16").dimension("p", |p| {
            p.with_coords([(0, 0), (0, 1), (1, 0)].map(|(row, column)| {
                Coord::Position(Position { grid_row: Some(row), grid_column: Some(column), ..Position::new("Pos") })
            }))
        }),
    ]
}

fn plates() -> Vec<Case> {
    let standard = || Plate::from_standard_wells(6).unwrap_or_default();
    let in_cell = |position: Position, row, column| Position {
        grid_row: Some(row),
        grid_column: Some(column),
        x_coord: Some(1000.0 * column as f64),
        ..position
    };
    let of = |position: Position, acquisition| Position { acquisition: Some(acquisition), ..position };
    let (a1, a3, b2) = (("A", "1"), ("A", "3"), ("B", "2"));
    vec![
        Case::new("a plate of one well", "t:2,p:1,y:16,x:16").plate(plate(&["A"], &["1"]), &[field(a1, "0")]),
        Case::new("a plate, wells against their order", "p:4,t:3,c:2,y:16:8,x:16:8")
            .plate(standard(), &[field(b2, "0"), field(a3, "0"), field(a3, "1"), field(a1, "0")]),
        Case::new("a plate, positions innermost, unbounded, in shards", "t:inf:1:2,p:3,y:16:8:2,x:16:8:2")
            .plate(standard(), &[field(a1, "fov_1"), field(a1, "fov 2"), field(b2, "fov_1")])
            .compression(Compression::new(Codec::BloscLz4))
            .script(&[Step::Append(7)]),
        Case::new("a plate of grids, ended early", "p:4,z:2,y:16,x:16")
            .plate(
                Plate { name: Some("grids".into()), ..plate(&["A", "B", "C"], &["1", "2", "3"]) },
                &[
                    in_cell(field(b2, "tile"), 0, 0),
                    in_cell(field(b2, "tile"), 0, -1),
                    in_cell(field(a1, "tile"), 0, 0),
                    in_cell(field(a3, "tile"), 0, 0),
                ],
            )
            .script(&[Step::Append(3), Step::Skip(1), Step::Append(1)]),
        Case::new("a plate of several acquisitions", "p:4,y:16,x:16").plate(
            Plate {
                acquisitions: vec![
                    PlateAcquisition { name: Some("day 1".into()), ..PlateAcquisition::new(3) },
                    PlateAcquisition { start_time: Some(1_700_000_000), ..PlateAcquisition::new(0) },
                ],
                ..standard()
            },
            &[of(field(a1, "0"), 3), of(field(a3, "0"), 3), of(field(a1, "0"), 0), of(field(a1, "1"), 0)],
        ),
    ]
}

fn unbounded() -> Vec<Case> {
    vec![
        Case::new("unbounded", "t:inf,y:16,x:16"),
        Case::new("unbounded, nothing came", "t:inf,y:16,x:16").script(&[]),
        Case::new("unbounded, one frame", "t:inf,y:16,x:16").script(&[Step::Append(1)]),
        Case::new("unbounded in chunks of several planes", "t:inf:7,y:16:8,x:16:8"),
        Case::new("unbounded in shards", "t:inf:1:6,y:16:8:2,x:16:8:2"),
        Case::new("unbounded in chunks and shards", "t:inf:2:3,y:16:8:2,x:16:8:2"),
        Case::new("unbounded with channels, ends in the middle", "t:inf,c:3,y:16,x:16").script(&[Step::Append(10)]),
        Case::new("unbounded with positions, ends in the middle", "t:inf:4,p:3,y:16,x:16").script(&[Step::Append(13)]),
        Case::new("unbounded depth", "z:inf,c:2,y:16,x:16"),
        Case::new("unbounded and stored last", "t:inf:2,z:3:2,y:16,x:16").explicit(&["z", "t", "y", "x"]),
        Case::new("unbounded, many", "t:inf:10:5,y:8,x:8").script(&[Step::Append(333)]),
    ]
}

fn partial() -> Vec<Case> {
    use Step::{Append, Skip};
    vec![
        Case::new("finished before the first frame", "t:5,y:16,x:16").script(&[]),
        Case::new("finished early", "t:10,y:16,x:16").script(&[Append(4)]),
        Case::new("finished early in a chunk", "t:10:4,y:16,x:16").script(&[Append(6)]),
        Case::new("finished early in a shard", "t:10:1:4,y:16:8:2,x:16:8:2").script(&[Append(6)]),
        Case::new("finished early in a chunk of a shard", "t:12:2:3,y:16:8:2,x:16:8:2").script(&[Append(7)]),
        Case::new("skipped at the start", "t:6,y:16,x:16").script(&[Skip(2), Append(4)]),
        Case::new("skipped at the end", "t:6,y:16,x:16").script(&[Append(4), Skip(2)]),
        Case::new("skipped in between", "t:9:3,y:16,x:16").script(&[Append(2), Skip(2), Append(1), Skip(3), Append(1)]),
        Case::new("skipped whole chunks", "t:12:3,y:16,x:16").script(&[Append(3), Skip(6), Append(3)]),
        Case::new("skipped whole shards", "t:12:1:3,y:16,x:16").script(&[Append(3), Skip(6), Append(3)]),
        Case::new("everything skipped", "t:6:2,y:16,x:16").script(&[Skip(6)]),
        Case::new("unbounded, ends with skips", "t:inf:4,y:16,x:16").script(&[Append(5), Skip(6)]),
        Case::new("unbounded, begins with skips", "t:inf:4,y:16,x:16").script(&[Skip(9), Append(2)]),
    ]
}

fn metadata() -> Vec<Case> {
    let channels = |names: [&str; 2]| {
        names.map(|name| {
            Coord::Channel(Channel {
                excitation_wavelength_nm: Some(488),
                emission_wavelength_nm: Some(525),
                fluorophore: Some("EGFP".to_owned()),
                ..Channel::new(name)
            })
        })
    };
    vec![
        Case::new("scale and translation", "t:2,z:2,y:16,x:16")
            .dimension("t", |t| t.with_scale(0.1).with_unit("millisecond"))
            .dimension("z", |z| z.with_scale(0.3).with_translation(-12.5))
            .dimension("y", |y| y.with_scale(0.108_333_333_333_333_33).with_unit("nanometer"))
            .dimension("x", |x| x.with_scale(1e-9).with_translation(123_456.789)),
        Case::new("named channels", "t:2,c:2,y:16,x:16").dimension("c", |c| c.with_coords(["DAPI", "GFP"])),
        Case::new("described channels", "c:2,t:2,y:16,x:16").dimension("c", |c| c.with_coords(channels(["a", "b"]))),
        Case::new("described channels of floats", "c:2,z:2,y:16,x:16")
            .dtype(DataType::Float32)
            .dimension("c", |c| c.with_coords(channels(["ratio", "Δ F/F"]))),
        Case::new("no units", "t:2,y:16,x:16").with(|settings| {
            for dimension in &mut settings.dimensions {
                dimension.unit = None;
            }
        }),
    ]
}

fn crossings() -> Vec<Case> {
    use Step::{Append, Skip};
    let zstd = Compression::new(Codec::Zstd).with_level(1);
    vec![
        Case::new("unbounded, chunks, skips, early, transposed, positions", "t:inf:3,p:2,z:3:2,c:2,y:20:8,x:28:8")
            .script(&[Append(7), Skip(13), Append(20), Skip(1), Append(4)])
            .compression(zstd),
        Case::new(
            "unbounded, shards, skips, early, transposed, positions",
            "t:inf:2:2,p:2,z:3:1:2,c:2,y:20:8:2,x:28:8:2",
        )
        .script(&[Append(7), Skip(13), Append(20), Skip(1), Append(4)])
        .compression(Compression::new(Codec::BloscLz4)),
        Case::new("unbounded, shards, skips, early, plain", "t:inf:2:3,c:2,y:20:8:2,x:28:8:2")
            .script(&[Skip(1), Append(9), Skip(8), Append(10)])
            .dtype(DataType::Float16),
        Case::new("finite, shards, skips, early, stored as acquired", "z:4:2:2,p:2,c:3,t:3,y:17:8:2,x:16:16")
            .order(StorageOrder::Acquisition)
            .script(&[Append(30), Skip(5), Append(20)])
            .dtype(DataType::Int32),
        Case::new("finite, positions innermost, chunks, by hand", "z:5:2,t:3:2,p:3,y:17:8,x:16")
            .explicit(&["t", "z", "y", "x"])
            .script(&[Append(11), Skip(3), Append(28)])
            .dtype(DataType::Float64)
            .compression(Compression::new(Codec::Gzip)),
        Case::new("positions outermost, early in the second", "p:3,t:4:3,z:2,y:16:8,x:16:8")
            .script(&[Append(11)])
            .dtype(DataType::Int8),
        Case::new("stage, unbounded, skips, uint8", "t:inf:2,p:2,y:16,x:16")
            .dimension("p", |p| {
                p.with_coords(
                    [0.0, 1e6]
                        .map(|x| Coord::Position(Position { x_coord: Some(x), ..Position::new(format!("x{x}")) })),
                )
            })
            .script(&[Append(3), Skip(4), Append(2)])
            .dtype(DataType::UInt8),
    ]
}

/// A checksum of each chunk, in covering pairs: with and without a codec, with and without shards, of an image, a series
/// and a plate.
fn checksums() -> Vec<Case> {
    use Step::{Append, Skip};
    let crc = |codec| Compression::new(codec).with_checksum(Checksum::Crc32c);
    let fields = [field(("B", "2"), "0"), field(("A", "1"), "0"), field(("B", "2"), "1")];
    let two_by_two = || plate(&["A", "B"], &["1", "2"]);
    vec![
        Case::new("checksum", "t:7:3,y:33:16,x:47:16").compression(crc(Codec::None)),
        Case::new("checksum, one pixel a chunk", "t:3,y:3:1,x:4:1")
            .dtype(DataType::UInt8)
            .compression(crc(Codec::None)),
        Case::new("checksum, chunks of several planes in shards, unbounded, skips", "t:inf:3:2,c:2,y:20:8:2,x:28:8:2")
            .script(&[Append(7), Skip(13), Append(20), Skip(1), Append(4)])
            .compression(crc(Codec::None)),
        Case::new("checksum, large chunks in shards", "t:5:1:3,y:512,x:512").compression(crc(Codec::None)),
        Case::new("checksum, finished early in a chunk of a shard", "t:12:2:3,y:16:8:2,x:16:8:2")
            .script(&[Append(7)])
            .compression(crc(Codec::None))
            .durability(Durability::Shard),
        Case::new("checksum, zstd, positions", "p:3,t:4:2,y:16,x:16").compression(crc(Codec::Zstd)),
        Case::new("checksum, blosc-lz4, shards, positions, unbounded", "t:inf:2:2,p:2,z:3,y:20:8:2,x:28:8:2")
            .script(&[Append(13)])
            .compression(crc(Codec::BloscLz4)),
        Case::new("checksum, blosc-zstd, shards, transposed", "z:6:2:3,c:2,t:4:1:2,y:24:12:2,x:24:12:2")
            .compression(crc(Codec::BloscZstd)),
        Case::new("checksum, gzip", "t:4,y:40:32,x:40:32").compression(crc(Codec::Gzip)),
        Case::new("checksum, a plate", "t:3,p:3,y:16:8,x:16:8")
            .plate(two_by_two(), &fields)
            .compression(crc(Codec::None)),
        Case::new("checksum, a plate in shards, zstd", "p:3,t:4:1:2,y:16:8:2,x:16:8:2")
            .plate(two_by_two(), &fields)
            .compression(crc(Codec::Zstd)),
        Case::new("0.6: checksum, shards", "t:4:1:2,y:16:8:2,x:16:8:2")
            .version(NgffVersion::V0_6)
            .compression(crc(Codec::None)),
    ]
}

/// OME-NGFF 0.4, on Zarr v2: every type and codec, all that concerns chunk files, groups and documents.
fn version_0_4() -> Vec<Case> {
    use Step::{Append, Skip};
    let types = DataType::ALL.iter().zip(Codec::ALL.iter().cycle()).map(|(&dtype, &codec)| {
        Case::new(&format!("0.4: {dtype}, {}", codec.name()), "t:3,y:19:8,x:21:8")
            .dtype(dtype)
            .compression(Compression::new(codec))
    });
    let shuffles = [Shuffle::None, Shuffle::Bit].map(|shuffle| {
        Case::new(&format!("0.4: blosc, {shuffle:?}"), "t:2:2,y:20:16,x:24:16")
            .compression(Compression::new(Codec::BloscLz4).with_shuffle(shuffle))
    });
    let others = vec![
        Case::new("0.4: a single frame", "y:16,x:24"),
        Case::new("0.4: all five axes", "t:3:2,c:2:2,z:5:3,y:16:8,x:16:8"),
        Case::new("0.4: stored as acquired", "z:3,t:2,y:16:8,x:16:8").order(StorageOrder::Acquisition),
        Case::new("0.4: unbounded", "t:inf:3,y:16:8,x:16:8").script(&[Append(5), Skip(3), Append(2)]),
        Case::new("0.4: unbounded, nothing came", "t:inf,y:16,x:16").script(&[]),
        Case::new("0.4: unbounded with positions, ends in the middle", "t:inf:4,p:3,y:16,x:16")
            .script(&[Append(13)])
            .compression(Compression::new(Codec::Zstd).with_level(1)),
        Case::new("0.4: finished early, with skips", "t:9:3,y:16,x:16").script(&[Append(2), Skip(2), Append(1)]),
        Case::new("0.4: everything skipped", "t:6:2,y:16,x:16").script(&[Skip(6)]),
        Case::new("0.4: each chunk on the medium", "t:4:2,y:16,x:16").durability(Durability::Shard),
    ];
    let all = types.chain(shuffles).chain(others).chain(described("0.4")).chain(plates_in("0.4"));
    all.map(|case| case.version(NgffVersion::V0_4)).collect()
}

/// OME-NGFF 0.6: what its coordinate systems say.
fn version_0_6() -> Vec<Case> {
    let others = vec![
        Case::new("0.6: a single frame", "y:16,x:24"),
        Case::new("0.6: unbounded in shards", "t:inf:2:3,y:16:8:2,x:16:8:2"),
        Case::new("0.6: stored as acquired", "z:3,t:2,y:16:8,x:16:8").order(StorageOrder::Acquisition),
    ];
    others
        .into_iter()
        .chain(described("0.6"))
        .chain(plates_in("0.6"))
        .map(|case| case.version(NgffVersion::V0_6))
        .collect()
}

/// Levels below full resolution: each method, planes that are combined and those that are not, odd sizes, chunks, shards
/// and orders of all kinds.
fn pyramids() -> Vec<Case> {
    use Step::{Append, Skip};
    let spaced = |case: Case, depth: f64| {
        let flat = |dimension: Dimension| dimension.with_scale(0.1);
        case.dimension("y", flat).dimension("x", flat).dimension("z", |z| z.with_scale(depth))
    };
    let stage = |x: f64, z: f64| {
        let (x_coord, z_coord) = (Some(x), Some(z));
        Coord::Position(Position { x_coord, z_coord, ..Position::new(format!("{x}")) })
    };
    let fields = [field(("B", "2"), "0"), field(("A", "1"), "0"), field(("B", "2"), "1")];
    vec![
        Case::new("levels, as settings have them where they say nothing", "t:2,y:600,x:520").pyramid(json!({})),
        Case::new("levels, full resolution alone", "t:2,y:16,x:16").pyramid(json!({"levels": 1})),
        Case::new("levels, odd sizes in tiles that cut windows", "t:3,y:37:9,x:53:7").pyramid(json!({"smallest": 5})),
        Case::new("levels, of a single frame to a single pixel", "y:21:8,x:13:8")
            .dtype(DataType::Int16)
            .pyramid(json!({"levels": 6, "method": "median"})),
        Case::new("levels, pairs of planes in chunks and shards", "t:3,z:7:2:2,y:24:8:2,x:20:8:2")
            .dtype(DataType::Int32)
            .compression(Compression::new(Codec::BloscLz4))
            .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("levels, planes join by their distance", "t:2,c:2,z:9,y:40:16,x:36:16")
            .dtype(DataType::UInt8)
            .with(|settings| settings.threads = Some(4))
            .pyramid(json!({"levels": 5, "method": "max"})),
        Case::new("levels, planes outermost, pairs wait for a whole pass", "z:5,c:2,t:3,y:21,x:17:8")
            .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("levels, planes between other loops, as acquired", "c:2,z:6:3,t:2,y:16,x:18")
            .order(StorageOrder::Acquisition)
            .dtype(DataType::UInt8)
            .pyramid(json!({"levels": 3, "method": "mode", "factors": {"z": 3}})),
        Case::new("levels, windows of 4 x 3 x 2", "t:2,z:10:4,y:23:6,x:19:6")
            .dtype(DataType::Float32)
            .pyramid(json!({"levels": 3, "factors": {"z": 4, "y": 3, "x": 2}})),
        Case::new("levels, rows alone", "t:2,z:3,y:40:16,x:12")
            .dtype(DataType::Float64)
            .pyramid(json!({"levels": 3, "method": "min", "factors": {"z": 1, "x": 1}})),
        Case::new("levels, planes alone", "t:2,z:13,y:9:4,x:12:4")
            .dtype(DataType::UInt64)
            .pyramid(json!({"levels": 4, "factors": {"z": 2, "y": 1, "x": 1}})),
        Case::new(
            "levels, unbounded, shards, positions innermost, skips, early",
            "t:inf:2:2,z:5,p:2,y:40:10:2,x:28:7:2",
        )
        .compression(Compression::new(Codec::Zstd))
        .script(&[Append(7), Skip(13), Append(20), Skip(1), Append(4)])
        .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("levels, unbounded depth", "z:inf:2,c:2,y:16,x:24:8")
            .script(&[Append(13)])
            .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("levels, unbounded depth, nothing came", "z:inf,y:16,x:24")
            .script(&[])
            .pyramid(json!({"levels": 2, "factors": {"z": 2}})),
        Case::new("levels, the first of a pair is passed over", "t:3,z:4,y:16,x:16")
            .script(&[Skip(1), Append(3), Append(2), Skip(2), Append(1), Skip(1)])
            .pyramid(json!({"levels": 3, "method": "nearest", "factors": {"z": 2}})),
        Case::new("levels, everything skipped", "z:6:2,y:16,x:16")
            .script(&[Skip(6)])
            .pyramid(json!({"levels": 2, "factors": {"z": 2}})),
        Case::new("levels, chunks and shards of each", "t:4:1:4,y:64:8:4,x:64:8:4")
            .compression(Compression::new(Codec::BloscZstd).with_checksum(Checksum::Crc32c))
            .pyramid(json!({
                "levels": 4,
                "chunks": [{"y": 16, "x": 8}, {"t": 2, "y": 16, "x": 16}],
                "shards": [{"y": 2, "x": 2}, {"t": 2, "y": 1, "x": 1}, {}],
            })),
        Case::new("levels, of a plate", "p:3,t:2,z:3,y:20:8,x:16:8")
            .plate(plate(&["A", "B"], &["1", "2"]), &fields)
            .durability(Durability::Shard)
            .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("levels, of images on a stage", "t:2,p:2,z:4,y:20,x:16")
            .dimension("p", |p| p.with_coords([stage(123_456.789, -0.5), stage(-12.0, 3.0)]))
            .pyramid(json!({"levels": 2, "factors": {"z": 2}})),
        Case::new("0.4: levels", "t:2,z:5:2,y:20:8,x:16:8")
            .version(NgffVersion::V0_4)
            .dtype(DataType::Float16)
            .compression(Compression::new(Codec::Gzip))
            .pyramid(json!({"levels": 3, "factors": {"z": 2}})),
        Case::new("0.6: levels, nearest", "p:2,t:3:1:2,y:20:8:2,x:16:8:2")
            .version(NgffVersion::V0_6)
            .pyramid(json!({"levels": 3, "method": "nearest"})),
    ]
    .into_iter()
    .map(|case| spaced(case, 0.37))
    .collect()
}

/// The plates under the name of a version; up to 0.4 there are no shards.
fn plates_in(version: &str) -> impl Iterator<Item = Case> {
    let has_shards = version != NgffVersion::V0_4.name();
    plates().into_iter().map(move |case| {
        let name = format!("{version}: {}", case.name.replace(", in shards", ""));
        let unsharded = |settings: &mut Settings| {
            settings.dimensions.iter_mut().for_each(|dimension| dimension.shard_size_chunks = None);
        };
        Case { name, ..if has_shards { case } else { case.with(unsharded) } }
    })
}

/// What is told of images beside their pixels.
fn described(version: &str) -> Vec<Case> {
    let name = |what: &str| format!("{version}: {what}");
    let place = |x: f64, y: f64| Position { x_coord: Some(x), y_coord: Some(y), ..Position::new(format!("{x}")) };
    vec![
        Case::new(&name("scale and translation"), "t:2,z:2,y:16,x:16")
            .dimension("t", |t| t.with_scale(0.1).with_unit("millisecond"))
            .dimension("z", |z| z.with_scale(0.3).with_translation(-12.5))
            .dimension("x", |x| x.with_scale(0.108).with_translation(123_456.789)),
        Case::new(&name("channels"), "c:2,t:2,y:16,x:16").dimension("c", |c| c.with_coords(["DAPI", "GFP"])),
        Case::new(&name("named positions"), "p:3,t:2,y:16,x:16").dimension("p", |p| p.with_coords(["a", "b", "0"])),
        Case::new(&name("tiles on the stage"), "p:3,t:2,c:2,y:16,x:16")
            .dimension("p", |p| {
                p.with_coords(
                    [place(-98_765.432_1, 0.0), place(123_456.789, 0.5), place(0.0, 12.25)].map(Coord::Position),
                )
            })
            .dimension("x", |x| x.with_scale(0.5)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_case_is_a_valid_acquisition() {
        let cases = cases();
        let names: HashSet<String> = cases.iter().map(Case::folder_name).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            let mut settings = case.settings.clone();
            settings.root_path = case.folder_name();
            assert!(settings.validate().is_ok(), "{}: {:?}", case.name, settings.validate());
        }
    }
}
