//! Who runs when: engines take turns, round by round, each time in a fresh folder.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::engines::{Engine, Failure, Job, Role};
use crate::frames::Frames;
use crate::measure::{Run, disk};
use crate::progress::Progress;
use crate::session::Session;
use crate::sustained::LongRun;
use crate::workload::Workload;

/// Times that each way of a limit is tried before the rounds.
const TRIES: usize = 2;

/// Most bytes of such a try.
const TRY_BYTES: u64 = 1 << 30;

/// Ways of a limit that stay in the race after the tries: the best one of a few tries is not always the best of all.
const WAYS_KEPT: usize = 4;

/// After this many bytes a disk gets a moment before the next run, for what it still does by itself.
const REST_AFTER: u64 = 64 << 20;
const REST: Duration = Duration::from_millis(100);

/// How many rounds there are.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// Before those that count.
    pub warmups: usize,
    /// That count.
    pub counted: usize,
}

/// What is the same in every run.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub workload: &'a Workload,
    pub frames: &'a Frames,
    pub session: &'a Session,
    pub long_run: &'a LongRun,
    pub rounds: Rounds,
}

/// One run with its place in the order.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Turn {
    /// Round, from 0.
    pub round: usize,
    /// Place in the round, from 0.
    pub place: usize,
    /// What it cost.
    #[serde(flatten)]
    pub run: Run,
}

/// An engine (or one way of a limit) and its runs.
pub struct Measured {
    pub engine: Box<dyn Engine>,
    pub turns: Vec<Turn>,
    /// Seconds of its best try, for limits with several ways.
    best_try: Option<f64>,
}

/// Runs that [`measure`] will make at most; what room on the disk is planned with.
pub fn count_runs(engines: &[Box<dyn Engine>], rounds: Rounds) -> u64 {
    let ways = engines.iter().filter(|engine| engine.role() == Role::Limit).count();
    let racing = engines.len() - ways + ways.min(WAYS_KEPT);
    (ways * TRIES + racing * (rounds.warmups + rounds.counted)) as u64
}

/// Measures all engines. One that fails is out, with its reason; its earlier runs do not count.
pub fn measure(
    engines: Vec<Box<dyn Engine>>,
    setting: &Setting<'_>,
    progress: &mut Progress,
) -> Result<(Vec<Measured>, Vec<Failure>)> {
    let mut racing: Vec<Measured> =
        engines.into_iter().map(|engine| Measured { engine, turns: Vec::new(), best_try: None }).collect();
    let mut failures = Vec::new();
    try_ways(&mut racing, setting, progress, &mut failures)?;
    let Rounds { warmups, counted } = setting.rounds;
    progress.start((warmups + counted) * racing.len());
    for round in 0..warmups + counted {
        let order = racing.len();
        let mut failed = Vec::new();
        for place in 0..order {
            // Nobody always runs after the same neighbor, or first.
            let nth = (place + round) % order;
            let Some(entry) = racing.get_mut(nth) else { continue };
            match one(&mut *entry.engine, setting.workload, setting, progress)? {
                Ok(run) if round >= warmups => entry.turns.push(Turn { round: round - warmups, place, run }),
                Ok(_) => {}
                Err(failure) => {
                    progress.failed(&failure);
                    failed.push(nth);
                    failures.push(failure);
                }
            }
        }
        let mut place = 0..;
        racing.retain(|_| !place.next().is_some_and(|nth| failed.contains(&nth)));
    }
    progress.finish();
    Ok((racing, failures))
}

/// Tries every way of a limit on a short workload; only the best ones take part in the rounds. A way that this machine
/// does not know is left out without a word, unless none is left.
fn try_ways(
    racing: &mut Vec<Measured>,
    setting: &Setting<'_>,
    progress: &mut Progress,
    failures: &mut Vec<Failure>,
) -> Result<()> {
    let ways = racing.iter().filter(|entry| entry.engine.role() == Role::Limit).count();
    if ways < 2 {
        return Ok(());
    }
    let short = setting.workload.shortened(TRY_BYTES)?;
    progress.note("trying ways to reach the machine's limit");
    progress.start(ways * TRIES);
    let mut reasons = Vec::new();
    for _ in 0..TRIES {
        for entry in racing.iter_mut().filter(|entry| entry.engine.role() == Role::Limit) {
            match one(&mut *entry.engine, &short, setting, progress)? {
                Ok(run) => entry.best_try = Some(entry.best_try.map_or(run.write_s, |best| best.min(run.write_s))),
                Err(failure) => reasons.push(failure),
            }
        }
    }
    let mut times: Vec<f64> = racing.iter().filter_map(|entry| entry.best_try).collect();
    times.sort_by(f64::total_cmp);
    let Some(slowest_kept) = times.get((WAYS_KEPT - 1).min(times.len().saturating_sub(1))).copied() else {
        failures.extend(reasons.into_iter().next());
        racing.retain(|entry| entry.engine.role() != Role::Limit);
        return Ok(());
    };
    racing.retain(|entry| {
        entry.engine.role() != Role::Limit || entry.best_try.is_some_and(|seconds| seconds <= slowest_kept)
    });
    Ok(())
}

