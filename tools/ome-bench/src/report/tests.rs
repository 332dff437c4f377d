use clap::Parser;

use super::results::Results;
use super::*;
use crate::cli::Cli;
use crate::engines::mock::{Mock, run_with_create};
use crate::engines::{Engine, Failure};
use crate::frames::{Frames, Pixels};
use crate::measure::conditions::Conditions;
use crate::progress::Progress;
use crate::schedule::{Rounds, Setting, measure};
use crate::session::Session;

fn conditions() -> Conditions {
    Conditions {
        version: "1.2.3".into(),
        optimized: true,
        platform: "linux".into(),
        processor: Some("Abacus 9".into()),
        cores: 2,
        memory: Some(24 << 30),
        memory_available: Some(20 << 30),
        system: "Linux 6.18".into(),
        folder: "/data".into(),
        file_system: Some("ext4".into()),
        free: Some(77 << 30),
        load: Some(0.1),
    }
}

/// Results of `engines` as they would be measured.
fn results_of(arguments: &str, engines: Vec<Mock>, failures: Vec<Failure>, counted: usize) -> Results {
    let cli = Cli::try_parse_from(format!("ome-bench {arguments}").split_whitespace()).unwrap();
    let workload = cli.workload().unwrap();
    let setting = Setting {
        workload: &workload,
        frames: &Frames::generate(&workload, Pixels::Random).expect("memory"),
        session: &Session::new(None).unwrap(),
        long_run: &cli.long_run,
        rounds: Rounds { warmups: 0, counted },
    };
    let engines = engines.into_iter().map(|mock| Box::new(mock) as Box<dyn Engine>).collect();
    let (measured, mut failed) = measure(engines, &setting, &mut Progress::silent()).unwrap();
    failed.extend(failures);
    super::results(&setting, conditions(), measured, failed)
}

fn three() -> Results {
    let engines = vec![
        Mock::taking("zarrs", &[0.5, 0.4, 0.6]),
        Mock::taking("ome-writers/tensorstore", &[1.0, 1.0, 1.0]),
        Mock::limit("raw", "slow way", &[0.45, 0.45, 0.45, 0.45, 0.45]),
        Mock::limit("raw", "fast way", &[0.4, 0.4, 0.4, 0.4, 0.4]),
    ];
    let failures = vec![Failure { name: "acquire-zarr".into(), reason: "its library is not there".into() }];
    results_of("-d t:20,y:1024:256,x:1024:256", engines, failures, 3)
}

#[test]
fn the_page_is_as_it_was() {
    let expected = include_str!("golden/page.txt");
    assert_eq!(page(&three()), expected);
}

#[test]
fn a_compressed_page_shows_ratio_and_codec_limit() {
    let engines = vec![Mock::taking("zarrs", &[1.0]), Mock::limit("codec", "all cores", &[0.5])];
    let text = page(&results_of("-d t:20:1:2,y:1024:256:4 -c zstd:1", engines, vec![], 1));
    assert!(text.contains("| of codec |") && text.contains("| ratio |"), "{text}");
    // 20 frames of 2 MiB, of which the mock says that it stored a million bytes.
    assert!(text.contains(" 41.94 |"), "{text}");
    assert!(text.contains("2 x 4 x 4 chunks = 2 x 1024 x 1024 (4 MiB)"), "{text}");
    assert!(text.contains("zstd:1"), "{text}");
}

#[test]
fn medians_and_ratios_are_those_of_the_runs() {
    let results = three();
    let [zarrs, tensorstore, raw] = results.engines.as_slice() else { panic!("{} rows", results.engines.len()) };
    assert_eq!((zarrs.write_s.median, zarrs.write_s.min, zarrs.write_s.max), (0.5, 0.4, 0.6));
    assert_eq!(zarrs.ratio_to_best_other.map(|ratio| (ratio * 100.0).round()), Some(200.0));
    assert_eq!(zarrs.best_other.as_deref(), Some("ome-writers/tensorstore"));
    assert_eq!(tensorstore.best_other.as_deref(), Some("zarrs"));
    assert_eq!(zarrs.ratio_to_limit.map(|ratio| (ratio * 100.0).round()), Some(80.0));
    assert_eq!((raw.ratio_to_limit, raw.ratio_to_best_other), (Some(1.0), None));
    assert_eq!(raw.variant.as_deref(), Some("fast way"));
    assert_eq!(results.other_ways.iter().map(|way| way.variant.as_deref()).collect::<Vec<_>>(), [Some("slow way")]);
    assert_eq!(zarrs.append.map(|append| append.count), Some(300));
}

#[test]
fn create_and_write_are_added_run_by_run_before_the_median() {
    let answers = [(0.1, 0.1), (0.001, 0.5), (0.5, 0.002)].map(|(create, write)| Ok(run_with_create(create, write)));
    let engines = vec![
        Mock { answers: answers.into(), ..Mock::taking("zarrs", &[]) },
        Mock::limit("raw", "a way", &[0.4, 0.4, 0.4, 0.3, 0.2]),
    ];
    let results = results_of("-d t:20,y:64", engines, vec![], 3);
    let [zarrs, raw] = results.engines.as_slice() else { panic!("{} rows", results.engines.len()) };
    assert_eq!((zarrs.create_s.median, zarrs.write_s.median), (0.1, 0.1));
    assert_eq!((zarrs.create_write_s.median, zarrs.create_write_s.min, zarrs.create_write_s.max), (0.501, 0.2, 0.502));
    assert_eq!(raw.create_write_s, raw.write_s, "a limit makes no store");
    let text = page(&results);
    assert!(text.contains("| create + write ms |") && text.contains("|   0.100 |               501 |"), "{text}");
}

