//! Results of `ome-bench` as Markdown tables.

use std::fmt::Write as _;

use serde_json::Value;

use super::PICTURE;
use super::workloads::Workload;

/// A workload and what was measured of it, if it was.
pub(super) type Measured = (&'static Workload, Option<Value>);

/// What a run may hold beyond its `memory_limit`: code, stacks, tables.
const BEYOND_LIMIT: f64 = 64.0 * MIB;

const MIB: f64 = 1048576.0;

/// Where and how it was measured, of runs that were repeated.
pub(super) fn conditions<'a>(results: impl Iterator<Item = &'a Value> + Clone) -> String {
    let Some(last) = results.clone().last() else { return "Nothing was measured.\n".into() };
    let at = &last["conditions"];
    let text = |field: &str| at[field].as_str().unwrap_or("unknown").to_owned();
    let loads = results.clone().filter_map(|each| each["conditions"]["load"].as_f64());
    let load = loads.fold(0.0, f64::max);
    let rounds = results.filter_map(|each| each["configuration"]["iterations"].as_u64()).min().unwrap_or(0);
    format!(
        "Version {}, {} ({} cores), {}, {}; at least {rounds} rounds a workload, engines in turn, \
         medians; everything durable when `finish` returns (`syncfs`). Load of the machine before a workload, that of the one before included: at most {load:.1}.\n",
        text("version"),
        text("processor"),
        at["cores"],
        text("system"),
        text("file_system"),
    )
}

/// The main table.
pub(super) fn against_limit_and_peers(rows: &[Measured]) -> String {
    let mut text = String::from(
        "| | workload | GB/s (least..most) | limit GB/s | of the limit | best peer | its GB/s | against it | append p50 / p99.9 / max | peak memory | dropped |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (workload, results) in rows {
        text.push_str(&row(workload, results.as_ref()));
    }
    text
}

fn row(workload: &Workload, results: Option<&Value>) -> String {
    let mut line = format!("| {} | {}: `{}` ", workload.letter, workload.what, workload.dimensions());
    let Some((results, ours)) = results.and_then(|results| Some((results, engine(results, "zarrs")?))) else {
        line.push_str("| not measured | | | | | | | | |\n");
        return line;
    };
    let engines = || results["engines"].as_array().into_iter().flatten();
    let limit = engines().find(|engine| engine["role"] == "limit");
    let peer = engines()
        .filter(|engine| engine["role"] == "engine" && engine["name"] != "zarrs")
        .max_by(|one, other| rate(one).total_cmp(&rate(other)));
    let _ = write!(line, "| {} ", spread(ours));
    let _ = match limit {
        Some(limit) => write!(line, "| {:.2} ({}) | {:.2} ", rate(limit), way(limit), rate(ours) / rate(limit)),
        None => write!(line, "| | "),
    };
    let _ = match peer {
        Some(peer) => {
            let name = peer["name"].as_str().unwrap_or_default();
            write!(line, "| {name} | {:.2} | {:.1}x ", rate(peer), rate(ours) / rate(peer))
        }
        None => write!(line, "| | | "),
    };
    let _ = writeln!(line, "| {} | {:.0} MiB | {} |", latencies(ours), increase(ours) / MIB, ours["dropped"]);
    line
}

/// Levels below full resolution, beside the same frames without them.
pub(super) fn pyramids(rows: &[Measured]) -> String {
    let mut text = String::from(
        "| | with levels (2x2 mean) | bytes of all levels | GB/s of all levels (least..most) | without levels | of itself \
         without | acquire-zarr's own pyramid | against it | append p50 / p99.9 / max | peak memory |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (workload, results) in rows {
        let _ = write!(text, "| {} | {}: `{}` ", workload.letter, workload.what, workload.dimensions());
        let found = results
            .as_ref()
            .and_then(|results| Some((results, engine(results, "zarrs + pyramid")?, engine(results, "zarrs")?)));
        let Some((results, ours, without)) = found else {
            text.push_str("| not measured | | | | | | | |\n");
            continue;
        };
        let bytes = number(&ours["level_bytes"]) / MIB;
        let of_itself = number(&ours["ratio_to_without_levels"]);
        let _ = write!(text, "| {bytes:.0} MiB | {} | {} | {of_itself:.2} ", spread(ours), spread(without));
        let _ = match engine(results, "python/acquire-zarr + its own pyramid") {
            Some(own) => write!(text, "| {} | {:.1}x ", spread(own), rate(ours) / rate(own)),
            None => write!(text, "| | "),
        };
        let _ = writeln!(text, "| {} | {:.0} MiB |", latencies(ours), increase(ours) / MIB);
    }
    text
}

