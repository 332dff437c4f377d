//! `cargo xtask perf`: the table of `docs/PERFORMANCE.md`, measured anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{places, python, step};

/// Where the table lies in the document: between these two lines.
const BEGIN: &str = "<!-- written by cargo xtask perf: begin -->";
const END: &str = "<!-- written by cargo xtask perf: end -->";

/// Options of `cargo xtask perf`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds that count, of every workload.
    #[arg(short = 'n', long, default_value_t = 7)]
    iterations: u32,
    /// Only the workloads with these letters, such as `ABC`.
    #[arg(long)]
    only: Option<String>,
    /// Bytes of the long run.
    #[arg(long, default_value = "16GiB")]
    sustained: String,
    /// Leave out the engines that labs use today.
    #[arg(long)]
    no_peers: bool,
    /// Folder to write in, on the disk to be measured.
    #[arg(short = 'r', long)]
    root: Option<PathBuf>,
    /// Print the table, leave the document as it is.
    #[arg(long)]
    print: bool,
}

/// One line of the table.
struct Workload {
    letter: char,
    what: &'static str,
    arguments: &'static [&'static str],
}

const SHARDS_OF_TEN: &str = "t:200:1:10,y:2048:512:4,x:2048:512:4";

const WORKLOADS: [Workload; 10] = [
    Workload { letter: 'A', what: "many small chunk files", arguments: &["-d", "t:20,y:1024:256,x:1024:256"] },
    Workload { letter: 'B', what: "a shard a frame", arguments: &["-d", "t:40,y:2048:256:8,x:2048:256:8"] },
    Workload { letter: 'C', what: "shards of ten frames", arguments: &["-d", SHARDS_OF_TEN] },
    Workload {
        letter: 'D',
        what: "chunks of eight planes",
        arguments: &["-d", "t:4,c:2,z:32:8,y:1024:256,x:1024:256"],
    },
    Workload {
        letter: 'E',
        what: "C, blosc-lz4",
        arguments: &["-d", SHARDS_OF_TEN, "-c", "blosc-lz4", "--frames", "camera"],
    },
    Workload {
        letter: 'E',
        what: "C, zstd 1",
        arguments: &["-d", SHARDS_OF_TEN, "-c", "zstd:1", "--frames", "camera"],
    },
    Workload {
        letter: 'E',
        what: "C, blosc-zstd 3",
        arguments: &["-d", SHARDS_OF_TEN, "-c", "blosc-zstd:3", "--frames", "camera"],
    },
    Workload {
        letter: 'F',
        what: "acquired t,z,c, stored t,c,z",
        arguments: &["-d", "t:4,z:16:4,c:2,y:1024:256,x:1024:256"],
    },
    Workload { letter: 'G', what: "small frames", arguments: &["-d", "t:20000:100:10,y:128,x:128"] },
    Workload { letter: 'H', what: "sustained", arguments: &["-d", "t:inf:1:10,y:2048:512:4,x:2048:512:4"] },
];

/// Measures every workload and writes the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let python = if options.no_peers { None } else { Some(step::timed("Python environment", python::environment)?) };
    step::timed("ome-bench", || {
        step::run(
            Command::new(env!("CARGO")).args(["build", "--release", "-p", "ome-bench"]).current_dir(places::root()),
        )
    })?;
    let bench = places::target()?.join("release").join("ome-bench");
    let chosen = |letter: char| options.only.as_ref().is_none_or(|only| only.contains(letter));
    let mut rows = String::new();
    let mut conditions = Value::Null;
    for workload in WORKLOADS.iter().filter(|workload| chosen(workload.letter)) {
        let results = step::timed(&format!("{} {}", workload.letter, workload.what), || {
            measure(&bench, workload, options, python.as_deref())
        })?;
        rows.push_str(&row(workload, &results));
        conditions = results["conditions"].clone();
    }
    let table = format!("{}\n{HEAD}{rows}", told(&conditions, options));
    if options.print || options.only.is_some() {
        println!("{table}");
        return Ok(());
    }
    write_into(&places::root().join("docs/PERFORMANCE.md"), &table)
}

const HEAD: &str = "\
| | workload | GB/s (least..most) | limit GB/s | of the limit | best peer | its GB/s | against it | append p50 / p99.9 / max | peak memory | dropped |
|---|---|---|---|---|---|---|---|---|---|---|
";