#[test]
fn levels_are_compared_with_the_same_engine_without_them_round_by_round() {
    // 20 frames of 8 KiB; with levels 210 KiB in all.
    let plain = [0.1, 0.2, 0.4];
    let engines = vec![
        Mock::taking("zarrs", &plain),
        Mock::with_levels("zarrs + pyramid", "zarrs", 215_040, &plain.map(|seconds| seconds * 1.6)),
        Mock::taking("peer", &[1.0]),
        Mock::with_levels("peer + its own pyramid", "peer", 215_040, &[2.0]),
        Mock::limit("raw", "a way", &[0.05; 5]),
    ];
    let results = results_of("-d t:20,y:64 --pyramid mean:3", engines, vec![], 3);
    let [zarrs, levels, _, peer, _] = results.engines.as_slice() else { panic!("{} rows", results.engines.len()) };
    assert_eq!(zarrs.ratio_to_without_levels, None);
    let ratio = 215_040.0 / (20.0 * 8192.0) / 1.6;
    assert!((levels.ratio_to_without_levels.unwrap() - ratio).abs() < 1e-6, "{:?}", levels.ratio_to_without_levels);
    assert!((levels.gb_per_s.median - 215_040.0 / 1e9 / 0.32).abs() < 1e-12, "{:?}", levels.gb_per_s);
    assert_eq!(
        (zarrs.best_other.as_deref(), levels.best_other.as_deref()),
        (Some("peer"), Some("peer + its own pyramid"))
    );
    assert_eq!((levels.level_bytes, peer.level_bytes), (Some(215_040), Some(215_040)));
    let text = page(&results);
    for part in
        ["mean: 20 x 64 x 64, 20 x 32 x 32, 20 x 16 x 16; 210 KiB", "| of itself without |", "|              0.82 |"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let json = serde_json::to_value(&results).unwrap();
    assert_eq!(json["configuration"]["pyramid"]["bytes"], 215_040);
    assert_eq!(json["engines"][1]["without_levels"], "zarrs");
    assert!(json["engines"][0].get("level_bytes").is_none());
}

#[test]
fn json_keeps_every_run() {
    let value: serde_json::Value = serde_json::to_value(three()).unwrap();
    assert_eq!(value["format"], 2);
    assert_eq!(value["configuration"]["frame_bytes"], 2 << 20);
    assert_eq!(value["engines"][0]["runs"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["engines"][0]["runs"][1]["write_s"], 0.4);
    assert_eq!(value["engines"][0]["runs"][1]["create_write_s"], 0.401);
    assert_eq!(value["engines"][0]["create_write_s"]["median"], 0.501);
    assert_eq!(value["engines"][0]["role"], "engine");
    assert_eq!(value["failures"][0]["reason"], "its library is not there");
    assert_eq!(value["conditions"]["file_system"], "ext4");
}

#[test]
fn results_go_to_the_file_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.json");
    write_json(&path, &three()).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(value["engines"][0]["runs"][2]["append"]["count"], 100);
    for write in [write_json, draw] {
        let problem = write(&folder.path().join("absent/runs"), &three()).unwrap_err().to_string();
        assert!(problem.contains("absent"), "{problem}");
    }
}

#[test]
fn unsteady_runs_few_runs_and_a_busy_machine_are_told() {
    let mut results = results_of("-d t:20,y:64", vec![Mock::taking("zarrs", &[0.1, 0.3, 0.1])], vec![], 3);
    let said = results.warnings.join("\n");
    assert!(said.contains("zarrs: the slowest run took 3.00 times"), "{said}");
    assert!(said.contains("--iterations 7"), "{said}");
    assert!(results.suggestions.iter().any(|line| line.contains("--peers")));

    results.conditions =
        Conditions { load: Some(9.0), optimized: false, file_system: Some("tmpfs".into()), ..conditions() };
    let said = super::warnings::judge(&results).join("\n");
    for word in ["load 9", "debug build", "lies in memory"] {
        assert!(said.contains(word), "{word} is missing in {said}");
    }
}

#[test]
fn work_that_is_done_before_the_first_frame_is_told() {
    // The mock's create takes a millisecond.
    let results = results_of("-d t:20,y:64", vec![Mock::taking("zarrs", &[0.0015])], vec![], 7);
    let said = results.warnings.join("\n");
    assert!(said.contains("zarrs: create took 1.00 ms beside 1.50 ms of write"), "{said}");
}

#[test]
fn steady_runs_on_an_idle_machine_give_no_warning() {
    let results = results_of("-d t:20,y:64", vec![Mock::taking("zarrs", &[0.1])], vec![], 7);
    assert_eq!(results.warnings, [] as [String; 0]);
}

#[test]
fn not_durable_and_random_pixels_with_a_codec_are_told() {
    let results = results_of("-d t:20,y:64 -c zstd --durability none", vec![Mock::taking("zarrs", &[0.1])], vec![], 7);
    assert!(results.warnings.iter().any(|line| line.contains("--durability finish")), "{:?}", results.warnings);
    assert!(results.suggestions.iter().any(|line| line.contains("--frames camera")), "{:?}", results.suggestions);
}