/// The long run with a camera of its own rate.
pub(super) fn camera(results: Option<&Value>) -> String {
    let Some((results, ours)) = results.and_then(|results| Some((results, engine(results, "zarrs")?))) else {
        return "A camera at its own rate: not measured.\n".into();
    };
    let fps = number(&results["configuration"]["rate"]);
    let frames = number(&results["configuration"]["frames"]);
    let interval = 1e6 / fps.max(f64::MIN_POSITIVE);
    let p999 = number(&ours["append"]["p999_us"]);
    let picture = PICTURE.trim_start_matches("docs/");
    format!(
        "H again, from a camera of {fps:.0} frames a second (0.8 of what was reached), {frames:.0} frames: a frame every \
         {}, append p50 / p99.9 / max {}: p99.9 is {} the interval; {} frames dropped; memory {:.0} MiB more at most. \
         Over time: [{picture}]({picture}).\n",
        time(interval),
        latencies(ours),
        if p999 <= interval { "within" } else { "**beyond**" },
        ours["dropped"],
        increase(ours) / MIB,
    )
}

/// The portable disk beside the platform's own.
pub(super) fn portable(rows: &[Measured], native: &[Measured]) -> String {
    let mut text = String::from("| portable disk | GB/s (least..most) | of the platform's own |\n|---|---|---|\n");
    for (workload, results) in rows {
        let same = |(other, _): &&Measured| other.letter == workload.letter && other.what == workload.what;
        let own = native.iter().find(same).and_then(|(_, results)| engine(results.as_ref()?, "zarrs"));
        let _ = match (results.as_ref().and_then(|results| engine(results, "zarrs")), own) {
            (Some(ours), Some(own)) => {
                let of_own = rate(ours) / rate(own);
                writeln!(text, "| {} {} | {} | {of_own:.2} |", workload.letter, workload.what, spread(ours))
            }
            _ => writeln!(text, "| {} {} | not measured | |", workload.letter, workload.what),
        };
    }
    text
}

/// Memory within a small limit.
pub(super) fn bounded(rows: &[Measured]) -> String {
    let mut text = String::from(
        "| memory | written | `memory_limit` | peak | within the limit + 64 MiB | append p50 / p99.9 / max | dropped |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (workload, results) in rows {
        let Some((results, ours)) = results.as_ref().and_then(|results| Some((results, engine(results, "zarrs")?)))
        else {
            let _ = writeln!(text, "| {} | not measured | | | | | |", workload.what);
            continue;
        };
        let it = &results["configuration"];
        let limit = number(&it["memory_limit"]);
        let within = increase(ours) <= limit + BEYOND_LIMIT;
        let _ = writeln!(
            text,
            "| {} | {:.0} MiB | {:.0} MiB | {:.0} MiB | {} | {} | {} |",
            workload.what,
            number(&it["bytes"]) / MIB,
            limit / MIB,
            increase(ours) / MIB,
            if within { "yes" } else { "**no**" },
            latencies(ours),
            ours["dropped"],
        );
    }
    text
}

/// What was measured of an engine.
pub(super) fn engine<'a>(results: &'a Value, name: &str) -> Option<&'a Value> {
    results["engines"].as_array()?.iter().find(|engine| engine["name"] == name)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn rate(engine: &Value) -> f64 {
    number(&engine["gb_per_s"]["median"])
}

fn increase(engine: &Value) -> f64 {
    number(&engine["increase_bytes"])
}

