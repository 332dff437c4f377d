//! What is encoded with kept memory and contexts is what zarrs' codecs make.

use std::borrow::Cow;
use std::sync::Arc;

use ome_stream::Plan;
use ome_stream::backend::Backend as _;
use ome_stream::plan::Form;
use ome_stream::settings::{Checksum, Codec, Compression, DataType, Settings, Shuffle, parse_dims};
use ome_stream::zarr::Chain;
use serde_json::{Value, json};
use zarrs::array::ArrayBytes;
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;

use super::Encoder;
use crate::ZarrsBackend;
use crate::array::metadata;
use crate::direct::Direct;
use crate::options::options;

const DTYPES: [DataType; 5] =
    [DataType::UInt8, DataType::UInt16, DataType::Int32, DataType::Float32, DataType::Float64];

fn form(dims: &str, dtype: DataType, compression: Compression) -> Arc<Form> {
    let mut settings = Settings::new("a", parse_dims(dims).expect("valid dimensions"), dtype);
    settings.compression = compression;
    let plan = Plan::new(&settings, &ZarrsBackend.capabilities()).expect("a valid plan");
    Arc::clone(&plan.forms()[0])
}

fn encoder(dims: &str, dtype: DataType, compression: Compression) -> Encoder {
    Encoder::new(&form(dims, dtype, compression)).expect("zarrs takes the codecs")
}

fn chain_of(codecs: &Chain) -> CodecChain {
    CodecChain::from_metadata(&metadata(codecs).expect("codecs")).expect("zarrs takes the codecs")
}

/// Nothing, a ramp, noise in the low bits as from a camera, noise in all bits.
fn contents(length: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    vec![
        vec![0; length],
        (0..length).map(|at| (at / 7) as u8).collect(),
        (0..length).map(|at| if at % 2 == 0 { noise() & 0x1F } else { 1 }).collect(),
        (0..length).map(|_| noise()).collect(),
    ]
}

/// Every codec with its levels and shuffles, and with a checksum.
fn compressions() -> impl Iterator<Item = Compression> {
    let summed = |codec: &Codec| Compression::new(*codec).with_checksum(Checksum::Crc32c);
    let all = Codec::ALL.iter().flat_map(|codec| {
        let levels: Vec<i32> = match codec.levels() {
            None => vec![0],
            Some((0, 9)) => (0..=9).collect(),
            Some(_) => vec![-100, -1, 0, 1, 3, 9, 16, 22],
        };
        let shuffles: &[Shuffle] =
            if codec.can_shuffle() { &[Shuffle::None, Shuffle::Byte, Shuffle::Bit] } else { &[Shuffle::None] };
        let each = move |level| shuffles.iter().map(move |shuffle| (level, *shuffle));
        levels.into_iter().flat_map(each).map(|(level, shuffle)| {
            let compression = Compression::new(*codec).with_level(level);
            if codec.can_shuffle() { compression.with_shuffle(shuffle) } else { compression }
        })
    });
    all.chain(Codec::ALL.iter().map(summed))
}

fn by_zarrs(encoder: &Encoder, chain: &CodecChain, pixels: &[u8]) -> Vec<u8> {
    let bytes = ArrayBytes::new_flen(Cow::Borrowed(pixels));
    let Encoder { shape, data_type, fill_value, .. } = encoder;
    let options = &options().expect("a thread");
    chain.encode(bytes, shape, data_type, fill_value, options).expect("zarrs encodes").into_owned()
}

/// Each content twice, on one workspace: nothing of a chunk may show in the next.
fn check(form: &Form, length: usize, what: &str) {
    let (encoder, chain) = (&Encoder::new(form).expect("zarrs takes the codecs"), chain_of(&form.codecs()));
    let mut workspace = encoder.workspace(1 << 10).expect("memory");
    for round in 0..2 {
        for (nth, pixels) in contents(length).iter().enumerate() {
            let encoded = encoder.encode_whole(pixels, &mut workspace).expect("it encodes").into_owned();
            assert!(encoded == by_zarrs(encoder, &chain, pixels), "{what}: content {nth}, round {round}: other bytes");
            let parts = encoder.encode(pixels, &mut workspace).expect("it encodes");
            assert_eq!(parts.length(), encoded.len());
            let behind = parts.checksum.as_ref().map_or(&[][..], |checksum| checksum);
            assert!(encoded == [&parts.bytes, behind].concat(), "{what}: content {nth}, round {round}: other parts");
            let decoded = encoder.decode(encoded, &options().expect("a thread")).expect("zarrs decodes");
            assert!(decoded == *pixels, "{what}: content {nth}, round {round}: other pixels");
        }
    }
}

#[test]
fn small_chunks_are_encoded_as_zarrs_does() {
    for compression in compressions() {
        for dtype in DTYPES {
            let form = form("t:2,y:60:30,x:90:45", dtype, compression);
            check(&form, 30 * 45 * dtype.size(), &format!("{compression:?} {dtype:?}"));
        }
    }
}