fn measure(bench: &Path, workload: &Workload, options: &Options, python: Option<&Path>) -> Result<Value> {
    let mut command = Command::new(bench);
    command.args(workload.arguments).args(["-b", "zarrs", "--json", "-"]);
    if workload.letter == 'H' {
        command.args(["--sustained", &options.sustained]);
    } else {
        command.args(["-n", &options.iterations.to_string()]);
    }
    if let Some(python) = python {
        command.arg("--peers").arg("--python").arg(python);
    }
    if let Some(root) = &options.root {
        command.arg("-r").arg(root);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output().context("ome-bench cannot be started")?;
    serde_json::from_slice(&output.stdout).context("ome-bench gave no results")
}

fn row(workload: &Workload, results: &Value) -> String {
    let none = Vec::new();
    let engines = results["engines"].as_array().unwrap_or(&none);
    let rate = |engine: &Value| engine["gb_per_s"]["median"].as_f64().unwrap_or(0.0);
    let ours = engines.iter().find(|engine| engine["name"] == "zarrs");
    let limit = engines.iter().find(|engine| engine["role"] == "limit");
    let peer = engines
        .iter()
        .filter(|engine| engine["role"] == "engine" && engine["name"] != "zarrs")
        .max_by(|one, other| rate(one).total_cmp(&rate(other)));
    let mut line = format!("| {} | `{}` {} ", workload.letter, workload.arguments[1], workload.what);
    let Some(ours) = ours else {
        line.push_str("| not measured | | | | | | | | |\n");
        return line;
    };
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let spread = &ours["gb_per_s"];
    let _ = write!(line, "| {:.2} ({:.2}..{:.2}) ", rate(ours), number(&spread["min"]), number(&spread["max"]));
    let _ = match limit {
        Some(limit) => write!(line, "| {:.2} {} | {:.2} ", rate(limit), variant(limit), rate(ours) / rate(limit)),
        None => write!(line, "| | "),
    };
    let _ = match peer {
        Some(peer) => {
            let name = peer["name"].as_str().unwrap_or_default();
            write!(line, "| {name} | {:.2} | {:.1}x ", rate(peer), rate(ours) / rate(peer))
        }
        None => write!(line, "| | | "),
    };
    let append = &ours["append"];
    let _ = writeln!(
        line,
        "| {} / {} / {} | {:.0} MiB | {} |",
        time(number(&append["p50_us"])),
        time(number(&append["p999_us"])),
        time(number(&append["max_us"])),
        number(&ours["increase_bytes"]) / f64::from(1 << 20),
        ours["dropped"],
    );
    line
}

fn variant(limit: &Value) -> String {
    limit["variant"].as_str().map_or_else(String::new, |variant| format!("({variant})"))
}

/// Microseconds as a person reads them.
fn time(microseconds: f64) -> String {
    match microseconds {
        few if few < 1000.0 => format!("{few:.1} us"),
        many => format!("{:.1} ms", many / 1000.0),
    }
}

fn told(conditions: &Value, options: &Options) -> String {
    let text = |field: &str| conditions[field].as_str().unwrap_or("unknown").to_owned();
    format!(
        "Version {}, {} ({} cores), {}, {}; {} rounds a workload, engines in turn, medians; everything durable when \
         `finish` returns (`syncfs`). Files written by: {}.\n",
        text("version"),
        text("processor"),
        conditions["cores"],
        text("system"),
        text("file_system"),
        options.iterations,
        text("platform"),
    )
}

fn write_into(document: &Path, table: &str) -> Result<()> {
    let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("the document has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the document has no end of the table")?;
    fs::write(document, format!("{before}{BEGIN}\n\n{table}\n{END}{after}")).context("the document cannot be written")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_compares_with_the_limit_and_the_best_peer() {
        let engine = |name: &str, role: &str, rate: f64| {
            json!({"name": name, "role": role, "variant": null, "gb_per_s": {"median": rate, "min": rate, "max": rate},
                   "append": {"p50_us": 3.25, "p999_us": 4000.0, "max_us": 5000.0}, "increase_bytes": 1 << 20, "dropped": 0})
        };
        let engines = json!([
            engine("zarrs", "engine", 2.0),
            engine("raw", "limit", 2.5),
            engine("slow", "engine", 0.5),
            engine("fast", "engine", 1.0)
        ]);
        let row = row(&WORKLOADS[0], &json!({"engines": engines}));
        assert!(
            row.contains(
                "| 2.00 (2.00..2.00) | 2.50  | 0.80 | fast | 1.00 | 2.0x | 3.2 us / 4.0 ms / 5.0 ms | 1 MiB | 0 |"
            ),
            "{row}"
        );
    }

    #[test]
    fn only_the_table_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.md");
        fs::write(&path, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).expect("written");
        write_into(&path, "new").expect("written");
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text, format!("before\n{BEGIN}\n\nnew\n{END}\nafter\n"));
    }
}