fn spread(engine: &Value) -> String {
    let spread = &engine["gb_per_s"];
    format!("{:.2} ({:.2}..{:.2})", rate(engine), number(&spread["min"]), number(&spread["max"]))
}

fn way(limit: &Value) -> &str {
    limit["variant"].as_str().or(limit["name"].as_str()).unwrap_or_default()
}

fn latencies(engine: &Value) -> String {
    let append = &engine["append"];
    let [p50, p999, max] = ["p50_us", "p999_us", "max_us"].map(|field| time(number(&append[field])));
    format!("{p50} / {p999} / {max}")
}

/// Microseconds as a person reads them.
fn time(microseconds: f64) -> String {
    match microseconds {
        few if few < 1000.0 => format!("{few:.1} us"),
        many => format!("{:.1} ms", many / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::workloads::{BOUNDED, PYRAMIDS, WORKLOADS};
    use super::*;

    fn measured(name: &str, role: &str, rate: f64) -> Value {
        json!({"name": name, "role": role, "variant": null, "gb_per_s": {"median": rate, "min": rate, "max": rate},
               "append": {"p50_us": 3.25, "p999_us": 4000.0, "max_us": 5000.0}, "increase_bytes": 300 << 20, "dropped": 0})
    }

    #[test]
    fn a_row_compares_with_the_limit_and_the_best_peer() {
        let engines = json!([
            measured("zarrs", "engine", 2.0),
            measured("raw", "limit", 2.5),
            measured("slow", "engine", 0.5),
            measured("fast", "engine", 1.0)
        ]);
        let row = row(&WORKLOADS[0], Some(&json!({"engines": engines})));
        assert!(
            row.contains(
                "| 2.00 (2.00..2.00) | 2.50 (raw) | 0.80 | fast | 1.00 | 2.0x | 3.2 us / 4.0 ms / 5.0 ms | 300 MiB | 0 |"
            ),
            "{row}"
        );
    }

    #[test]
    fn levels_are_compared_with_the_same_engine_and_with_those_of_acquire_zarr() {
        let mut ours = measured("zarrs + pyramid", "engine", 2.0);
        ours["level_bytes"] = json!(426 << 20);
        ours["ratio_to_without_levels"] = json!(0.97);
        let engines = json!([
            measured("zarrs", "engine", 2.1),
            ours,
            measured("python/acquire-zarr", "engine", 1.5),
            measured("python/acquire-zarr + its own pyramid", "engine", 0.5),
        ]);
        let text = pyramids(&[(&PYRAMIDS[0], Some(json!({"engines": engines})))]);
        let cells = "| 426 MiB | 2.00 (2.00..2.00) | 2.10 (2.10..2.10) | 0.97 | 0.50 (0.50..0.50) | 4.0x | 3.2 us / 4.0 ms / \
                     5.0 ms | 300 MiB |";
        assert!(text.contains(cells), "{text}");
        assert!(PYRAMIDS.iter().all(|each| each.arguments.contains(&"--pyramid")));
    }

    #[test]
    fn what_was_not_measured_is_said() {
        assert!(row(&WORKLOADS[1], None).contains("not measured"));
        assert!(camera(None).contains("not measured"));
        assert!(pyramids(&[(&PYRAMIDS[0], None)]).contains("not measured"));
        assert!(portable(&[(&WORKLOADS[0], None)], &[]).contains("not measured"));
        assert!(bounded(&[(&BOUNDED[0], None)]).contains("not measured"));
    }

    #[test]
    fn figures_beyond_their_limits_stand_out() {
        let results = |limit: u64, rate: f64| {
            json!({"engines": [measured("zarrs", "engine", 1.0)],
                   "configuration": {"memory_limit": limit << 20, "bytes": 1 << 30, "rate": rate, "frames": 100}})
        };
        let of = |limit| bounded(&[(&BOUNDED[0], Some(results(limit, 1.0)))]);
        assert!(of(236).contains("| yes |") && of(235).contains("**no**"), "{}", of(236));
        assert!(camera(Some(&results(1, 250.0))).contains("is within"));
        assert!(camera(Some(&results(1, 251.0))).contains("**beyond**"));
    }
}
