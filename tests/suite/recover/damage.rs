//! Damage of every kind at random places.

use std::fs;
use std::path::Path;

use ome_stream::recover::{MISSING, Options, Report, Verdict, index_of, recover};
use ome_stream::settings::Codec;
use ome_stream_tests::case::Case;
use proptest::prelude::*;

use crate::store::{self, apply, compare, kinds, look, look_and_mend, make};

/// One thing that happens to a file.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize),
    Cut(usize),
    Fill(usize, u8, usize),
    Remove,
    Replace(&'static str),
    Number(usize, &'static str),
    Folder,
    Part,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<usize>().prop_map(Damage::Flip),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), any::<u8>(), 1usize..5000).prop_map(|(at, byte, length)| Damage::Fill(at, byte, length)),
        Just(Damage::Remove),
        prop::sample::select(vec![
            "",
            "{}",
            "[]",
            "null",
            "{\"node_type\":\"array\"}",
            "\u{0}",
            "[[[[[[[[",
            "{\"a\":1e999}"
        ])
        .prop_map(Damage::Replace),
        (
            any::<usize>(),
            prop::sample::select(vec!["0", "18446744073709551615", "1e308", "-1", "\"x\"", "[]", "4294967296"])
        )
            .prop_map(|(nth, number)| Damage::Number(nth, number)),
        Just(Damage::Folder),
        Just(Damage::Part),
    ]
}

fn hurt(path: &Path, damage: &Damage) {
    let mut bytes = fs::read(path).unwrap_or_default();
    let length = bytes.len().max(1);
    match damage {
        Damage::Flip(bit) if !bytes.is_empty() => bytes[bit / 8 % length] ^= 1 << (bit % 8),
        Damage::Flip(_) => {}
        Damage::Cut(at) => bytes.truncate(at % length),
        Damage::Fill(at, byte, many) => bytes.iter_mut().skip(at % length).take(*many).for_each(|each| *each = *byte),
        Damage::Replace(text) => bytes = text.as_bytes().to_vec(),
        Damage::Number(nth, number) => bytes = with_number(&bytes, *nth, number),
        Damage::Remove => return drop(fs::remove_file(path)),
        Damage::Folder => {
            let _ = fs::remove_file(path);
            return drop(fs::create_dir_all(path));
        }
        Damage::Part => {
            let _ = fs::rename(path, format!("{}.part", path.display()));
            return;
        }
    }
    let _ = fs::write(path, bytes);
}

/// The text with its `nth` number replaced.
fn with_number(bytes: &[u8], nth: usize, number: &str) -> Vec<u8> {
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[at - 1].is_ascii_digit()))
        .collect();
    let Some(start) = starts.get(nth % starts.len().max(1)).copied() else { return bytes.to_vec() };
    let end = start + bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    [&bytes[..start], number.as_bytes(), &bytes[end..]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_makes_it_fail(
        kind in 0..kinds().len(),
        wounds in prop::collection::vec((any::<prop::sample::Index>(), damage()), 1..4),
        interrupted: bool,
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(&kinds()[kind], folder.path());
        let files = store::telling_files(&made.root);
        for (file, damage) in &wounds {
            hurt(&made.root.join(file.get(&files)), damage);
        }
        if interrupted {
            store::interrupt(&made.root);
        }
        let before = store::contents(&made.root);
        let options = Options { apply: false, verifier: None };
        let Ok(seen) = recover(&made.root, &options) else { return Ok(()) };
        let first = apply(&made.root);
        // Decoding finds more damage. Only where it shows that an unfinished file is whole, it finds less.
        let won_back = |report: &Report| report.arrays.iter().map(|array| array.won_back).sum::<u64>();
        prop_assert!(seen.verdict <= first.verdict || won_back(&seen) < won_back(&first), "{:#?}", seen.findings);
        // Of a finished run only a shard without an index is mended: it grows.
        if !first.interrupted {
            let after = store::contents(&made.root);
            prop_assert_eq!(before.len(), after.len());
            for ((path, before), (same, after)) in before.iter().zip(&after) {
                prop_assert!(path == same && after.starts_with(before), "{}", path.display());
                prop_assert!(before == after || path.iter().any(|part| part == "c"), "{}", path.display());
            }
        }
        // Whatever can be mended is mended at once.
        let second = look(&made.root);
        let mendable = |finding: &&ome_stream::recover::Finding| finding.remedy.is_some();
        let left: Vec<_> = second.findings.iter().filter(mendable).collect();
        prop_assert!(left.is_empty(), "first {:#?}\nthen {:#?}", first.findings, left);
        if store::is_mendable(&first) {
            prop_assert_eq!(second.verdict, Verdict::Whole);
        }
    }
}