/// One run in a fresh folder on a disk that is at rest. The outer error is ours (the folder), the inner the engine's.
fn one(
    engine: &mut dyn Engine,
    workload: &Workload,
    setting: &Setting<'_>,
    progress: &Progress,
) -> Result<Result<Run, Failure>> {
    let name = label(engine);
    progress.run(&name);
    let folder = setting.session.fresh()?;
    rest(&folder, workload.bytes())?;
    let (camera, window) = (setting.long_run.camera(), setting.long_run.window(setting.workload));
    let job = Job { workload, frames: setting.frames, folder: &folder, camera, window };
    let run = engine.run(&job).map_err(|error| Failure::new(engine.name(), &error));
    progress.ran(&name, run.as_ref().ok());
    setting.session.done_with(&folder)?;
    Ok(run)
}

/// Nobody pays for what was written or removed before.
fn rest(folder: &Path, bytes: u64) -> Result<()> {
    disk::settle(folder)?;
    if bytes >= REST_AFTER {
        thread::sleep(REST);
    }
    Ok(())
}

/// Name of an engine, with its way.
fn label(engine: &dyn Engine) -> String {
    match engine.variant() {
        Some(variant) => format!("{} ({variant})", engine.name()),
        None => engine.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::engines::mock::{Diary, Mock};
    use crate::frames::Pixels;

    fn run(engines: Vec<Mock>, warmups: usize, counted: usize) -> (Vec<Measured>, Vec<Failure>) {
        let cli = Cli::try_parse_from(["ome-bench", "-d", "t:2,y:8"]).unwrap();
        let workload = cli.workload().unwrap();
        let frames = Frames::generate(&workload, Pixels::Random).expect("memory");
        let setting = Setting {
            workload: &workload,
            frames: &frames,
            session: &Session::new(None).unwrap(),
            long_run: &cli.long_run,
            rounds: Rounds { warmups, counted },
        };
        let engines = engines.into_iter().map(|mock| Box::new(mock) as Box<dyn Engine>).collect();
        measure(engines, &setting, &mut Progress::silent()).unwrap()
    }

    #[test]
    fn engines_take_turns_and_each_round_begins_with_another() {
        let diary = Diary::default();
        let engines = ["a", "b", "c"].map(|name| Mock::taking(name, &[1.0]).noted(&diary));
        let (measured, failures) = run(engines.into(), 1, 2);
        assert_eq!(diary.borrow().concat(), "abcbcacab");
        assert!(failures.is_empty());
        for entry in &measured {
            assert_eq!(entry.turns.iter().map(|turn| turn.round).collect::<Vec<_>>(), [0, 1]);
        }
        let places: Vec<_> = measured.iter().map(|entry| entry.turns[0].place).collect();
        assert_eq!(places, [2, 0, 1]);
    }

    #[test]
    fn an_engine_that_fails_is_out_and_the_others_go_on() {
        let diary = Diary::default();
        let engines = vec![
            Mock::taking("a", &[1.0]).noted(&diary),
            Mock::failing("b", 1, "the disk\nis full").noted(&diary),
            Mock::taking("c", &[1.0]).noted(&diary),
        ];
        let (measured, failures) = run(engines, 0, 3);
        assert_eq!(failures, [Failure { name: "b".into(), reason: "the disk is full".into() }]);
        assert_eq!(measured.iter().map(|entry| entry.turns.len()).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(diary.borrow().iter().filter(|name| *name == "b").count(), 2);
    }

    #[test]
    fn only_the_best_ways_of_a_limit_take_part_in_the_rounds() {
        let diary = Diary::default();
        let mut engines: Vec<Mock> = (1..=6)
            .map(|nth| Mock::limit("raw", &nth.to_string(), &[f64::from(nth), f64::from(10 - nth)]).noted(&diary))
            .collect();
        engines.push(Mock::taking("a", &[1.0]).noted(&diary));
        let (measured, _) = run(engines, 0, 1);
        // Best of two tries: 1 2 3 4 5 4, so that the fifth is out.
        let kept: Vec<_> = measured.iter().filter_map(|entry| entry.engine.variant().map(str::to_owned)).collect();
        assert_eq!(kept, ["1", "2", "3", "4", "6"]);
        assert_eq!(diary.borrow().len(), 6 * 2 + 6);
    }

    #[test]
    fn unknown_ways_are_left_out_unless_none_is_left() {
        let known = Mock::limit("raw", "known", &[1.0]);
        let unknown =
            |name: &str| Mock { answers: [Err("not supported".to_owned())].into(), ..Mock::limit("raw", name, &[]) };
        let (measured, failures) = run(vec![known, unknown("one")], 0, 1);
        assert_eq!((measured.len(), failures.len()), (1, 0));
        let (measured, failures) = run(vec![unknown("one"), unknown("two")], 0, 1);
        assert_eq!((measured.len(), failures.len()), (0, 1));
    }

    #[test]
    fn runs_are_counted_for_the_room_they_take() {
        let boxed = |mock: Mock| Box::new(mock) as Box<dyn Engine>;
        let mut engines = vec![boxed(Mock::taking("a", &[1.0]))];
        assert_eq!(count_runs(&engines, Rounds { warmups: 1, counted: 10 }), 11);
        engines.extend((0..6).map(|nth| boxed(Mock::limit("raw", &nth.to_string(), &[1.0]))));
        assert_eq!(count_runs(&engines, Rounds { warmups: 1, counted: 10 }), 12 + 5 * 11);
    }
}
