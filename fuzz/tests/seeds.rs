//! Every seed, given to the check of its target: no fuzzer and no special compiler needed.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use ome_stream::{Error, Settings};
use ome_stream_fuzz::seeds::{self, Seeds};
use ome_stream_fuzz::targets::{self, plans};

#[global_allocator]
static ALLOCATOR: plans::Counting = plans::Counting;

/// Most bytes that the seeds of a target may have: they are read by people, too.
const MOST_BYTES: usize = 100_000;

/// The seeds of a target; fewer than `least` would show little.
fn seeds_of(target: &str, least: usize) -> Seeds {
    let file = seeds::file(Path::new(env!("CARGO_MANIFEST_DIR")), target);
    let seeds = seeds::read(&file).expect("seeds");
    assert!(seeds.len() >= least, "only {} seeds in {}", seeds.len(), file.display());
    let bytes: usize = seeds.values().map(Vec::len).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes in {}: minimize the seeds", file.display());
    seeds
}

/// Gives each seed of a target to its check.
fn replay(target: &str, least: usize) {
    let (_, check) = targets::ALL.iter().find(|(name, _)| *name == target).expect("a target");
    for (name, input) in seeds_of(target, least) {
        eprintln!("{target}/{name}"); // shown where the check panics
        check(&input);
    }
}

#[test]
fn sequences_of_calls_give_the_codes_of_the_model() {
    replay("c_calls", 40);
}

#[test]
fn settings_through_c_are_refused_or_work() {
    replay("c_settings", 50);
}

#[test]
fn damaged_stores_are_shown() {
    replay("info", 15);
}

#[test]
fn damaged_stores_are_mended() {
    replay("recover", 15);
}

#[test]
fn inputs_are_read_or_refused() {
    replay("input", 10);
}

#[test]
fn settings_make_plans_and_come_back() {
    replay("settings", 4);
}

#[test]
fn indices_and_logs_come_back() {
    replay("shard_index", 2);
}

#[test]
fn plans_take_the_memory_they_may() {
    let planned = |text: &[u8]| match Settings::from_json(std::str::from_utf8(text).expect("UTF-8")) {
        Ok(settings) => plans::planned(&settings, text.len()),
        // Whole settings that ask for what nobody can give: settings refuse some of it, plans the rest.
        Err(Error::InvalidSettings { .. }) => false,
        Err(error) => panic!("{error}"),
    };
    let made = seeds_of("plans", 4).values().filter(|text| planned(text)).count();
    assert!(made > 0, "every seed is refused");
}

#[test]
fn seeds_come_back_from_their_text() {
    let all: Vec<u8> = (0..=255).collect();
    let seeds = Seeds::from([("all".to_owned(), all), ("none".to_owned(), Vec::new())]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("seeds.json");
    std::fs::write(&file, seeds::text(&seeds).expect("JSON")).expect("written");
    assert_eq!(seeds::read(&file).expect("seeds"), seeds);
    std::fs::write(&file, r#"{"far": "€"}"#).expect("written");
    assert!(seeds::read(&file).is_err(), "no byte");
}

#[test]
fn every_target_has_a_program_and_no_seeds_are_left_over() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| {
        let entries = std::fs::read_dir(fuzz.join(folder)).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<_> = paths.filter(|path| path.is_file()).collect();
        paths.sort();
        paths
    };
    let programs = targets::ALL.map(|(name, _)| fuzz.join("targets/fuzz_targets").join(name).with_extension("rs"));
    assert_eq!(names("targets/fuzz_targets"), programs);
    let mut files = targets::ALL.map(|(name, _)| seeds::file(fuzz, name)).to_vec();
    files.sort();
    files.dedup();
    assert_eq!(names("seeds"), files);
}