#[test]
fn chunks_at_impossible_places_are_lost() {
    let case = &kinds()[0];
    for bad in [(u64::MAX, 5), (5, u64::MAX), (0, 0), (1 << 40, 2048), (0, 2047), (4096, 2048)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = make(case, folder.path());
        let shard = made.root.join("0/c/0/0/0");
        let mut bytes = fs::read(&shard).expect("readable");
        let chunks = 16;
        let start = bytes.len() - (chunks * 16 + 4);
        let mut entries = ome_stream::recover::parse_index(&bytes[start..], chunks).expect("an index");
        assert!(entries.iter().all(|entry| *entry != MISSING));
        let taken = entries.iter().position(|entry| *entry == (4096, 2048)).filter(|_| bad == (4096, 2048));
        let place = if taken == Some(3) { 4 } else { 3 };
        entries[place] = bad;
        bytes.truncate(start);
        bytes.extend(index_of(entries.iter().copied()).expect("memory"));
        fs::write(&shard, &bytes).expect("written");
        store::interrupt(&made.root);
        let report = look_and_mend(&made.root);
        assert_eq!(report.verdict, Verdict::Lost);
        // Two chunks that share bytes are both in doubt.
        assert_eq!(report.lost_chunks, if taken.is_some() { 2 } else { 1 }, "{bad:?}: {:#?}", report.lost);
        store::compare(&made, &made.root, &report, |_| true);
        assert!(fs::read(&shard).expect("readable").starts_with(&bytes), "shard files only grow");
    }
}

#[test]
fn a_damaged_compressed_chunk_is_found_by_decoding_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[1], folder.path());
    let shard = made.root.join("0/c/1/0/0");
    let mut bytes = fs::read(&shard).expect("readable");
    bytes[0] ^= 0xFF;
    fs::write(&shard, &bytes).expect("written");
    let quick = recover(&made.root, &Options::default()).expect("a store of ours");
    assert_eq!(quick.verdict, Verdict::Whole, "without a decoder nobody can tell");
    assert!(quick.arrays[0].unchecked.is_some());
    let told = apply(&made.root);
    assert_eq!((told.verdict, told.lost_chunks), (Verdict::Lost, 1), "{:#?}", told.findings);
    assert_eq!(fs::read(&shard).expect("readable"), bytes, "readers shall see an error, not fill value");
    store::interrupt(&made.root);
    let report = look_and_mend(&made.root);
    assert_eq!((report.verdict, report.lost_chunks), (Verdict::Lost, 1), "{:#?}", report.findings);
    store::compare(&made, &made.root, &report, |_| true);
}

#[test]
fn a_flipped_bit_under_a_checksum_is_found_and_named() {
    for (dimensions, path, chunk) in
        [("t:8:1:4,y:64:32:2,x:64:32:2", "0/c/1/0/0", "0/c/1/0/0"), ("t:6:3,y:64,x:64:32", "0/c/1/0/1", "0/c/1/0/1")]
    {
        for codec in [Codec::None, Codec::Zstd] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let made = make(&Case::new("flipped", dimensions).compression(store::crc(codec)), folder.path());
            let file = made.root.join(path);
            let mut bytes = fs::read(&file).expect("readable");
            bytes[100] ^= 1;
            fs::write(&file, &bytes).expect("written");
            // Of a finished run it is told; readers shall see an error, not fill value.
            let told = apply(&made.root);
            assert_eq!((told.verdict, told.lost_chunks), (Verdict::Lost, 1), "{:#?}", told.findings);
            let finding = told.findings.iter().find(|finding| finding.file == chunk).expect("the file is named");
            assert!(finding.cause.contains("checksum"), "{finding:?}");
            assert_eq!(fs::read(&file).expect("readable"), bytes);
            // Of an interrupted one it is taken out.
            store::interrupt(&made.root);
            let report = look_and_mend(&made.root);
            assert_eq!((report.verdict, report.lost_chunks), (Verdict::Lost, 1), "{:#?}", report.findings);
            compare(&made, &made.root, &report, |_| true);
        }
    }
}