#[test]
fn chunks_of_several_blocks_are_what_zarrs_makes_of_them() {
    for compression in compressions().filter(|each| [1, 3, 5, 9].contains(&each.level)) {
        let form = form("t:2,y:1022:511,x:1030:515", DataType::UInt16, compression);
        check(&form, 511 * 515 * 2, &format!("{compression:?}"));
    }
}

#[test]
fn chunks_of_one_pixel_are_what_zarrs_makes_of_them() {
    for compression in compressions() {
        let form = form("t:2,y:2:1,x:2:1", DataType::UInt16, compression);
        check(&form, 2, &format!("{compression:?}"));
    }
}

#[test]
fn memory_and_context_of_a_bench_are_kept_from_chunk_to_chunk() {
    let length = 30 * 45 * 2;
    for codec in [Codec::BloscLz4, Codec::BloscZstd, Codec::Zstd] {
        let encoder = encoder("t:2,y:60:30,x:90:45", DataType::UInt16, Compression::new(codec));
        let mut first: Option<(*const u8, usize)> = None;
        for pixels in contents(length) {
            let mut workspace = encoder.workspace(1 << 10).expect("memory");
            encoder.encode(&pixels, &mut workspace).expect("it encodes");
            assert_eq!(workspace.context.is_some(), codec == Codec::Zstd);
            let memory = &workspace.memory;
            let now = (memory.as_ptr(), memory.len());
            assert_eq!(*first.get_or_insert(now), now, "{codec:?}");
        }
        assert_eq!(encoder.workspaces.len(), 1);
    }
}

/// Encodes by the compressor that `codecs` declare, and by zarrs.
fn both(codecs: &[Value], pixels: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let chain = Chain::of(&codecs.into()).expect("codecs");
    let direct = Direct::of(&chain)?;
    let mut target = vec![0; direct.bound(pixels.len())];
    let length = direct.encode(&mut None, pixels, &mut target).expect("it encodes");
    target.truncate(length);
    let encoder = encoder("t:2,y:60:30,x:90:45", DataType::UInt16, Compression::new(Codec::None));
    Some((target, by_zarrs(&encoder, &chain_of(&chain), pixels)))
}

#[test]
fn what_the_metadata_declare_is_what_is_encoded() {
    let pixels = contents(30 * 45 * 2).remove(2);
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let zstd = |checksum: bool| json!({"name": "zstd", "configuration": {"level": 3, "checksum": checksum}});
    let (plain, same) = both(&[bytes.clone(), zstd(false)], &pixels).expect("encoded here");
    assert_eq!(plain, same);
    let (summed, same) = both(&[bytes.clone(), zstd(true)], &pixels).expect("encoded here");
    assert_eq!(summed, same);
    assert_eq!(summed.len(), plain.len() + 4, "a checksum is four bytes");
    let blosc = json!({"name": "blosc", "configuration":
        {"cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": 2, "blocksize": 512}});
    let (here, same) = both(&[bytes, blosc], &pixels).expect("encoded here");
    assert_eq!(here, same);
}

#[test]
fn other_chains_are_left_to_zarrs() {
    let pixels = vec![0; 30 * 45 * 2];
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    let zstd = json!({"name": "zstd", "configuration": {"level": 3, "checksum": false}});
    let gzip = json!({"name": "gzip", "configuration": {"level": 3}});
    let zlib = json!({"name": "blosc", "configuration":
        {"cname": "zlib", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0}});
    let crc = json!({"name": "crc32c"});
    let big = json!({"name": "bytes", "configuration": {"endian": "big"}});
    for codecs in [
        vec![bytes.clone()],
        vec![bytes.clone(), gzip],
        vec![bytes.clone(), zlib],
        vec![bytes, zstd.clone(), crc],
        vec![big, zstd],
    ] {
        assert!(both(&codecs, &pixels).is_none(), "{codecs:?}");
    }
}

#[test]
fn a_chunk_that_has_changed_is_not_decoded() {
    for codec in Codec::ALL {
        let encoder =
            encoder("t:2,y:60:30,x:90:45", DataType::UInt16, Compression::new(*codec).with_checksum(Checksum::Crc32c));
        assert!(!encoder.is_identity());
        let pixels = contents(30 * 45 * 2).remove(2);
        let mut workspace = encoder.workspace(pixels.len()).expect("memory");
        let stored = encoder.encode_whole(&pixels, &mut workspace).expect("it encodes").into_owned();
        let options = options().expect("a thread");
        for at in [0, stored.len() / 2, stored.len() - 1] {
            let mut flipped = stored.clone();
            flipped[at] ^= 0x10;
            let why = encoder.decode(flipped, &options).expect_err("another chunk");
            assert!(why.contains("checksum"), "{codec:?}, byte {at}: {why}");
        }
        for length in [0, 3, stored.len() - 1] {
            encoder.decode(stored[..length].to_vec(), &options).expect_err("a part of it");
        }
        assert!(encoder.decode(stored, &options).expect("whole") == pixels);
    }
}
