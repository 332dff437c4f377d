use clap::{CommandFactory, Parser};
use ome_stream::settings::{Codec, Compression, Durability, StorageOrder};

use super::Cli;
use crate::parse;

#[test]
fn every_option_has_help_and_a_heading_that_groups_it() {
    let command = Cli::command();
    command.clone().debug_assert();
    let options: Vec<_> =
        command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())).collect();
    assert!(options.len() > 20, "{} options", options.len());
    for option in options {
        let id = option.get_id();
        assert!(option.get_help().is_some_and(|help| help.to_string().len() > 10), "{id} has no help text");
        assert!(option.get_help_heading().is_some(), "{id} has no heading");
        assert!(option.get_long().is_some(), "{id} has no long name");
    }
}

#[test]
fn examples_of_the_help_are_commands_that_parse() {
    let mut command = Cli::command();
    let help = command.render_long_help().to_string();
    let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("ome-bench -")).collect();
    assert_eq!(examples.len(), 6);
    for example in examples {
        let parsed = Cli::try_parse_from(example.split_whitespace());
        assert!(parsed.is_ok(), "{example}: {}", parsed.err().map(|error| error.to_string()).unwrap_or_default());
    }
}

#[test]
fn either_dimensions_or_a_settings_file_is_needed_and_not_both() {
    let parse = |arguments: &[&str]| Cli::try_parse_from([&["ome-bench"], arguments].concat());
    assert!(parse(&["-b", "zarrs"]).is_err());
    assert!(parse(&["-d", "t:2,y:4", "-f", "a.json"]).is_err());
    assert!(parse(&["-d", "t:2,y:4"]).is_ok());
    assert!(parse(&["-f", "a.json"]).is_ok());
}

#[test]
fn defaults_are_those_of_ome_writers_benchmark() {
    let cli = Cli::try_parse_from(["ome-bench", "-d", "t:2,y:4"]).unwrap();
    assert_eq!((cli.rounds().warmups, cli.rounds().counted, cli.acquisition.dtype.name()), (1, 10, "uint16"));
    assert_eq!(cli.engines.backends, ["all"]);
    let cli = Cli::try_parse_from(["ome-bench", "-d", "t:2,y:4", "--sustained", "1GiB"]).unwrap();
    assert_eq!((cli.rounds().warmups, cli.rounds().counted), (0, 1));
}

#[test]
fn options_of_a_long_run_need_a_long_run() {
    for option in [["--plot", "a.svg"], ["--camera-buffer", "3"]] {
        let parsed = Cli::try_parse_from([&["ome-bench", "-d", "t:2,y:4"], &option[..]].concat());
        assert!(parsed.is_err_and(|error| error.to_string().contains("--sustained")), "{option:?}");
    }
}

#[test]
fn backends_are_repeatable() {
    let cli = Cli::try_parse_from(["ome-bench", "-d", "t:2,y:4", "-b", "zarrs", "-b", "raw"]).unwrap();
    assert_eq!(cli.engines.backends, ["zarrs", "raw"]);
}

#[test]
fn values_of_settings_are_read_in_their_grammar() {
    assert_eq!(parse::bytes("512kB"), Ok(512_000));
    assert!(parse::bytes("16 elephants").is_err());
    let codec = parse::setting::<Compression>("zstd:-5").unwrap();
    assert_eq!((codec.codec, codec.level), (Codec::Zstd, -5));
    let problem = parse::setting::<Compression>("gzip:12").unwrap_err();
    assert!(problem.contains("0 to 9") && !problem.contains("settings:"), "{problem}");
    let names = ["t", "c", "z", "y", "x"].map(str::to_owned).to_vec();
    assert_eq!(parse::setting("t,c,z"), Ok(StorageOrder::Explicit(names)));
}

#[test]
fn durability_and_rate_say_what_would_work() {
    assert_eq!(parse::setting("shard"), Ok(Durability::Shard));
    assert!(parse::setting::<Durability>("always").unwrap_err().contains("finish"));
    assert_eq!(parse::rate("99.5"), Ok(99.5));
    for text in ["-1", "nan", "inf", "fast"] {
        assert!(parse::rate(text).is_err(), "{text}");
    }
}