#[test]
fn a_chunk_without_its_checksum_needs_no_decoder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&Case::new("cut", "t:3,y:64,x:64").compression(store::crc(Codec::None)), folder.path());
    let file = made.root.join("0/c/1/0/0");
    let bytes = fs::read(&file).expect("readable");
    assert_eq!(bytes.len(), 64 * 64 * 2 + 4);
    fs::write(&file, &bytes[..64 * 64 * 2]).expect("cut");
    let quick = recover(&made.root, &Options::default()).expect("a store of ours");
    assert_eq!((quick.verdict, quick.lost_chunks), (Verdict::Lost, 1));
    assert!(quick.findings[0].cause.contains("must have 8196"), "{:#?}", quick.findings);
}

#[test]
fn an_unfinished_chunk_replaces_a_torn_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[3], folder.path());
    let chunk = made.root.join("0/c/1/0/0");
    hurt(&chunk, &Damage::Part);
    fs::write(&chunk, "").expect("written");
    store::interrupt(&made.root);
    let quick = recover(&made.root, &Options::default()).expect("a store of ours");
    assert_eq!((quick.verdict, quick.lost_chunks), (Verdict::Lost, 1), "without a decoder nobody can tell");
    let report = look_and_mend(&made.root);
    assert_eq!((report.verdict, report.lost_chunks, report.arrays[0].won_back), (Verdict::Harmless, 0, 1));
    store::compare(&made, &made.root, &report, |_| true);
}

#[test]
fn bytes_behind_a_shard_cost_no_chunk() {
    for case in kinds().iter().filter(|case| case.name.contains("shards") || case.name == "unbounded") {
        for (behind, interrupted) in [(1, false), (1, true), (20, false), (4096, false), (4095, true)] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let made = make(case, folder.path());
            for path in store::files(&made.root).iter().filter(|path| path.iter().any(|part| part == "c")) {
                let mut bytes = fs::read(made.root.join(path)).expect("readable");
                bytes.resize(bytes.len() + behind, b'x');
                fs::write(made.root.join(path), bytes).expect("written");
            }
            if interrupted {
                store::interrupt(&made.root);
            }
            let report = look_and_mend(&made.root);
            let what = format!("{}: {behind} bytes: {:#?}", case.name, report.findings);
            assert_eq!((report.verdict, report.lost_chunks), (Verdict::Harmless, 0), "{what}");
            compare(&made, &made.root, &report, |_| true);
        }
    }
}

#[test]
fn lost_frames_are_told_by_their_numbers() {
    // Frames come t by t, position by position, channel by channel: 0 is t 0, position 0, channel 0.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&kinds()[5], folder.path());
    let shard = made.root.join(&made.arrays[1]).join("c/0/1/0/0");
    let bytes = fs::read(&shard).expect("the shard of the second position's second channel");
    fs::write(&shard, &bytes[..bytes.len() - 1]).expect("cut");
    assert_eq!(look_and_mend(&made.root).lost_frames, [3, 7]);

    // Of a declared run that ended early, frames that never came are not lost.
    let case = store::kinds()[0].clone().script(&[ome_stream_tests::case::Step::Append(6)]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = make(&case, folder.path());
    let shard = made.root.join("0/c/1/0/0");
    let bytes = fs::read(&shard).expect("the second shard");
    fs::write(&shard, &bytes[..bytes.len() - 1]).expect("cut");
    assert_eq!(look_and_mend(&made.root).lost_frames, [4, 5]);
}
