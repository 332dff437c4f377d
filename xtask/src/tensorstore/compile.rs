//! Sources -> objects -> one static library, as `make` would: an object is made anew where a file it was made of is
//! newer.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::packages::Compiler;
use super::write_if_different;
use crate::step::run;

/// `-MMD` leaves a list of the headers beside each object; warnings in foreign code are not ours to mend.
const FLAGS: [&str; 6] = ["-std=c++17", "-O2", "-fPIC", "-DNDEBUG", "-w", "-MMD"];

/// Name of the library: `lib<name>.a`.
const LIBRARY: &str = "libtensorstore_core.a";

/// What one compilation makes.
struct Source<'a> {
    source: &'a Path,
    name: &'a str,
    object: PathBuf,
}

/// The library; compiles what is not up to date with `jobs` compilers at once.
pub(crate) fn archive(
    prefix: &Path,
    compiler: &Compiler,
    include: &[PathBuf],
    units: &[(PathBuf, String)],
    jobs: usize,
) -> Result<PathBuf> {
    let objects = prefix.join("objects");
    same_flags(&objects, compiler, include)?;
    let units: Vec<Source<'_>> =
        units.iter().map(|(source, name)| Source { source, name, object: objects.join(format!("{name}.o")) }).collect();
    let times = Times::default();
    let stale: Vec<&Source<'_>> = units.iter().filter(|unit| !is_current(unit, &times)).collect();
    compile(&stale, compiler, include, jobs)?;

    let archive = prefix.join("lib").join(LIBRARY);
    let list = prefix.join("objects.txt");
    let mut names = units.iter().map(|unit| unit.object.display().to_string()).collect::<Vec<_>>();
    names.sort();
    let names = names.join("\n") + "\n";
    let listed = fs::read_to_string(&list).is_ok_and(|found| found == names);
    if stale.is_empty() && listed && archive.exists() {
        eprintln!("up to date: {} objects", units.len());
        return Ok(archive);
    }
    write_if_different(&list, names.as_bytes())?;
    let partial = archive.with_extension("part");
    fs::create_dir_all(prefix.join("lib")).with_context(|| prefix.display().to_string())?;
    if partial.exists() {
        fs::remove_file(&partial).with_context(|| partial.display().to_string())?;
    }
    // `q`: objects of the same name in different folders must not replace each other.
    run(Command::new("ar").arg("qcsD").arg(&partial).arg(format!("@{}", list.display())))?;
    fs::rename(&partial, &archive).with_context(|| archive.display().to_string())?;
    Ok(archive)
}

/// Discards all objects where they were made by another compiler or with other flags.
fn same_flags(objects: &Path, compiler: &Compiler, include: &[PathBuf]) -> Result<()> {
    let mut flags = format!("{}\n{}\n", compiler.version, FLAGS.join(" "));
    for folder in include {
        flags.push_str(&format!("{}\n", folder.display()));
    }
    let stamp = objects.join("flags.txt");
    if objects.exists() && fs::read_to_string(&stamp).ok().as_deref() != Some(&flags) {
        fs::remove_dir_all(objects).with_context(|| objects.display().to_string())?;
    }
    fs::create_dir_all(objects).with_context(|| objects.display().to_string())?;
    write_if_different(&stamp, flags.as_bytes())
}

/// Times of files, each asked for once: many objects share their headers.
#[derive(Default)]
struct Times(Mutex<HashMap<PathBuf, Option<SystemTime>>>);

impl Times {
    fn of(&self, path: &Path) -> Option<SystemTime> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(time) = known.get(path) {
            return *time;
        }
        let time = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        known.insert(path.to_path_buf(), time);
        time
    }
}

fn is_current(unit: &Source<'_>, times: &Times) -> bool {
    let Some(made) = fs::metadata(&unit.object).and_then(|metadata| metadata.modified()).ok() else { return false };
    let Ok(list) = fs::read_to_string(unit.object.with_extension("d")) else { return false };
    let mut files = dependencies(&list).peekable();
    files.peek().is_some() && files.all(|file| times.of(Path::new(&file)).is_some_and(|time| time <= made))
}

/// Files in a rule of make, as compilers write it: `object: file file \` with backslashes before spaces in names.
fn dependencies(rule: &str) -> impl Iterator<Item = String> {
    let files = rule.split_once(": ").map_or("", |(_, files)| files);
    let mut found = Vec::new();
    let mut name = String::new();
    let mut characters = files.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(' ')) => name.extend(characters.next()),
            ('\\', Some('\n' | '\r')) => {}
            (space, _) if space.is_whitespace() => {
                if !name.is_empty() {
                    found.push(std::mem::take(&mut name));
                }
            }
            (other, _) => name.push(other),
        }
    }
    if !name.is_empty() {
        found.push(name);
    }
    found.into_iter()
}

fn compile(units: &[&Source<'_>], compiler: &Compiler, include: &[PathBuf], jobs: usize) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let bar = ProgressBar::new(units.len() as u64);
    bar.set_style(ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len} {wide_msg}")?);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(units.len()) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed)
                    && let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    bar.set_message(unit.name.to_owned());
                    if let Err(error) = one(unit, compiler, include) {
                        stop.store(true, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                    bar.inc(1);
                    // Without a terminal there is no bar.
                    if bar.is_hidden() && bar.position().is_multiple_of(20) {
                        eprintln!("{} of {} compiled", bar.position(), units.len());
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn one(unit: &Source<'_>, compiler: &Compiler, include: &[PathBuf]) -> Result<()> {
    if let Some(folder) = unit.object.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let partial = unit.object.with_extension("part");
    let mut command = Command::new(&compiler.program);
    command.args(FLAGS);
    for folder in include {
        command.arg("-I").arg(folder);
    }
    command.arg("-MF").arg(unit.object.with_extension("d")).arg("-c").arg(unit.source).arg("-o").arg(&partial);
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    // Under its name an object is whole.
    fs::rename(&partial, &unit.object).with_context(|| unit.object.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_make_gives_its_files() {
        let rule = "objects/a.cc.o: source/a.cc \\\n  source/b.h source/with\\ space.h \\\n  /absolute/c.inc\n";
        let files: Vec<_> = dependencies(rule).collect();
        assert_eq!(files, ["source/a.cc", "source/b.h", "source/with space.h", "/absolute/c.inc"]);
        assert_eq!(dependencies("").count(), 0);
    }

    #[test]
    fn an_object_is_current_until_one_of_its_files_is_newer_or_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let (source, header, object) = (path("a.cc"), path("a.h"), path("a.cc.o"));
        let write = |file: &Path, seconds: u64| {
            fs::write(file, "").expect("a file");
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::options().write(true).open(file).and_then(|file| file.set_modified(time)).expect("a time");
        };
        let current =
            || is_current(&Source { source: &source, name: "a.cc", object: object.clone() }, &Times::default());
        write(&source, 10);
        write(&header, 10);
        assert!(!current(), "there is no object");
        write(&object, 20);
        assert!(!current(), "it is not known what the object was made of");
        fs::write(path("a.cc.d"), format!("a.o: {} {}\n", source.display(), header.display())).expect("a rule");
        assert!(current());
        write(&header, 30);
        assert!(!current(), "a header is newer");
        fs::remove_file(&header).expect("the header");
        assert!(!current(), "a header is gone");
    }
}
